"""Whether a pain.001 file that was read back says what was to be paid, from which account, how often and how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import BinaryIO

from ledger.findings import Finding
from projections.payments.account import system_of
from projections.payments.checking import compare_payments, due, number_of
from projections.payments.pain001 import Message
from projections.payments.pain001_reading import HEAD_FIELDS, TRANSFER_FIELDS, MessageReader


def compare_message(message: Message, file: BinaryIO) -> Iterator[Finding]:
    """Everything in a file that is not as it must be.

    Raises:
        ValueError: it is no such file.
    """
    reader = MessageReader(file)
    common = {"remittance": message.debtor.remittance}
    yield from compare_payments(message.payments, reader, TRANSFER_FIELDS, common)
    yield from _compare_head(reader.head, message)


def _compare_head(head: Mapping[str, str], message: Message) -> Iterator[Finding]:
    expected = _expected(message)
    numbers = {
        "count": Decimal(len(message.payments)),
        "sum": sum([due(payment) for payment in message.payments], Decimal(0)),
    }
    for field in sorted(HEAD_FIELDS):
        said = head.get(field, "")
        number = numbers.get(field.rpartition("_")[2])
        if number is None and said != (expected.get(field) or ""):
            yield Finding(message.id, f"its {field} is {said!r}, not {expected.get(field)!r}")
        elif number is not None and number_of(said) != number:
            yield Finding(message.id, f"its {field} is {said!r}, not {number}")


def _expected(message: Message) -> Mapping[str, str | None]:
    debtor = message.debtor
    account = debtor.paying
    is_named = account.bic is not None or account.routing is not None
    return {
        "message": message.id,
        "block": message.id,
        "created_at": message.created_at.replace(microsecond=0, tzinfo=None).isoformat() + "Z",
        "method": "TRF",
        "initiator": debtor.name,
        "name": debtor.name,
        "iban": account.iban,
        "account": account.number,
        "currency": debtor.currency,
        "bic": account.bic,
        "system": system_of(account),
        "routing": account.routing,
        "unnamed_bank": None if is_named else "NOTPROVIDED",
        "batch_booking": None if debtor.batch_booking is None else ("true" if debtor.batch_booking else "false"),
        "service_level": debtor.service_level,
        "execution_date": debtor.execution_date.isoformat(),
        "charge_bearer": debtor.charge_bearer,
    }
