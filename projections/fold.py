"""The fold: changes in position order into bindings, outcomes, clawbacks and payouts. Pure; the rules do the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger.clock import from_micros, instant_of
from ledger.errors import IntegrityError
from ledger.plan import LEVELS, Plans, PlanTerms
from ledger.rules.accrual import Levels, accrue
from ledger.rules.refund import clawback_from
from ledger.rules.team import Binding
from projections.changes import Bound, Change, Placed, Published, Refunded, Released, Renewed, Reversed
from projections.payout_fold import PayoutFact, PayoutFold


@dataclass(slots=True)
class OrderOutcome:
    """An order and what became of its three levels, fixed at its position (A-1).

    occurred_at_us   microseconds since 1970
    available_at_us  when its accruals mature (A-6)
    plan             number of its plan; None: none was in force
    refunded_minor, clawed_back_minor
                     what went back so far, and what that took from each level, in order of position (R-2), less what
                     was reversed (R-4)
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
    clawed_back_minor: tuple[int, ...] = (0,) * LEVELS

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
    """What a refund took back from each level, and when it counts (R-2, R-3); or what its reversal gave back (R-4).

    refund    stream of the refund, or of the reversal, whose amounts are negative
    reverses  stream of the refund that it reverses; None: it is a refund
    """

    refund: str
    position: int
    order: OrderOutcome
    value_at_us: int
    amount_minor: int
    clawed_back_minor: tuple[int, ...]
    reverses: str | None = None


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


Fact = OrderOutcome | Clawback | PlacedBinding | PayoutFact


@dataclass(slots=True)
class Fold:
    """Everything later events may ask about earlier ones.

    A caller that keeps this state elsewhere puts back what a batch needs before applying it: `bindings` of the
    members, `orders` of the refunds, `refunds` of the reversals, and what `payouts` says of itself.
    """

    plans: Plans = field(default_factory=Plans)
    bindings: dict[str, Bindings] = field(default_factory=dict)
    orders: dict[str, OrderOutcome] = field(default_factory=dict)
    refunds: dict[str, Clawback] = field(default_factory=dict)
    payouts: PayoutFold = field(default_factory=PayoutFold)

    def apply(self, change: Change) -> Fact | None:
        """Applies what the next event changes; the fact that is new or other than before, if any.

        Raises:
            IntegrityError: the event refers to something that the log before it does not have.
        """
        match change:
            case Placed():
                fact = self._order(change)
            case Refunded():
                fact = self._refund(change)
            case Reversed():
                fact = self._reversal(change)
            case Bound():
                fact = self._bound(change)
            case Released():
                fact = self._change(change, released_at=from_micros(change.at_us))
            case Renewed():
                fact = self._change(change, ends_at=from_micros(change.ends_at_us))
            case Published():
                fact = self.plans.add(change.plan())
            case _:
                fact = self.payouts.apply(change)
        return fact

    def forget(self) -> None:
        """Forgets what a caller puts back for each batch; bindings and plans stay."""
        self.orders.clear()
        self.refunds.clear()
        self.payouts.batches.clear()

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
        order.refunded_minor += amount_minor
        running = [
            outcome.commission_minor - gone for outcome, gone in zip(order.levels, order.clawed_back_minor, strict=True)
        ]
        left_minor = order.amount_minor - order.refunded_minor
        taken = clawback_from(running, left_minor, levels=order.levels, plan=self.plan_of(order))
        return self._taken(Clawback(stream, position, order, max(at_us, order.occurred_at_us), amount_minor, taken))

    def _reversal(self, change: Reversed) -> Clawback:
        position, stream, refund_stream, at_us = change
        refund = self.refunds.get(refund_stream)
        if refund is None:
            raise IntegrityError(f"position {position}: {stream} reverses {refund_stream}, which is not before it")
        refund.order.refunded_minor -= refund.amount_minor
        given_back = tuple([-minor for minor in refund.clawed_back_minor])
        value_at_us = max(at_us, refund.value_at_us)
        return self._taken(
            Clawback(stream, position, refund.order, value_at_us, -refund.amount_minor, given_back, refund_stream)
        )

    def _taken(self, fact: Clawback) -> Clawback:
        order = fact.order
        order.clawed_back_minor = tuple(
            [before + minor for before, minor in zip(order.clawed_back_minor, fact.clawed_back_minor, strict=True)]
        )
        self.refunds[fact.refund] = fact
        return fact

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
