"""Two implementations that must agree before money moves: live tables and a replay in SQL (rules X-2 and X-5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.errors import IntegrityError
from ledger.rules.payout import lines_hash
from ledger.store.recorder import LogRecorder
from projections.archive.reading import Archive
from projections.batches import BatchFound, PayoutFound
from projections.payouts import Proposal
from projections.replay.answers import Payable
from projections.replay.roots import root_of_lines
from projections.replay.session import Setup, replaying
from projections.runner import Progress

DIFFERENCES_SHOWN_MAX = 10


class EnginesDisagreeError(IntegrityError):
    """What the live tables would pay is not what an independent replay would pay."""

    code = "engines_disagree"


class BatchDiffersError(IntegrityError):
    """A batch that is not what the events before it give."""

    code = "batch_differs"


@dataclass(frozen=True, slots=True)
class Means:
    """What an independent replay reads and takes.

    archive  of the log; None: all from the store
    setup    how much memory it may take
    """

    archive: Archive | None = None
    setup: Setup | None = None


def check_agreed(log: LogRecorder, proposal: Proposal, means: Means, progress: Progress | None = None) -> None:
    """Works a proposal out again, from the events alone, with every binding decided again (X-2).

    Raises:
        EnginesDisagreeError: something comes out otherwise; the message says what.
    """
    with replaying(log, proposal.at_position, means.setup, means.archive, progress) as replay:
        otherwise = [f"request at position {row.position}" for row in replay.decide_again()]
        payable = replay.payable(proposal.cut_off, proposal.currency)
        found = root_of_lines(replay.lines(proposal.cut_off))
    if otherwise:
        raise EnginesDisagreeError(f"bindings come out otherwise than recorded: {', '.join(_some(otherwise))}")
    if found != proposal.digest:
        raise EnginesDisagreeError(f"the digest is {proposal.digest} by the live tables, {found} by the replay")
    if differences := _some([*_differences(proposal, payable)]):
        raise EnginesDisagreeError(f"the live tables and the replay differ: {', '.join(differences)}")


def check_recorded(batch: BatchFound, recorded: Sequence[PayoutFound], proposal: Proposal) -> None:
    """A batch as it comes out now against the batch as it is recorded (X-5).

    Details of payees are taken as recorded: the ledger never had them.

    Raises:
        BatchDiffersError: something is recorded otherwise; the message says what.
    """
    details = {payout.member: payout.details for payout in recorded if payout.details is not None}
    facts = (
        ("digest", batch.digest, proposal.digest),
        ("plan", batch.plan, proposal.plan.plan),
        ("count of lines", batch.lines, len(proposal.lines)),
        ("total", batch.total_minor, proposal.total_minor),
        ("count of those left out", batch.left_out, len(proposal.left_out)),
        ("hash of the lines", batch.lines_hash, lines_hash(proposal.detailed(details))),
    )
    for name, was, found in facts:
        if was != found:
            raise BatchDiffersError(f"the {name} of batch {batch.id} is recorded as {was}; the events give {found}")


def _differences(proposal: Proposal, payable: Payable) -> Iterator[str]:
    """Members with another line, or another reason for none."""
    live = {line.member: f"pays {line.amount_minor}" for line in proposal.lines}
    live |= {row.member: row.reason for row in proposal.left_out}
    again = {line.member: f"pays {line.amount_minor}" for line in payable.lines}
    again |= {row.member: row.reason for row in payable.left_out}
    for member in sorted(live.keys() | again.keys(), key=str.encode):
        if live.get(member) != again.get(member):
            yield f"{member}: {live.get(member, 'nothing')} against {again.get(member, 'nothing')}"


def _some(texts: list[str]) -> list[str]:
    more = len(texts) - DIFFERENCES_SHOWN_MAX
    return texts if more <= 0 else [*texts[:DIFFERENCES_SHOWN_MAX], f"and {more} more"]
