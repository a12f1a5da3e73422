"""Teams: who is above and below a member at (T, P), and what their orders brought (rules T-1 and T-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.clock import from_micros, to_micros
from ledger.errors import NotFoundError
from ledger.plan import LEVELS
from ledger.store.session import Row, Session, load

# Per number of levels.
_BELOW = {steps: load("projections", f"select_below_{steps}") for steps in range(1, LEVELS + 1)}
_COUNTS = {steps: load("projections", f"count_below_{steps}") for steps in range(1, LEVELS + 1)}
_BY_INDEX = load("projections", "page_by_index")
_UPLINE = load("projections", "select_upline")
_HAS_TEAM = load("projections", "select_has_team")
_TOTALS = load("projections", "select_team_totals")
_ANY = (1 << 62) - 1


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
class Place:
    """A member's place in a downline: the last one that was seen."""

    member: str
    level: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a downline: `most` members (None: all) from after a place on (None: from the beginning)."""

    after: Place | None = None
    most: int | None = None


EVERYONE = Page()


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


def downline(session: Session, member: str, as_of: datetime, depth: int, page: Page = EVERYONE) -> list[Edge]:
    """Who is bound to the member, directly or through others, down to `depth` levels, or a page of them.

    Level by level; on a level by who is between them and the member, then by member. So a page is read along an index,
    however large the team is and wherever the page begins.

    Raises:
        NotFoundError: nobody is at that place at that time.

    Source: rule T-1.
    """
    if session.dialect == "postgres":
        session.run(_BY_INDEX)
    at, edges = to_micros(as_of), list[Edge]()
    for walk in _walks(session, member, as_of, depth, page.after):
        most = _ANY if page.most is None else page.most - len(edges)
        rows = session.rows(_BELOW[walk.steps], member=walk.root, after=walk.after, as_of=at, most=most)
        edges += [_edge((walk.level, *row)) for row in rows]
        is_level_empty = not rows and walk.root == member and not walk.after
        if is_level_empty or len(edges) == page.most:
            break
    return edges


def level_sizes(session: Session, member: str, as_of: datetime, depth: int) -> list[int]:
    """How many are on each level below the member, down to `depth` levels."""
    sizes: list[int] = []
    for steps in range(1, depth + 1):
        is_over = bool(sizes) and not sizes[-1]
        sizes.append(0 if is_over else session.rows(_COUNTS[steps], member=member, as_of=to_micros(as_of))[0][0])
    return sizes


def upline(session: Session, member: str, as_of: datetime, depth: int) -> list[Edge]:
    """The member's referrer, that one's, and so on, at most `depth`; nearest first."""
    return [_edge(row) for row in session.rows(_UPLINE, member=member, as_of=to_micros(as_of), depth=depth)]


def team_totals(session: Session, member: str, as_of: datetime) -> list[TeamTotal]:
    """What the member's three levels brought, by level and currency."""
    return [TeamTotal(*row) for row in session.rows(_TOTALS, member=member, as_of=to_micros(as_of))]


@dataclass(frozen=True, slots=True)
class _Walk:
    """Everyone `steps` below `root` whose first step comes after a member; all of them stand on one level."""

    level: int
    root: str
    steps: int
    after: str


def _walks(session: Session, member: str, as_of: datetime, depth: int, after: Place | None) -> list[_Walk]:
    """What makes up a downline, in order; after a place first the siblings there, then the cousins, and so on."""
    if after is None:
        return [_Walk(level, member, level, "") for level in range(1, depth + 1)]
    above = [after.member, *(edge.referrer for edge in upline(session, after.member, as_of, after.level))]
    if len(above) <= after.level or above[after.level] != member:
        raise NotFoundError(f"{after.member!r} is not on level {after.level} below {member!r} at that time")
    rest = [_Walk(after.level, above[steps], steps, above[steps - 1]) for steps in range(1, after.level + 1)]
    return rest + [_Walk(level, member, level, "") for level in range(after.level + 1, depth + 1)]


def _edge(row: Row) -> Edge:
    level, member, referrer, bind, bound_at, until = row
    return Edge(level, member, referrer, bind, from_micros(bound_at), None if until is None else from_micros(until))
