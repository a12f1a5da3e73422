"""Whether a file that was read back says what was to be paid, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest

from ledger.findings import Finding
from projections.payments.account import system_of
from projections.payments.payment import Payment

FINDINGS_MAX = 100

_AMOUNT = "amount"
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def compare_payments(
    payments: Sequence[Payment],
    said: Iterable[Mapping[str, str]],
    fields: Collection[str],
    common: Mapping[str, str | None] | None = None,
) -> list[Finding]:
    """What a file says of each payment against what it should say, in order; then how many there are, and the sum.

    Args:
        payments: what was to be paid.
        said: what the file says of each, by field.
        fields: what it can say.
        common: what it should say of all of them alike.

    Returns:
        What differs, the first hundred.
    """
    findings: list[Finding] = []
    count, total = 0, Decimal(0)
    for payment, row in zip_longest(payments, said):
        if row is not None:
            count += 1
            total += number_of(row.get(_AMOUNT, ""))
            findings += _differences(payment, row, fields, common or {})
        elif payment is not None:
            findings.append(Finding(payment.payout.id, "is not in the file"))
        del findings[FINDINGS_MAX:]
    expected = sum([due(payment) for payment in payments], Decimal(0))
    if count != len(payments) or total != expected:
        findings.insert(0, Finding("sum", f"{count} payments of {total}, not {len(payments)} of {expected}"))
    return findings


def due(payment: Payment) -> Decimal:
    """A payment's amount as a number: exact, and not by way of how it is written."""
    return Decimal(payment.payout.amount_minor).scaleb(-payment.payout.exponent)


def number_of(text: str) -> Decimal:
    """A number as it is written; no number where it is none, which equals nothing."""
    return Decimal(text if _NUMBER.fullmatch(text) else "NaN")


def _differences(
    payment: Payment | None, row: Mapping[str, str], fields: Collection[str], common: Mapping[str, str | None]
) -> Iterator[Finding]:
    if payment is None:
        yield Finding(row.get("reference", "one more"), "is in the file, but was not to be paid")
        return
    said, amount = row.get(_AMOUNT, ""), due(payment)
    if number_of(said) != amount or len(said.partition(".")[2]) != payment.payout.exponent:
        yield Finding(payment.payout.id, f"its amount is {said!r}, not {amount}")
    expected = {**_expected(payment), **common}
    for field in sorted({*fields, *row} - {_AMOUNT}):
        if row.get(field, "") != (expected.get(field) or ""):
            yield Finding(payment.payout.id, f"its {field} is {row.get(field)!r}, not {expected.get(field)!r}")


def _expected(payment: Payment) -> Mapping[str, str | None]:
    account = payment.payee.account
    return {
        "reference": payment.reference,
        "payout": payment.payout.id,
        "member": payment.payout.member,
        "currency": payment.payout.currency,
        "name": payment.payee.name,
        "iban": account.iban,
        "account": account.number,
        "routing": account.routing,
        "system": system_of(account),
        "bic": account.bic,
        "country": account.country,
    }
