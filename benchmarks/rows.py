"""The rows of a run of the replay at scale, and how one comes into being."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.measure import Job, Measured
from benchmarks.programs import Ended, LimitError
from benchmarks.run import Say, spawn

# A command from its start to its end, or a process that has started and imported what it needs.
COMMAND, INSIDE = "command", "inside"


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
        try:
            rows: list[Row] = []
            for _ in range(self.repeat):
                self.settle()
                rows.append(measure())
        except RuntimeError as error:
            self.fail(f"{what}: {error}")
            return not isinstance(error, LimitError)
        ended = Ended(median(row.ended.seconds for row in rows), median(row.ended.peak_mb for row in rows))
        row = replace(rows[0], ended=ended)
        self.done.append(row)
        self.say(f"  {what:50} {ended.seconds:9.2f} s {row.events_per_second:12,.0f} events/s {ended.peak_mb:8,.0f} MB")
        return True

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
