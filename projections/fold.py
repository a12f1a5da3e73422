"""The fold: events in position order into bindings, order outcomes and clawbacks. Pure; the rules do the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ledger.errors import IntegrityError
from ledger.events import (
    BindingReleased,
    BindingRenewed,
    Event,
    MemberBound,
    OrderPlaced,
    OrderRefunded,
    PlanPublished,
)
from ledger.ids import stream_of
from ledger.plan import Plans, PlanTerms
from ledger.rules.accrual import Levels, accrue
from ledger.rules.refund import clawback
from ledger.rules.team import Binding

# Types of events that move anything here; the others need not even be decoded.
FOLDED_TOPICS = frozenset(
    event.TOPIC for event in (PlanPublished, MemberBound, BindingReleased, BindingRenewed, OrderPlaced, OrderRefunded)
)


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


@dataclass(slots=True)
class PlacedBinding:
    """A binding and the position of its MemberBound."""

    position: int
    binding: Binding


Fact = OrderOutcome | Clawback | PlacedBinding


@dataclass(slots=True)
class Fold:
    """Everything later events may ask about earlier ones.

    A caller that keeps this state elsewhere puts back what a batch needs before applying it: `bindings` of the
    members and `orders` of the refunds.
    """

    plans: Plans = field(default_factory=Plans)
    bindings: dict[str, list[PlacedBinding]] = field(default_factory=dict)
    orders: dict[str, OrderOutcome] = field(default_factory=dict)

    def apply(self, position: int, event: Event) -> Fact | None:
        """Applies the next event; the fact that is new or changed, if any.

        Raises:
            IntegrityError: the event refers to something that the log before it does not have.
        """
        match event:
            case OrderPlaced():
                return self._order(position, event)
            case OrderRefunded():
                return self._refund(position, event)
            case MemberBound():
                return self._bound(position, event)
            case BindingReleased(data=data):
                return self._change(position, data.member, data.bind, released_at=event.occurred_at)
            case BindingRenewed(data=data):
                return self._change(position, data.member, data.bind, ends_at=data.ends_at)
            case PlanPublished(data=data):
                self.plans.add(data.asked)
            case _:
                pass
        return None

    def history_of(self, member: str) -> Sequence[Binding]:
        """Every binding of a member so far, in recording order."""
        placed = self.bindings.get(member)
        return [row.binding for row in placed] if placed else ()

    def plan_of(self, order: OrderOutcome) -> PlanTerms | None:
        """The plan an order was recorded under."""
        return None if order.plan is None else self.plans[order.plan]

    def _order(self, position: int, event: OrderPlaced) -> OrderOutcome:
        asked, number = event.data.asked, event.data.plan
        plan = None if number is None else self.plans[number]
        outcome = OrderOutcome(
            order=event.stream,
            position=position,
            occurred_at=event.occurred_at,
            available_at=event.occurred_at if plan is None else plan.available_at(event.occurred_at),
            member=asked.member,
            currency=asked.currency,
            amount_minor=asked.amount,
            plan=number,
            levels=accrue(asked.member, event.occurred_at, asked.amount, plan, self.history_of),
        )
        self.orders[event.stream] = outcome
        return outcome

    def _refund(self, position: int, event: OrderRefunded) -> Clawback:
        asked = event.data.asked
        stream = stream_of("order", asked.order, event.source)
        order = self.orders.get(stream)
        if order is None:
            raise IntegrityError(f"position {position}: {event.stream} refunds {stream}, which is not before it")
        taken = clawback(
            paid_minor=order.amount_minor,
            refunded_before_minor=order.refunded_minor,
            amount_minor=asked.amount,
            levels=order.levels,
            plan=self.plan_of(order),
        )
        order.refunded_minor += asked.amount
        value_at = max(event.occurred_at, order.occurred_at)
        return Clawback(event.stream, position, order, value_at, asked.amount, taken)

    def _bound(self, position: int, event: MemberBound) -> PlacedBinding:
        asked, data = event.data.asked, event.data
        binding = Binding(event.stream, asked.member, asked.inviter, event.occurred_at, data.ends_at, data.plan)
        placed = PlacedBinding(position, binding)
        self.bindings.setdefault(asked.member, []).append(placed)
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
        for placed in reversed(self.bindings.get(member, ())):
            if placed.binding.bind == bind:
                binding = placed.binding
                placed.binding = replace(
                    binding, ends_at=ends_at or binding.ends_at, released_at=released_at or binding.released_at
                )
                return placed
        raise IntegrityError(f"position {position}: {bind} is not a binding of {member} before it")
