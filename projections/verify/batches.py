"""Payout batches decided again: what is prepared, what of it is dropped, and who approves (X-1, X-2, X-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.ids import split_stream
from ledger.rules.payout import Line, Reviewer, ReviewState, Verdict, approval_text, has_details, lines_hash, review
from ledger.tree.note import is_text_signed
from projections.verify.answers import Answer
from projections.verify.finance_facts import Approved, Dropped, Lined, Prepared, Rejected

# What is found, of which event.
Find = Callable[["BatchFact", str], None]
# Why a line of a batch is dropped now, None: it is not; and whether the batch has details of payees.
DropReasonOf = Callable[["Batch", Line, bool], str | None]
BatchFact = Prepared | Lined | Dropped | Approved | Rejected


@dataclass(slots=True)
class Batch:
    """A batch as recorded. Lines are kept until it is decided.

    version   last of its stream
    position  of its last event
    due       lines that the events give, member and amount; None: not known
    dropped   number of each line dropped so far, with its reason
    to_drop   those that must be, once that is being decided
    """

    prepared: Prepared
    due: Sequence[tuple[str, int]] | None
    version: int = 1
    position: int = 0
    state: ReviewState = "prepared"
    lines: list[Line] = field(default_factory=list[Line])
    dropped: dict[int, str] = field(default_factory=dict[int, str])
    to_drop: dict[int, str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all its lines came."""
        return len(self.lines) >= self.prepared.lines


class Batches:
    """Takes events of batches in order of position.

    why_dropped  decides about one line, by what is known before the event
    """

    def __init__(self, find: Find, why_dropped: DropReasonOf) -> None:
        self._find, self._why_dropped = find, why_dropped
        self._batches: dict[str, Batch] = {}
        # Where a batch of a currency was prepared, approved or rejected last.
        self._last: dict[str, int] = {}

    def get(self, stream: str) -> Batch | None:
        """A batch that was prepared."""
        return self._batches.get(stream)

    def prepared(self, fact: Prepared, answer: Answer | None) -> None:
        """A batch is prepared; answer: what the events give, None if it asked for what comes after it."""
        last, self._last[fact.currency] = self._last.get(fact.currency, 0), fact.position
        for message in _untimely(fact, last):
            self._find(fact, message)
        for message in () if answer is None else _otherwise(fact, answer):
            self._find(fact, message)
        self._batches[fact.stream] = Batch(fact, None if answer is None else answer.lines, position=fact.position)

    def lined(self, fact: Lined) -> None:
        """Its next lines."""
        batch = self._next(fact)
        if batch is None:
            return
        if batch.is_complete or batch.state != "prepared":
            self._find(fact, "has lines after the last one, or after a decision (X-1)")
            return
        lines = list(map(Line._make, fact.lines))
        for message in _wrong_lines(batch, lines):
            self._find(fact, message)
        batch.lines += lines
        if batch.is_complete and lines_hash(batch.lines) != batch.prepared.lines_hash:
            self._find(batch.prepared, "has other lines than its hash is over (X-1)")

    def dropped(self, fact: Dropped) -> None:
        """Lines that are not paid after all, decided with the approval (X-3)."""
        batch = self._next(fact)
        if batch is None:
            return
        if batch.state != "prepared" or not batch.is_complete:
            self._find(fact, f"drops lines of a batch that is {_told(batch)} (X-3)")
        to_drop, numbers = self._to_drop(batch), {line.number for line in batch.lines}
        for number, reason in fact.lines:
            if number not in numbers or number <= next(reversed(batch.dropped), 0):
                self._find(fact, f"drops line {number}, which there is not, or not in its place (X-3)")
            elif to_drop.get(number) != reason:
                decided = to_drop.get(number) or "reserved"
                self._find(fact, f"drops line {number} as {reason}; by the rules it is {decided} (X-3)")
            batch.dropped[number] = reason

    def approved(self, fact: Approved) -> tuple[Batch, list[Line]] | None:
        """A batch is approved; it and the lines that it reserves. None: nothing new is reserved."""
        batch = self._next(fact)
        if batch is None:
            return None
        self._last[batch.prepared.currency] = fact.position
        is_new = batch.state != "approved"
        self._review(fact, batch, fact.by)
        to_drop = self._to_drop(batch)
        for number in to_drop.keys() - batch.dropped.keys():
            self._find(fact, f"reserves line {number}, which by the rules is {to_drop[number]} (X-3)")
        kept = [line for line in batch.lines if line.number not in batch.dropped]
        for message in _wrong_approval(fact, batch, kept):
            self._find(fact, message)
        batch.state, batch.lines, batch.due = "approved", [], None
        return (batch, kept) if is_new else None

    def rejected(self, fact: Rejected) -> None:
        """A batch is turned down."""
        batch = self._next(fact)
        if batch is None:
            return
        self._last[batch.prepared.currency] = fact.position
        self._review(fact, batch, None)
        if batch.dropped:
            self._find(fact, "is rejected after lines of it were dropped (X-3)")
        batch.state, batch.lines, batch.due = "rejected", [], None

    def unfinished(self, last: int, size: int) -> Iterator[tuple[int, str]]:
        """Batches that lack what comes in the same transaction: position and message. An export may end within one."""
        for stream, batch in self._batches.items():
            if batch.state == "prepared" and (batch.position < last or last == size):
                if not batch.is_complete:
                    yield batch.position, f"{stream} has {batch.prepared.lines} lines, of which some never come (X-1)"
                elif batch.dropped:
                    yield batch.position, f"{stream} drops lines without being approved (X-3)"

    def _next(self, fact: Lined | Dropped | Approved | Rejected) -> Batch | None:
        """The batch of the next event in its stream."""
        batch = self._batches.get(fact.stream)
        if batch is None:
            self._find(fact, "is about a batch that is not before it (X-3)")
            return None
        if fact.seq != batch.version + 1:
            self._find(fact, f"is version {fact.seq} of its stream, whose next version is {batch.version + 1}")
        batch.version, batch.position = fact.seq, fact.position
        return batch

    def _review(self, fact: Approved | Rejected, batch: Batch, approver: str | None) -> None:
        """approver: who approves; None: it is turned down, as anybody may."""
        if not batch.is_complete and batch.state == "prepared":
            self._find(fact, f"is decided about while it is {_told(batch)} (X-3)")
        # Whether they had the right to is for the store to know; a second time is never recorded.
        reviewer = Reviewer(is_preparer=approver == batch.prepared.by, is_decider=True, may_approve=True)
        verdict = review(batch.state, "rejected" if approver is None else "approved", reviewer)
        if verdict is not None:
            self._find(fact, f"{recorded_against(verdict)} (X-3)")

    def _to_drop(self, batch: Batch) -> dict[int, str]:
        """What must be dropped of a batch, decided when the first is dropped or, if none is, when it is approved."""
        if batch.to_drop is None:
            is_detailed = has_details(batch.lines)
            reasons = [(line.number, self._why_dropped(batch, line, is_detailed)) for line in batch.lines]
            batch.to_drop = {number: reason for number, reason in reasons if reason is not None}
        return batch.to_drop


