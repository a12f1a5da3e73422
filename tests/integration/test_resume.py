"""However a history is fed in, and however often the feeding is cut short, the ledger ends the same (rule G-8)."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from cli.context import DONE, REFUSED
from cli.history import Shape, lines
from ledger.application import Ledger
from ledger.commands import AnyCommand, parse_command
from ledger.store.migrate import migrate
from projections.balances import balances_at, digest
from projections.runner import Runner
from projections.view import PACKAGES
from tests.builders import LATER, bind, data_file, order, plan, refund, replayed

pytestmark = pytest.mark.long_on_postgres

ROOT = Path(__file__).parents[2]
REFLEDGER = (sys.executable, "-c", "from cli.main import main; main()")
SHAPE = Shape(members=600, orders=4_500, days=300, ttl_days=60, retry_share_ppm=0)
# In the second many refunds arrive before their order, are rejected, and come again later.
SHAPES = {"generated": SHAPE, "early refunds": replace(SHAPE, retry_share_ppm=100_000)}
LINES = 6_000
KILLS = 20

HISTORIES = pytest.mark.parametrize("name", ["public", "generated"])

# ---- Histories, and where they end


@cache
def history(name: str, count: int | None) -> list[bytes]:
    """The first lines of a history, a plan first."""
    if name in SHAPES:
        return list(islice(lines(SHAPES[name]), count))
    published = json.dumps(plan(binding={"ttl_days": 30})).encode() + b"\n"
    with gzip.open(data_file("public", "public.jsonl.gz")) as file:
        return [published, *islice(file, count)]


@cache
def parsed(name: str, count: int | None) -> list[AnyCommand]:
    """The same as commands."""
    return [parse_command(line) for line in history(name, count)]


@dataclass(frozen=True, slots=True)
class Books:
    """What two ledgers agree on if they were fed the same.

    digests  at two instants within the history and one after it
    """

    content_root: str
    digests: tuple[str, ...]


def books(ledger: Ledger, name: str, count: int | None) -> Books:
    """What the ledger has come to; live balances and replay must agree on it."""
    times = sorted(command.at for command in parsed(name, count))
    return books_at(ledger, times[len(times) // 3], times[2 * len(times) // 3])


def books_at(ledger: Ledger, *times: datetime) -> Books:
    """What the ledger has come to, at some instants and after all."""
    Runner(ledger.log).catch_up()
    with ledger.log.reading() as session:
        digests = tuple(digest(balances_at(session, as_of)) for as_of in (*times, LATER))
    answer = replayed(ledger, times[-1])
    assert answer.digest == digests[-2]
    return Books(answer.content_root, digests)


@cache
def books_of_a_straight_run(name: str, count: int | None) -> Books:
    """Where the history ends on SQLite, fed once, without interruption, in batches of 5,000."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        migrate(url, PACKAGES)
        with closing(Ledger(url, actor="test")) as ledger:
            feed(ledger, parsed(name, count), 5_000)
            return books(ledger, name, count)


# ---- Fed otherwise


def feed(ledger: Ledger, commands: Sequence[AnyCommand], batch_size: int, *, expire: bool = False) -> None:
    """Submits commands in batches; an expiry worker may come between them."""
    for start in range(0, len(commands), batch_size):
        ledger.submit(commands[start : start + batch_size])
        if expire:
            ledger.expire()


def feed_twice(ledger: Ledger, commands: Sequence[AnyCommand]) -> None:
    """All of it, and all of it again."""
    feed(ledger, commands, 700)
    head = ledger.log.head()
    feed(ledger, commands, 1_900)
    assert ledger.log.head() == head


