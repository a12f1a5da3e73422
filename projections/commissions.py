"""The commissions projection: order outcomes, balances, teams and payouts in one pass over the log, batch by batch.

A batch reads back what its events may ask about, folds them in memory, and writes the new facts, in the transaction
that moves the checkpoint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import cast

from ledger.clock import from_micros, instant_of, micros_of, to_micros
from ledger.plan import LEVELS
from ledger.rules.accrual import LevelOutcome, Reason
from ledger.rules.team import Binding
from ledger.store.session import Row, Session, Table, load
from projections.changes import Bound, Changes, Placed, Refunded, Released, Renewed, Reversed
from projections.fold import Bindings, Clawback, Fold, OrderOutcome, PlacedBinding
from projections.payout_tables import PayoutRows, read_payouts
from projections.plans import plans_at

NAME = "commissions"

# Histories kept between batches; beyond it they are read again when asked for.
MEMBERS_KEPT_MAX = 350_000

_TEAM_BINDINGS = load("projections", "select_team_bindings")
_ORDER_OUTCOMES = load("projections", "select_order_outcomes")
_REFUNDS = load("projections", "select_refunds")
_UPDATE_TEAM_BINDINGS = load("projections", "update_team_bindings")
_ADD_TO_BALANCES = load("projections", "add_to_balances")

TEAM_BINDING = Table(
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
ORDER_OUTCOME = Table(
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
ORDER_REFUND = Table(
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
        "reverses": "text",
    },
)
MEMBER_ORDER = Table(
    "member_order", {"member": "text", "until_us": "int8", "first_position": "int8", "positions": "text"}
)


class Commissions:
    """Folds batches of the log into its tables. One instance serves one store, from its checkpoint on."""

    name = NAME

    def __init__(self) -> None:
        self._fold = Fold()
        # Members whose histories and those of everyone within three levels above them are in the fold.
        self._whole: set[str] = set()

    def resume(self, log: Session, checkpoint: int) -> None:
        """Forgets what it knows and starts from the tables as they are at the checkpoint."""
        self._fold = Fold()
        self._whole.clear()
        self._fold.plans = plans_at(log, checkpoint)

    def project(self, session: Session, changes: Changes) -> None:
        """Writes what a batch changes; the caller's transaction moves the checkpoint.

        Raises:
            IntegrityError: the log is not one this ledger wrote.
        """
        if not changes:
            return
        self._read(session, changes)
        facts = _Facts(changes[0].position)
        # Orders go out as they are folded: the database stores the first while the last is still to be folded.
        session.insert(ORDER_OUTCOME, map(_order_row, self._folded(changes, facts)))
        self._write_bindings(session, facts)
        session.insert(ORDER_REFUND, map(_refund_row, facts.clawbacks))
        session.insert(MEMBER_ORDER, facts.member_rows())
        session.write(_ADD_TO_BALANCES, facts.account_rows())
        facts.payouts.write(session)
        self._fold.forget()

    def _folded(self, changes: Changes, facts: _Facts) -> Iterator[OrderOutcome]:
        """Applies the changes; new orders as they come, everything in `facts`."""
        apply = self._fold.apply
        for change in changes:
            match apply(change):
                case OrderOutcome() as order:
                    facts.take_order(order)
                    yield order
                case Clawback() as clawback:
                    facts.take_clawback(clawback)
                case PlacedBinding() as placed:
                    facts.bindings[placed.position] = placed
                case None:
                    pass
                case fact:
                    facts.payouts.take(fact, self._fold.payouts)

    # -- reading back

    def _read(self, session: Session, changes: Changes) -> None:
        """What the batch may ask about: uplines of buyers, bindings that move, orders refunded, batches paid."""
        if len(self._fold.bindings) > MEMBERS_KEPT_MAX:
            self._forget_half()
        placed = [change for change in changes if type(change) is Placed]
        # Nearly all are orders: what others ask is looked for among the others.
        others = [change for change in changes if type(change) is not Placed]
        members = {change.member for change in placed}
        for change in others:
            match change:
                case Bound():
                    # A new edge may put its referrer's upline above a buyer of this batch.
                    members |= {change.member, change.referrer}
                case Released() | Renewed():
                    members.add(change.member)
                case _:
                    pass
        self._read_uplines(session, members - self._whole)
        self._whole |= members
        self._read_refunded(session, {change.stream for change in placed}, others)
        read_payouts(session, others, self._fold.payouts)

    def _forget_half(self) -> None:
        """Of the members, those that were read first."""
        known = self._fold.bindings
        for member in list(islice(known, len(known) // 2)):
            del known[member]
        self._whole.clear()

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
                    known[row[0]].add(row[1], _binding(row))
            members = {binding.referrer for member in members for binding in known[member].history} - seen

    def _read_refunded(self, session: Session, placed: set[str], others: Changes) -> None:
        """Orders that are refunded, refunds that are reversed and their orders, unless they come with the batch."""
        refunds = {change.stream: change.order_stream for change in others if type(change) is Refunded}
        reversed_ = {change.refund_stream for change in others if type(change) is Reversed} - refunds.keys()
        rows = session.rows(_REFUNDS, keys=sorted(reversed_)) if reversed_ else []
        orders = {*refunds.values(), *[row[0] for row in rows]} - placed
        if orders:
            for row in session.rows(_ORDER_OUTCOMES, keys=sorted(orders)):
                order = order_outcome(row)
                self._fold.orders[order.order] = order
        for row in rows:
            refund = _clawback(self._fold.orders[row[0]], row)
            self._fold.refunds[refund.refund] = refund

    # -- writing

    def _write_bindings(self, session: Session, facts: _Facts) -> None:
        new = [placed for placed in facts.bindings.values() if placed.position >= facts.first]
        moved = [placed for placed in facts.bindings.values() if placed.position < facts.first]
        session.insert(TEAM_BINDING, map(_binding_row, new))
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


class _Facts:
    """What one batch adds.

    first     position of its first change
    bindings  new or other than before, by position
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.bindings: dict[int, PlacedBinding] = {}
        self.clawbacks: list[Clawback] = []
        self.payouts = PayoutRows()
        self._accounts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._positions: defaultdict[str, list[int]] = defaultdict(list)
        self._until_us = 0

    def take_order(self, order: OrderOutcome) -> None:
        """A new order."""
        position, positions = order.position, self._positions
        positions[order.member].append(position)
        for outcome in order.levels:
            member = outcome.beneficiary
            if member is None:
                break
            if outcome.reason != "repeat" and member != order.member:
                positions[member].append(position)
            if outcome.commission_minor:
                self._accounts[member, order.currency][0] += outcome.commission_minor
        self._until_us = max(self._until_us, order.available_at_us)

    def take_clawback(self, clawback: Clawback) -> None:
        """A refund or its reversal; it concerns whom its order does, once more."""
        self.clawbacks.append(clawback)
        order = clawback.order
        members = {order.member, *[outcome.beneficiary for outcome in order.levels]}
        for member in members:
            if member is not None:
                self._positions[member].append(order.position)
        for outcome, minor in zip(order.levels, clawback.clawed_back_minor, strict=True):
            if minor and outcome.beneficiary is not None:
                self._accounts[outcome.beneficiary, order.currency][1] += minor
        self._until_us = max(self._until_us, clawback.value_at_us)

    def member_rows(self) -> list[Row]:
        """Which orders concern whom, one row per member, sorted: neighbours lie on one page of the index."""
        return [
            (member, self._until_us, self.first, ",".join(map(str, positions)))
            for member, positions in sorted(self._positions.items())
        ]

    def account_rows(self) -> list[Row]:
        """What is added to each account, sorted by account: writers lock in one order."""
        return [(*account, *sums) for account, sums in sorted(self._accounts.items())]