def recorded_against(verdict: Verdict) -> str:
    """A verdict other than that something may be recorded, of what was recorded all the same."""
    decided = "a repeat" if verdict is None or isinstance(verdict, str) else verdict.reason
    return f"is recorded; by the rules it is refused: {decided}"


def _told(batch: Batch) -> str:
    return batch.state if batch.is_complete or batch.state != "prepared" else "without all its lines"


def _untimely(fact: Prepared, last: int) -> Iterator[str]:
    if fact.cut_off > fact.at:
        yield f"has a cut-off at {fact.cut_off}, after its own time (X-1)"
    if fact.at_position >= fact.position:
        yield f"says that it was computed at {fact.at_position}, its own position or later (X-2)"
    if last > fact.at_position:
        yield f"was prepared beside a batch event of its currency at position {last}, after its P (X-2)"


def _otherwise(fact: Prepared, answer: Answer) -> Iterator[str]:
    """What it says otherwise than the events give (X-5)."""
    plan = answer.plan
    if plan is None or fact.currency not in plan.min_payout:
        yield "pays out a currency that has no minimum in a plan in force at its cut-off (X-1)"
    told: Mapping[str, tuple[object, object]] = {
        "plan": (fact.plan, None if plan is None else plan.plan),
        "digest": (fact.digest, answer.digest),
        "count of lines": (fact.lines, len(answer.lines)),
        "total": (fact.total_minor, sum([minor for _, minor in answer.lines])),
        "count of those left out": (fact.left_out, answer.left_out),
    }
    for name, (said, given) in told.items():
        if said != given:
            yield f"says the {name} {said}; the events give {given} (X-5)"


def _wrong_lines(batch: Batch, lines: Sequence[Line]) -> Iterator[str]:
    """Lines of the next part that are not those that the events give, in their places."""
    for place, line in enumerate(lines, start=len(batch.lines)):
        if line.number != place + 1:
            yield f"has a line {line.number} where line {place + 1} is next (X-1)"
        if line.details is not None and not batch.prepared.has_salt:
            yield f"has details in line {line.number}, but no salt (X-1)"
        if batch.due is None:
            continue
        due = batch.due[place] if place < len(batch.due) else None
        if due != (line.member, line.amount_minor):
            given = "no such line" if due is None else f"{due[1]} for {due[0]!a}"
            yield f"pays {line.amount_minor} to {line.member!a} in line {line.number}; the events give {given} (X-1)"


def _wrong_approval(fact: Approved, batch: Batch, kept: Sequence[Line]) -> Iterator[str]:
    if batch.state == "approved":
        return
    if not kept:
        yield "approves a batch of which nothing is left (X-3)"
    facts = (len(kept), sum([line.amount_minor for line in kept]), lines_hash(kept))
    if facts != (fact.lines, fact.total_minor, fact.lines_hash):
        yield f"says other counts, totals or hashes than {facts}, those of the lines that it reserves (X-3)"
    if fact.signed is not None and not _is_signed(batch.prepared, *fact.signed):
        yield "holds a signature that is not one by its key over what was prepared (X-3)"


def _is_signed(prepared: Prepared, key: str, signature: str) -> bool:
    """Whether a key signed what was prepared; whose key it is, is not said."""
    text = approval_text(
        split_stream(prepared.stream)[1],
        lines=prepared.lines_hash,
        count=prepared.lines,
        total_minor=prepared.total_minor,
        currency=prepared.currency,
    )
    return is_text_signed(text, key=key, signature=signature)
