"""What can be paid out to whom, at a cut-off and the checkpoint of the live tables (rule X-1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ledger.clock import to_micros
from ledger.errors import LedgerError
from ledger.payouts.payable import Question
from ledger.store.session import Session, load
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.head import bring_to_head, planning_freely

# Of more members it is quicker to ask for everyone: one pass instead of a look-up each.
ASKED_SINGLY_MAX = 1_000

_ALL = load("projections", "select_payable")
_ONE = load("projections", "select_payable_of")


class BehindError(LedgerError):
    """The live tables are not at the position that is asked about; once they are, the same question is answered."""

    code = "behind"
    can_retry = True


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


def payable_at_head(session: Session, question: Question, /) -> dict[str, int]:
    """Payable at the head, for whoever decides under the append lock: an approval, a new attempt (X-3).

    The live tables are brought to the head first, in that transaction.
    """
    bring_to_head(session)
    if len(question.members) <= ASKED_SINGLY_MAX:
        return payable(session, question.currency, question.as_of, question.members)
    with planning_freely(session):
        return payable(session, question.currency, question.as_of, question.members)


def payable_in_snapshot(session: Session, question: Question, /) -> dict[str, int]:
    """Payable at the position that is asked about, for whoever only reads: what a new attempt could hold.

    Raises:
        BehindError: the live tables stand elsewhere in this snapshot: bring them to the head, and ask again.
    """
    position = checkpoint(session, NAME)
    if position != question.at_position:
        raise BehindError(f"{NAME} is at position {position}, not at {question.at_position}")
    return payable(session, question.currency, question.as_of, question.members)