def feed_halves(ledger: Ledger, commands: Sequence[AnyCommand]) -> None:
    """Two parts, the last fifth of the first again in the second."""
    middle = len(commands) // 2
    feed(ledger, commands[: middle + len(commands) // 10], 1_000)
    feed(ledger, commands[middle - len(commands) // 10 :], 1_000)


WAYS: dict[str, Callable[[Ledger, Sequence[AnyCommand]], None]] = {
    "twice": feed_twice,
    "in halves that overlap": feed_halves,
    "in one batch of 10,000": lambda ledger, commands: feed(ledger, commands, 10_000),
    "with an expiry worker between batches": lambda ledger, commands: feed(ledger, commands, 500, expire=True),
}


@HISTORIES
@pytest.mark.parametrize("way", WAYS)
def test_a_history_ends_the_same_however_it_is_fed(ledger: Ledger, name: str, way: str) -> None:
    """On either store the content root and the digests are those of a straight run on SQLite."""
    WAYS[way](ledger, parsed(name, LINES))
    assert books(ledger, name, LINES) == books_of_a_straight_run(name, LINES)


@HISTORIES
def test_a_history_ends_the_same_one_by_one(ledger: Ledger, name: str) -> None:
    """Every record in a transaction of its own."""
    feed(ledger, parsed(name, 400), 1)
    assert books(ledger, name, 400) == books_of_a_straight_run(name, 400)


# ---- Cut short


def start_ingest(url: str, file: Path, batch_size: int) -> subprocess.Popen[bytes]:
    """`refledger ingest` as a process of its own."""
    command = (*REFLEDGER, "--db", url, "--actor", "test", "ingest", str(file), "--batch-size", str(batch_size))
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def is_killed(process: subprocess.Popen[bytes], ledger: Ledger, head: int, delay_seconds: float) -> bool:
    """Kills a process some moments after the log got that far; whether it was still at work."""
    while process.poll() is None and ledger.log.head() < head:
        time.sleep(0.002)
    time.sleep(delay_seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def write(folder: Path, records: Sequence[bytes]) -> Path:
    """A file to ingest."""
    file = folder / "records.jsonl"
    file.write_bytes(b"".join(records))
    return file


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("public", marks=pytest.mark.slow),
        "generated",
        pytest.param("early refunds", marks=pytest.mark.slow),
    ],
)
def test_a_killed_ingest_is_run_again(ledger: Ledger, store_url: str, tmp_path: Path, name: str) -> None:
    """SIGKILL at a random moment loses nothing that was committed; the same command again brings the same end."""
    chance = random.Random()  # noqa: S311  # not a secret
    file = write(tmp_path, history(name, LINES))
    head = chance.randrange(LINES // 2)
    assert is_killed(start_ingest(store_url, file, 50), ledger, head, chance.random() / 50)
    assert start_ingest(store_url, file, 5_000).wait() == (REFUSED if name == "early refunds" else DONE)
    assert books(ledger, name, LINES) == books_of_a_straight_run(name, LINES)


@pytest.mark.slow
def test_an_ingest_killed_again_and_again(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """All of the published year, killed at 20 random moments spread over it and always started anew."""
    chance = random.Random()  # noqa: S311  # not a secret
    records = history("public", None)
    file = write(tmp_path, records)
    step = len(records) // (KILLS + 5)
    for kill in range(KILLS):
        head = kill * step + chance.randrange(step)
        assert is_killed(start_ingest(store_url, file, 100), ledger, head, chance.random() / 50), head
    assert start_ingest(store_url, file, 5_000).wait() == DONE
    assert books(ledger, "public", None) == books_of_a_straight_run("public", None)


# A refund is retryable before its order, and comes again after another one.
EARLY = refund("r1", "o1", 33, "2026-02-01T00:00:00Z")
TOO_EARLY = [
    plan(),
    bind("b1", "cat", "ben", "2026-01-01T00:00:00Z"),
    EARLY,
    order("o1", "cat", 100, "2026-01-15T00:00:00Z"),
    refund("r2", "o1", 33, "2026-03-01T00:00:00Z"),
    EARLY,
]
STOPPED = order("o2", "cat", 100, "2009-01-15T00:00:00Z")


def test_a_refund_that_came_too_early_keeps_its_place(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """Stopped after its first line and started again, it is rejected there again and recorded where it comes again."""
    stopped = [json.dumps(record).encode() + b"\n" for record in [*TOO_EARLY[:4], STOPPED, *TOO_EARLY[4:]]]
    file = write(tmp_path, stopped)
    assert start_ingest(store_url, file, 2).wait() == REFUSED
    command = (*REFLEDGER, "--db", store_url, "ingest", str(file), "--batch-size", "2", "--allow-no-plan")
    rehearsed = subprocess.run((*command, "--format", "json", "--dry-run"), cwd=ROOT, capture_output=True, check=False)
    again = subprocess.run((*command, "--format", "json"), cwd=ROOT, capture_output=True, check=False)
    summary = json.loads(again.stdout)
    assert {**json.loads(rehearsed.stdout), "head": 0, "seconds": 0} == {**summary, "head": 0, "seconds": 0}
    assert (summary["read"], summary["repeats"], summary["retryable"], summary["appended"]) == (7, 3, 1, 3)
    refunds = [row.stream for row in ledger.log.read() if row.topic == "OrderRefunded"]
    assert refunds == ["refund-r2", "refund-r1"]
    assert b"going on from there" in again.stderr


def test_a_file_that_changed_is_read_from_its_beginning(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """What an interrupted run decided is skipped only if it is the same to the byte."""
    written = [json.dumps(record).encode() + b"\n" for record in [*TOO_EARLY[:4], STOPPED]]
    assert start_ingest(store_url, write(tmp_path, written), 2).wait() == REFUSED
    changed = [written[0], written[3], written[2]]
    assert start_ingest(store_url, write(tmp_path, changed), 2).wait() == DONE
    assert [row.stream for row in ledger.log.read()][-1] == "refund-r1"
