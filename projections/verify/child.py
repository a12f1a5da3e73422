"""The log read by a process of its own, so that reading and performing take two cores and half the time.

    python -m projections.verify.child     takes its task on standard input, answers with frames of facts

The child ends with its parent, however that ends: nobody reads its pipe any more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any, cast

from ledger.frames import PIPE_BYTES, loads, read_frame, write_frame
from ledger.garbage import collection_paused
from ledger.tree.ranges import RangeProof
from projections.verify.facts import Fact, facts_of
from projections.verify.log_reader import EVENTS, LogReader, Summary, Task
from projections.verify.report import Finding, Report

_ROOT = Path(__file__).parents[2]


class ChildReader:
    """As LogReader, in another process."""

    def __init__(self, task: Task) -> None:
        """Starts it."""
        self.report = Report(findings_max=task.findings_max)
        self._summary = Summary(0, 0, {}, "", "", {}, "", 0)
        self._child = subprocess.Popen(
            # -P: a folder `projections` where the user happens to be is none of ours.
            [sys.executable, "-P", "-m", "projections.verify.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            process_group=0,  # Ctrl-C is for the parent
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])},
        )
        with suppress(OSError):
            write_frame(cast("IO[bytes]", self._child.stdin), _plain(task))

    def batches(self) -> Iterator[list[Fact]]:
        """As LogReader's."""
        self.report.begin(EVENTS)
        try:
            while (frame := read_frame(cast("IO[bytes]", self._child.stdout))) is not None:
                rows, end = loads(frame)
                if end is not None:
                    summary, findings, counts = end
                    self._summary = Summary(*summary)
                    self.report.take([Finding(*finding) for finding in findings], counts)
                    return
                yield facts_of(rows)
            self.report.find(EVENTS, "could not be read to the end: the process that read them ended")
        finally:
            self._close()

    def summary(self) -> Summary:
        """As LogReader's."""
        return self._summary

    def _close(self) -> None:
        self._child.kill()
        with suppress(BrokenPipeError):
            cast("IO[bytes]", self._child.stdin).close()
        cast("IO[bytes]", self._child.stdout).close()
        self._child.wait()


def _plain(task: Task) -> tuple[Any, ...]:
    proof = task.proof
    return (
        task.path,
        task.is_tiled,
        (proof.start, proof.end, proof.size, proof.left, proof.right),
        task.root,
        task.old_sizes,
        task.is_redacted,
        task.is_performed,
        task.findings_max,
    )


def _serve() -> None:
    # It ends without a word where nobody reads.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    path, is_tiled, proof, *rest = loads(read_frame(sys.stdin.buffer) or b"")
    reader = LogReader(Task(path, is_tiled, RangeProof(*proof), *rest))
    with collection_paused():
        for batch in reader.batches():
            rows = list(map(tuple, batch))
            # What only one list holds is marshalled in half the time: nothing can come twice.
            batch.clear()
            write_frame(sys.stdout.buffer, (rows, None))
        findings = [astuple(finding) for finding in reader.report.findings]
        end = (astuple(reader.summary()), findings, reader.report.counts)
        write_frame(sys.stdout.buffer, ([], end))


if __name__ == "__main__":
    _serve()
