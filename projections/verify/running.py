"""One way through a log: read, and performed again where it begins at position 1 and hides nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol

from ledger.garbage import collection_paused
from projections.verify.books import Taker
from projections.verify.child import ChildReader
from projections.verify.facts import Fact
from projections.verify.log_reader import LogReader, Summary, Task
from projections.verify.performing import Performance
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


def perform(task: Task, report: Report, taker: Taker, progress: Progress) -> tuple[Summary, Performance]:
    """Reads a log from position 1 on and performs it again; the taker gets each order, and what became of it."""
    task = replace(task, is_performed=True)
    reader = (ChildReader if task.proof.end >= CHILD_EVENTS_MIN else LogReader)(task)
    performance = Performance(report, taker)
    summary = _read(reader, task, report, progress, performance.take)
    performance.end(task.proof.end, task.proof.size)
    return summary, performance


def _read(
    reader: Reader, task: Task, report: Report, progress: Progress, take: Callable[[list[Fact]], None] | None
) -> Summary:
    length, done = task.proof.end - task.proof.start, 0
    with progress("checking", length) as advance, collection_paused():
        for batch in reader.batches():
            if take is not None:
                take(batch)
            if batch:
                # Not every event is a fact of its own.
                reached = batch[-1].position - task.proof.start
                advance(reached - done)
                done = reached
        advance(length - done)
    report.take(reader.report.findings, reader.report.counts)
    return reader.summary()
