"""Payment files for banks, pain.001.001.09: against the official schema, and read back against what was to be paid."""

import io
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.payments import releasing
from projections.payments.debtor import debtor_of
from projections.payments.errors import BadFileError, FileExistsAlreadyError, UnpayableError, WrongFileError
from projections.payments.pain001 import Message, write_message
from projections.payments.pain001_reading import MessageReader
from projections.payments.payee import NAME_MAX, UNPRINTABLE
from projections.payments.payment import Payment
from projections.payments.releasing import release_message
from tests.payments import DEBTOR, iban, message, payee, payments, payout, schema

# As the registration authority made it: "Standards Editor (build:R1.6.15) on 2019 Feb 14".
SCHEMA_SHA256 = "05440a7e84f695e7dbc6677082f43623cd7393881b76a5e8d648ae21d7d728e3"

EVERYTHING = """
name = "Tom & Jerry <Ltd>"
account = "00012345"
routing = "12-34-56"
country = "GB"
bic = "WESTGB22"
currency = "GBP"
execution_date = 2026-12-01
batch_booking = false
charge_bearer = "SHAR"
service_level = "NURG"
remittance = "Commission & more"
"""


@pytest.fixture(scope="module")
def official() -> xmlschema.XMLSchema:
    """The official schema."""
    return xmlschema.XMLSchema(io.StringIO(schema().decode()))


def written(made: Message) -> bytes:
    """The bytes of a message."""
    out = io.BytesIO()
    write_message(made, out)
    return out.getvalue()


def full() -> Message:
    """A message with all that can be in one."""
    return message(
        payments(
            payout(1, 1),
            payout(2, 123_456_789),
            payout(3, 100, id="a_batch.3"),
            m2=payee("m2", name="Zoë <O'Neil> & Søn", iban="DE89370400440532013000", bic="DEUTDEFF500"),
            m3=payee("m3", account="12&34", routing="021000021", country="US", bic="CHASUS33"),
        ),
        EVERYTHING,
    )


def test_the_schema_is_the_official_one() -> None:
    """The package that ships it has not changed a byte."""
    assert sha256(schema()).hexdigest() == SCHEMA_SHA256


def test_a_small_message_byte_by_byte() -> None:
    """The same message has the same bytes, on every machine."""
    assert written(message(payments(payout(1, 1_050), m1=payee("m1", name="Ann", iban=iban(7))))).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>\n'
        "<GrpHdr><MsgId>b1.a1</MsgId><CreDtTm>2026-11-26T12:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs>"
        "<CtrlSum>10.50</CtrlSum><InitgPty><Nm>Example Shop Ltd</Nm></InitgPty></GrpHdr>\n"
        "<PmtInf><PmtInfId>b1.a1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs><CtrlSum>10.50</CtrlSum>"
        "<ReqdExctnDt><Dt>2026-12-01</Dt></ReqdExctnDt><Dbtr><Nm>Example Shop Ltd</Nm></Dbtr>"
        "<DbtrAcct><Id><IBAN>GB82WEST12345698765432</IBAN></Id></DbtrAcct>"
        "<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt>\n"
        "<CdtTrfTxInf><PmtId><EndToEndId>b1.1</EndToEndId></PmtId>"
        '<Amt><InstdAmt Ccy="GBP">10.50</InstdAmt></Amt><Cdtr><Nm>Ann</Nm></Cdtr>'
        f"<CdtrAcct><Id><IBAN>{iban(7)}</IBAN></Id></CdtrAcct></CdtTrfTxInf>\n"
        "</PmtInf></CstmrCdtTrfInitn></Document>\n"
    )


def test_valid_with_the_least_and_with_everything(official: xmlschema.XMLSchema) -> None:
    """Both pass the official schema; so does neither with two elements swapped, so the schema looks at order."""
    for made in (message(payments(payout(1))), full()):
        text = written(made).decode()
        official.validate(text)
        swapped = re.sub(r"(<PmtMtd>.*?</PmtMtd>)", r"", text).replace("<PmtInfId>", "<PmtMtd>TRF</PmtMtd><PmtInfId>")
        assert not official.is_valid(swapped)


