"""Postings as they come in (S-2), and the transactions that they are parts of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol

from ledger.clock import from_micros


class Posting(Protocol):
    """One amount between two accounts; anything that says these is one."""

    @property
    def order(self) -> str | None:
        """Stream of the order behind it; None: there is none."""
        ...

    @property
    def kind(self) -> str:
        """What it is: accrual, clawback, maturity and so on."""
        ...

    @property
    def level(self) -> int | None:
        """Of the order, 1 to 3; None: there are none."""
        ...

    @property
    def stream(self) -> str:
        """What caused it: the order, a refund, a reversal, an adjustment, a payout."""
        ...

    @property
    def position(self) -> int:
        """Of the event that caused it."""
        ...

    @property
    def value_at_us(self) -> int:
        """When it counts, microseconds since 1970."""
        ...

    @property
    def debit(self) -> str:
        """The account that is debited; the other one is credited."""
        ...

    @property
    def credit(self) -> str:
        """The account that is credited."""
        ...

    @property
    def currency(self) -> str:
        """Its code."""
        ...

    @property
    def amount_minor(self) -> int:
        """Minor units, > 0."""
        ...


# Which period a posting is booked in (S-4), as it is called; None: that is not known.
PeriodOf = Callable[[Posting], str | None]


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings of one cause: one event, one kind, one stream, one instant, one period."""

    order: str | None
    kind: str
    stream: str
    position: int
    value_at: datetime
    period: str | None
    postings: list[Posting]


def transactions_of(postings: Iterable[Posting], period_of: PeriodOf | None = None) -> Iterator[Transaction]:
    """Neighbours of one cause as one transaction each, in the order in which they come."""

    def cause(posting: Posting) -> tuple[str | None, str, str, int, int, str | None]:
        period = None if period_of is None else period_of(posting)
        return posting.order, posting.kind, posting.stream, posting.position, posting.value_at_us, period

    for (order, kind, stream, position, value_at_us, period), group in groupby(postings, key=cause):
        yield Transaction(order, kind, stream, position, from_micros(value_at_us), period, list(group))
