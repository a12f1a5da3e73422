"""The fold: events in position order into bindings, order outcomes and clawbacks. Pure; the rules do the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, cast

from ledger.clock import parse_instant
from ledger.errors import IntegrityError
from ledger.events import (
    BindingReleased,
    BindingRenewed,
    MemberBound,
    OrderPlaced,
    OrderRefunded,
    PlanPublished,
)
from ledger.ids import stream_of
from ledger.mapper import check_type, decode_row
from ledger.plan import Plans, PlanTerms
from ledger.reading import read_input_event
from ledger.rules.accrual import Levels, accrue
from ledger.rules.refund import clawback
from ledger.rules.team import Binding
from ledger.store.recorder import Recorded

# Rare types of events that move anything here; orders and refunds are read in a quicker way.
_FOLDED = frozenset(event.TOPIC for event in (PlanPublished, MemberBound, BindingReleased, BindingRenewed))


@dataclass(slots=True)
class OrderOutcome:
    """An order and what became of its three levels, fixed at its position (A-1).

    available_at    when its accruals mature (A-6)
    plan            number of its plan; None: none was in force
    refunded_minor  what went back so far, in order of position (R-2)
    """

    order: str
    position: int
    occurred_at: datetime
    available_at: datetime
    member: str
    currency: str
    amount_minor: int
    plan: int | None
    levels: Levels
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Clawback:
    """What a refund took back from each level, and when it counts (R-2, R-3)."""

    refund: str
    position: int
    order: OrderOutcome
    value_at: datetime
    amount_minor: int
    clawed_back_minor: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlacedBinding:
    """A binding and the position of its MemberBound."""

    position: int
    binding: Binding


@dataclass(slots=True)
class Bindings:
    """Every binding of one member in recording order, and the positions of their MemberBound."""

    history: list[Binding] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def add(self, placed: PlacedBinding) -> None:
        """The next one."""
        self.history.append(placed.binding)
        self.positions.append(placed.position)


class Placed(NamedTuple):
    """What the fold needs of an OrderPlaced."""

    stream: str
    member: str
    currency: str
    amount_minor: int
    occurred_at: datetime
    plan: int | None


class Refunded(NamedTuple):
    """What the fold needs of an OrderRefunded."""

    stream: str
    order_stream: str
    amount_minor: int
    occurred_at: datetime


Change = Placed | Refunded | MemberBound | BindingReleased | BindingRenewed | PlanPublished
Changes = list[tuple[int, Change]]
Fact = OrderOutcome | Clawback | PlacedBinding


def read_changes(rows: Iterable[Recorded]) -> Changes:
    """What these events may change, by position; see `read_change`."""
    return [(row.position, change) for row in rows if (change := read_change(row)) is not None]


def read_change(row: Recorded) -> Change | None:
    """What an event may change here; None: nothing, it is only proven to be what it says it is.

    Raises:
        CorruptEventError: the bytes are not what was written, or lie under other columns.
    """
    if row.topic == OrderPlaced.TOPIC:
        event = read_input_event(row)
        record = event.record
        at = parse_instant(event.envelope["occurred_at"])
        plan = event.decided.get("plan")
        return Placed(row.stream, record["member"], record["currency"], record["amount"], at, plan)
    if row.topic == OrderRefunded.TOPIC:
        event = read_input_event(row)
        order_stream = stream_of("order", event.record["order"], event.envelope["source"])
        at = parse_instant(event.envelope["occurred_at"])
        return Refunded(row.stream, order_stream, event.record["amount"], at)
    if row.topic in _FOLDED:
        return cast("Change", decode_row(row))
    check_type(row.topic, row.state)
    return None


@dataclass(slots=True)
class Fold:
    """Everything later events may ask about earlier ones.

    A caller that keeps this state elsewhere puts back what a batch needs before applying it: `bindings` of the
    members and `orders` of the refunds.
    """

    plans: Plans = field(default_factory=Plans)
    bindings: dict[str, Bindings] = field(default_factory=dict)
    orders: dict[str, OrderOutcome] = field(default_factory=dict)

    def apply(self, position: int, change: Change) -> Fact | None:
        """Applies what the next event changes; the fact that is new or other than before, if any.

        Raises:
            IntegrityError: the event refers to something that the log before it does not have.
        """
        match change:
            case Placed():
                return self._order(position, change)
            case Refunded():
                return self._refund(position, change)
            case MemberBound():
                return self._bound(position, change)
            case BindingReleased(data=data):
                return self._change(position, data.member, data.bind, released_at=change.occurred_at)
            case BindingRenewed(data=data):
                return self._change(position, data.member, data.bind, ends_at=data.ends_at)
            case PlanPublished(data=data):
                self.plans.add(data.asked)
        return None

    def history_of(self, member: str) -> Sequence[Binding]:
        """Every binding of a member so far, in recording order."""
        bindings = self.bindings.get(member)
        return () if bindings is None else bindings.history

    def plan_of(self, order: OrderOutcome) -> PlanTerms | None:
        """The plan an order was recorded under."""
        return None if order.plan is None else self.plans[order.plan]

    def _order(self, position: int, placed: Placed) -> OrderOutcome:
        stream, member, currency, amount_minor, at, number = placed
        plan = None if number is None else self.plans[number]
        outcome = OrderOutcome(
            order=stream,
            position=position,
            occurred_at=at,
            available_at=at if plan is None else plan.available_at(at),
            member=member,
            currency=currency,
            amount_minor=amount_minor,
            plan=number,
            levels=accrue(member, at, amount_minor, plan, self.history_of),
        )
        self.orders[stream] = outcome
        return outcome

    def _refund(self, position: int, refunded: Refunded) -> Clawback:
        order = self.orders.get(refunded.order_stream)
        if order is None:
            raise IntegrityError(
                f"position {position}: {refunded.stream} refunds {refunded.order_stream}, which is not before it"
            )
        taken = clawback(
            paid_minor=order.amount_minor,
            refunded_before_minor=order.refunded_minor,
            amount_minor=refunded.amount_minor,
            levels=order.levels,
            plan=self.plan_of(order),
        )
        order.refunded_minor += refunded.amount_minor
        value_at = max(refunded.occurred_at, order.occurred_at)
        return Clawback(refunded.stream, position, order, value_at, refunded.amount_minor, taken)

    def _bound(self, position: int, event: MemberBound) -> PlacedBinding:
        asked, data = event.data.asked, event.data
        binding = Binding(event.stream, asked.member, asked.inviter, event.occurred_at, data.ends_at, data.plan)
        placed = PlacedBinding(position, binding)
        self.bindings.setdefault(asked.member, Bindings()).add(placed)
        return placed

    def _change(
        self,
        position: int,
        member: str,
        bind: str,
        *,
        ends_at: datetime | None = None,
        released_at: datetime | None = None,
    ) -> PlacedBinding:
        history = self.bindings.get(member, Bindings()).history
        for index in reversed(range(len(history))):
            before = history[index]
            if before.bind == bind:
                history[index] = replace(
                    before, ends_at=ends_at or before.ends_at, released_at=released_at or before.released_at
                )
                return PlacedBinding(self.bindings[member].positions[index], history[index])
        raise IntegrityError(f"position {position}: {bind} is not a binding of {member} before it")
