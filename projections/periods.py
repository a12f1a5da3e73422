"""Periods: which one a posting is booked in, and the books at the end of one (rule S-4).

A period is half open (G-3): what is dated exactly at its end is of the next one. So its books are the balances as of
the last instant before its end. Once it is closed, `(end, at_position)` says them for ever.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.clock import from_micros
from ledger.payouts.periods import PeriodFigures
from ledger.store.recorder import Recorded
from ledger.store.session import Session, load
from projections.balances import Balance, balances_at, digest
from projections.figures import CurrencyTotals, totals_of
from projections.head import bring_to_head, planning_freely
from projections.postings import Posting, every_posting
from projections.tree import root_at

_CLOSED = load("projections", "select_closed_periods")

INSTANT = timedelta(microseconds=1)

# Minor units by currency and class of accounts: credits less debits; each currency's sum to 0 (S-2).
TrialBalance = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Period:
    """A closed period.

    end          where it ends, and the next one begins
    position     of its PeriodClosed
    at_position  what its books know: the log up to here
    """

    end: datetime
    position: int
    at_position: int
    closed_at: datetime
    closed_by: str
    digest: str
    root: str
    trial_balance: str


class Booked(NamedTuple):
    """A posting and its period.

    period_us   end of the closed period that it is booked in; None: of the one that is open
    belongs_us  end of the closed period that its time lies in; None: of the one that is open. Another than period_us
                where it was recorded after that one was closed
    """

    posting: Posting
    period_us: int | None
    belongs_us: int | None


class Calendar:
    """The closed periods, in order of their ends."""

    def __init__(self, closed: Iterable[tuple[int, int]]) -> None:
        """End and at_position of each."""
        ordered = sorted(closed)
        self._ends = [end for end, _ in ordered]
        self._at_positions = [position for _, position in ordered]

    def period_of(self, position: int, value_at_us: int) -> int | None:
        """The end of the first period open at a position that does not end before a time; None: the open one."""
        later = max(bisect_right(self._ends, value_at_us), bisect_left(self._at_positions, position))
        return self._ends[later] if later < len(self._ends) else None

    def has(self, end_us: int) -> bool:
        """Whether a period that ends then is closed."""
        return end_us in self._ends

    def before(self, end_us: int | None) -> int | None:
        """The end of the period before one, or before the open one (None); None: there is none before it."""
        earlier = len(self._ends) if end_us is None else bisect_left(self._ends, end_us)
        return self._ends[earlier - 1] if earlier else None

    def containing(self, value_at_us: int) -> int | None:
        """The end of the closed period that a time lies in; None: it lies after all of them."""
        return self.period_of(0, value_at_us)


def closed_periods(session: Session) -> list[Period]:
    """Every closed period, from the projection's tables, in order."""
    return [
        Period(from_micros(end), position, at_position, from_micros(at), *rest)
        for end, position, at_position, at, *rest in session.rows(_CLOSED)
    ]


def calendar_of(session: Session) -> Calendar:
    """The closed periods as postings ask for them."""
    return Calendar((end, at_position) for end, _, at_position, *_ in session.rows(_CLOSED))


def booked(rows: Iterable[Recorded], calendar: Calendar) -> Iterator[Booked]:
    """Every posting with its period, in the order of postings.

    Those of a closed period are the same for ever, whatever is recorded later, and sum up to what its books changed.

    Args:
        rows: positions 1..P of the log, in order.
        calendar: the periods closed up to P.

    Raises:
        IntegrityError: the rows are not a log this ledger wrote.
    """
    for posting in every_posting(rows, calendar.period_of):
        at = posting.value_at_us
        yield Booked(posting, calendar.period_of(posting.position, at), calendar.containing(at))


def last_instant(end: datetime) -> datetime:
    """As of when the books of a period that ends then are: the last instant that is of it."""
    return end - INSTANT


def figures_at_head(session: Session, end: datetime, at_position: int, /) -> PeriodFigures:
    """The books at (end, head), in the transaction that closes the period and holds the append lock.

    Meant for tables, and a tree, that somebody brought to the head just before.

    Raises:
        IntegrityError: the log is not one this ledger wrote; its tiles are not whole.
    """
    bring_to_head(session)
    with planning_freely(session):
        balances = balances_at(session, last_instant(end))
    root = root_at(session, at_position)
    return PeriodFigures(digest=digest(balances), root=root.hex(), trial_balance=trial_balance(balances))


def trial_balance(balances: Iterable[Balance]) -> TrialBalance:
    """Balances of everyone, summed by currency and class of accounts, the house's beside them."""
    return {currency: _classes(totals) for currency, totals in totals_of(list(balances)).items()}


def trial_balance_of_postings(postings: Iterable[Posting]) -> TrialBalance:
    """The same from postings: what each class of accounts was credited less what it was debited."""
    sums: TrialBalance = {}
    for posting in postings:
        classes = sums.setdefault(posting.currency, dict.fromkeys(sorted(_classes(CurrencyTotals())), 0))
        classes[_class_of(posting.debit)] -= posting.amount_minor
        classes[_class_of(posting.credit)] += posting.amount_minor
    return dict(sorted(sums.items()))


def _classes(totals: CurrencyTotals) -> dict[str, int]:
    return {
        "expense:commission": totals.clawed_back - totals.earned,
        "house:adjustment": -totals.adjusted,
        "house:payout": totals.paid,
        "members:available": totals.available,
        "members:pending": totals.pending,
        "members:reserved": totals.reserved,
    }


def _class_of(account: str) -> str:
    """`member:ann:pending` is one of `members:pending`; an account of the house is a class by itself."""
    return f"members:{account.rpartition(':')[2]}" if account.startswith("member:") else account
