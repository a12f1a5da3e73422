"""Checkpoints: how far each projection has come, moved together with what it wrote."""

from __future__ import annotations

from ledger.errors import LedgerError
from ledger.store.session import Session, load

_SELECT = load("projections", "select_checkpoint")
_INSERT = load("projections", "insert_checkpoint")
_MOVE = load("projections", "move_checkpoint")
_SET = load("projections", "set_checkpoint")
_GENERATION = load("projections", "select_generation")
_HOLD = load("projections", "hold_tables")
_HOLD_STILL = load("projections", "hold_checkpoint")


class CheckpointMovedError(LedgerError):
    """Another runner moved the checkpoint: this one's batch was already done, nothing of it is kept."""

    code = "checkpoint_moved"
    can_retry = True


def checkpoint(session: Session, projection: str) -> int:
    """The last position a projection stands for; 0 before it begins."""
    rows = session.rows(_SELECT, projection=projection)
    return rows[0][0] if rows else 0


def begin(session: Session, projection: str) -> None:
    """Makes the checkpoint's row if there is none."""
    session.run(_INSERT, projection=projection)


def move(session: Session, projection: str, *, after: int, upto: int) -> None:
    """Moves a checkpoint from exactly where it was read.

    Raises:
        CheckpointMovedError: it is not there any more.
    """
    if session.run(_MOVE, projection=projection, after=after, upto=upto) != 1:
        raise CheckpointMovedError(f"{projection} is no longer at position {after}")


def hold_still(session: Session, projection: str) -> int:
    """Where a checkpoint is, and stays until this transaction ends or moves it: who would move it waits."""
    begin(session, projection)
    session.run(_HOLD_STILL, projection=projection)
    return checkpoint(session, projection)


def put(session: Session, projection: str, position: int) -> None:
    """Sets a checkpoint, wherever it was: what stands for it is put in place by the same transaction."""
    session.run(_SET, projection=projection, position=position)


def generation(session: Session) -> int:
    """Which version of the projection's tables this is: a rebuild puts others in their place."""
    return session.rows(_GENERATION)[0][0]


def hold(session: Session) -> None:
    """Keeps the tables from being swapped while a reader looks at them; call it before anything else.

    SQLite's snapshots do so by themselves.
    """
    if session.dialect == "postgres":
        session.run(_HOLD)
