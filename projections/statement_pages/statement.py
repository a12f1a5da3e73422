"""What stands on a member's statement, as plain figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger.errors import IntegrityError

What = Literal["commission", "clawback", "restoration", "adjustment", "payment", "return"]
# In the order in which a balance is explained: what comes back before what goes out.
KINDS: tuple[What, ...] = ("commission", "clawback", "restoration", "adjustment", "return", "payment")


class StatementError(IntegrityError):
    """A statement whose figures do not add up; it is not shown to anybody."""

    code = "statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a statement; minor units, None where there is no such thing.

    at               when it counts
    about            the order, refund, payout or adjustment it follows from, as people name it
    amount_minor     what it adds to the balance; negative: what it takes away
    level            1 to 3
    base_minor       what was paid for the order, or given back
    rate_ppm         of the level
    exact_ppm_minor  base x rate before rounding, in millionths of a minor unit
    remainder_ppm    what rounding left with the house, likewise; negative where it rounded up
    hold_until       when it becomes available
    note             a reason, for a person
    """

    at: datetime
    what: What
    about: str
    amount_minor: int
    level: int | None = None
    base_minor: int | None = None
    rate_ppm: int | None = None
    exact_ppm_minor: int | None = None
    remainder_ppm: int | None = None
    hold_until: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the closing balance is made of; minor units."""

    pending_minor: int
    available_minor: int
    reserved_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A member's balance in one currency, from its opening to its closing.

    issuer         who owes it: the shop
    exponent       decimal digits of the currency
    start, end     of the period, half open; start None: from the beginning
    opening_minor  pending, available and reserved at the start
    entries        all that happened in between, in order
    closing_minor  the same at the end
    standing       what that is made of; None: not shown
    as_of, position, digest  the coordinates of the figures, and the digest of all balances there (S-3)

    Raises:
        StatementError: opening and entries are not the closing, or its parts are not.
    """

    issuer: str
    member: str
    currency: str
    exponent: int
    start: datetime | None
    end: datetime
    opening_minor: int
    entries: tuple[Entry, ...]
    closing_minor: int
    as_of: datetime
    position: int
    digest: str
    standing: Standing | None = None

    def __post_init__(self) -> None:
        total = self.opening_minor + sum([entry.amount_minor for entry in self.entries])
        if total != self.closing_minor:
            raise StatementError(f"the entries lead to {total}, the closing balance is {self.closing_minor}")
        parts = self.standing
        if parts and parts.pending_minor + parts.available_minor + parts.reserved_minor != self.closing_minor:
            raise StatementError(f"pending, available and reserved are not the closing balance {self.closing_minor}")

    def sums(self) -> dict[What, int]:
        """What each kind of entry comes to, in the order of the kinds; kinds without an entry are left out."""
        found = {kind: [entry.amount_minor for entry in self.entries if entry.what == kind] for kind in KINDS}
        return {kind: sum(found[kind]) for kind in KINDS if found[kind]}
