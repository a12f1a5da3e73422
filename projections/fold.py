"""The fold: changes in position order into bindings, order outcomes and clawbacks. Pure; the rules do the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger.clock import from_micros, instant_of
from ledger.errors import IntegrityError
from ledger.plan import Plans, PlanTerms
from ledger.rules.accrual import Levels, accrue
from ledger.rules.refund import clawback
from ledger.rules.team import Binding
from projections.changes import Bound, Change, Placed, Published, Refunded, Released, Renewed


@dataclass(slots=True)
class OrderOutcome:
    """An order and what became of its three levels, fixed at its position (A-1).

    occurred_at_us   microseconds since 1970
    available_at_us  when its accruals mature (A-6)
    plan             number of its plan; None: none was in force
    refunded_minor   what went back so far, in order of position (R-2)
    """

    position: int
    order: str
    occurred_at_us: int
    available_at_us: int
    member: str
    currency: str
    amount_minor: int
    plan: int | None
    levels: Levels
    refunded_minor: int = 0

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""
        return from_micros(self.occurred_at_us)

    @property
    def available_at(self) -> datetime:
        """When its accruals mature (A-6)."""
        return from_micros(self.available_at_us)


@dataclass(frozen=True, slots=True)
class Clawback:
    """What a refund took back from each level, and when it counts (R-2, R-3)."""

    refund: str
    position: int
    order: OrderOutcome
    value_at_us: int
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

    def add(self, position: int, binding: Binding) -> None:
        """The next one."""
        self.history.append(binding)
        self.positions.append(position)


Fact = OrderOutcome | Clawback | PlacedBinding


@dataclass(slots=True)
class Fold:
    """Everything later events may ask about earlier ones.

    A caller that keeps this state elsewhere puts back what a batch needs before applying it: `bindings` of the
    members and `orders` of the refunds.
    """

    plans: Plans = field(default_factory=Plans)
    bindings: dict[str, Bindings] = field(default_factory=dict)
    orders: dict[str, OrderOutcome] = field(default_factory=dict)

    def apply(self, change: Change) -> Fact | None:
        """Applies what the next event changes; the fact that is new or other than before, if any.

        Raises:
            IntegrityError: the event refers to something that the log before it does not have.
        """
        match change:
            case Placed():
                return self._order(change)
            case Refunded():
                return self._refund(change)
            case Bound():
                return self._bound(change)
            case Released():
                return self._change(change, released_at=from_micros(change.at_us))
            case Renewed():
                return self._change(change, ends_at=from_micros(change.ends_at_us))
            case Published():
                self.plans.add(change.plan())
        return None

    def history_of(self, member: str) -> Sequence[Binding]:
        """Every binding of a member so far, in recording order."""
        bindings = self.bindings.get(member)
        return () if bindings is None else bindings.history

    def plan_of(self, order: OrderOutcome) -> PlanTerms | None:
        """The plan an order was recorded under."""
        return None if order.plan is None else self.plans[order.plan]

    def _order(self, placed: Placed) -> OrderOutcome:
        position, stream, member, currency, amount_minor, at_us, number = placed
        plan = None if number is None else self.plans[number]
        levels = accrue(member, from_micros(at_us), amount_minor, plan, self.history_of)
        available_at_us = at_us if plan is None else plan.available_at_us(at_us)
        outcome = OrderOutcome(position, stream, at_us, available_at_us, member, currency, amount_minor, number, levels)
        self.orders[stream] = outcome
        return outcome

    def _refund(self, refunded: Refunded) -> Clawback:
        position, stream, order_stream, amount_minor, at_us = refunded
        order = self.orders.get(order_stream)
        if order is None:
            raise IntegrityError(f"position {position}: {stream} refunds {order_stream}, which is not before it")
        taken = clawback(
            paid_minor=order.amount_minor,
            refunded_before_minor=order.refunded_minor,
            amount_minor=amount_minor,
            levels=order.levels,
            plan=self.plan_of(order),
        )
        order.refunded_minor += amount_minor
        return Clawback(stream, position, order, max(at_us, order.occurred_at_us), amount_minor, taken)

    def _bound(self, bound: Bound) -> PlacedBinding:
        position, bind, member, referrer, at_us, ends_at_us, plan = bound
        binding = Binding(bind, member, referrer, from_micros(at_us), instant_of(ends_at_us), plan)
        self.bindings.setdefault(member, Bindings()).add(position, binding)
        return PlacedBinding(position, binding)

    def _change(
        self, change: Released | Renewed, *, ends_at: datetime | None = None, released_at: datetime | None = None
    ) -> PlacedBinding:
        bindings = self.bindings.get(change.member, Bindings())
        for index in reversed(range(len(bindings.history))):
            before = bindings.history[index]
            if before.bind == change.bind:
                after = before._replace(
                    ends_at=ends_at or before.ends_at, released_at=released_at or before.released_at
                )
                bindings.history[index] = after
                return PlacedBinding(bindings.positions[index], after)
        raise IntegrityError(f"position {change.position}: {change.bind} is not a binding of {change.member} before it")
