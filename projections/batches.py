"""Payout batches as they stand at the checkpoint: their payouts, the states attempts, references (X-3, X-4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.clock import from_micros, instant_of
from ledger.errors import NotFoundError
from ledger.ids import DEFAULT_SOURCE, split_stream, stream_of
from ledger.store.session import Row, Session, load

_BATCHES = load("projections", "select_batches")
_SUMS = load("projections", "select_batch_sums")
_PAYOUTS = load("projections", "select_payouts")
_PAYOUT = load("projections", "select_payout")
_PAYOUTS_OF = load("projections", "select_payouts_of")
_STEPS = load("projections", "select_payout_steps")

# No more digits than any batch can have lines.
_NUMBER = re.compile(r"[1-9][0-9]{0,15}")

# Columns that are taken as they are, in order.
_OF_A_BATCH = (
    "at_position",
    "plan",
    "lines",
    "total_minor",
    "left_out",
    "digest",
    "lines_hash",
    "salt",
    "prepared_by",
    "state",
    "decided_position",
    "decided_at",
    "decided_by",
    "decided_reason",
    "reserved_lines",
    "reserved_minor",
    "reserved_hash",
)
_OF_A_PAYOUT = ("member", "currency", "amount_minor", "details", "state", "dropped", "attempt", "reference")


@dataclass(frozen=True, slots=True)
class StateSum:
    """How many payouts of a batch are in a state, and their sum."""

    payouts: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class BatchFound:
    """A payout batch.

    lines, total_minor           as prepared
    lines_hash                   likewise
    left_out                     members with a balance that get nothing
    state                        prepared, approved or rejected
    decided_*                    the approval or the rejection
    reserved_lines, reserved_minor, reserved_hash
                                 what the approval reserved
    by_state                     its payouts: prepared, rejected, dropped, reserved, submitted, paid, failed, returned,
                                 unknown
    """

    id: str
    source: str
    stream: str
    position: int
    currency: str
    at: datetime
    cut_off: datetime
    at_position: int
    plan: int
    lines: int
    total_minor: int
    left_out: int
    digest: str
    lines_hash: str
    salt: str | None
    prepared_by: str
    state: str
    decided_position: int | None
    decided_at: datetime | None
    decided_by: str | None
    decided_reason: str | None
    reserved_lines: int | None
    reserved_minor: int | None
    reserved_hash: str | None
    by_state: Mapping[str, StateSum]


@dataclass(frozen=True, slots=True)
class PayoutFound:
    """One payout.

    id         `<batch id>.<no>`
    details    salted hash of the payee's details; None: without
    state      of the payout, or of its batch while that is all there is
    dropped    why the approval left it out
    attempt    the last one; None: it was never submitted
    reference  the provider's last one
    since      when it came into its state
    position   of the event that brought it there
    """

    id: str
    batch: str
    batch_position: int
    source: str
    number: int
    member: str
    currency: str
    amount_minor: int
    details: str | None
    state: str
    dropped: str | None
    attempt: int | None
    reference: str | None
    since: datetime
    position: int


@dataclass(frozen=True, slots=True)
class StepFound:
    """What happened to a payout.

    value_at  when its posting counts; None: it posted nothing
    file      SHA-256 of the file it was submitted in
    """

    position: int
    kind: str
    attempt: int
    at: datetime
    value_at: datetime | None
    by: str
    reference: str | None
    reason: str | None
    file: str | None


def batches(session: Session, currency: str | None = None) -> list[BatchFound]:
    """Every batch, or those of a currency, in order of position."""
    found = _batches(session, None)
    return [batch for batch in found if currency in {None, batch.currency}]


def batch_of(session: Session, batch_id: str, source: str = DEFAULT_SOURCE) -> BatchFound:
    """One batch.

    Raises:
        NotFoundError: none of that id is recorded by the view's position.
    """
    found = _batches(session, stream_of("batch", batch_id, source))
    if not found:
        raise NotFoundError(f"no payout batch {batch_id!r} of source {source!r} is recorded")
    return found[0]


def payouts_in(session: Session, batch: BatchFound) -> list[PayoutFound]:
    """The payouts of a batch, in order of their numbers."""
    return payouts_from(session.rows(_PAYOUTS, batch=batch.position))


def payouts_of(session: Session, member: str) -> list[PayoutFound]:
    """The payouts of a member, in the order in which their batches were prepared."""
    return payouts_from(session.rows(_PAYOUTS_OF, member=member))


def payout_of(session: Session, payout_id: str, source: str = DEFAULT_SOURCE) -> PayoutFound:
    """One payout, `<batch id>.<no>`.

    Raises:
        NotFoundError: no batch has it.
    """
    batch_id, _, number = payout_id.rpartition(".")
    stream = stream_of("batch", batch_id, source)
    rows = session.rows(_PAYOUT, stream=stream, no=int(number)) if _NUMBER.fullmatch(number) else []
    if not rows:
        raise NotFoundError(f"no payout {payout_id!r} of source {source!r} is recorded")
    return _payout(rows[0])


def steps_of(session: Session, payout: PayoutFound) -> list[StepFound]:
    """What happened to a payout after it was reserved, in order."""
    rows = session.rows(_STEPS, batch=payout.batch_position, no=payout.number)
    return [
        StepFound(position, kind, attempt, from_micros(at), instant_of(value_at), *rest)
        for position, kind, attempt, at, value_at, *rest in rows
    ]


def _batches(session: Session, stream: str | None) -> list[BatchFound]:
    sums: dict[int, dict[str, StateSum]] = {}
    for position, state, count, total_minor in session.rows(_SUMS, stream=stream):
        sums.setdefault(position, {})[state] = StateSum(count, total_minor)
    return [_batch(row, sums.get(row[0], {})) for row in session.rows(_BATCHES, stream=stream)]


def _batch(row: Row, by_state: Mapping[str, StateSum]) -> BatchFound:
    position, stream, currency, at, cut_off, *rest = row
    source, batch_id = split_stream(stream)
    values: dict[str, Any] = dict(zip(_OF_A_BATCH, rest, strict=True))
    values["decided_at"] = instant_of(values["decided_at"])
    return BatchFound(
        id=batch_id,
        source=source,
        stream=stream,
        position=position,
        currency=currency,
        at=from_micros(at),
        cut_off=from_micros(cut_off),
        by_state=by_state,
        **values,
    )


def payouts_from(rows: Iterable[Row]) -> list[PayoutFound]:
    """Rows of select_payouts, and others with its columns, as the payouts they are."""
    return [_payout(row) for row in rows]


def _payout(row: Row) -> PayoutFound:
    stream, batch_position, number, *rest, since, position = row
    source, batch_id = split_stream(stream)
    return PayoutFound(
        id=f"{batch_id}.{number}",
        batch=batch_id,
        batch_position=batch_position,
        source=source,
        number=number,
        since=from_micros(since),
        position=position,
        **dict(zip(_OF_A_PAYOUT, rest, strict=True)),
    )
