"""What finance's decisions ask of the log: batches, payouts and adjustments, each read from its own stream.

Rows of its own has only what no stream answers: who is frozen, where a currency's last batch was decided, and which
payout a provider's reference belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ledger.envelope import Event
from ledger.errors import IntegrityError
from ledger.mapper import decode_row
from ledger.payout_events import (
    AdjustmentPosted,
    AdjustmentProposed,
    AdjustmentRejected,
    ApprovedData,
    By,
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
    PreparedData,
    ProposedData,
)
from ledger.rules.payout import DropReason, Fact, Line, Payout, ReviewState
from ledger.store.recorder import Recorded
from ledger.store.session import Session, Table, load

_STREAMS = load("ledger.store", "select_streams")
_FROZEN = load("ledger.store", "select_frozen")
_REFERENCES = load("ledger.store", "select_references")
_LAST_BATCH = load("ledger.store", "select_last_batch")

BATCH_TABLE = Table("decision_batch", {"currency": "text", "position": "int8", "batch": "text"})
REFERENCE_TABLE = Table("decision_reference", {"reference": "text", "position": "int8", "payout": "text"})


@dataclass(slots=True)
class Batch:
    """A batch as its stream tells it.

    dropped   number of each line that was not reserved, with its reason
    decided   who approved or rejected it
    version   last of its stream
    """

    stream: str
    id: str
    prepared: PreparedData
    lines: list[Line] = field(default_factory=list[Line])
    dropped: dict[int, DropReason] = field(default_factory=dict[int, DropReason])
    state: ReviewState = "prepared"
    decided: By | None = None
    approved: ApprovedData | None = None
    version: int = 1

    @property
    def currency(self) -> str:
        """Of all its lines."""
        return self.prepared.asked.currency

    @property
    def reserved(self) -> list[Line]:
        """The lines that an approval reserved; none before it."""
        return [line for line in self.lines if line.number not in self.dropped] if self.state == "approved" else []


@dataclass(slots=True)
class Adjustment:
    """An adjustment as its stream tells it."""

    id: str
    proposed: ProposedData
    state: ReviewState = "proposed"
    decided: By | None = None


def read_batch(session: Session, stream: str) -> Batch | None:
    """The batch of a stream, if there is one."""
    batch: Batch | None = None
    for event in _events(session, [stream]):
        if isinstance(event, PayoutBatchPrepared):
            batch = Batch(stream, event.id, event.data)
        elif batch is None:
            raise IntegrityError(f"{stream} does not begin with its preparation")
        else:
            _take(batch, event)
    return batch


def read_payouts(session: Session, streams: Sequence[str]) -> dict[str, Payout]:
    """The payouts of these streams that were ever sent."""
    payouts: dict[str, Payout] = {}
    for event in _events(session, streams):
        fact = _fact(event)
        before = payouts.get(event.stream)
        if before is None and isinstance(event, PayoutSubmitted):
            number = int(event.id.rpartition(".")[2])
            before = Payout(Line(number, event.data.member, event.data.amount), event.data.currency)
        if before is None or fact is None:
            raise IntegrityError(f"{event.stream} does not begin with its submission")
        payouts[event.stream] = before.plus(fact)
    return payouts


def read_adjustments(session: Session, streams: Sequence[str]) -> dict[str, Adjustment]:
    """The adjustments of these streams that were proposed."""
    adjustments: dict[str, Adjustment] = {}
    for event in _events(session, streams):
        match event:
            case AdjustmentProposed(data=data):
                adjustments[event.stream] = Adjustment(event.id, data)
            case AdjustmentPosted(data=data):
                adjustments[event.stream].state, adjustments[event.stream].decided = "approved", data.by
            case AdjustmentRejected(data=data):
                adjustments[event.stream].state, adjustments[event.stream].decided = "rejected", data.by
            case _:
                raise IntegrityError(f"{event.stream} holds a {event.type}")
    return adjustments


def frozen_of(session: Session, members: Iterable[str]) -> set[str]:
    """Which of these members are frozen at the head."""
    return {row[0] for row in session.rows(_FROZEN, keys=sorted(set(members)))}


def owners_of(session: Session, references: Iterable[str]) -> dict[str, str]:
    """The payout's stream that each of these references belongs to; none for a new one."""
    return {row[0]: row[1] for row in session.rows(_REFERENCES, keys=sorted(set(references)))}


def last_batch(session: Session, currency: str) -> int:
    """Where a batch of a currency was last prepared, approved or rejected; 0: never."""
    return session.rows(_LAST_BATCH, currency=currency)[0][0] or 0


def _events(session: Session, streams: Sequence[str]) -> Iterable[Event]:
    return (decode_row(Recorded._make(row)) for row in session.rows(_STREAMS, keys=list(streams)))


def _take(batch: Batch, event: Event) -> None:
    match event:
        case PayoutBatchLines(data=data):
            batch.lines.extend(map(Line._make, data.lines))
        case PayoutLinesDropped(data=data):
            batch.dropped.update(data.lines)
        case PayoutBatchApproved(data=data):
            batch.state, batch.decided, batch.approved = "approved", data.by, data
        case PayoutBatchRejected(data=data):
            batch.state, batch.decided = "rejected", data.by
        case _:
            raise IntegrityError(f"{event.stream} holds a {event.type}")
    batch.version = event.seq


def _fact(event: Event) -> Fact | None:
    """What an event says happened to its payout; None: it is no event of one."""
    match event:
        case PayoutSubmitted(data=data):
            return Fact("submitted", data.attempt, data.file)
        case PayoutPaid(data=data):
            return Fact("paid", data.attempt, data.reference)
        case PayoutFailed(data=data):
            return Fact("failed", data.attempt, data.reference)
        case PayoutReturned(data=data):
            return Fact("returned", data.attempt, data.reference)
        case PayoutUnknown(data=data):
            return Fact("unknown", data.attempt)
        case _:
            return None
