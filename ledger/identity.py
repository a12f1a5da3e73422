"""Who is at the ledger: the database's word for it where there is one, a label somebody typed where there is none."""

from __future__ import annotations

from typing import NamedTuple

from ledger.payout_events import By
from ledger.store.session import Session, load

APPROVER_ROLE = "refledger_approver"

_SESSION_USER = load("ledger.store", "select_session_user")


class Identity(NamedTuple):
    """Who it is, and whether they may approve payouts and adjustments (X-3)."""

    by: By
    may_approve: bool


def identity_of(session: Session, actor: str) -> Identity:
    """Whoever logged in to PostgreSQL, whatever role they act in; on SQLite `actor`, which anybody may approve as."""
    if session.dialect == "sqlite":
        return Identity(By(authenticated=False, name=actor), may_approve=True)
    name, may_approve = session.rows(_SESSION_USER)[0]
    return Identity(By(authenticated=True, name=name), may_approve)
