"""The fold of payouts and adjustments: which of their events posts what, and when it counts (S-2). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ledger.errors import IntegrityError
from projections.payout_changes import (
    Approved,
    Closed,
    Declined,
    Dropped,
    Frozen,
    Lined,
    PayoutChange,
    Posted,
    Prepared,
    Proposed,
    Rejected,
    Stepped,
)

MovementKind = Literal["adjustment", "reservation", "payment", "release", "return"]


@dataclass(frozen=True, slots=True)
class Movement:
    """A posting of an adjustment or a payout: what it changes of a member's balance, signed, minor units.

    position     of the event that it follows from
    value_at_us  when it counts
    """

    kind: MovementKind
    position: int
    member: str
    currency: str
    value_at_us: int
    adjusted_minor: int = 0
    reserved_minor: int = 0
    paid_minor: int = 0


@dataclass(slots=True)
class Batch:
    """A payout batch as later events may ask about it.

    position        of its PayoutBatchPrepared
    reserved_at_us  when its lines were reserved; None: they are not
    lines           member and amount by number, without those that were dropped
    posted_at_us    when the last posting of a payout counts, by number, where that is not the reservation
    """

    position: int
    stream: str
    currency: str
    reserved_at_us: int | None = None
    lines: dict[int, tuple[str, int]] = field(default_factory=dict)
    posted_at_us: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A batch was approved: every line it still has is reserved (X-3)."""

    change: Approved
    batch: Batch

    def movements(self) -> Iterator[Movement]:
        """One posting a line, of the lines that the batch was given."""
        position, at_us = self.change.position, self.change.at_us
        for member, amount_minor in self.batch.lines.values():
            yield Movement("reservation", position, member, self.batch.currency, at_us, reserved_minor=amount_minor)


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one payout. movement: what it posts; None: nothing."""

    change: Stepped
    batch: Batch
    movement: Movement | None


# What is no posting is a fact as it is.
PayoutFact = Frozen | Proposed | Posted | Declined | Prepared | Lined | Dropped | Rejected | Closed | Reservation | Step


@dataclass(slots=True)
class PayoutFold:
    """Every batch so far, by stream. A caller that keeps them elsewhere puts back those that events refer to."""

    batches: dict[str, Batch] = field(default_factory=dict)

    def apply(self, change: PayoutChange) -> PayoutFact:
        """Applies what the next event changes; the fact that is new.

        Raises:
            IntegrityError: the event refers to something that the log before it does not have.
        """
        match change:
            case Prepared():
                self.batches[change.stream] = Batch(change.position, change.stream, change.currency)
            case Lined():
                batch = self._batch(change)
                batch.lines.update({number: (member, minor) for number, member, minor, _ in change.lines})
            case Dropped():
                batch = self._batch(change)
                for number, _ in change.lines:
                    batch.lines.pop(number, None)
            case Approved():
                batch = self._batch(change)
                batch.reserved_at_us = change.at_us
                return Reservation(change, batch)
            case Stepped():
                return self._step(change)
            case _:
                pass
        return change

    def _step(self, change: Stepped) -> Step:
        batch = self._batch(change)
        if batch.reserved_at_us is None:
            raise IntegrityError(f"position {change.position}: {change.batch} was not approved before it")
        movement = _movement(change, batch.posted_at_us.get(change.number, batch.reserved_at_us))
        if movement is not None:
            batch.posted_at_us[change.number] = movement.value_at_us
        return Step(change, batch, movement)

    def _batch(self, change: Lined | Dropped | Approved | Stepped) -> Batch:
        batch = self.batches.get(change.batch)
        if batch is None:
            raise IntegrityError(f"position {change.position}: {change.batch} is not before it")
        return batch


def movement_of(posted: Posted) -> Movement:
    """What an approved adjustment posts."""
    money = (posted.member, posted.currency, posted.value_at_us)
    return Movement("adjustment", posted.position, *money, adjusted_minor=posted.amount_minor)


def _movement(step: Stepped, not_before_us: int) -> Movement | None:
    """What a step posts, never before the payout's posting before it."""
    minor = step.amount_minor
    money = (step.member, step.currency, max(step.at_us, not_before_us))
    match step.kind:
        case "paid":
            return Movement("payment", step.position, *money, reserved_minor=-minor, paid_minor=minor)
        case "failed":
            return Movement("release", step.position, *money, reserved_minor=-minor)
        case "returned":
            return Movement("return", step.position, *money, paid_minor=-minor)
        case "submitted" if step.attempt > 1:
            # The first attempt pays what the approval reserved; a failure has given it back.
            return Movement("reservation", step.position, *money, reserved_minor=minor)
        case _:
            return None
