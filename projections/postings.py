"""Every posting at (T, P), from nothing but the events, in one order for journals and exports (rule S-2).

Postings of an order stand at its position: accrual, clawback, maturity, restoration; within a kind by the event that
caused them, then by level. Postings of adjustments and payouts stand at their own event's position, those of an
approval in order of its lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from ledger.clock import to_micros
from ledger.errors import IntegrityError
from ledger.ids import split_stream
from ledger.payout_commands import payout_stream
from ledger.store.recorder import Recorded
from projections.changes import read_change
from projections.fold import Clawback, Fact, Fold, OrderOutcome
from projections.payout_changes import Posted
from projections.payout_fold import Movement, MovementKind, Reservation, Step, movement_of

Kind = Literal["accrual", "clawback", "restoration", "maturity"] | MovementKind

COMMISSION, PAYOUT, ADJUSTMENT = "expense:commission", "house:payout", "house:adjustment"


class Posting(NamedTuple):
    """An amount from one account to another, minor units, > 0. What is on a member's account is credits less debits.

    order        stream of the order behind it; of an adjustment or a payout its own
    level        of the order; None: it is of an adjustment or a payout
    stream       what caused it: the order, a refund, a reversal, an adjustment, a payout
    position     of the event that caused it; of a maturity: the order's
    value_at_us  when it counts
    """

    order: str
    kind: Kind
    level: int | None
    stream: str
    position: int
    value_at_us: int
    debit: str
    credit: str
    currency: str
    amount_minor: int


# Which period an event of a position is posted in where it counts at a time.
PeriodOf = Callable[[int, int], int | None]


def pending_of(member: str) -> str:
    """The account of what a member has on hold."""
    return f"member:{member}:pending"


def available_of(member: str) -> str:
    """The account of what a member can be paid."""
    return f"member:{member}:available"


def reserved_of(member: str) -> str:
    """The account of what is on its way to a member."""
    return f"member:{member}:reserved"


def postings(rows: Iterable[Recorded], as_of: datetime) -> Iterator[Posting]:
    """Every posting that counts by T, of events up to P.

    Args:
        rows: positions 1..P of the log, in order.
        as_of: business time T.

    Raises:
        IntegrityError: the rows are not a log this ledger wrote.
    """
    return (posting for posting in every_posting(rows) if posting.value_at_us <= to_micros(as_of))


def every_posting(rows: Iterable[Recorded], period_of: PeriodOf | None = None) -> Iterator[Posting]:
    """Every posting of events up to P, whatever its time; with periods as `order_postings` has it.

    Raises:
        IntegrityError: the rows are not a log this ledger wrote.
    """
    for entry in _entries(rows):
        match entry:
            case _OrderEntry():
                yield from order_postings(entry.order, entry.clawbacks, period_of)
            case Posted():
                yield movement_posting(entry.stream, movement_of(entry))
            case Reservation():
                for number, movement in zip(entry.batch.lines, entry.movements(), strict=True):
                    yield movement_posting(payout_of(entry.batch.stream, number), movement)
            case Step(change=change, movement=Movement() as movement):
                yield movement_posting(payout_of(change.batch, change.number), movement)
            case _:
                pass


def order_postings(
    order: OrderOutcome, clawbacks: Sequence[Clawback], period_of: PeriodOf | None = None
) -> Iterator[Posting]:
    """Everything an order posts, in order.

    Args:
        order: an order.
        clawbacks: its refunds and their reversals, in order of position.
        period_of: where periods are told apart. What matured is posted as it was known in the period of the maturity;
            what a refund of a later period takes of it is posted by itself, in that period.
    """
    paid = [
        _PaidLevel(order, level, outcome.beneficiary, outcome.commission_minor)
        for level, outcome in enumerate(order.levels, start=1)
        if outcome.reason == "paid" and outcome.beneficiary is not None
    ]
    for level in paid:
        at = (order.order, order.position, order.occurred_at_us)
        yield level.posting("accrual", at, (COMMISSION, pending_of(level.member)), level.commission_minor)
    for clawback in clawbacks:
        if clawback.reverses is None:
            yield from _of_clawback(clawback, paid)
    yield from _of_maturities(order, clawbacks, paid, period_of)
    for clawback in clawbacks:
        if clawback.reverses is not None:
            yield from _of_clawback(clawback, paid)


def movement_posting(stream: str, movement: Movement) -> Posting:
    """What an adjustment or a payout posts. stream: of the adjustment or the payout."""
    available, reserved = available_of(movement.member), reserved_of(movement.member)
    match movement.kind:
        case "adjustment" if movement.adjusted_minor > 0:
            accounts = (ADJUSTMENT, available)
        case "adjustment":
            accounts = (available, ADJUSTMENT)
        case "reservation":
            accounts = (available, reserved)
        case "payment":
            accounts = (reserved, PAYOUT)
        case "release":
            accounts = (reserved, available)
        case "return":
            accounts = (PAYOUT, available)
    minor = abs(movement.adjusted_minor or movement.reserved_minor or movement.paid_minor)
    at = (stream, movement.position, movement.value_at_us)
    return Posting(stream, movement.kind, None, *at, *accounts, movement.currency, minor)


def payout_of(batch: str, number: int) -> str:
    """The stream of a batch's payout."""
    source, batch_id = split_stream(batch)
    return payout_stream(batch_id, number, source)


