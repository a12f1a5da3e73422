"""Explanations: an order's or a member's figures down to events, bindings, rates, rounding and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from ledger.clock import format_instant, from_micros, to_micros
from ledger.errors import NotFoundError
from ledger.events import OrderPlaced, PlanPublished
from ledger.ids import stream_of
from ledger.mapper import decode
from ledger.money import PPM
from ledger.plan import PlanTerms
from ledger.rules.accrual import LevelOutcome
from ledger.rules.team import latest_at
from ledger.store.recorder import LogRecorder
from ledger.store.session import Row, Session, load
from projections.adjustments import AdjustmentFound, Freeze, adjustments, freezes
from projections.balances import Balance, balances_at
from projections.batches import PayoutFound, payouts_of
from projections.commissions import order_outcome, placed_binding
from projections.fold import OrderOutcome, PlacedBinding

_ORDERS = load("projections", "select_order_outcomes")
_REFUNDS = load("projections", "select_refunds_of_order")
_BINDINGS = load("projections", "select_team_bindings")
_ORDERS_OF = load("projections", "select_orders_of")
_ACCRUALS = load("projections", "select_accruals")
_BATCHES_BY = load("projections", "select_batches_by")

State = Literal["pending", "available"]


@dataclass(frozen=True, slots=True)
class LevelExplained:
    """One level of an order.

    below            the member one level below, or the buyer; None: the chain had ended before
    binding          the edge that leads to this level (or the one that had ended), None: there never was one
    exact_ppm_minor  base x rate, in millionths of a minor unit, before rounding
    remainder_ppm    what rounding left with the house, in millionths of a minor unit; negative where it rounded up
    kept_minor       commission less clawbacks by T
    """

    level: int
    outcome: LevelOutcome
    rate_ppm: int
    below: str | None
    binding: PlacedBinding | None
    exact_ppm_minor: int
    remainder_ppm: int
    kept_minor: int


@dataclass(frozen=True, slots=True)
class RefundExplained:
    """One refund of an order and what it took back from each level, in recording order; or what a reversal gave back.

    refund    stream of the refund, or of the reversal, whose amounts are negative
    reverses  stream of the refund that it reverses; None: it is a refund
    """

    refund: str
    position: int
    value_at: datetime
    amount_minor: int
    left_minor: int
    clawed_back_minor: tuple[int, ...]
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class OrderExplained:
    """An order, why each level got what it got, and what refunds took back by T.

    state  of its accruals at T
    """

    order: OrderOutcome
    event: OrderPlaced
    plan: PlanTerms | None
    state: State
    levels: list[LevelExplained]
    refunds: list[RefundExplained]


@dataclass(frozen=True, slots=True)
class AccrualExplained:
    """One order that had the member in its upline. Minor units; what became of it by T."""

    order: str
    position: int
    occurred_at: datetime
    available_at: datetime
    buyer: str
    currency: str
    base_minor: int
    plan: int | None
    level: int
    reason: str
    commission_minor: int
    clawed_back_minor: int
    state: State


@dataclass(frozen=True, slots=True)
class OrderOfBuyer:
    """One order the member placed, and what became of its three levels. Minor units."""

    order: str
    position: int
    occurred_at: datetime
    currency: str
    amount_minor: int
    plan: int | None
    outcomes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemberExplained:
    """A member's balances, bindings, everything they earned on, bought, were given or paid.

    adjustments  that count by T, also those that were not approved, or not yet
    payouts      of batches prepared by T, as far as they are at the checkpoint
    freezes      of their payouts, and their ends, by T
    """

    member: str
    balances: list[Balance]
    bindings: list[PlacedBinding]
    accruals: list[AccrualExplained]
    orders: list[OrderOfBuyer]
    adjustments: list[AdjustmentFound]
    payouts: list[PayoutFound]
    freezes: list[Freeze]


def explain_order(session: Session, log: LogRecorder, order_id: str, source: str, as_of: datetime) -> OrderExplained:
    """Why an order paid whom how much, as of T.

    Raises:
        NotFoundError: no such order at the view's position.
    """
    stream = stream_of("order", order_id, source)
    rows = session.rows(_ORDERS, keys=[stream])
    if not rows:
        raise NotFoundError(f"no order {order_id!r} of source {source!r} is recorded")
    order = order_outcome(rows[0])
    if order.occurred_at > as_of:
        raise NotFoundError(f"order {order_id!r} happened later, at {format_instant(order.occurred_at)}")
    stored = log.select_events(stream)[0]
    event = cast("OrderPlaced", decode(stored.topic, stored.state))
    plan = None if order.plan is None else _plan(log, order.plan)
    refunds = _refunds(session, order, as_of)
    return OrderExplained(
        order=order,
        event=event,
        plan=plan,
        state=_state(order.available_at, as_of),
        levels=_levels(session, order, plan, refunds),
        refunds=refunds,
    )


def explain_member(session: Session, member: str, as_of: datetime) -> MemberExplained:
    """Everything a member's balance is made of, as of T.

    Raises:
        NotFoundError: the ledger has nothing of this member at the view's position.
    """
    bindings = [placed_binding(row) for row in session.rows(_BINDINGS, keys=[member])]
    bindings = [placed for placed in bindings if placed.binding.bound_at <= as_of]
    accruals = [_accrual(row, as_of) for row in session.rows(_ACCRUALS, member=member, as_of=to_micros(as_of))]
    orders = [
        OrderOfBuyer(order, position, from_micros(occurred_at), currency, amount, plan, tuple(outcomes))
        for order, position, occurred_at, currency, amount, plan, *outcomes in session.rows(
            _ORDERS_OF, member=member, as_of=to_micros(as_of)
        )
    ]
    given = [row for row in adjustments(session, member) if row.value_at <= as_of]
    prepared = {position for (position,) in session.rows(_BATCHES_BY, as_of=to_micros(as_of))}
    paid = [row for row in payouts_of(session, member) if row.batch_position in prepared]
    if not any((bindings, accruals, orders, given, paid)):
        raise NotFoundError(f"member {member!r} has no binding, no commission, no order, adjustment or payout by then")
    held = [row for row in freezes(session, member) if row.at <= as_of]
    return MemberExplained(member, balances_at(session, as_of, [member]), bindings, accruals, orders, given, paid, held)


def _plan(log: LogRecorder, number: int) -> PlanTerms:
    stored = log.select_events(stream_of("plan", str(number)))[0]
    return cast("PlanPublished", decode(stored.topic, stored.state)).data.asked.terms()


def _state(available_at: datetime, as_of: datetime) -> State:
    return "pending" if as_of < available_at else "available"


def _refunds(session: Session, order: OrderOutcome, as_of: datetime) -> list[RefundExplained]:
    """Clawbacks are fixed in order of position; those dated after T have not happened yet (R-2, R-3)."""
    refunds: list[RefundExplained] = []
    left = order.amount_minor
    for refund, position, value_at_us, amount, *clawed_back, reverses in session.rows(
        _REFUNDS, order_position=order.position
    ):
        left -= amount
        value_at = from_micros(value_at_us)
        if value_at <= as_of:
            refunds.append(RefundExplained(refund, position, value_at, amount, left, tuple(clawed_back), reverses))
    return refunds


def _levels(
    session: Session, order: OrderOutcome, plan: PlanTerms | None, refunds: list[RefundExplained]
) -> list[LevelExplained]:
    levels: list[LevelExplained] = []
    below: str | None = order.member
    for level, outcome in enumerate(order.levels, start=1):
        is_own = plan is not None and plan.self_purchase == "as_level_1" and level == 1
        binding = None if below is None or is_own else _edge(session, below, order)
        rate_ppm = 0 if plan is None else plan.rate_ppm(level)
        exact = order.amount_minor * rate_ppm
        is_rated = outcome.reason in {"paid", "rounds_to_zero"}
        clawed_back = sum(refund.clawed_back_minor[level - 1] for refund in refunds)
        levels.append(
            LevelExplained(
                level=level,
                outcome=outcome,
                rate_ppm=rate_ppm,
                below=below,
                binding=binding,
                exact_ppm_minor=exact if is_rated else 0,
                remainder_ppm=exact - outcome.commission_minor * PPM if is_rated else 0,
                kept_minor=outcome.commission_minor - clawed_back,
            )
        )
        below = outcome.beneficiary
    return levels


def _edge(session: Session, member: str, order: OrderOutcome) -> PlacedBinding | None:
    """The binding that decided this step: the latest before the order's time, of those recorded before it (A-1)."""
    placed = [placed_binding(row) for row in session.rows(_BINDINGS, keys=[member])]
    known = [row for row in placed if row.position < order.position]
    latest = latest_at([row.binding for row in known], order.occurred_at)
    return next((row for row in known if row.binding == latest), None)


def _accrual(row: Row, as_of: datetime) -> AccrualExplained:
    order, position, occurred_at, available_at, buyer, currency, base, plan, level, reason, commission, clawed_back = (
        row
    )
    return AccrualExplained(
        order=order,
        position=position,
        occurred_at=from_micros(occurred_at),
        available_at=from_micros(available_at),
        buyer=buyer,
        currency=currency,
        base_minor=base,
        plan=plan,
        level=level,
        reason=reason,
        commission_minor=commission,
        clawed_back_minor=clawed_back,
        state=_state(from_micros(available_at), as_of),
    )
