"""What fault tests share: histories, commands in processes that can be killed, and the oracle.

The oracle is an undisturbed run. However a run was disturbed, its log is at every moment the beginning of the
undisturbed one, its projection stands for exactly the events up to its checkpoint, and in the end both are the same.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from cli.context import CONFLICT, DONE, REFUSED, UNREACHABLE
from cli.history import Shape, lines
from ledger.application import Ledger
from ledger.clock import parse_instant
from ledger.events import EVENTS
from ledger.store.migrate import migrate
from ledger.store.recorder import LogRecorder
from projections.balances import balances_at, digest
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.content import ContentRoot
from projections.runner import Runner
from projections.view import PACKAGES
from tests.builders import LATER, data_file, plan, replayed
from tests.cli_runner import COMMAND, Answer, Status, Tool, clean_environment, expected

ACTOR = "test"
PATIENCE_SECONDS = 120
MOMENT_SECONDS_MAX = 3.0
SAID_BYTES_MAX = 1 << 24
START_SECONDS_MAX = 1.0  # of a command, from its process to its first batch
ENDED = (DONE, CONFLICT, REFUSED)  # of an ingest that read all its lines
REJECTED = ("conflicts", "invalid", "retryable")

# ---- Histories

SHAPES = {
    "generated": Shape(members=200, orders=1_200, days=300, ttl_days=60, retry_share_ppm=0),
    # Many refunds arrive before their order, are rejected, and come again later; more is added below.
    "awkward": Shape(members=200, orders=1_200, days=300, ttl_days=60, retry_share_ppm=50_000),
    "long": Shape(members=800, orders=5_000, days=300, ttl_days=60, retry_share_ppm=0),
}
PUBLIC_LINES = 12_000


@cache
def history(name: str) -> list[bytes]:
    """The lines of a history, a plan first."""
    if name in SHAPES:
        straight = list(lines(SHAPES[name]))
        return with_rejects(straight) if name == "awkward" else straight
    published = json.dumps(plan(binding={"ttl_days": 30})).encode() + b"\n"
    with gzip.open(data_file("public", "public.jsonl.gz")) as file:
        return [published, *islice(file, PUBLIC_LINES)]


def with_rejects(straight: list[bytes]) -> list[bytes]:
    """Among the lines now and then one that is no record, and an order again whose amount is another (a conflict)."""
    mixed: list[bytes] = []
    for number, line in enumerate(straight):
        mixed.append(line)
        if number % 150 == 100:
            mixed.append(b'{"type":"order","id":\n')
        elif number % 50 == 0 and b'"type":"order"' in line:
            mixed.append(line.replace(b'"lines":', b'"carriage":1,"lines":') if b"carriage" not in line else line)
    return mixed


@cache
def instants(name: str) -> tuple[datetime, ...]:
    """When balances are compared: two instants within the history and one after all of it."""
    if name in SHAPES:
        start, days = SHAPES[name].start, SHAPES[name].days
        return start + timedelta(days=days / 3), start + timedelta(days=2 * days / 3), LATER
    return *(parse_instant(json.loads(history(name)[place])["at"]) for place in (4_000, 8_000)), LATER


# ---- The oracle


@dataclass(frozen=True, slots=True)
class Books:
    """What a ledger has come to.

    roots    content root of the first 0, 1, 2 … events that were put in
    digests  of balances, at the instants of the history
    """

    roots: tuple[str, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A history fed by one command without interruption.

    summary  what that command printed
    rejects  what it rejected, by line
    """

    books: Books
    summary: dict[str, Any]
    rejects: dict[int, tuple[str, str]]


@cache
def undisturbed(name: str) -> Undisturbed:
    """The history's end on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Tool(f"sqlite:///{folder}/ledger.db", Path(folder))
        migrate(desk.url, PACKAGES)
        (desk.folder / "records.jsonl").write_bytes(b"".join(history(name)))
        answer = desk("--actor", ACTOR, *INGEST, status=ENDED)
        with desk.ledger() as ledger:
            Runner(ledger.log).catch_up()
            return Undisturbed(_books(ledger, instants(name)), answer.document, rejects(desk))


INGEST = ("ingest", "records.jsonl", "--rejects", "rejects.jsonl", "--format", "json")


def assert_log_is_a_beginning(url: str, name: str) -> int:
    """The log holds the first events of the undisturbed one, no more and no less than whole; returns how many."""
    with closing(Ledger(url)) as ledger:
        roots = _roots(ledger)
    assert roots == undisturbed(name).books.roots[: len(roots)]
    return len(roots) - 1


def assert_projection_is_the_logs(url: str, name: str) -> None:
    """Balances are what replaying the log up to the projection's checkpoint gives, whoever died on the way."""
    middle = instants(name)[1]
    with closing(Ledger(url)) as ledger:
        with ledger.log.reading() as session:
            position = checkpoint(session, NAME)
            live = digest(balances_at(session, middle))
        assert live == replayed(ledger, middle, position).digest


def assert_same_end(url: str, name: str) -> None:
    """Content of the log and digests are the undisturbed ones; the projection is at the head, and right."""
    with closing(Ledger(url)) as ledger:
        with ledger.log.reading() as session:
            assert checkpoint(session, NAME) == ledger.log.head()
        assert _books(ledger, instants(name)) == undisturbed(name).books


def assert_accounted(summary: dict[str, Any], name: str) -> None:
    """Every line of the history was recorded, is a repeat, was refused, or was rejected."""
    parts = ("appended", "repeats", "refused", *REJECTED)
    assert summary["read"] == len(history(name)) == sum(summary[part] for part in parts)
    straight = undisturbed(name).summary
    assert [summary[part] for part in REJECTED[:2]] == [straight[part] for part in REJECTED[:2]]


