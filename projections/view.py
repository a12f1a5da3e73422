"""Views: a session whose projection tables stand at exactly the position that was asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import ProgrammingError
from psycopg.errors import InsufficientPrivilege

from ledger.application import Ledger
from ledger.errors import PositionError
from ledger.store.migrate import LEDGER, migrate
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session
from projections.checkpoint import CheckpointMovedError, checkpoint, hold
from projections.commissions import NAME
from projections.runner import Progress, Runner

PACKAGES = (LEDGER, "projections")


@contextmanager
def view_at(
    log: LogRecorder, at_position: int | None, progress: Progress | None = None
) -> Generator[tuple[Session, int]]:
    """The projection's tables at a position, and that position.

    At the head the live tables are used, after catching them up where that is allowed. Any other position the live
    tables are not at is projected from the log into a temporary file.

    Args:
        log: the log.
        at_position: what was known, P; None: the head.
        progress: called with the number of events projected since the last call.

    Raises:
        PositionError: the log has no such position.
    """
    head = log.head()
    if at_position is None:
        _catch_up(log, head, progress)
    elif not 0 <= at_position <= head:
        raise PositionError(f"the log has positions 1 to {head}, not {at_position}")
    with log.reading() as session:
        hold(session)
        live = checkpoint(session, NAME)
        if live == at_position or (at_position is None and live >= head):
            yield session, live
            return
    at_position = head if at_position is None else at_position
    with tempfile.TemporaryDirectory(prefix="refledger-view-") as folder:
        url = f"sqlite:///{Path(folder) / 'view.db'}"
        migrate(url, PACKAGES)
        past = Ledger(url)
        try:
            Runner(log, past.log).catch_up(at_position, progress)
            with past.log.reading() as session:
                yield session, at_position
        finally:
            past.close()


def pending(log: LogRecorder, at_position: int | None) -> int:
    """How many events would have to be projected before a view of that position (None: the head) can be had."""
    with log.reading() as session:
        live = checkpoint(session, NAME)
    if at_position is None:
        return log.head() - live
    return 0 if at_position == live else at_position


def _catch_up(log: LogRecorder, head: int, progress: Progress | None) -> None:
    """Brings the live tables to the head, together with whatever worker does so at the same time.

    Who may only read leaves them as they are.
    """
    while True:
        try:
            Runner(log).catch_up(head, progress)
        except CheckpointMovedError:
            continue
        except ProgrammingError as error:
            if not isinstance(error.__cause__, InsufficientPrivilege):
                raise
        return
