"""Programs as a user starts them: how long from start to end, and the most memory they held."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import vm_mb

LOOK_SECONDS = 0.05
MESSAGE_CHARACTERS = 2_000


class LimitError(RuntimeError):
    """A program took more time or memory than it may, and was ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may take; memory in 10^6 bytes, resident."""

    seconds: float = 600.0
    memory_mb: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that did its work. peak_mb: of it and all that it started, each at its own peak, in 10^6 bytes."""

    seconds: float
    peak_mb: float


def run_program(command: Sequence[str], out: Path, limits: Limits, env: Mapping[str, str] | None = None) -> Ended:
    """Runs a program to its end.

    Args:
        command: the program and its words.
        out: file for what it prints.
        limits: ended beyond them.
        env: variables it gets besides ours.

    Raises:
        LimitError: it was ended.
        RuntimeError: it failed by itself, or is not installed.
    """
    if shutil.which(command[0]) is None:
        raise RuntimeError(f"{command[0]} is not installed")
    errors = out.with_suffix(".err")
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        started = time.perf_counter()
        program = subprocess.Popen(command, stdout=stdout, stderr=stderr, env={**os.environ, **(env or {})})
        watcher = _Watcher(program, limits)
        watcher.start()
        _, status, usage = os.wait4(program.pid, 0)
        seconds = time.perf_counter() - started
        program.returncode = os.waitstatus_to_exitcode(status)
    watcher.ended.set()
    watcher.join()
    if watcher.reason:
        raise LimitError(f"{command[0]} was ended {watcher.reason}")
    if program.returncode:
        raise RuntimeError(f"{command[0]} failed: {errors.read_text(errors='replace')[-MESSAGE_CHARACTERS:].strip()}")
    # The kernel knows the peak to the end, but never less than what we held when we started it.
    own = max(watcher.peaks.get(program.pid, 0.0), usage.ru_maxrss * 1024 / 1e6)
    return Ended(seconds, own + sum(peak for pid, peak in watcher.peaks.items() if pid != program.pid))


class _Watcher(threading.Thread):
    """Looks at a program and its descendants again and again, and ends it at its limits."""

    def __init__(self, program: subprocess.Popen[bytes], limits: Limits) -> None:
        super().__init__(daemon=True)
        self.peaks: dict[int, float] = {}
        self.reason = ""
        self.ended = threading.Event()
        self._program, self._limits = program, limits

    def run(self) -> None:
        until = time.monotonic() + self._limits.seconds
        while not self.ended.wait(LOOK_SECONDS):
            resident = 0.0
            for pid in _family(self._program.pid):
                # It may have ended in between.
                with suppress(OSError, StopIteration):
                    self.peaks[pid] = vm_mb("VmHWM:", pid)
                    resident += vm_mb("VmRSS:", pid)
            if resident > self._limits.memory_mb:
                self._end(f"at {resident:,.0f} MB of memory: it may take {self._limits.memory_mb:,.0f}")
            elif time.monotonic() > until:
                self._end(f"after {self._limits.seconds:,.0f} s")

    def _end(self, reason: str) -> None:
        self.reason = reason
        for pid in reversed(_family(self._program.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.ended.set()


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found, index = [pid], 0
    while index < len(found):
        for tasks in Path(f"/proc/{found[index]}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, tasks.read_text().split())
        index += 1
    return found