@pytest.mark.parametrize(
    ("currency", "exponent", "amount", "total"),
    [
        ("JPY", 0, "500", "1000"),
        ("GBP", 2, "5.00", "10.00"),
        ("KWD", 3, "0.500", "1.000"),
        ("CLF", 4, "0.0500", "0.1000"),
    ],
)
def test_amounts_have_their_currencys_exponent(
    official: xmlschema.XMLSchema, tmp_path: Path, currency: str, exponent: int, amount: str, total: str
) -> None:
    """No decimals, two, three, four; the control sum likewise."""
    facts = {"currency": currency, "exponent": exponent}
    made = message(payments(payout(1, 500, **facts), payout(2, 500, **facts)))
    text = written(made).decode()
    assert f'<InstdAmt Ccy="{currency}">{amount}</InstdAmt>' in text
    assert text.count(f"<CtrlSum>{total}</CtrlSum>") == 2
    official.validate(text)
    assert release_message(tmp_path / "out.xml", made).total_minor == 1_000


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=NAME_MAX).filter(
    lambda name: name.strip() and name.strip()[0] not in "=+-@" and not UNPRINTABLE.search(name)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, min_size=1, max_size=4), minors=st.lists(st.integers(1, 2**43 - 1), min_size=4, max_size=4)
)
def test_whatever_payees_are_called(official: xmlschema.XMLSchema, names: list[str], minors: list[int]) -> None:
    """Any name and any amount: valid, and read back as it was, by our reader and by the schema's."""
    payees = {f"m{no}": payee(f"m{no}", name=name) for no, name in enumerate(names)}
    paid = payments(*(payout(no, minors[no]) for no in range(len(names))), **payees)
    text = written(message(paid))
    official.validate(text.decode())
    rows = [*MessageReader(io.BytesIO(text))]
    assert [row["name"] for row in rows] == [payees[f"m{no}"].name for no in range(len(names))]
    assert [row["reference"] for row in rows] == [f"b1.{no}" for no in range(len(names))]


def test_what_the_format_has_no_room_for() -> None:
    """A provider's own name for an account, a long number, a sum of nineteen digits, five decimals, nothing to pay."""
    cases: list[tuple[list[Payment], str]] = [
        (payments(payout(1), m1=payee("m1", account="ann@example.com")), "needs a routing or a bic"),
        (payments(payout(1), m1=payee("m1", account="1" * 35, bic="WESTGB22")), "at most 34 characters"),
        (payments(payout(1, exponent=6)), "at most 5 decimal places"),
        (payments(*(payout(no, 10**12) for no in range(1_000)), payout(1_000, 10**18)), "18 digits"),
        ([], "nothing to pay"),
    ]
    for paid, why in cases:
        with pytest.raises(UnpayableError, match=why):
            written(message(paid))
    wallet = 'name = "Shop"\naccount = "shop"\nexecution_date = 2026-12-01\n'
    with pytest.raises(UnpayableError, match="debtor: an account without an IBAN"):
        written(message(payments(payout(1)), wallet))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = ", "is no TOML"),
        ('name = "Shop"\nexecution_date = 2026-12-01', "give an iban, or an account"),
        (DEBTOR.replace("7654 32", "7654 33"), "check digits"),
        (DEBTOR.replace("2026-12-01", '"2026-12-01"'), "execution_date: Input should be a valid date"),
        (DEBTOR.replace("execution_date", "execution_day"), "execution_date: Field required"),
        (DEBTOR + 'charge_bearer = "US"', "charge_bearer"),
        (DEBTOR + 'service_level = "<a>"', "service_level"),
        (DEBTOR + 'remittance = "a\\tb"', "no control characters"),
        (DEBTOR + 'colour = "blue"', "colour: Extra inputs"),
        (DEBTOR.replace("Example", "="), "does not begin with ="),
    ],
)
def test_debtors_that_cannot_be(text: str, why: str) -> None:
    """The operator's file is wrong; what is wrong, and where."""
    with pytest.raises(BadFileError, match=re.escape(why)):
        debtor_of(text)


# ---- reading back


def test_a_released_file(tmp_path: Path) -> None:
    """It is there, whole, for our eyes only, with the hash of its bytes; making it again changes nothing."""
    path = tmp_path / "b1.xml"
    first = release_message(path, full())
    assert first.sha256 == sha256(path.read_bytes()).hexdigest()
    assert (first.payments, first.total_minor, first.bytes) == (3, 123_456_890, path.stat().st_size)
    assert path.stat().st_mode & 0o077 == 0
    assert release_message(path, full()) == first
    assert [file.name for file in tmp_path.iterdir()] == ["b1.xml"]


def test_another_file_is_never_written_over(tmp_path: Path) -> None:
    """A file of the same name stays as it is."""
    path = tmp_path / "b1.xml"
    path.write_text("something else")
    with pytest.raises(FileExistsAlreadyError, match=r"b1\.xml is there already"):
        release_message(path, full())
    assert path.read_text() == "something else"
    assert [file.name for file in tmp_path.iterdir()] == ["b1.xml"]


