"""Postings as they come in (S-2), and the transactions that they are parts of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple


class Posting(NamedTuple):
    """One amount between two accounts; fields as in the columns of `postings.csv`.

    order     stream that it is about: order-17, payout-b1.4
    kind      what it is: accrual, clawback, maturity ...
    level     1 to 3; None where there are no levels
    position  of the event that caused it
    value_at  UTC
    debit     account that is debited; the other one is credited
    amount    minor units, > 0
    period    where it is booked (S-4); None: not known
    """

    order: str
    kind: str
    level: int | None
    position: int
    value_at: datetime
    debit: str
    credit: str
    currency: str
    amount: int
    period: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings of one cause: one event, one kind, one stream, one instant, one period."""

    order: str
    kind: str
    position: int
    value_at: datetime
    period: str | None
    postings: list[Posting]


def transactions_of(postings: Iterable[Posting]) -> Iterator[Transaction]:
    """Neighbours of one cause as one transaction each, in the order in which they come."""
    for (order, kind, position, value_at, period), group in groupby(postings, key=_cause):
        yield Transaction(order, kind, position, value_at, period, list(group))


def _cause(posting: Posting) -> tuple[str, str, int, datetime, str | None]:
    return posting.order, posting.kind, posting.position, posting.value_at, posting.period
