"""Changes that finance makes: payouts, adjustments, freezes, closed periods. Texts and integers, like all changes."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from ledger.canonical import canonical
from ledger.clock import to_micros
from ledger.envelope import Event
from ledger.events import MemberFrozen, MemberUnfrozen
from ledger.mapper import decode_row
from ledger.payout_events import (
    PAYOUT_EVENTS,
    AdjustmentPosted,
    AdjustmentProposed,
    AdjustmentRejected,
    PayoutBatchApproved,
    PayoutBatchLines,
    PayoutBatchPrepared,
    PayoutBatchRejected,
    PayoutFailed,
    PayoutLinesDropped,
    PayoutPaid,
    PayoutReturned,
    PayoutSubmitted,
    PayoutUnknown,
    PeriodClosed,
)
from ledger.store.recorder import Recorded

StepKind = Literal["submitted", "paid", "failed", "returned", "unknown"]


class Frozen(NamedTuple):
    """A member's payouts are held from here on, or no longer."""

    position: int
    member: str
    is_frozen: bool
    at_us: int
    actor: str
    reason: str


class Proposed(NamedTuple):
    """An adjustment that somebody has to decide."""

    position: int
    stream: str
    member: str
    currency: str
    amount_minor: int
    value_at_us: int
    reason: str
    by: str


class Posted(NamedTuple):
    """An adjustment was approved."""

    position: int
    stream: str
    member: str
    currency: str
    amount_minor: int
    value_at_us: int
    at_us: int
    by: str


class Declined(NamedTuple):
    """An adjustment was not."""

    position: int
    stream: str
    at_us: int
    by: str
    reason: str


class Prepared(NamedTuple):
    """A payout batch; its lines follow."""

    position: int
    stream: str
    currency: str
    at_us: int
    cut_off_us: int
    at_position: int
    plan: int
    lines: int
    total_minor: int
    left_out: int
    digest: str
    lines_hash: str
    salt: str | None
    by: str


class Lined(NamedTuple):
    """Lines of a batch: number, member, amount, hash of the payee's details."""

    position: int
    batch: str
    lines: tuple[tuple[int, str, int, str | None], ...]


class Dropped(NamedTuple):
    """Lines that are not paid after all: number, reason."""

    position: int
    batch: str
    lines: tuple[tuple[int, str], ...]


class Approved(NamedTuple):
    """A batch was approved: its lines are reserved."""

    position: int
    batch: str
    at_us: int
    by: str
    lines: int
    total_minor: int
    lines_hash: str


class Rejected(NamedTuple):
    """A batch was not."""

    position: int
    batch: str
    at_us: int
    by: str
    reason: str


class Stepped(NamedTuple):
    """What happened to one payout of an approved batch."""

    position: int
    batch: str
    number: int
    kind: StepKind
    member: str
    currency: str
    amount_minor: int
    attempt: int
    at_us: int
    by: str
    reference: str | None
    reason: str | None
    file: str | None


class Closed(NamedTuple):
    """A period was closed. trial_balance: JSON."""

    position: int
    end_us: int
    at_position: int
    at_us: int
    by: str
    digest: str
    root: str
    trial_balance: str


PayoutChange = (
    Frozen | Proposed | Posted | Declined | Prepared | Lined | Dropped | Approved | Rejected | Stepped | Closed
)

TOPICS = frozenset(event.TOPIC for event in (MemberFrozen, MemberUnfrozen, *PAYOUT_EVENTS))

_STEPS: dict[str, StepKind] = {
    PayoutSubmitted.TOPIC: "submitted",
    PayoutPaid.TOPIC: "paid",
    PayoutFailed.TOPIC: "failed",
    PayoutReturned.TOPIC: "returned",
    PayoutUnknown.TOPIC: "unknown",
}


def read_payout_change(row: Recorded) -> PayoutChange:
    """What an event of one of `TOPICS` changes.

    Raises:
        CorruptEventError: bytes are not what was written, or lie under other columns.
    """
    event = decode_row(row)
    if row.topic in _STEPS:
        return _stepped(row.position, event)
    at_us = to_micros(event.occurred_at)
    match event:
        case MemberFrozen() | MemberUnfrozen():
            asked, is_frozen = event.data.asked, isinstance(event, MemberFrozen)
            return Frozen(row.position, asked.member, is_frozen, at_us, event.actor, asked.reason)
        case AdjustmentProposed() | AdjustmentPosted() | AdjustmentRejected():
            return _adjustment(row.position, event)
        case PeriodClosed(data=data):
            at_position, text = data.at_position, canonical(data.trial_balance).decode()
            end_us, by = to_micros(data.asked.end), data.by.name
            return Closed(row.position, end_us, at_position, at_us, by, data.digest, data.root, text)
        case _:
            return _batch(row.position, event)


def _adjustment(
    position: int, event: AdjustmentProposed | AdjustmentPosted | AdjustmentRejected
) -> Proposed | Posted | Declined:
    at_us = to_micros(event.occurred_at)
    match event:
        case AdjustmentProposed(data=data):
            asked, by = data.asked, data.by.name
            value_at_us = to_micros(asked.at)
            money = (asked.member, asked.currency, asked.amount, value_at_us)
            return Proposed(position, event.stream, *money, asked.reason, by)
        case AdjustmentPosted(data=data):
            money = (data.member, data.currency, data.amount, to_micros(data.value_at))
            return Posted(position, event.stream, *money, at_us, data.by.name)
        case AdjustmentRejected(data=data):
            return Declined(position, event.stream, at_us, data.by.name, data.reason)


def _batch(position: int, event: Event) -> PayoutChange:
    at_us = to_micros(event.occurred_at)
    match event:
        case PayoutBatchPrepared(data=data):
            asked = data.asked
            question = (asked.currency, to_micros(asked.at), to_micros(asked.cut_off), data.at_position, data.plan)
            answer = (data.count, data.total, data.left_out, data.digest, data.lines, data.salt)
            return Prepared(position, event.stream, *question, *answer, data.by.name)
        case PayoutBatchLines(data=data):
            return Lined(position, event.stream, data.lines)
        case PayoutLinesDropped(data=data):
            return Dropped(position, event.stream, data.lines)
        case PayoutBatchApproved(data=data):
            return Approved(position, event.stream, at_us, data.by.name, data.count, data.total, data.lines)
        case _:
            rejected = cast("PayoutBatchRejected", event)
            return Rejected(position, event.stream, at_us, rejected.data.by.name, rejected.data.reason)


def _stepped(position: int, event: Event) -> Stepped:
    step = cast("PayoutSubmitted | PayoutPaid | PayoutFailed | PayoutReturned | PayoutUnknown", event)
    data = step.data
    return Stepped(
        position=position,
        batch=data.batch,
        number=int(step.id.rpartition(".")[2]),
        kind=_STEPS[step.TOPIC],
        member=data.member,
        currency=data.currency,
        amount_minor=data.amount,
        attempt=data.attempt,
        at_us=to_micros(step.occurred_at),
        by=data.by.name,
        reference=getattr(data, "reference", None),
        reason=getattr(data, "reason", None),
        file=getattr(data, "file", None),
    )
