"""What the verifier computes from: the facts of a log, as texts and integers, so that another process can read them.

Times are canonical texts, which sort as the times do. Every fact begins with the number of its kind and its position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from projections.verify.finance_facts import ASKED, FINANCE_KINDS, FinanceFact


class Published(NamedTuple):
    """A plan. terms: the record, canonical JSON."""

    kind: int
    position: int
    number: int
    source: str
    terms: str


class Invited(NamedTuple):
    """An invite."""

    kind: int
    position: int
    stream: str
    at: str
    inviter: str
    invitee: str | None
    expires_at: str | None


class Bind(NamedTuple):
    """A bind, and what was decided about it: a reason against it, or the end and the plan of the binding."""

    kind: int
    position: int
    stream: str
    at: str
    member: str
    inviter: str
    invite: str | None
    reason: str | None
    ends_at: str | None
    plan: int | None


class Unbind(NamedTuple):
    """An unbind: refused for a reason, or the binding it ended and that one's referrer."""

    kind: int
    position: int
    stream: str
    at: str
    member: str
    reason: str | None
    bind: str | None
    referrer: str | None


class TakenOver(NamedTuple):
    """A binding ended for another bind, the one named by `cause`, its stream."""

    kind: int
    position: int
    stream: str
    seq: int
    at: str
    cause: str
    bind: str
    member: str
    referrer: str


class Renewed(NamedTuple):
    """A binding's end moved for an order, the one named by `cause`, its stream."""

    kind: int
    position: int
    stream: str
    seq: int
    at: str
    cause: str
    bind: str
    member: str
    ends_at: str


class Expired(NamedTuple):
    """A binding lapsed."""

    kind: int
    position: int
    at: str
    bind: str
    member: str
    referrer: str


class Placed(NamedTuple):
    """An order.

    lines    number and amount of each; None: it has none
    refunds  all that come later in the log, and their reversals, in order of position, each as the fields of its fact
    """

    kind: int
    position: int
    stream: str
    at: str
    member: str
    currency: str
    amount_minor: int
    exponent: int
    plan: int | None
    lines: tuple[tuple[int, int], ...] | None
    refunds: tuple[tuple[Any, ...], ...] = ()


class Refund(NamedTuple):
    """A refund, and the reason against it if it was refused."""

    kind: int
    position: int
    stream: str
    at: str
    order: str
    amount_minor: int
    currency: str
    line: int | None
    member: str | None
    reason: str | None


OtherFact = Published | Invited | Bind | Unbind | TakenOver | Renewed | Expired | Refund | FinanceFact
Fact = Placed | OtherFact
_KINDS: tuple[type[Fact], ...] = (
    Published,
    Invited,
    Bind,
    Unbind,
    TakenOver,
    Renewed,
    Expired,
    Placed,
    Refund,
)
PUBLISHED, INVITED, BIND, UNBIND, TAKEN_OVER, RENEWED, EXPIRED, PLACED, REFUND = range(len(_KINDS))


class Stored(NamedTuple):
    """An event, with what ties it to the log around it."""

    topic: str
    recorded_at: str
    stream: str
    seq: int
    fact: Fact


def facts_of(rows: list[tuple[Any, ...]]) -> list[Fact]:
    """Facts from their fields, as another process sent them; `_make`, without a call of Python for each."""
    make = cast("Callable[[type[Fact], tuple[Any, ...]], Fact]", tuple.__new__)
    kinds: dict[int, type[Fact]] = {**dict(enumerate(_KINDS)), **dict(enumerate(FINANCE_KINDS, start=ASKED))}
    return [make(kinds[row[0]], row) for row in rows]