def order_outcome(row: Row) -> OrderOutcome:
    """A row of select_order_outcomes as the fact it is."""
    levels = tuple(LevelOutcome(cast("Reason", row[index + 1]), row[index], row[index + 2]) for index in (8, 11, 14))
    return OrderOutcome(
        position=row[0],
        order=row[1],
        occurred_at_us=row[2],
        available_at_us=row[3],
        member=row[4],
        currency=row[5],
        amount_minor=row[6],
        plan=row[7],
        levels=levels,
        refunded_minor=row[17],
        clawed_back_minor=tuple(row[18:21]),
    )


def _clawback(order: OrderOutcome, row: Row) -> Clawback:
    """A row of select_refunds as the fact it is."""
    _, refund, position, value_at_us, amount_minor, *clawed_back = row
    return Clawback(refund, position, order, value_at_us, amount_minor, tuple(clawed_back))


def placed_binding(row: Row) -> PlacedBinding:
    """A row of select_team_bindings as the fact it is."""
    return PlacedBinding(row[1], _binding(row))


def _binding(row: Row) -> Binding:
    member, _, bind, referrer, bound_at, ends_at, plan, released_at = row
    return Binding(bind, member, referrer, from_micros(bound_at), instant_of(ends_at), plan, instant_of(released_at))


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
        order.occurred_at_us,
        order.available_at_us,
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
        clawback.value_at_us,
        clawback.amount_minor,
        *clawback.clawed_back_minor,
        clawback.reverses,
    )