def forge(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    """Let the writer write something else."""

    def spoilt(made: Message, out: BinaryIO) -> None:
        before = written(made)
        after = change(before)
        assert after != before
        out.write(after)

    monkeypatch.setattr(releasing, "write_message", spoilt)


FORGERIES = {
    "an amount": (b">0.01<", b">0.02<"),
    "an amount's decimals": (b">0.01<", b">0.010<"),
    "an amount's spelling": (b">0.01<", b">1E-2<"),
    "a currency": (b'Ccy="GBP">0.01<', b'Ccy="EUR">0.01<'),
    "an account": (b"DE89370400440532013000", b"DE02120300000000202051"),
    "a number": (b"12&amp;34", b"12&amp;35"),
    "a bank": (b"DEUTDEFF500", b"DEUTDEFF501"),
    "a bank code": (b"021000021", b"021000089"),
    "a clearing system": (b"USABA", b"GBDSC"),
    "a name": (b"Zo\xc3\xab", b"Zoe"),
    "a reference": (b">b1.2<", b">b1.3<"),
    "a remittance": (
        b"<RmtInf><Ustrd>Commission &amp; more</Ustrd></RmtInf></CdtTrfTxInf>\n</PmtInf>",
        b"</CdtTrfTxInf></PmtInf>",
    ),
    "another remittance": (
        b"more</Ustrd></RmtInf></CdtTrfTxInf>\n</PmtInf>",
        b"less</Ustrd></RmtInf></CdtTrfTxInf></PmtInf>",
    ),
    "the debtor": (b"<Id>00012345</Id>", b"<Id>00012346</Id>"),
    "the debtor's bank": (b"WESTGB22", b"WESTGB23"),
    "the day": (b"2026-12-01", b"2026-12-02"),
    "the count": (b"<NbOfTxs>3<", b"<NbOfTxs>4<"),
    "the sum": (b"<CtrlSum>1234568.90<", b"<CtrlSum>1234568.91<"),
    "the message": (b"<MsgId>b1.a1<", b"<MsgId>b1.a2<"),
    "the charges": (b"SHAR", b"DEBT"),
    "the booking": (b"<BtchBookg>false", b"<BtchBookg>true"),
    "the level": (b"NURG", b"URGP"),
    "one more element": (b"<Cdtr>", b"<UltmtDbtr><Nm>x</Nm></UltmtDbtr><Cdtr>"),
    "one twice": (b"<Cdtr><Nm>Name of m1</Nm>", b"<Cdtr><Nm>Name of m1</Nm><Nm>Name of m1</Nm>"),
    "an attribute": (b"<Cdtr>", b'<Cdtr a="b">'),
    "text between": (b"<Cdtr>", b"x<Cdtr>"),
    "a namespace": (b"pain.001.001.09", b"pain.001.001.03"),
    "a comment": (b"<Cdtr>", b"<!-- --><Cdtr>"),
    "an instruction": (b"<Cdtr>", b"<?a b?><Cdtr>"),
    "the end": (b"</Document>", b""),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_file_that_says_something_else(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the writer gets wrong, the file is not released and nothing is left of it."""
    old, new = FORGERIES[what]
    forge(monkeypatch, lambda text: text.replace(old, new, 1))
    with pytest.raises(WrongFileError) as refused:
        release_message(tmp_path / "b1.xml", full())
    assert refused.value.findings
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("which", ["first", "last", "doubled", "swapped"])
def test_a_transfer_too_few_or_too_many(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One left out, one twice, two in another order."""

    def change(text: bytes) -> bytes:
        lines = text.splitlines(keepends=True)
        head, rows, tail = lines[:4], lines[4:-1], lines[-1:]
        rows = {
            "first": rows[1:],
            "last": rows[:-1],
            "doubled": [*rows, rows[0]],
            "swapped": [rows[1], rows[0], *rows[2:]],
        }[which]
        return b"".join(head + rows + tail)

    forge(monkeypatch, change)
    with pytest.raises(WrongFileError):
        release_message(tmp_path / "b1.xml", full())


def test_entities_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document type is refused before anything of it is read, however harmless what it defines."""
    bomb = b'<!DOCTYPE Document [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    for doctype in (bomb, b'<!DOCTYPE Document SYSTEM "file:///etc/passwd">', b"<!DOCTYPE Document>"):
        with monkeypatch.context() as patch:
            forge(patch, lambda text, doctype=doctype: text.replace(b"<Document", doctype + b"<Document", 1))
            with pytest.raises(WrongFileError, match="a document type"):
                release_message(tmp_path / "b1.xml", full())


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is said, and nothing is left."""

    def full_disk(made: Message, out: BinaryIO) -> None:
        out.write(written(made)[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(releasing, "write_message", full_disk)
    with pytest.raises(OSError, match="No space left"):
        release_message(tmp_path / "b1.xml", full())
    assert not [*tmp_path.iterdir()]