class _PaidLevel(NamedTuple):
    """Who earned on a level of an order."""

    order: OrderOutcome
    number: int
    member: str
    commission_minor: int

    def posting(self, kind: Kind, at: tuple[str, int, int], accounts: tuple[str, str], minor: int) -> Posting:
        """One of the level's. at: stream, position, value_at. accounts: debited, credited."""
        return Posting(self.order.order, kind, self.number, *at, *accounts, self.order.currency, minor)

    def taken_by(self, clawbacks: Iterable[Clawback]) -> int:
        """What refunds took from the level, less what reversals gave back."""
        return sum(clawback.clawed_back_minor[self.number - 1] for clawback in clawbacks)

    def maturity(self, position: int, minor: int) -> Iterator[Posting]:
        """What becomes available when the hold ends; negative: less than nothing, or a correction."""
        at = (self.order.order, position, self.order.available_at_us)
        pending, available = pending_of(self.member), available_of(self.member)
        if minor:
            accounts = (pending, available) if minor > 0 else (available, pending)
            yield self.posting("maturity", at, accounts, abs(minor))


def _of_clawback(clawback: Clawback, paid: Sequence[_PaidLevel]) -> Iterator[Posting]:
    is_held = clawback.value_at_us < clawback.order.available_at_us
    at = (clawback.refund, clawback.position, clawback.value_at_us)
    for level in paid:
        member, minor = (pending_of if is_held else available_of)(level.member), level.taken_by([clawback])
        if minor > 0:
            yield level.posting("clawback", at, (member, COMMISSION), minor)
        elif minor < 0:
            yield level.posting("restoration", at, (COMMISSION, member), -minor)


def _of_maturities(
    order: OrderOutcome, clawbacks: Sequence[Clawback], paid: Sequence[_PaidLevel], period_of: PeriodOf | None
) -> Iterator[Posting]:
    held = [clawback for clawback in clawbacks if clawback.value_at_us < order.available_at_us]
    matured = period_of and period_of(order.position, order.available_at_us)
    later = [
        clawback
        for clawback in held
        if period_of is not None and period_of(clawback.position, order.available_at_us) != matured
    ]
    known = [clawback for clawback in held if clawback not in later]
    for level in paid:
        yield from level.maturity(order.position, level.commission_minor - level.taken_by(known))
    for clawback in later:
        for level in paid:
            yield from level.maturity(clawback.position, -level.taken_by([clawback]))


@dataclass(slots=True)
class _OrderEntry:
    """An order and everything that took from it, or gave back, in order of position."""

    order: OrderOutcome
    clawbacks: list[Clawback] = field(default_factory=list)


def _entries(rows: Iterable[Recorded]) -> list[_OrderEntry | Fact]:
    """What posts anything, in order of position; clawbacks with their orders."""
    fold, entries, by_order = Fold(), list[_OrderEntry | Fact](), dict[int, _OrderEntry]()
    for position, row in enumerate(rows, start=1):
        if row.position != position:
            raise IntegrityError(f"position {row.position} follows {position - 1}: the log has a gap")
        change = read_change(row)
        match None if change is None else fold.apply(change):
            case OrderOutcome() as order:
                by_order[order.position] = entry = _OrderEntry(order)
                entries.append(entry)
            case Clawback() as clawback:
                by_order[clawback.order.position].clawbacks.append(clawback)
            case Posted() | Reservation() | Step() as fact:
                entries.append(fact)
            case _:
                pass
    return entries
