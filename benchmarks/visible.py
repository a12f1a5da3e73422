"""How long after a command comes in its balance can be read, with a worker in another process."""

from __future__ import annotations

import json
import select
import sqlite3
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg

from benchmarks.callers import THREADS
from benchmarks.cases import PLAN
from benchmarks.measure import Done, Job, Watch, expect, percentile
from ledger.application import Ledger
from ledger.batching import MicroBatcher
from ledger.commands import command_from
from ledger.store.recorder import LogRecorder
from ledger.store.sqlite import URL_PREFIX, path_of
from projections.checkpoint import checkpoint
from projections.commissions import NAME

APPENDS_PER_SECOND = 500
MEMBERS = 1_000
LOOK_SECONDS = 0.002
# SQLite wakes nobody: there the worker looks that often. On PostgreSQL it has its default.
SQLITE_POLL_SECONDS = 0.01
PATIENCE_SECONDS = 60
JOINED_AT = datetime(2024, 1, 1, tzinfo=UTC)

Seen = list[tuple[float, int]]


def visible(job: Job, watch: Watch) -> Done:
    """Orders at an even pace, whether or not the ones before are done; each pays three members.

    A latency runs from when an order was due, so a stall counts for all it holds up, to when another process reads a
    checkpoint at or past its position: the checkpoint moves in the transaction that writes the balance.
    """
    with closing(Ledger(job.log, actor="benchmark")) as ledger:
        ledger.submit([command_from(record) for record in _members()])
        with _running(_worker(job.log)), _running(_watcher(job.log)) as watcher:
            _wait_for(lambda: _is_at_head(ledger.log))
            with MicroBatcher(ledger) as batcher, watch:
                due, answered_ms = _append(batcher, job.count)
            _wait_for(lambda: _is_at_head(ledger.log))
            answer, _ = watcher.communicate(b"", PATIENCE_SECONDS)
        seen: Seen = json.loads(answer)
        positions = {row.stream: row.position for row in ledger.log.read()}
    visible_ms = [
        (_visible_at(seen, positions[f"order-o{number}"]) - due_at) * 1_000 for number, due_at in enumerate(due)
    ]
    expect("orders visible", found=len(visible_ms), wanted=job.count)
    return Done(
        events=job.count,
        figures={
            "visible_p50_ms": percentile(visible_ms, 50),
            "visible_p99_ms": percentile(visible_ms, 99),
            "visible_max_ms": max(visible_ms),
            "answer_p50_ms": percentile(answered_ms, 50),
            "answer_p99_ms": percentile(answered_ms, 99),
        },
    )


def _members() -> Generator[Mapping[str, object]]:
    """A plan, and members of whom each was brought in by the one before."""
    yield PLAN
    for above, below in pairwise(range(MEMBERS)):
        at = (JOINED_AT + timedelta(minutes=below)).isoformat()
        yield {"type": "bind", "id": f"b{below}", "at": at, "member": f"m{below}", "inviter": f"m{above}"}


def _append(batcher: MicroBatcher, count: int) -> tuple[list[float], list[float]]:
    """When each order was due, and after how many milliseconds its caller had the answer."""
    start = time.monotonic() + 0.05
    due = [start + number / APPENDS_PER_SECOND for number in range(count)]
    answered_ms = [0.0] * count
    at = (JOINED_AT + timedelta(days=30)).isoformat()

    def call(first: int) -> None:
        for number in range(first, count, THREADS):
            member = f"m{number % (MEMBERS - 3) + 3}"
            record = {
                "type": "order",
                "id": f"o{number}",
                "at": at,
                "member": member,
                "currency": "GBP",
                "amount": 1_000,
            }
            command = command_from(record)
            time.sleep(max(0.0, due[number] - time.monotonic()))
            batcher.submit(command)
            answered_ms[number] = (time.monotonic() - due[number]) * 1_000

    with ThreadPoolExecutor(THREADS) as threads:
        for future in [threads.submit(call, first) for first in range(THREADS)]:
            future.result()
    return due, answered_ms


def _visible_at(seen: Seen, position: int) -> float:
    return seen[bisect_left(seen, position, key=lambda entry: entry[1])][0]


def _is_at_head(log: LogRecorder) -> bool:
    with log.reading() as session:
        return checkpoint(session, NAME) == log.head()


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the worker is not at the head of the log after {PATIENCE_SECONDS} s")
        time.sleep(0.05)


# -- the other processes


def _worker(url: str) -> list[str]:
    poll = ["--poll-seconds", str(SQLITE_POLL_SECONDS)] if url.startswith(URL_PREFIX) else []
    return [
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "--db",
        url,
        "worker",
        "run",
        "--projections",
        NAME,
        *poll,
    ]


def _watcher(url: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.visible", url]


@contextmanager
def _running(command: list[str]) -> Generator[subprocess.Popen[bytes]]:
    """A process that is told to stop at the end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def watch_checkpoint(url: str) -> Seen:
    """Looks at the checkpoint all the time, until standard input ends: when it was first seen where."""
    seen: Seen = []
    connection = sqlite3.connect(path_of(url)) if url.startswith(URL_PREFIX) else psycopg.connect(url, autocommit=True)
    query = f"SELECT position FROM checkpoint WHERE projection = '{NAME}'"  # noqa: S608  # our own constant
    with closing(connection):
        while not select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            row = connection.execute(query).fetchone()
            if row is not None and (not seen or row[0] > seen[-1][1]):
                seen.append((time.monotonic(), row[0]))
    return seen


if __name__ == "__main__":
    json.dump(watch_checkpoint(sys.argv[1]), sys.stdout)
