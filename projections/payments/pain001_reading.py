"""Reading a pain.001 file back: by a parser and names of its own, nothing shared with the writing but the standard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO
from xml.parsers import expat

SEPARATOR = "|"
READ_BYTES = 1 << 16

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_MESSAGE = "Document/CstmrCdtTrfInitn"
_BLOCK = f"{_MESSAGE}/PmtInf"
_TRANSFER = f"{_BLOCK}/CdtTrfTxInf"

# Everything that a file may say, and the name of it here: once for the message, or once for each transfer.
_HEAD = {
    f"{_MESSAGE}/GrpHdr/MsgId": "message",
    f"{_MESSAGE}/GrpHdr/CreDtTm": "created_at",
    f"{_MESSAGE}/GrpHdr/NbOfTxs": "message_count",
    f"{_MESSAGE}/GrpHdr/CtrlSum": "message_sum",
    f"{_MESSAGE}/GrpHdr/InitgPty/Nm": "initiator",
    f"{_BLOCK}/PmtInfId": "block",
    f"{_BLOCK}/PmtMtd": "method",
    f"{_BLOCK}/BtchBookg": "batch_booking",
    f"{_BLOCK}/NbOfTxs": "block_count",
    f"{_BLOCK}/CtrlSum": "block_sum",
    f"{_BLOCK}/PmtTpInf/SvcLvl/Cd": "service_level",
    f"{_BLOCK}/ReqdExctnDt/Dt": "execution_date",
    f"{_BLOCK}/Dbtr/Nm": "name",
    f"{_BLOCK}/DbtrAcct/Id/IBAN": "iban",
    f"{_BLOCK}/DbtrAcct/Id/Othr/Id": "account",
    f"{_BLOCK}/DbtrAcct/Ccy": "currency",
    f"{_BLOCK}/DbtrAgt/FinInstnId/BICFI": "bic",
    f"{_BLOCK}/DbtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd": "system",
    f"{_BLOCK}/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId": "routing",
    f"{_BLOCK}/DbtrAgt/FinInstnId/Othr/Id": "unnamed_bank",
    f"{_BLOCK}/ChrgBr": "charge_bearer",
}
_OF_TRANSFER = {
    f"{_TRANSFER}/PmtId/EndToEndId": "reference",
    f"{_TRANSFER}/Amt/InstdAmt": "amount",
    f"{_TRANSFER}/CdtrAgt/FinInstnId/BICFI": "bic",
    f"{_TRANSFER}/CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd": "system",
    f"{_TRANSFER}/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId": "routing",
    f"{_TRANSFER}/Cdtr/Nm": "name",
    f"{_TRANSFER}/CdtrAcct/Id/IBAN": "iban",
    f"{_TRANSFER}/CdtrAcct/Id/Othr/Id": "account",
    f"{_TRANSFER}/RmtInf/Ustrd": "remittance",
}


# What a file can say of a transfer, and of the message.
TRANSFER_FIELDS = frozenset({*_OF_TRANSFER.values(), "currency"})
HEAD_FIELDS = frozenset(_HEAD.values())


class MessageReader:
    """The transfers of a file, one after the other; after the last of them `head` is what it says of them all.

    A document type is refused at its first word, and with it every entity; so is whatever we never write.

    Raises:
        ValueError: it is no such file; says where.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.head: dict[str, str] = {}
        self._file = file
        self._path: list[str] = []
        self._text: list[str] = []
        self._transfer: dict[str, str] = {}
        self._read: list[Mapping[str, str]] = []
        self._parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.ProcessingInstructionHandler = self._refuse
        self._parser.CommentHandler = self._refuse

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        chunk = b"-"
        while chunk:
            chunk = self._file.read(READ_BYTES)
            try:
                self._parser.Parse(chunk, not chunk)
            except expat.ExpatError as error:
                raise ValueError(f"is no XML: {error}") from None
            yield from self._read
            self._read.clear()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if "".join(self._text).strip():
            raise ValueError(f"{self._here()}: text between elements")
        self._text.clear()
        namespace, _, local = name.rpartition(SEPARATOR)
        self._path.append(local)
        where = self._here()
        if namespace != _NAMESPACE:
            raise ValueError(f"{where}: in the namespace {namespace!r}")
        currency = attributes.pop("Ccy", None)
        if attributes or (currency is None) == (_OF_TRANSFER.get(where) == "amount"):
            raise ValueError(f"{where}: has attributes that it cannot have, or lacks its currency")
        if currency is not None:
            self._transfer["currency"] = currency

    def _end(self, name: str) -> None:
        del name
        where, text = self._here(), "".join(self._text)
        self._text.clear()
        self._path.pop()
        if field := _OF_TRANSFER.get(where):
            self._put(self._transfer, field, text)
        elif field := _HEAD.get(where):
            self._put(self.head, field, text)
        elif text.strip():
            raise ValueError(f"{where}: {text!r} has no place there")
        elif where == _TRANSFER:
            self._read.append(self._transfer)
            self._transfer = {}

    def _put(self, into: dict[str, str], field: str, text: str) -> None:
        if field in into:
            raise ValueError(f"line {self._parser.CurrentLineNumber}: {field} is there twice")
        into[field] = text

    def _here(self) -> str:
        return "/".join(self._path)

    def _refuse(self, *_: object) -> None:
        raise ValueError(f"line {self._parser.CurrentLineNumber}: a document type, an instruction or a comment")
