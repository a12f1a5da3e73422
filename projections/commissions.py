"""The commissions projection: order outcomes, balances and teams in one pass over the log, batch by batch.

A batch reads back what its events may ask about, folds them in memory, and writes the new facts, in the transaction
that moves the checkpoint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import cast

from ledger.clock import from_micros, instant_of, micros_of, to_micros
from ledger.events import BindingReleased, BindingRenewed, Event, MemberBound, OrderPlaced, OrderRefunded
from ledger.ids import stream_of
from ledger.mapper import check_type, decode, decode_row
from ledger.plan import LEVELS
from ledger.rules.accrual import LevelOutcome, Reason
from ledger.rules.team import Binding
from ledger.store.recorder import Recorded
from ledger.store.session import Row, Session, Table, load
from projections.fold import FOLDED_TOPICS, Clawback, Fold, OrderOutcome, PlacedBinding

NAME = "commissions"

# Histories kept between batches; beyond it they are read again when asked for.
MEMBERS_KEPT_MAX = 200_000

_TEAM_BINDINGS = load("projections", "select_team_bindings")
_ORDER_OUTCOMES = load("projections", "select_order_outcomes")
_UPDATE_TEAM_BINDINGS = load("projections", "update_team_bindings")
_ADD_TO_BALANCES = load("projections", "add_to_balances")
_PLAN = load("projections", "select_plan")

_TEAM_BINDING = Table(
    "team_binding",
    {
        "member": "text",
        "position": "int8",
        "bind": "text",
        "referrer": "text",
        "bound_at_us": "int8",
        "ends_at_us": "int8",
        "plan": "int8",
        "released_at_us": "int8",
    },
)
_ORDER_OUTCOME = Table(
    "order_outcome",
    {
        "order_stream": "text",
        "position": "int8",
        "occurred_at_us": "int8",
        "available_at_us": "int8",
        "member": "text",
        "currency": "text",
        "amount_minor": "int8",
        "plan": "int8",
        "member_1": "text",
        "reason_1": "text",
        "commission_1": "int8",
        "member_2": "text",
        "reason_2": "text",
        "commission_2": "int8",
        "member_3": "text",
        "reason_3": "text",
        "commission_3": "int8",
    },
)
_ORDER_REFUND = Table(
    "order_refund",
    {
        "order_stream": "text",
        "position": "int8",
        "refund_stream": "text",
        "value_at_us": "int8",
        "amount_minor": "int8",
        "clawback_1": "int8",
        "clawback_2": "int8",
        "clawback_3": "int8",
    },
)


class Commissions:
    """Folds batches of the log into its tables. One instance serves one store, from its checkpoint on."""

    name = NAME

    def __init__(self) -> None:
        self._fold = Fold()

    def resume(self, log: Session, checkpoint: int) -> None:
        """Forgets what it knows and starts from the tables as they are at the checkpoint."""
        self._fold = Fold()
        number = 1
        while rows := log.rows(_PLAN, stream=stream_of("plan", str(number)), upto=checkpoint):
            self._fold.apply(0, decode(*rows[0]))
            number += 1

    def project(self, session: Session, batch: Sequence[Recorded]) -> None:
        """Writes what a batch changes; the caller's transaction moves the checkpoint.

        Raises:
            CorruptEventError, IntegrityError: the log is not one this ledger wrote.
        """
        events: list[tuple[int, Event]] = []
        for row in batch:
            if row.topic in FOLDED_TOPICS:
                events.append((row.position, decode_row(row)))
            else:
                check_type(row.topic, row.state)
        self._read(session, [event for _, event in events])
        orders: list[OrderOutcome] = []
        clawbacks: list[Clawback] = []
        bindings: dict[int, PlacedBinding] = {}
        for position, event in events:
            match self._fold.apply(position, event):
                case OrderOutcome() as order:
                    orders.append(order)
                case Clawback() as clawback:
                    clawbacks.append(clawback)
                case PlacedBinding() as placed:
                    bindings[placed.position] = placed
                case None:
                    pass
        first = batch[0].position
        self._write_bindings(session, first, bindings.values())
        session.insert(_ORDER_OUTCOME, [_order_row(order) for order in orders])
        session.insert(_ORDER_REFUND, [_refund_row(clawback) for clawback in clawbacks])
        session.write(_ADD_TO_BALANCES, _changes(orders, clawbacks))
        self._fold.orders.clear()

    # -- reading back

    def _read(self, session: Session, events: Sequence[Event]) -> None:
        """What the batch may ask about: uplines of its buyers, bindings that move, orders that are refunded."""
        if len(self._fold.bindings) > MEMBERS_KEPT_MAX:
            self._fold.bindings.clear()
        buyers: set[str] = set()
        moved: set[str] = set()
        placed: set[str] = set()
        refunded: set[str] = set()
        for event in events:
            match event:
                case OrderPlaced():
                    buyers.add(event.data.asked.member)
                    placed.add(event.stream)
                case OrderRefunded():
                    refunded.add(stream_of("order", event.data.asked.order, event.source))
                case MemberBound(data=data):
                    # A new edge may put its referrer's upline above a buyer of this batch.
                    moved.update((data.asked.member, data.asked.inviter))
                case BindingReleased(data=data) | BindingRenewed(data=data):
                    moved.add(data.member)
                case _:
                    pass
        self._read_uplines(session, buyers | moved)
        self._read_orders(session, sorted(refunded - placed))

    def _read_uplines(self, session: Session, members: set[str]) -> None:
        """Histories of members and of everyone who was ever within three levels above them."""
        known = self._fold.bindings
        for _ in range(LEVELS + 1):
            unknown = [member for member in members if member not in known]
            for member in unknown:
                known[member] = []
            if unknown:
                for row in session.rows(_TEAM_BINDINGS, keys=sorted(unknown)):
                    known[row[0]].append(placed_binding(row))
            members = {placed.binding.referrer for member in members for placed in known[member]}

    def _read_orders(self, session: Session, orders: list[str]) -> None:
        if orders:
            for row in session.rows(_ORDER_OUTCOMES, keys=orders):
                self._fold.orders[row[0]] = order_outcome(row)

    # -- writing

    def _write_bindings(self, session: Session, first: int, bindings: Iterable[PlacedBinding]) -> None:
        new = [placed for placed in bindings if placed.position >= first]
        moved = [placed for placed in bindings if placed.position < first]
        session.insert(_TEAM_BINDING, [_binding_row(placed) for placed in new])
        session.write(
            _UPDATE_TEAM_BINDINGS,
            [
                (
                    placed.binding.member,
                    placed.position,
                    micros_of(placed.binding.ends_at),
                    micros_of(placed.binding.released_at),
                )
                for placed in moved
            ],
        )


def order_outcome(row: Row) -> OrderOutcome:
    """A row of select_order_outcomes as the fact it is."""
    levels = tuple(LevelOutcome(cast("Reason", row[index + 1]), row[index], row[index + 2]) for index in (8, 11, 14))
    return OrderOutcome(
        order=row[0],
        position=row[1],
        occurred_at=from_micros(row[2]),
        available_at=from_micros(row[3]),
        member=row[4],
        currency=row[5],
        amount_minor=row[6],
        plan=row[7],
        levels=levels,
        refunded_minor=row[17],
    )


def placed_binding(row: Row) -> PlacedBinding:
    """A row of select_team_bindings as the fact it is."""
    member, position, bind, referrer, bound_at, ends_at, plan, released_at = row
    binding = Binding(bind, member, referrer, from_micros(bound_at), instant_of(ends_at), plan, instant_of(released_at))
    return PlacedBinding(position, binding)


def _binding_row(placed: PlacedBinding) -> Row:
    binding = placed.binding
    return (
        binding.member,
        placed.position,
        binding.bind,
        binding.referrer,
        to_micros(binding.bound_at),
        micros_of(binding.ends_at),
        binding.plan,
        micros_of(binding.released_at),
    )


def _order_row(order: OrderOutcome) -> Row:
    one, two, three = order.levels
    return (
        order.order,
        order.position,
        to_micros(order.occurred_at),
        to_micros(order.available_at),
        order.member,
        order.currency,
        order.amount_minor,
        order.plan,
        one.beneficiary,
        one.reason,
        one.commission_minor,
        two.beneficiary,
        two.reason,
        two.commission_minor,
        three.beneficiary,
        three.reason,
        three.commission_minor,
    )


def _refund_row(clawback: Clawback) -> Row:
    return (
        clawback.order.order,
        clawback.position,
        clawback.refund,
        to_micros(clawback.value_at),
        clawback.amount_minor,
        *clawback.clawed_back_minor,
    )


def _changes(orders: Iterable[OrderOutcome], clawbacks: Iterable[Clawback]) -> list[Row]:
    """What a batch adds to each account, sorted by account."""
    accounts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for order in orders:
        for outcome in order.levels:
            if outcome.commission_minor and outcome.beneficiary is not None:
                accounts[outcome.beneficiary, order.currency][0] += outcome.commission_minor
    for clawback in clawbacks:
        order = clawback.order
        for outcome, minor in zip(order.levels, clawback.clawed_back_minor, strict=True):
            if minor and outcome.beneficiary is not None:
                accounts[outcome.beneficiary, order.currency][1] += minor
    return [(*account, *sums) for account, sums in sorted(accounts.items())]
