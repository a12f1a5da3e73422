"""A payout batch is prepared, from lines that were computed before the lock was taken (rules X-1, X-2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.clock import format_instant
from ledger.currencies import exponent_of
from ledger.decisions import DecisionState
from ledger.errors import IntegrityError, PositionError
from ledger.ids import DEFAULT_SOURCE
from ledger.inputs import differing_keys
from ledger.outcomes import RECORDED, REPEAT, Outcome
from ledger.payout_commands import PrepareBatch
from ledger.payout_events import LinesData, PayoutBatchLines, PayoutBatchPrepared, PreparedData
from ledger.payouts.answers import refused
from ledger.payouts.books import OpenBooks, Place, open_books
from ledger.payouts.state import Batch, last_batch, read_batch
from ledger.plan import Plans, PlanTerms
from ledger.rules.payout import Line, lines_hash, numbered
from ledger.store.session import Session

LINES_PER_EVENT = 250
# An event holds 65,535 bytes (V-2), of which its envelope takes a part.
LINES_BYTES_MAX = 60_000
SUM_MAX = (1 << 53) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a batch would pay, computed at (cut-off, at_position) before the lock is taken (X-2).

    payments  member, amount in minor units, salted hash of the payee's details or None; in any order
    left_out  how many members with a balance get nothing
    digest    of all balances at (cut-off, at_position) (S-3)
    salt      of the hashes, 32 hex digits; None without details
    """

    payments: Sequence[tuple[str, int, str | None]]
    left_out: int
    at_position: int
    digest: str
    salt: str | None = None


def prepare(ledger: Ledger, command: PrepareBatch, draft: Draft, *, source: str = DEFAULT_SOURCE) -> Outcome:
    """Records a batch that waits for approval; it reserves nothing.

    The same id with the same currency and cut-off is a repeat, whenever it is asked and whatever was computed: the
    batch that is recorded stands.

    Raises:
        PositionError: the log has no such position.
        IntegrityError: the lines are none that X-1 gives.
    """
    with open_books(ledger, source) as books:
        before = read_batch(books.session, command.stream(source))
        if before is not None:
            return _compared(before, command)
        refusal = _refuse_time(books, command) or _refuse_position(books, command, draft)
        if refusal is not None:
            return refusal
        plan = _plan_known(books.session, source, command.cut_off, draft.at_position)
        if plan is None:
            return refused("no_plan", f"no plan was in force at {format_instant(command.cut_off)}")
        minimum_minor = plan.min_payout.get(command.currency)
        if minimum_minor is None:
            return refused("no_minimum", f"plan {plan.plan} has no min_payout of {command.currency}")
        if not draft.payments:
            return refused("nothing_to_pay", "nobody's payable balance reaches the minimum")
        _record(books, command, draft, plan)
        return RECORDED


def _compared(before: Batch, command: PrepareBatch) -> Outcome:
    """When it was asked is no part of what was asked: whoever repeats a command asks later."""
    recorded, asked = (one.content().decode() for one in (before.prepared.asked, command))
    other = [key for key in differing_keys(recorded, asked) if key != "at"]
    if not other:
        return REPEAT
    return Outcome("conflict", "other_content", f"batch {command.id!r} is recorded with another {', '.join(other)}")


def _refuse_time(books: OpenBooks, command: PrepareBatch) -> Outcome | None:
    if command.cut_off > command.at:
        cut_off, at = format_instant(command.cut_off), format_instant(command.at)
        return refused("cut_off_in_the_future", f"the cut-off {cut_off} is after the batch's own time, {at}")
    return books.too_early(command.at)


def _refuse_position(books: OpenBooks, command: PrepareBatch, draft: Draft) -> Outcome | None:
    """X-2: what a batch of the same currency decided since is not in the lines."""
    if not 0 < draft.at_position <= books.head:
        raise PositionError(f"the log ends at position {books.head}, so nothing was computed at {draft.at_position}")
    last = last_batch(books.session, command.currency)
    if last <= draft.at_position:
        return None
    message = f"a {command.currency} batch was decided at position {last}, after these lines were computed: again"
    return Outcome("retryable", "newer_batch", message)


def _plan_known(session: Session, source: str, at: datetime, at_position: int) -> PlanTerms | None:
    """The plan in force at an instant, of those recorded by a position (P-3)."""
    state = DecisionState(session, source)
    state.read_plans()
    return Plans(plan.terms for plan in state.published if plan.position <= at_position).in_force(at)


def _record(books: OpenBooks, command: PrepareBatch, draft: Draft, plan: PlanTerms) -> None:
    lines = numbered(draft.payments)
    total_minor = _checked_total(lines, plan.min_payout[command.currency])
    prepared = PreparedData(
        asked=command,
        at_position=draft.at_position,
        by=books.identity.by,
        count=len(lines),
        digest=draft.digest,
        exponent=exponent_of(command.currency),
        left_out=draft.left_out,
        lines=lines_hash(lines),
        plan=plan.plan,
        salt=draft.salt,
        total=total_minor,
    )
    position = books.record_asked(PayoutBatchPrepared, prepared, command)
    stream = command.stream(books.source)
    books.note_batch(command.currency, position, stream)
    for version, part in enumerate(_parts(lines), start=2):
        books.record(PayoutBatchLines, LinesData(lines=tuple(part)), Place(stream, version, command.id))


def _checked_total(lines: Sequence[Line], minimum_minor: int) -> int:
    """The sum of lines that X-1 can give; whoever computed other ones has a defect."""
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        if line.amount_minor < minimum_minor or (after is not None and after.member == line.member):
            raise IntegrityError(f"{line.member!r} cannot have a line of {line.amount_minor}: minimum {minimum_minor}")
    total_minor = sum(line.amount_minor for line in lines)
    if total_minor > SUM_MAX:
        raise IntegrityError(f"a batch of {total_minor} minor units is more than an event can say (V-2)")
    return total_minor


def _parts(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines as they fit into events, in order."""
    part: list[Line] = []
    size_bytes = 0
    for line in lines:
        line_bytes = len(canonical(line)) + 1
        if part and (len(part) == LINES_PER_EVENT or size_bytes + line_bytes > LINES_BYTES_MAX):
            yield part
            part, size_bytes = [], 0
        part.append(line)
        size_bytes += line_bytes
    yield part
