"""The live tables at exactly the head of the log, inside a transaction that decides (rules X-3, S-4)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ledger.store.recorder import head_of, read_log
from ledger.store.session import Session, load
from projections.changes import read_changes
from projections.checkpoint import CheckpointMovedError, begin, checkpoint, move
from projections.commissions import NAME, Commissions
from projections.runner import BATCH_SIZE

_PLAN_FREELY = load("projections", "plan_freely")
_PREFER_INDEXES = load("ledger.store", "prefer_indexes")


def bring_to_head(session: Session) -> None:
    """Projects what the live tables lack, in a transaction that holds the append lock: so nobody adds to the log.

    Meant for the few events since somebody brought them to the head outside of it. Rolled back, nothing has happened.

    Raises:
        CorruptEventError, IntegrityError: the log is not one this ledger wrote.
    """
    # Before the checkpoint is read: a rebuild that has its table waits for nobody who only reads it.
    begin(session, NAME)
    projection = Commissions()
    while (after := checkpoint(session, NAME)) < head_of(session):
        rows = read_log(session, after, head_of(session), BATCH_SIZE)
        try:
            # A worker at its batch is waited for here; then there is less to do.
            move(session, NAME, after=after, upto=rows[-1].position)
        except CheckpointMovedError:
            continue
        projection.resume(session, after)
        projection.project(session, read_changes(rows))


@contextmanager
def planning_freely(session: Session) -> Generator[None]:
    """Lets questions about everyone read whole tables, in a transaction that otherwise looks things up one by one."""
    if session.dialect == "sqlite":
        yield
        return
    session.run(_PLAN_FREELY)
    yield
    session.run(_PREFER_INDEXES)
