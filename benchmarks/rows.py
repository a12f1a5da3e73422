"""The rows of a run of the replay at scale, and how one comes into being."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median

import psycopg

from benchmarks.measure import Job, Measured
from benchmarks.programs import Ended, LimitError
from benchmarks.run import Say, spawn
from ledger.errors import LedgerError

# A command from its start to its end, or a process that has started and imported what it needs.
COMMAND, INSIDE = "command", "inside"

# What may go wrong with a case: ours or another program, the books, the store, the disk.
FAILURES = (RuntimeError, LedgerError, psycopg.Error, OSError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. way: COMMAND or INSIDE; figures: totals and counts that came out, by name; peak in 10^6 bytes."""

    log: str
    case: str
    way: str
    events: int
    orders: int
    ended: Ended
    digest: str = ""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def orders_per_second(self) -> float:
        """Orders of the log, whether or not they earned anybody anything."""
        return self.orders / self.ended.seconds

    @property
    def events_per_second(self) -> float:
        """Events of the log."""
        return self.events / self.ended.seconds


@dataclass(slots=True)
class Rows:
    """What was measured so far, and what has no figure and why.

    settle  called before each measurement
    repeat  how often everything is measured
    """

    settle: Callable[[], None]
    repeat: int
    say: Say
    done: list[Row] = field(default_factory=list[Row])
    failures: list[str] = field(default_factory=list[str])

    def measure(self, what: str, measure: Callable[[], Row]) -> bool:
        """Adds a row, the median of some runs; False: a program was ended at its limits."""
        rows: list[Row] = []
        try:
            for _ in range(self.repeat):
                self.settle()
                rows.append(measure())
        except LimitError as error:
            self.fail(f"{what}: {error}")
            return False
        except FAILURES as error:
            self.fail(f"{what}: {error}")
            return True
        ended = Ended(median(row.ended.seconds for row in rows), median(row.ended.peak_mb for row in rows))
        row = replace(rows[0], ended=ended)
        self.done.append(row)
        self.say(f"  {what:50} {ended.seconds:9.2f} s {row.events_per_second:12,.0f} events/s {ended.peak_mb:8,.0f} MB")
        return True

    @contextmanager
    def about(self, what: str) -> Generator[None]:
        """What fails in here costs what comes after it nothing."""
        self.say(what)
        try:
            yield
        except FAILURES as error:
            self.fail(f"{what}: {error}")

    def fail(self, text: str) -> None:
        """Something has no figure, or figures do not count."""
        self.failures.append(text)
        self.say(f"  {text}")


def spawned(job: Job) -> Measured:
    """Measures a job in a fresh process.

    Raises:
        RuntimeError: it failed.
    """
    measured = spawn(job)
    if measured is None:
        raise RuntimeError(f"{job.case} hung")
    return measured
