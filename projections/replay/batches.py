"""Payout batches as recorded, and the same worked out again (X-5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from projections.replay.answers import Payable
from projections.replay.payable import line_of
from projections.replay.roots import root_of_lines

LINES_SHOWN_MAX = 10


class Batch(NamedTuple):
    """A prepared batch as recorded. Times: microseconds since 1970.

    position        of its PayoutBatchPrepared
    actor           who prepared it
    known_position  P
    lines, left_out, total_minor   how many lines, how many left out, the sum
    lines_hash, digest   over its lines; over all balances at (T, P)
    """

    position: int
    stream: str
    at_us: int
    actor: str
    currency: str
    cut_off_us: int
    known_position: int
    plan: int
    lines: int
    left_out: int
    total_minor: int
    lines_hash: str
    digest: str


class Line(NamedTuple):
    """A line of a batch as recorded; details: salted hash of the payee's, or None."""

    number: int
    member: str
    amount_minor: int
    details: str | None


class Approval(NamedTuple):
    """The approval of a batch as recorded.

    position        of its PayoutBatchApproved
    lines, total_minor, lines_hash   what it reserved
    currency, cut_off_us   of the batch
    known_position  the head when it was decided
    """

    position: int
    stream: str
    lines: int
    total_minor: int
    lines_hash: str
    currency: str
    cut_off_us: int
    known_position: int


class WrongLine(NamedTuple):
    """A line that should have been dropped at its batch's approval, or should not (X-3).

    payable_minor, is_frozen   what was payable to the member then, and whether nothing was to be paid
    is_unknown                 the batch has details of payees, but none of this one
    reason                     why it was dropped; None: it was reserved
    """

    number: int
    member: str
    amount_minor: int
    payable_minor: int
    is_frozen: bool
    is_unknown: bool
    reason: str | None


class UncoveredAttempt(NamedTuple):
    """A further attempt at a payout, and what was payable to the member at the batch's cut-off when it was made."""

    position: int
    stream: str
    member: str
    amount_minor: int
    payable_minor: int


class Again(NamedTuple):
    """A batch worked out again at its (T, P).

    payable     lines and who is left out, as the events give them
    digest      of all balances
    lines_hash  over the lines, with the details that were recorded with them
    """

    payable: Payable
    digest: str
    lines_hash: str


def hash_of(lines: Sequence[Line]) -> str:
    """The hash over lines as they are."""
    return root_of_lines(line_of(*line) for line in lines)


def again(payable: Payable, digest: str, recorded: Sequence[Line]) -> Again:
    """What the events give, its lines hashed with the details that were recorded."""
    details = {(line.number, line.member): line.details for line in recorded}
    numbered = enumerate(payable.lines, start=1)
    texts = (
        line_of(number, line.member, line.amount_minor, details.get((number, line.member))) for number, line in numbered
    )
    return Again(payable, digest, root_of_lines(texts))


def otherwise(batch: Batch, recorded: Sequence[Line], found: Again) -> Iterator[str]:
    """What of a batch is not what the events give, each in words."""
    lines = found.payable.lines
    facts = (
        ("plan", batch.plan, found.payable.plan),
        ("digest", batch.digest, found.digest),
        ("count of lines", batch.lines, len(lines)),
        ("total", batch.total_minor, sum(line.amount_minor for line in lines)),
        ("count of those left out", batch.left_out, len(found.payable.left_out)),
        ("hash of the lines", batch.lines_hash, found.lines_hash),
    )
    for name, was, is_now in facts:
        if was != is_now:
            yield f"its {name} was recorded as {was}; the events give {is_now}"
    then = {line.member: line.amount_minor for line in recorded}
    now = {line.member: line.amount_minor for line in lines}
    wrong = sorted((name for name in then.keys() | now.keys() if then.get(name) != now.get(name)), key=str.encode)
    for name in wrong[:LINES_SHOWN_MAX]:
        yield f"the line of {name} was recorded as {then.get(name)}; the events give {now.get(name)}"
