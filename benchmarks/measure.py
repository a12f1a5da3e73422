"""One measurement: what a child process is asked, what it answers, and the stopwatch in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from ledger.store.recorder import POSITION_MAX

LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one child process is to measure.

    case        its name in `benchmarks.child.CASES`
    log         URL of the store whose log is written by ingest, read by all others but of an archive
    target      URL of an empty store that events are saved to
    file        input records of an ingest; where the Python replay writes a journal; a plan to suppose
    batch_size  lines or events per transaction, also of one that only reads
    upto        the last position that is read
    count       commands, appends or questions
    archive     directory of sealed segments; empty: from the store
    """

    case: str
    log: str = ""
    target: str = ""
    file: str = ""
    batch_size: int = 5_000
    upto: int = POSITION_MAX
    count: int = 0
    archive: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done while the watch ran.

    events  appended, projected or read
    lines   of input, all of them, also those that append nothing; 0 where no input is read
    digest  of the balances that came out, where any did
    figures what else was measured, by name, the unit last
    """

    events: int
    lines: int = 0
    digest: str = ""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A child's answer. peak_mb: the most resident memory by the end of the timed part, in 10^6 bytes."""

    events: int
    lines: int
    digest: str
    figures: Mapping[str, float]
    seconds: float
    peak_mb: float


# What is inside `with watch:` counts; it may be entered many times. A profiler is a watch too.
Watch = AbstractContextManager[object, bool | None]
Case = Callable[[Job, Watch], Done]


class Stopwatch:
    """Sums up the time spent inside it, and knows the peak memory by the end of that, children included."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_mb = 0.0
        self._started = 0.0
        self._children: dict[int, float] = {}
        threading.Thread(target=self._look_at_children, daemon=True).start()

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter() - self._started
        self.peak_mb = peak_memory_mb() + sum(self._children.values())

    def _look_at_children(self) -> None:
        """Their peaks so far, again and again: once they have ended nobody knows."""
        while True:
            time.sleep(LOOK_SECONDS)
            for child in psutil.Process().children():
                with suppress(psutil.Error, OSError, StopIteration):
                    self._children[child.pid] = vm_mb("VmHWM:", child.pid)


def peak_memory_mb() -> float:
    """The most memory this program had resident, in 10^6 bytes.

    Not `ru_maxrss`: that one survives exec, so a small child would report the size of the parent that forked it.
    """
    return vm_mb("VmHWM:")


def memory_mb() -> float:
    """The memory this program has resident now, in 10^6 bytes."""
    return vm_mb("VmRSS:")


def vm_mb(name: str, pid: int | Literal["self"] = "self") -> float:
    """A line of /proc/PID/status in 10^6 bytes, as VmHWM:, the most resident memory.

    Raises:
        OSError: there is no such process.
        StopIteration: it has ended and has no memory any more.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024 / 1e6


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many per cent are not above."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def expect(what: str, *, found: object, wanted: object) -> None:
    """A figure counts only if the work was done.

    Raises:
        RuntimeError: it was not.
    """
    if found != wanted:
        raise RuntimeError(f"{what}: {found}, not {wanted}: this measured something else")
