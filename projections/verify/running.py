"""One way through a log: read, and performed again where it begins at position 1 and hides nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ledger.garbage import collection_paused
from projections.verify.ahead import LookAhead
from projections.verify.books import OrderTaker
from projections.verify.child import ChildReader
from projections.verify.facts import Fact
from projections.verify.log_reader import LogReader, Summary, Task
from projections.verify.performing import Performance
from projections.verify.relations import Relations
from projections.verify.report import Report

# With fewer events another process costs more than it saves.
CHILD_EVENTS_MIN = 20_000

Advance = Callable[[int], None]
Reader = LogReader | ChildReader


class Progress(Protocol):
    """Shows how far a part of the work is."""

    def __call__(self, label: str, length: int, /) -> AbstractContextManager[Advance]:
        """Something to call with how much more is done."""
        ...


@contextmanager
def silent(label: str, length: int, /) -> Generator[Advance]:
    """Shows nothing."""
    del label, length
    yield lambda _: None


def read_only(
    task: Task, report: Report, progress: Progress, take: Callable[[list[Fact]], None] | None = None
) -> Summary:
    """Reads what cannot be performed again; the facts go to `take`, what is found to the report."""
    return _read(LogReader(task), task, report, progress, take)


def perform(task: Task, report: Report, take_order: OrderTaker, progress: Progress) -> tuple[Summary, Relations]:
    """Reads a log from position 1 on and performs it again; each order goes to `take_order`, with what became of it."""
    events = task.proof.end
    reader = (ChildReader if events >= CHILD_EVENTS_MIN else LogReader)(task)
    with progress("looking ahead", events) as advance, collection_paused():
        ahead = LookAhead(task.entries(), advance)
    performance = Performance(ahead, report, take_order)
    summary = _read(reader, task, report, progress, performance.take)
    performance.end()
    return summary, performance.relations


def _read(
    reader: Reader, task: Task, report: Report, progress: Progress, take: Callable[[list[Fact]], None] | None
) -> Summary:
    with progress("checking", task.proof.end - task.proof.start) as advance, collection_paused():
        for batch in reader.batches():
            if take is not None:
                take(batch)
            advance(len(batch))
    report.take(reader.report.findings, reader.report.counts)
    return reader.summary()
