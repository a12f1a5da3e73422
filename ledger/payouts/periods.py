"""Closing a period: what is recorded later belongs to a later one (rule S-4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from ledger.application import Ledger
from ledger.clock import format_instant, parse_instant
from ledger.errors import IntegrityError
from ledger.ids import DEFAULT_SOURCE, split_stream
from ledger.inputs import differing_keys
from ledger.mapper import decode_row
from ledger.outcomes import RECORDED, REPEAT, Outcome
from ledger.payout_commands import ClosePeriod
from ledger.payout_events import ClosedData, PeriodClosed
from ledger.payouts.answers import refused
from ledger.payouts.books import open_books
from ledger.store.recorder import Recorded
from ledger.store.session import Session, load

_LAST = load("ledger.store", "select_last_period")
_STREAMS = load("ledger.store", "select_streams")


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """The books at (end of the period, head).

    digest         of all balances (S-3)
    root           of the log's tree, hex (V-1)
    trial_balance  by currency and class of accounts, credits less debits, minor units
    """

    digest: str
    root: str
    trial_balance: Mapping[str, Mapping[str, int]]


class Figures(Protocol):
    """Computes them inside the transaction that closes the period, so that nothing comes between."""

    def __call__(self, session: Session, end: datetime, at_position: int, /) -> PeriodFigures:
        """At (end, head)."""
        ...


def close_period(ledger: Ledger, command: ClosePeriod, figures: Figures, *, source: str = DEFAULT_SOURCE) -> Outcome:
    """Closes everything up to `end`, at the head. The same end again is a repeat, whenever it is asked.

    Raises:
        IntegrityError: the trial balance of a currency is not 0.
    """
    with open_books(ledger, source) as books:
        last = _last_closed(books.session)
        if last is not None and command.end <= last:
            return _compared(books.session, command, last)
        if command.end > command.at:
            return refused("end_in_the_future", f"{format_instant(command.end)} is after {format_instant(command.at)}")
        if (early := books.too_early(command.at)) is not None:
            return early
        if not books.head:
            return refused("nothing_recorded", "an empty ledger has no period to close")
        found = figures(books.session, command.end, books.head)
        for currency, classes in found.trial_balance.items():
            if sum(classes.values()):
                raise IntegrityError(f"the trial balance of {currency} is {sum(classes.values())} minor units, not 0")
        data = ClosedData(
            asked=command,
            at_position=books.head,
            by=books.identity.by,
            digest=found.digest,
            root=found.root,
            trial_balance={currency: dict(classes) for currency, classes in found.trial_balance.items()},
        )
        books.record_asked(PeriodClosed, data, command)
        return RECORDED


def _last_closed(session: Session) -> datetime | None:
    """The end of the last closed period."""
    rows = session.rows(_LAST)
    return parse_instant(split_stream(rows[0][0])[1]) if rows else None


def _compared(session: Session, command: ClosePeriod, last: datetime) -> Outcome:
    rows = session.rows(_STREAMS, keys=[command.stream(DEFAULT_SOURCE)])
    if not rows:
        return refused("period_closed", f"the books are closed up to {format_instant(last)}")
    closed = cast("PeriodClosed", decode_row(Recorded._make(rows[0])))
    recorded, asked = (one.content().decode() for one in (closed.data.asked, command))
    other = [key for key in differing_keys(recorded, asked) if key != "at"]
    if not other:
        return REPEAT
    return Outcome("conflict", "other_content", f"that period is closed with another {', '.join(other)}")
