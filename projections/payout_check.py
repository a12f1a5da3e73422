"""Every decision about payouts made again from the events before it, against what was recorded (X-1 to X-5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ledger.findings import Finding
from ledger.ids import split_stream
from ledger.mapper import decode_row
from ledger.payout_events import PayoutBatchApproved
from ledger.rules.payout import approval_text
from ledger.store.recorder import LogRecorder
from ledger.tree.note import is_text_signed
from projections.books import Books, readable
from projections.replay.batches import Approval, Batch, hash_of, otherwise
from projections.replay.session import Session
from projections.runner import Progress

_ADJUSTMENTS = {
    "state": "was not proposed so, or decided before",
    "same_actor": "was approved by the one who proposed it",
}
_BATCHES = {
    "state": "cannot follow what was recorded of the batch before",
    "same_actor": "was approved by the one who prepared it",
    "cut_off_in_the_future": "has a cut-off after its own time",
    "knows_too_much": "says that it was computed at its own position or later",
    "batch_between": "was prepared beside another batch event of its currency, recorded after its P",
}
_PAYOUTS = {
    "not_reserved": "no line of an approved batch stands for it",
    "line": "member, currency or amount are not those of the line",
    "state": "it was {before}",
    "attempt": "attempt {attempt} is not the one that is due",
}


def check_payouts(books: Books, progress: Progress) -> Iterator[Finding]:
    """What was decided about batches, payouts and adjustments is what the rules decide from the log before it.

    Batches are worked out again with bindings decided again, so a wrong one may also be a wrong binding's.

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    replay = books.replay(progress)
    with readable():
        yield from _adjustments(replay)
        yield from _payouts(replay)
        yield from _batch_states(replay)
        batches = replay.batches()
        for batch in batches:
            yield from _prepared(replay, batch)
        prepared = {batch.stream: batch for batch in batches}
        for approval in replay.approvals() if batches else ():
            yield from _approved(replay, approval)
            yield from _signed(books.log, approval, prepared[approval.stream])
        for attempt in replay.uncovered_attempts() if batches else ():
            message = f"was tried again with {attempt.amount_minor}, when {attempt.payable_minor} was payable"
            yield Finding(attempt.stream, message, (attempt.position,))


def _adjustments(replay: Session) -> Iterator[Finding]:
    for position, stream, wrong, other in replay.decided("wrong_adjustments"):
        yield Finding(stream, _ADJUSTMENTS[wrong], _places(other, position))


def _payouts(replay: Session) -> Iterator[Finding]:
    for position, stream, kind, attempt, before, wrong, other in replay.decided("wrong_payouts"):
        why = _PAYOUTS[wrong].format(before=before, attempt=attempt)
        yield Finding(stream, f"is recorded as {kind}, but {why}", _places(other, position))
    for reference, positions in replay.decided("shared_references"):
        message = f"the provider's reference {reference} stands for more than one payout"
        yield Finding("payouts", message, tuple(positions))
    for position, stream, member, since in replay.decided("frozen_attempts"):
        yield Finding(stream, f"was tried again while {member} was frozen", (since, position))


def _batch_states(replay: Session) -> Iterator[Finding]:
    for position, stream, wrong, other in replay.decided("wrong_batches"):
        yield Finding(stream, _BATCHES[wrong], _places(other, position))
    for position, stream, number in replay.decided("wrong_drops"):
        yield Finding(stream, f"line {number} is dropped, which there is not, or not to be approved", (position,))


def _prepared(replay: Session, batch: Batch) -> Iterator[Finding]:
    """X-1 and X-5: the lines of a batch are those that the events give."""
    recorded = replay.lines_of(batch.stream)
    if [line.number for line in recorded] != list(range(1, len(recorded) + 1)):
        yield Finding(batch.stream, "its lines are not numbered 1, 2, 3 ...", (batch.position,))
    if hash_of(recorded) != batch.lines_hash:
        yield Finding(batch.stream, "its lines are not those that its hash is over", (batch.position,))
    if batch.known_position < batch.position:
        for message in otherwise(batch, recorded, replay.replay_batch(batch)):
            yield Finding(batch.stream, message, (batch.position,))


def _approved(replay: Session, approval: Approval) -> Iterator[Finding]:
    """X-3: what was reserved was covered when it was, and what was dropped was not."""
    stream = approval.stream
    dropped = {number for (number,) in replay.decided("dropped_of", stream)}
    kept = [line for line in replay.lines_of(stream) if line.number not in dropped]
    facts = (len(kept), sum(line.amount_minor for line in kept), hash_of(kept))
    if facts != (approval.lines, approval.total_minor, approval.lines_hash):
        message = "count, total or hash of its approval are not those of the lines that were not dropped"
        yield Finding(stream, message, (approval.position,))
    for line in replay.wrong_lines(approval):
        done = "was reserved" if line.reason is None else f"was dropped as {line.reason}"
        state = ", and the member was frozen" if line.is_frozen else ""
        state += ", and nobody had said where" if line.is_unknown else ""
        message = f"line {line.number} of {line.member}, {line.amount_minor}, {done}"
        yield Finding(stream, f"{message}: {line.payable_minor} was payable then{state}", (approval.position,))


def _signed(log: LogRecorder, approval: Approval, batch: Batch) -> Iterator[Finding]:
    """X-3: an approver's signature, if there is one, is by its key over what was prepared."""
    (row,) = log.read(approval.position - 1, approval.position)
    signed = cast("PayoutBatchApproved", decode_row(row)).data.signed
    if signed is None:
        return
    text = approval_text(
        split_stream(batch.stream)[1],
        lines=batch.lines_hash,
        count=batch.lines,
        total_minor=batch.total_minor,
        currency=batch.currency,
    )
    if not is_text_signed(text, key=signed.key, signature=signed.signature):
        message = "its approval holds a signature that is not one by its key over what was prepared"
        yield Finding(approval.stream, message, (approval.position,))


def _places(*positions: int | None) -> tuple[int, ...]:
    return tuple(sorted(position for position in positions if position is not None))
