"""The commissions projection: order outcomes, balances and teams in one pass over the log, batch by batch.

A batch reads back what its events may ask about, folds them in memory, and writes the new facts, in the transaction
that moves the checkpoint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import cast

from ledger.clock import EPOCH, from_micros, instant_of, micros_of, to_micros
from ledger.events import BindingReleased, BindingRenewed, MemberBound, PlanPublished
from ledger.ids import stream_of
from ledger.mapper import decode
from ledger.plan import LEVELS
from ledger.rules.accrual import LevelOutcome, Reason
from ledger.rules.team import Binding
from ledger.store.session import Row, Session, Table, load
from projections.fold import Bindings, Change, Changes, Clawback, Fold, OrderOutcome, Placed, PlacedBinding, Refunded

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
        "position": "int8",
        "order_stream": "text",
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
        "order_position": "int8",
        "position": "int8",
        "refund_stream": "text",
        "value_at_us": "int8",
        "amount_minor": "int8",
        "clawback_1": "int8",
        "clawback_2": "int8",
        "clawback_3": "int8",
    },
)
_MEMBER_ORDER = Table(
    "member_order", {"member": "text", "until_us": "int8", "first_position": "int8", "positions": "text"}
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
            self._fold.plans.add(cast("PlanPublished", decode(*rows[0])).data.asked)
            number += 1

    def project(self, session: Session, changes: Changes) -> None:
        """Writes what a batch changes; the caller's transaction moves the checkpoint.

        Raises:
            IntegrityError: the log is not one this ledger wrote.
        """
        if not changes:
            return
        self._read(session, [change for _, change in changes])
        orders: list[OrderOutcome] = []
        clawbacks: list[Clawback] = []
        bindings: dict[int, PlacedBinding] = {}
        for position, change in changes:
            match self._fold.apply(position, change):
                case OrderOutcome() as order:
                    orders.append(order)
                case Clawback() as clawback:
                    clawbacks.append(clawback)
                case PlacedBinding() as placed:
                    bindings[placed.position] = placed
                case None:
                    pass
        first = changes[0][0]
        self._write_bindings(session, first, bindings.values())
        if orders:
            session.insert(_ORDER_OUTCOME, map(_order_row, orders))
        if clawbacks:
            session.insert(_ORDER_REFUND, map(_refund_row, clawbacks))
        if orders or clawbacks:
            session.insert(_MEMBER_ORDER, _member_rows(first, orders, clawbacks))
        session.write(_ADD_TO_BALANCES, _changes(orders, clawbacks))
        self._fold.orders.clear()

    # -- reading back

    def _read(self, session: Session, changes: Sequence[Change]) -> None:
        """What the batch may ask about: uplines of its buyers, bindings that move, orders that are refunded."""
        known = self._fold.bindings
        if len(known) > MEMBERS_KEPT_MAX:
            # Those that were read first go first.
            for member in list(islice(known, MEMBERS_KEPT_MAX // 2)):
                del known[member]
        buyers: set[str] = set()
        moved: set[str] = set()
        placed: set[str] = set()
        refunded: set[str] = set()
        for change in changes:
            match change:
                case Placed():
                    buyers.add(change.member)
                    placed.add(change.stream)
                case Refunded():
                    refunded.add(change.order_stream)
                case MemberBound(data=data):
                    # A new edge may put its referrer's upline above a buyer of this batch.
                    moved.update((data.asked.member, data.asked.inviter))
                case BindingReleased(data=data) | BindingRenewed(data=data):
                    moved.add(data.member)
                case PlanPublished():
                    pass
        self._read_uplines(session, buyers | moved)
        self._read_orders(session, sorted(refunded - placed))

    def _read_uplines(self, session: Session, members: set[str]) -> None:
        """Histories of members and of everyone who was ever within three levels above them."""
        known = self._fold.bindings
        seen: set[str] = set()
        for _ in range(LEVELS + 1):
            seen |= members
            unknown = sorted(members - known.keys())
            for member in unknown:
                known[member] = Bindings()
            if unknown:
                for row in session.rows(_TEAM_BINDINGS, keys=unknown):
                    known[row[0]].add(placed_binding(row))
            members = {binding.referrer for member in members for binding in known[member].history} - seen

    def _read_orders(self, session: Session, orders: list[str]) -> None:
        if orders:
            for row in session.rows(_ORDER_OUTCOMES, keys=orders):
                order = order_outcome(row)
                self._fold.orders[order.order] = order

    # -- writing

    def _write_bindings(self, session: Session, first: int, bindings: Iterable[PlacedBinding]) -> None:
        new = [placed for placed in bindings if placed.position >= first]
        moved = [placed for placed in bindings if placed.position < first]
        if new:
            session.insert(_TEAM_BINDING, map(_binding_row, new))
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
        position=row[0],
        order=row[1],
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
        order.position,
        order.order,
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
        clawback.order.position,
        clawback.position,
        clawback.refund,
        to_micros(clawback.value_at),
        clawback.amount_minor,
        *clawback.clawed_back_minor,
    )


def _member_rows(first: int, orders: Sequence[OrderOutcome], clawbacks: Sequence[Clawback]) -> list[Row]:
    """Which orders of a batch concern whom, one row per member, sorted: neighbours lie on one page of the index."""
    positions: defaultdict[str, list[str]] = defaultdict(list)
    for order in chain(orders, [clawback.order for clawback in clawbacks]):
        position = str(order.position)
        one, two, three = order.levels
        for member in {order.member, one.beneficiary, two.beneficiary, three.beneficiary}:
            if member is not None:
                positions[member].append(position)
    ends = chain([order.available_at for order in orders], [clawback.value_at for clawback in clawbacks])
    until_us = to_micros(max(ends, default=EPOCH))
    return [(member, until_us, first, ",".join(positions[member])) for member in sorted(positions)]


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
