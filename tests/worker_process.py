"""`refledger worker run` in processes of its own, and what it says while it runs."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from cli.history import Shape, records
from ledger.application import Ledger
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from tests.builders import commands, live_digest, replayed
from tests.cli_runner import NEVER_SHOWN, Tool

PATIENCE_SECONDS = 60
STOP_SECONDS_MAX = 15  # of a worker, on a busy machine; a batch may go on for 30
BATCH = 1_000

Line = dict[str, Any]


class WorkerProcess:
    """A worker that was started; its log is read as it comes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """`process` writes its log, JSON Lines, to its piped standard error."""
        self.process = process
        self.lines: list[Line] = []
        self.text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, event: str, *, count: int = 1, **facts: object) -> Line:
        """The `count`-th line of an event with these facts, as soon as it is there."""
        wait_until(lambda: len(self.told(event, **facts)) >= count or self.process.poll() is not None, event)
        self._reader.join(PATIENCE_SECONDS if self.process.poll() is not None else 0)
        found = self.told(event, **facts)
        assert len(found) >= count, f"no {event} {facts} in:\n{self.text}"
        return found[count - 1]

    def told(self, event: str, **facts: object) -> list[Line]:
        """All lines so far of an event with these facts."""
        wanted = {"event": event, **facts}
        return [line for line in list(self.lines) if all(line.get(name) == fact for name, fact in wanted.items())]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; its exit status."""
        self.process.send_signal(number)
        return self.ended()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def ended(self) -> int:
        """Waits for its end; its exit status. It said nothing that nobody thought of."""
        status = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        assert not any(text in self.text for text in NEVER_SHOWN), self.text
        return status

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.text += line.decode()
            with contextlib.suppress(json.JSONDecodeError):
                self.lines.append(json.loads(line))


@contextlib.contextmanager
def working(tool: Tool, *options: str, verbose: bool = False) -> Generator[WorkerProcess]:
    """A worker of the tool's store, killed in the end if it still runs."""
    before = ("-v",) if verbose else ()
    process = tool.start(*before, "worker", "run", "--poll-seconds", "0.05", *options, stdout=subprocess.DEVNULL)
    try:
        yield WorkerProcess(process)
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                stream.close()


def wait_until(done: Callable[[], bool], what: str = "it") -> None:
    """Polls until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for {what}"
        time.sleep(0.01)


def fill(tool: Tool, orders: int, seed: int = 1) -> int:
    """Submits a generated history with lapses, refunds and renewed binds; returns the head."""
    shape = Shape(members=orders // 8, orders=orders, seed=seed, ttl_days=20, retry_share_ppm=0)
    facts = list(records(shape))
    with tool.ledger() as ledger:
        for start in range(0, len(facts), BATCH):
            ledger.submit(commands(facts[start : start + BATCH]), allow_no_plan=True)
        return ledger.log.head()


def position(ledger: Ledger) -> int:
    """The checkpoint of the commissions."""
    with ledger.log.reading() as session:
        return checkpoint(session, NAME)


def wait_for_head(tool: Tool) -> int:
    """Waits until everything is projected; returns the head."""
    with tool.ledger() as ledger:
        wait_until(lambda: position(ledger) >= ledger.log.head(), "the head")
        return ledger.log.head()


def wait_until_done(tool: Tool) -> int:
    """Waits until nothing is left to project or to record, as every lapse is an event more; returns the head."""
    wait_until(lambda: all(row["lag_events"] == 0 for row in tool.json("worker", "status")), "all projections")
    return tool.head()


def assert_books_agree(tool: Tool) -> None:
    """The tables are at the head, and have what a replay of the log has."""
    with tool.ledger() as ledger:
        assert position(ledger) == ledger.log.head()
        assert live_digest(ledger) == replayed(ledger).digest


def base_of(worker: WorkerProcess) -> str:
    """Where a worker serves."""
    line = worker.wait_for("serving")
    assert line["host"] == "127.0.0.1"
    return f"http://127.0.0.1:{line['port']}"


def fetched(url: str) -> tuple[int, str]:
    """Status and body of a page."""
    try:
        with urlopen(url, timeout=10) as answer:  # noqa: S310  # our own server
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics_of(base: str) -> dict[tuple[str, str], float]:
    """Every sample of the commissions and of the lapses, by name and projection; of a histogram the last bucket."""
    status, text = fetched(f"{base}/metrics")
    assert status == 200
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, sample.labels["projection"]): sample.value for sample in samples}


def tamper(url: str, statement: str) -> None:
    """Changes the log behind the ledger's back."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as store, store:
            for trigger in ("event_no_update", "event_no_delete"):
                store.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            store.execute(statement)
        return
    with psycopg.connect(url) as store:
        store.execute("SET session_replication_role = replica")
        store.execute(statement.encode())
