"""A payout batch is approved or turned down, by somebody else than who prepared it (rule X-3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.application import Ledger
from ledger.errors import LedgerError, NotFoundError
from ledger.ids import DEFAULT_SOURCE, stream_of
from ledger.outcomes import RECORDED, Outcome
from ledger.payout_events import (
    ApprovedData,
    BatchRejectedData,
    DroppedData,
    PayoutBatchApproved,
    PayoutBatchRejected,
    PayoutLinesDropped,
    Signed,
)
from ledger.payouts.answers import answered, refused
from ledger.payouts.books import OpenBooks, Place, open_books
from ledger.payouts.payable import Payable, Question
from ledger.payouts.state import Batch, frozen_of, read_batch
from ledger.rules.payout import DropReason, Line, Reviewer, approval_text, drop_reason, has_details, lines_hash, review
from ledger.tree.keys import VerifierKey
from ledger.tree.note import Note, verify_note
from ledger.tree.spelling import encode_base64

DROPPED_PER_EVENT = 1_000


class Approval(NamedTuple):
    """What became of an approval.

    reserved     how many lines are reserved
    total_minor  their sum
    dropped      lines that are not, each with its reason
    """

    outcome: Outcome
    reserved: int = 0
    total_minor: int = 0
    dropped: Sequence[tuple[Line, DropReason]] = ()


class SignedApproval(NamedTuple):
    """A signed note over `approval_text` of what was prepared, and the key it is said to be by."""

    note: Note
    key: VerifierKey


def approve(
    ledger: Ledger,
    batch_id: str,
    payable: Payable,
    *,
    source: str = DEFAULT_SOURCE,
    signed: SignedApproval | None = None,
) -> Approval:
    """Reserves the lines that are still covered, and drops the others (X-3).

    Raises:
        NotFoundError: no such batch.
    """
    with open_books(ledger, source) as books:
        batch = _batch(books, batch_id)
        verdict = review(batch.state, "approved", _reviewer(books, batch))
        if verdict is not None:
            return Approval(answered(verdict))
        if signed is not None and not _is_signed(batch, signed):
            return Approval(refused("wrong_signature"))
        dropped = list(_dropped(books, batch, payable))
        if len(dropped) == len(batch.lines):
            return Approval(refused("nothing_left"), dropped=dropped)
        return _approved(books, batch, dropped, signed)


def reject(ledger: Ledger, batch_id: str, reason: str, *, source: str = DEFAULT_SOURCE) -> Outcome:
    """Turns a batch down; nothing was reserved, so nothing is released (X-3).

    Raises:
        NotFoundError: no such batch.
    """
    with open_books(ledger, source) as books:
        batch = _batch(books, batch_id)
        verdict = review(batch.state, "rejected", _reviewer(books, batch))
        if verdict is None:
            data = BatchRejectedData(by=books.identity.by, reason=reason)
            position = books.record(PayoutBatchRejected, data, Place(batch.stream, batch.version + 1, batch.id))
            books.note_batch(batch.currency, position, batch.stream)
        return answered(verdict)


def _batch(books: OpenBooks, batch_id: str) -> Batch:
    batch = read_batch(books.session, stream_of("batch", batch_id, books.source))
    if batch is None:
        raise NotFoundError(f"no batch {batch_id!r} was ever prepared")
    return batch


def _reviewer(books: OpenBooks, batch: Batch) -> Reviewer:
    name = books.identity.by.name
    return Reviewer(
        is_preparer=batch.prepared.by.name == name,
        is_decider=batch.decided is not None and batch.decided.name == name,
        may_approve=books.identity.may_approve,
    )


def _is_signed(batch: Batch, signed: SignedApproval) -> bool:
    prepared = batch.prepared
    text = approval_text(
        batch.id, lines=prepared.lines, count=prepared.count, total_minor=prepared.total, currency=batch.currency
    )
    try:
        return verify_note(signed.note, [signed.key], exact=True).text == text
    except LedgerError:
        return False


def _dropped(books: OpenBooks, batch: Batch, payable: Payable) -> Iterator[tuple[Line, DropReason]]:
    """X-3: payable(cut-off, head) of every line, whether its member is frozen by now, and whether it can be sent."""
    members = [line.member for line in batch.lines]
    question = Question(batch.currency, batch.prepared.asked.cut_off, books.head, members)
    payable_minor, frozen = payable(books.session, question), frozen_of(books.session, members)
    is_detailed = has_details(batch.lines)
    for line in batch.lines:
        minor, is_frozen = payable_minor.get(line.member, 0), line.member in frozen
        reason = drop_reason(line, minor, is_frozen=is_frozen, is_detailed=is_detailed)
        if reason is not None:
            yield line, reason


def _approved(
    books: OpenBooks, batch: Batch, dropped: Sequence[tuple[Line, DropReason]], signed: SignedApproval | None
) -> Approval:
    version = batch.version
    for start in range(0, len(dropped), DROPPED_PER_EVENT):
        version += 1
        part = dropped[start : start + DROPPED_PER_EVENT]
        data = DroppedData(lines=tuple([(line.number, reason) for line, reason in part]))
        books.record(PayoutLinesDropped, data, Place(batch.stream, version, batch.id))
    gone = {line.number for line, _ in dropped}
    reserved = [line for line in batch.lines if line.number not in gone]
    data = ApprovedData(
        by=books.identity.by,
        count=len(reserved),
        lines=lines_hash(reserved),
        signed=None if signed is None else _signature(signed),
        total=sum(line.amount_minor for line in reserved),
    )
    position = books.record(PayoutBatchApproved, data, Place(batch.stream, version + 1, batch.id))
    books.note_batch(batch.currency, position, batch.stream)
    return Approval(RECORDED, data.count, data.total, dropped)


def _signature(signed: SignedApproval) -> Signed:
    """As it stands in the note, so that the note can be written again."""
    signature = signed.note.signatures[0]
    return Signed(key=str(signed.key), signature=encode_base64(signature.key_id + signature.value))
