"""Every closed period against the events that it knows: digest, trial balance and root (S-2, S-3, S-4, V-1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ledger.clock import to_micros
from ledger.findings import Finding
from ledger.mapper import decode_row
from ledger.payout_events import PeriodClosed
from ledger.store.recorder import LogRecorder, Recorded
from ledger.store.session import load
from projections.books import Books, readable
from projections.periods import last_instant, trial_balance
from projections.replay.roots import root_of_lines
from projections.replay.session import Session
from projections.runner import Progress
from projections.tree import root_at

_CLOSES = load("projections", "select_period_events")


def check_periods(books: Books, progress: Progress) -> Iterator[Finding]:
    """What was recorded of each period is what the second engine makes of the log up to there, bindings decided again.

    The root is that of the kept tree, which is a control of its own.

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    with books.log.reading() as session:
        closes = [Recorded._make(row) for row in session.rows(_CLOSES)]
    if not closes:
        return
    replay, last_us = books.replay(progress), 0
    with readable():
        for row in closes:
            closed = cast("PeriodClosed", decode_row(row))
            end_us = to_micros(closed.data.asked.end)
            if row.position != closed.data.at_position + 1:
                message = f"knows the log up to {closed.data.at_position}, not up to the event before it"
                yield Finding(row.stream, message, (row.position,))
                continue
            if end_us <= last_us or end_us > to_micros(closed.occurred_at):
                yield Finding(row.stream, "closes what is closed already, or what is still to come", (row.position,))
            last_us = max(end_us, last_us)
            for name, said, given in _figures(books.log, replay, closed):
                if said != given:
                    yield Finding(row.stream, f"says the {name} {said}; the events give {given}", (row.position,))


def _figures(log: LogRecorder, replay: Session, closed: PeriodClosed) -> Iterator[tuple[str, object, object]]:
    """Name of each figure, as recorded, and as the events give it."""
    data = closed.data
    as_of, known = last_instant(data.asked.end), data.at_position
    yield "digest", data.digest, root_of_lines(replay.lines(as_of, known))
    yield "trial balance", data.trial_balance, trial_balance(replay.balances(as_of, known))
    with log.reading() as session:
        yield "root", data.root, root_at(session, known).hex()
