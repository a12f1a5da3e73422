"""Payment files for banks: customer credit transfer initiation, ISO 20022 pain.001.001.09."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from xml.sax.saxutils import escape

from ledger.decimals import decimal_text
from ledger.findings import Finding
from projections.payments.account import Account, system_of
from projections.payments.debtor import Debtor
from projections.payments.errors import UnpayableError
from projections.payments.payment import Payment

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"

# What the schema has room for.
DIGITS_MAX = 18
DECIMALS_MAX = 5
NUMBER_MAX = 34


@dataclass(frozen=True, slots=True)
class Message:
    """A file in the making.

    id          of the message, and of its one block of payments; see `message_id`
    created_at  UTC; given, so that the same message always has the same bytes
    payments    at least one, as `payments_of` makes them
    """

    id: str
    created_at: datetime
    debtor: Debtor
    payments: Sequence[Payment]


def check_message(message: Message) -> None:
    """Whether the schema has room for all of it, and every account can be named.

    Raises:
        UnpayableError: it has not.
    """
    findings = [Finding(row.payout.id, why) for row in message.payments if (why := _unnameable(row.payee.account))]
    if why := _unnameable(message.debtor.paying):
        findings.append(Finding("debtor", why))
    if not message.payments:
        findings.append(Finding(message.id, "there is nothing to pay"))
    elif message.payments[0].payout.exponent > DECIMALS_MAX:
        findings.append(Finding(message.id, f"the format has at most {DECIMALS_MAX} decimal places"))
    if len(str(_total_minor(message))) > DIGITS_MAX:
        findings.append(Finding(message.id, f"the sum has more than {DIGITS_MAX} digits"))
    if findings:
        raise UnpayableError(findings)


def write_message(message: Message, out: BinaryIO) -> None:
    """Writes the file, a transfer a line. The same message gives the same bytes.

    Raises:
        UnpayableError: as `check_message`; nothing is written.
    """
    check_message(message)
    out.writelines(text.encode() for text in _texts(message))


def _texts(message: Message) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><CstmrCdtTrfInitn>\n'
    yield _group_header(message)
    yield _payment_information(message)
    remittance = message.debtor.remittance
    note = f"<RmtInf><Ustrd>{escape(remittance)}</Ustrd></RmtInf>" if remittance else ""
    for payment in message.payments:
        yield _transfer(payment, note)
    yield "</PmtInf></CstmrCdtTrfInitn></Document>\n"


def _group_header(message: Message) -> str:
    return (
        f"<GrpHdr><MsgId>{escape(message.id)}</MsgId><CreDtTm>{message.created_at:%Y-%m-%dT%H:%M:%SZ}</CreDtTm>"
        f"{_totals(message)}<InitgPty><Nm>{escape(message.debtor.name)}</Nm></InitgPty></GrpHdr>\n"
    )


def _payment_information(message: Message) -> str:
    """What holds for all transfers: the element's beginning, up to the first of them."""
    debtor = message.debtor
    booking = "" if debtor.batch_booking is None else f"<BtchBookg>{str(debtor.batch_booking).lower()}</BtchBookg>"
    level = debtor.service_level
    service = f"<PmtTpInf><SvcLvl><Cd>{level}</Cd></SvcLvl></PmtTpInf>" if level else ""
    currency = f"<Ccy>{debtor.currency}</Ccy>" if debtor.currency else ""
    charges = f"<ChrgBr>{debtor.charge_bearer}</ChrgBr>" if debtor.charge_bearer else ""
    # The schema wants the debtor's bank; EPC 132-08 has this word for one that is known by the IBAN alone.
    agent = _agent(debtor.paying) or "<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>"
    return (
        f"<PmtInf><PmtInfId>{escape(message.id)}</PmtInfId><PmtMtd>TRF</PmtMtd>{booking}{_totals(message)}{service}"
        f"<ReqdExctnDt><Dt>{debtor.execution_date.isoformat()}</Dt></ReqdExctnDt>"
        f"<Dbtr><Nm>{escape(debtor.name)}</Nm></Dbtr>"
        f"<DbtrAcct><Id>{_account(debtor.paying)}</Id>{currency}</DbtrAcct><DbtrAgt>{agent}</DbtrAgt>{charges}\n"
    )


def _transfer(payment: Payment, note: str) -> str:
    payout, payee = payment.payout, payment.payee
    agent = _agent(payee.account)
    return (
        f"<CdtTrfTxInf><PmtId><EndToEndId>{escape(payment.reference)}</EndToEndId></PmtId>"
        f'<Amt><InstdAmt Ccy="{payout.currency}">{decimal_text(payout.amount_minor, payout.exponent)}</InstdAmt></Amt>'
        f"{f'<CdtrAgt>{agent}</CdtrAgt>' if agent else ''}<Cdtr><Nm>{escape(payee.name)}</Nm></Cdtr>"
        f"<CdtrAcct><Id>{_account(payee.account)}</Id></CdtrAcct>{note}</CdtTrfTxInf>\n"
    )


def _totals(message: Message) -> str:
    total = decimal_text(_total_minor(message), message.payments[0].payout.exponent)
    return f"<NbOfTxs>{len(message.payments)}</NbOfTxs><CtrlSum>{total}</CtrlSum>"


def _total_minor(message: Message) -> int:
    return sum([payment.payout.amount_minor for payment in message.payments])


def _account(account: Account) -> str:
    if account.iban:
        return f"<IBAN>{account.iban}</IBAN>"
    return f"<Othr><Id>{escape(account.number or '')}</Id></Othr>"


def _agent(account: Account) -> str:
    """The bank of an account: its BIC, its code in the clearing system, or both; empty if neither is known."""
    bic = f"<BICFI>{account.bic}</BICFI>" if account.bic else ""
    if system := system_of(account):
        code = f"<ClrSysId><Cd>{system}</Cd></ClrSysId><MmbId>{account.routing}</MmbId>"
        return f"<FinInstnId>{bic}<ClrSysMmbId>{code}</ClrSysMmbId></FinInstnId>"
    return f"<FinInstnId>{bic}</FinInstnId>" if bic else ""


def _unnameable(account: Account) -> str | None:
    """Why a bank cannot find an account by what is known of it; None: it can."""
    if account.iban:
        return None
    if len(account.number or "") > NUMBER_MAX:
        return f"an account number has at most {NUMBER_MAX} characters here"
    return None if account.routing or account.bic else "an account without an IBAN needs a routing or a bic"
