"""Payments: approved payouts with the accounts they go to, and the references that banks give back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger.findings import Finding
from projections.payments.errors import UnpayableError
from projections.payments.payee import Payee

REFERENCE_MAX = 35
REFERENCE_MIN = 16

# What every bank takes in a reference (EPC 217-08, less the space); a slash is never first, last or doubled.
_TAKEN = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+]+(?<!/)")
_SHORT = re.compile(r"R[0-9A-F]+")


@dataclass(frozen=True, slots=True)
class Payout:
    """One line of an approved batch.

    id        `<batch>.<no>`
    exponent  of the currency, as the batch has it
    """

    id: str
    member: str
    amount_minor: int
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A payout on its way to a payee's account, under a reference."""

    reference: str
    payout: Payout
    payee: Payee


def reference_of(name: str, most: int = REFERENCE_MAX) -> str:
    """The reference of a payout or a batch: its own id where a bank takes it, else R and digits of its hash.

    An id is taken if it has at most `most` characters, all of them in the set of EPC 217-08, no space, and does not
    itself look like a short reference. The short one is `R` and the first `most - 1`, at most 32, hexadecimal digits,
    in capitals, of the SHA-256 of the id in UTF-8.
    """
    if len(name) <= most and _TAKEN.fullmatch(name) and not _SHORT.fullmatch(name):
        return name
    return "R" + sha256(name.encode()).hexdigest()[: min(32, most - 1)].upper()


def message_id(batch: str, attempt: int) -> str:
    """The id of the message that carries a batch's payouts for the n-th time."""
    return reference_of(f"{batch}.a{attempt}")


def by_reference(payouts: Iterable[Payout], most: int = REFERENCE_MAX) -> dict[str, Payout]:
    """Payouts by the reference that a file with references of at most `most` characters has for them.

    Raises:
        UnpayableError: two of them have the same.
    """
    found: dict[str, Payout] = {}
    for payout in payouts:
        other = found.setdefault(reference_of(payout.id, most), payout)
        if other is not payout:
            raise UnpayableError([Finding(payout.id, f"has the same reference as {other.id}")])
    return found


def payments_of(
    payouts: Sequence[Payout], payees: Mapping[str, Payee], reference_max: int = REFERENCE_MAX
) -> list[Payment]:
    """Every payout with its payee's account, in the given order.

    Args:
        payouts: of one batch, so all in one currency.
        payees: details by member.
        reference_max: characters that the file has for a reference.

    Raises:
        UnpayableError: one or more have no details, details for another currency, or nothing to pay.
    """
    references = by_reference(payouts, reference_max)
    findings = [
        Finding(payout.id, message)
        for payout in payouts
        if (message := _unpayable(payout, payouts[0], payees.get(payout.member)))
    ]
    if findings:
        raise UnpayableError(findings)
    return [Payment(reference, payout, payees[payout.member]) for reference, payout in references.items()]


def _unpayable(payout: Payout, first: Payout, payee: Payee | None) -> str | None:
    """Why a payout cannot be paid; None: it can."""
    if payout.amount_minor <= 0:
        return f"its amount is {payout.amount_minor}"
    if (payout.currency, payout.exponent) != (first.currency, first.exponent):
        return f"is in {payout.currency}, others of the batch in {first.currency}"
    if payee is None:
        return f"there are no details of {payout.member}"
    if payee.currency not in {None, payout.currency}:
        return f"the account of {payout.member} takes {payee.currency} only"
    return None
