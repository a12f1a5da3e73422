"""What a payout is made of, down to the orders: what counted at its batch's (cut-off, P) and not before it (X-1).

Payable(T, P) is a sum over postings, each of which counts from its position on and, if it is a credit, from an instant
on. So is what was payable at the (T, P) of the payout before; what is between the two makes up the amount.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from ledger.clock import from_micros, to_micros
from ledger.ids import DEFAULT_SOURCE
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from projections.batches import BatchFound, PayoutFound, StepFound, batch_of, payout_of, steps_of
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.member_books import Account, Earned, EarnedOrder, MemberBooks, books_of
from projections.payout_fold import Movement, MovementKind
from projections.postings import payout_of as payout_stream

_PREVIOUS = load("projections", "select_previous_payout")


@dataclass(frozen=True, slots=True)
class Contribution:
    """What made more, or less, payable. Minor units, signed.

    stream       what it is: an order, a refund, a reversal, an adjustment, a payout
    counts_from  the instant from which it does: the end of a hold, or a credit's own; None: from its position on
    earned       of the order behind it; None: no order is behind it
    """

    kind: Literal["accrual", "clawback", "restoration"] | MovementKind
    stream: str
    position: int
    value_at: datetime
    counts_from: datetime | None
    payable_minor: int
    earned: Earned | None = None


@dataclass(frozen=True, slots=True)
class PayoutExplained:
    """A payout, what became of it, and what it is made of.

    previous       stream of the payout before it, of the same member and currency; None: it is the first
    carried_minor  what was payable when that one was computed
    contributions  what came to that since, its own reservation included, in order of position
    """

    payout: PayoutFound
    batch: BatchFound
    steps: list[StepFound]
    previous: str | None
    carried_minor: int
    contributions: list[Contribution]

    @property
    def prepared_minor(self) -> int:
        """What was carried and what came to it: the payable that the payout pays."""
        return self.carried_minor + sum(one.payable_minor for one in self.contributions)


class _Question(NamedTuple):
    """T, in microseconds since 1970, and P of a batch."""

    cut_off: int
    at_position: int

    def counts(self, one: Contribution) -> bool:
        """Whether it is in the payable of this (T, P)."""
        is_due = one.counts_from is None or to_micros(one.counts_from) <= self.cut_off
        return is_due and one.position <= self.at_position


def explain_payout(session: Session, log: LogRecorder, payout_id: str, source: str = DEFAULT_SOURCE) -> PayoutExplained:
    """Why a payout, `<batch id>.<no>`, pays what it does, and what became of it by the checkpoint.

    Raises:
        NotFoundError: no batch recorded by the view's position has it.
    """
    payout = payout_of(session, payout_id, source)
    batch = batch_of(session, payout.batch, source)
    account = Account(payout.member, payout.currency)
    question = _Question(to_micros(batch.cut_off), batch.at_position)
    contributions = list(_contributions(books_of(session, log, account, checkpoint(session, NAME))))
    asked = question._asdict() | account._asdict()
    previous = next(iter(session.rows(_PREVIOUS, **asked)), None)
    earlier = None if previous is None else _Question(*previous[2:])
    before = [one for one in contributions if earlier is not None and earlier.counts(one)]
    since = [one for one in contributions if question.counts(one) and (earlier is None or not earlier.counts(one))]
    return PayoutExplained(
        payout=payout,
        batch=batch,
        steps=steps_of(session, payout),
        previous=None if previous is None else payout_stream(*previous[:2]),
        carried_minor=sum(one.payable_minor for one in before),
        contributions=since,
    )


def _contributions(books: MemberBooks) -> Iterator[Contribution]:
    """Everything that ever counts, in order of position."""
    of_orders = [one for row in books.orders.values() for one in _of_order(row)]
    others = [one for stream, movement in books.movements if (one := _of_movement(stream, movement)).payable_minor]
    yield from sorted([*of_orders, *others], key=lambda one: one.position)


def _of_order(row: EarnedOrder) -> Iterator[Contribution]:
    """An accrual counts from the end of its hold on, and so does what is taken from it, or given back, before that."""
    order, earned = row.order, row.earned
    matures = order.available_at
    yield Contribution(
        "accrual", order.order, order.position, order.occurred_at, matures, earned.commission_minor, earned
    )
    for clawback in row.clawbacks:
        minor, at = -clawback.clawed_back_minor[earned.level - 1], from_micros(clawback.value_at_us)
        if not minor:
            continue
        # A debit counts whatever its time.
        counts_from = matures if at < matures else (at if minor > 0 else None)
        kind = "restoration" if minor > 0 else "clawback"
        yield Contribution(kind, clawback.refund, clawback.position, at, counts_from, minor, earned)


def _of_movement(stream: str, movement: Movement) -> Contribution:
    """Of what is neither reserved nor paid."""
    at = from_micros(movement.value_at_us)
    minor = movement.adjusted_minor - movement.reserved_minor - movement.paid_minor
    counts_from = at if movement.adjusted_minor > 0 else None
    return Contribution(movement.kind, stream, movement.position, at, counts_from, minor)
