"""Plans of an export that begins later: those from before it, each proven; and the plan of every bind and order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.clock import parse_instant
from ledger.errors import MalformedEvidenceError
from ledger.tree.checkpoint import TreeHead
from ledger.tree.hashing import leaf_hash
from ledger.tree.proofs import verify_inclusion
from projections.verify.canonical_form import expect_keys, read_object
from projections.verify.entries import Lines
from projections.verify.facts import Bind, Fact, Placed, Published
from projections.verify.proof_files import hashes_in
from projections.verify.report import Report
from projections.verify.stored import read_event
from projections.verify.terms import PublishedPlans

PLANS = "plans"


class PlanCheck:
    """Knows the plans published before the export, then those in it, and looks at the plan of every bind and order."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._published = PublishedPlans(report, PLANS)

    def take_older(self, path: Path, *, first: int, head: TreeHead) -> int:
        """Proves the plans of positions before the first that was exported; returns how many there are."""
        last = count = 0
        for line in _lines(path):
            count += 1
            with self._report.checking(PLANS):
                found = read_object(line)
                fact = _proven(found, head)
                if not last < fact.position < first:
                    raise MalformedEvidenceError(f"position {fact.position} does not come next, or not before {first}")
                last = fact.position
                self._published.take(fact)
        return count

    def take(self, batch: list[Fact]) -> None:
        """The next facts of the export."""
        for fact in batch:
            if isinstance(fact, Published):
                self._published.take(fact)
            elif isinstance(fact, Placed) or (isinstance(fact, Bind) and fact.reason is None):
                plan = self._published.plans.in_force(parse_instant(fact.at))
                number = None if plan is None else plan.plan
                if number != fact.plan:
                    message = f"{fact.stream} is recorded under plan {fact.plan}; by the rules it is {number} (P-3)"
                    self._report.find(PLANS, message, fact.position)


def _lines(path: Path) -> Iterator[bytes]:
    for batch in Lines(path).batches():
        yield from batch


def _proven(found: dict[str, Any], head: TreeHead) -> Published:
    """A plan of the log, by its proof of inclusion."""
    expect_keys(found, frozenset({"event", "hashes", "position"}))
    position, event = found["position"], found["event"]
    if type(position) is not int or not isinstance(event, str):
        raise MalformedEvidenceError("holds no event with its position")
    raw = event.encode()
    verify_inclusion(
        hashes_in(found["hashes"]), leaf=leaf_hash(raw), index=position - 1, size=head.size, root=head.root
    )
    fact = read_event(raw, position).fact
    if not isinstance(fact, Published):
        raise MalformedEvidenceError(f"position {position} is no plan")
    return fact
