"""What can be paid out to whom, at a cut-off and the checkpoint of the live tables (rule X-1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ledger.clock import to_micros
from ledger.store.recorder import head_of, read_log
from ledger.store.session import Session, load
from projections.changes import read_changes
from projections.checkpoint import CheckpointMovedError, begin, checkpoint, move
from projections.commissions import NAME, Commissions
from projections.runner import BATCH_SIZE

# Of more members it is quicker to ask for everyone: one pass instead of a look-up each.
ASKED_SINGLY_MAX = 1_000

_ALL = load("projections", "select_payable")
_ONE = load("projections", "select_payable_of")
_PLAN_FREELY = load("projections", "plan_freely")
_PREFER_INDEXES = load("ledger.store", "prefer_indexes")


def payable(
    session: Session, currency: str, cut_off: datetime, members: Collection[str] | None = None
) -> dict[str, int]:
    """Payable(T, P) of a currency: T is the cut-off, P the checkpoint of the session's tables.

    Credits count that are not later than T; debits, reservations and releases count whatever their time.

    Args:
        session: of a store with the projection's tables.
        currency: ISO 4217 code.
        cut_off: T.
        members: whose; None: everyone's.

    Returns:
        Minor units by member, negative for debts; who is not there has 0.

    Source: rule X-1.
    """
    at = to_micros(cut_off)
    if members is None or len(members) > ASKED_SINGLY_MAX:
        found = dict(session.rows(_ALL, currency=currency, cut_off=at))
        return found if members is None else {member: found[member] for member in members if member in found}
    return {
        member: session.rows(_ONE, member=member, currency=currency, cut_off=at)[0][0]
        for member in sorted(set(members))
    }


def payable_at_head(session: Session, currency: str, cut_off: datetime, members: Collection[str]) -> dict[str, int]:
    """As `payable`, exactly at the head of the log: for whoever decides under the append lock.

    The live tables are brought to the head first, in the caller's transaction; while it holds the append lock nobody
    can add to the log.
    """
    bring_to_head(session)
    if session.dialect == "sqlite" or len(members) <= ASKED_SINGLY_MAX:
        return payable(session, currency, cut_off, members)
    session.run(_PLAN_FREELY)
    found = payable(session, currency, cut_off, members)
    session.run(_PREFER_INDEXES)
    return found


def bring_to_head(session: Session) -> None:
    """Projects what the live tables lack, in a transaction that holds the append lock.

    Meant for the few events since somebody brought them to the head outside of it.

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
