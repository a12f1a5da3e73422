"""Teams: who is above and below a member at (T, P), and what their orders brought (rules T-1 and T-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.clock import from_micros, to_micros
from ledger.store.session import Row, Session, load

_DOWNLINE = load("projections", "select_downline")
_UPLINE = load("projections", "select_upline")
_HAS_TEAM = load("projections", "select_has_team")
_TOTALS = load("projections", "select_team_totals")


@dataclass(frozen=True, slots=True)
class Edge:
    """One binding in force, `level` steps from the member asked about.

    until  where it ends as far as known; None: no end
    """

    level: int
    member: str
    referrer: str
    bind: str
    bound_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class TeamTotal:
    """Orders that had the member on this level when they were placed, by T; minor units (T-2)."""

    level: int
    currency: str
    orders: int
    order_minor: int
    commission_minor: int
    clawback_minor: int


def has_team(session: Session, member: str) -> bool:
    """Whether the member was ever bound to anybody, or anybody to them."""
    return bool(session.rows(_HAS_TEAM, member=member))


def downline(session: Session, member: str, as_of: datetime, depth: int) -> list[Edge]:
    """Everyone bound to the member, directly or through others, down to `depth` levels; by level, then member."""
    return [_edge(row) for row in session.rows(_DOWNLINE, member=member, as_of=to_micros(as_of), depth=depth)]


def upline(session: Session, member: str, as_of: datetime, depth: int) -> list[Edge]:
    """The member's referrer, that one's, and so on, at most `depth`; nearest first."""
    return [_edge(row) for row in session.rows(_UPLINE, member=member, as_of=to_micros(as_of), depth=depth)]


def team_totals(session: Session, member: str, as_of: datetime) -> list[TeamTotal]:
    """What the member's three levels brought, by level and currency."""
    return [TeamTotal(*row) for row in session.rows(_TOTALS, member=member, as_of=to_micros(as_of))]


def _edge(row: Row) -> Edge:
    level, member, referrer, bind, bound_at, until = row
    return Edge(level, member, referrer, bind, from_micros(bound_at), None if until is None else from_micros(until))