def _books(ledger: Ledger, times: tuple[datetime, ...]) -> Books:
    with ledger.log.reading() as session:
        live = tuple(digest(balances_at(session, as_of)) for as_of in times)
    assert live == tuple(replayed(ledger, as_of).digest for as_of in times)
    return Books(_roots(ledger), live)


def _roots(ledger: Ledger) -> tuple[str, ...]:
    """Content roots; on the way: positions have no gaps, and no event is there twice."""
    content = ContentRoot()
    roots, seen = [content.hex()], set[tuple[str, int]]()
    for position, row in enumerate(ledger.log.read(), start=1):
        assert row.position == position
        assert (row.stream, row.version) not in seen
        seen.add((row.stream, row.version))
        if not EVENTS[row.topic].IS_DERIVED:
            content.add(row.topic, row.state)
            roots.append(content.hex())
    return tuple(roots)


# ---- Commands that can be stopped


class Running:
    """A command at work in a process of its own; leaving the block kills it.

    What it says goes into files, so that it never waits for a reader. PostgreSQL knows its connections by `name`.
    """

    def __init__(self, desk: Tool, *arguments: str, name: str = "refledger", stdin: int = subprocess.DEVNULL) -> None:
        """Starts it."""
        self._out, self._err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115  # closed on leaving
        self.process = subprocess.Popen(
            [*COMMAND, "--db", desk.url, "--actor", ACTOR, *arguments],
            stdin=stdin,
            stdout=self._out,
            stderr=self._err,
            cwd=desk.folder,
            env=clean_environment() | {"PGAPPNAME": name},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self.kill()
        self._out.close()
        self._err.close()

    def is_at_work(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> bool:
        """Kills it with SIGKILL; whether it was still at work."""
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def pause(self) -> None:
        """Stops it where it is; it does not notice."""
        self.send(signal.SIGSTOP)
        process = psutil.Process(self.process.pid)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED)

    def stop(self) -> None:
        """Asks it to end, once it has said that it is at work: before that nobody has told it how."""
        wait_until(lambda: os.fstat(self._err.fileno()).st_size > 0 or not self.is_at_work())
        self.send(signal.SIGTERM)

    def answer(self, status: Status = 0) -> Answer:
        """Waits for its end, and gives what it said."""
        self.process.wait(PATIENCE_SECONDS)
        return expected(Answer(self.process.returncode, *self.said()), status)

    def said(self) -> tuple[str, str]:
        """What it wrote to standard output and to standard error so far, in whatever way it ended."""
        out, err = (os.pread(file.fileno(), SAID_BYTES_MAX, 0).decode() for file in (self._out, self._err))
        return out, err


def assert_went_away(answer: Answer) -> None:
    """The database went away under a command: it says so in one line, and ends with the status for it."""
    assert answer.status == UNREACHABLE, answer
    errors = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, answer.err
    assert "database" in errors[0]


def desk_of(url: str, folder: Path, name: str) -> Tool:
    """The command on a store, in a folder of its own with the history as records.jsonl."""
    desk = Tool(url, Path(tempfile.mkdtemp(dir=folder)))
    (desk.folder / "records.jsonl").write_bytes(b"".join(history(name)))
    return desk


def start_ingest(desk: Tool, *options: str) -> Running:
    """`refledger ingest` of the desk's history, with a rejects file."""
    return Running(desk, *INGEST, *options, name="ingest")


def start_worker(desk: Tool, *options: str, name: str = "worker") -> Running:
    """`refledger worker run` that looks often, and records no lapses: the log is what was fed in."""
    only = ("--projections", "commissions")
    return Running(desk, "worker", "run", "--poll-seconds", "0.05", *only, *options, name=name)


def catch_up(desk: Tool) -> None:
    """Brings the projection to the head, as a last worker would."""
    desk("worker", "run", "--once")


def through(desk: Tool, name: str, answer: Answer) -> None:
    """An ingest came to its end: all lines are accounted for, and rejected is what the undisturbed run rejected.

    A run that went on after an interruption finds recorded by now what was rejected before and came again.
    """
    assert_accounted(answer.document, name)
    rejected, straight = rejects(desk), undisturbed(name).rejects
    assert len(rejected) == sum(answer.document[part] for part in REJECTED)
    assert rejected.items() <= straight.items()
    assert {reason for line, (reason, _) in straight.items() if line not in rejected} <= {"unknown_order"}


def rejects(desk: Tool) -> dict[int, tuple[str, str]]:
    """Reason and record of every line in the desk's rejects file."""
    entries = map(json.loads, (desk.folder / "rejects.jsonl").read_bytes().splitlines())
    return {entry["line"]: (entry["reason"], json.dumps(entry["record"])) for entry in entries}


# ---- Moments


@contextmanager
def watching(url: str) -> Generator[LogRecorder]:
    """The log, seen from beside."""
    with closing(Ledger(url)) as ledger:
        yield ledger.log


def projected(log: LogRecorder) -> int:
    """The checkpoint of the projection."""
    with log.reading() as session:
        return checkpoint(session, NAME)


def any_moment(running: Running, chance: random.Random, position: Callable[[], int], ahead_max: int) -> int:
    """Waits for a random moment: of time, or of progress and a little more; returns the last position seen."""
    seen = position()
    if chance.random() < 1 / 4:
        time.sleep(chance.random() * START_SECONDS_MAX)
    else:
        target = seen + 1 + chance.randrange(ahead_max)
        deadline = time.monotonic() + MOMENT_SECONDS_MAX
        while running.is_at_work() and seen < target and time.monotonic() < deadline:
            time.sleep(0.003)
            seen = position()
        time.sleep(chance.random() / 50)
    return seen


def wait_until(done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Polls until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s")
        time.sleep(0.005)
