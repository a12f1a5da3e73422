"""`kill -9` of projection workers at any moment while the log grows, and workers that sleep through their own end."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from cli.context import DONE, UNREACHABLE
from tests.cli_runner import Tool
from tests.disturbance import (
    ACTOR,
    ENDED,
    Running,
    any_moment,
    assert_accounted,
    assert_projection_is_the_logs,
    assert_same_end,
    catch_up,
    desk_of,
    history,
    projected,
    start_worker,
    wait_until,
    watching,
)

CHUNK_LINES = 40
KILLS_OF_A_STORE = 25
ZOMBIE_SECONDS = 0.5  # how long a stopped worker sleeps at least


@contextmanager
def feeding(desk: Tool, lines: Sequence[bytes], seconds: float) -> Generator[Running]:
    """`refledger ingest -` of lines that come in over so many seconds, a few at a time."""
    with Running(desk, "ingest", "-", "--batch-size", "20", "--format", "json", stdin=subprocess.PIPE) as ingest:
        feeder = threading.Thread(target=_feed, args=(ingest, lines, seconds))
        feeder.start()
        try:
            yield ingest
        finally:
            feeder.join()


def _feed(ingest: Running, lines: Sequence[bytes], seconds: float) -> None:
    pipe, started = ingest.process.stdin, time.monotonic()
    assert pipe is not None
    with pipe:
        for start in range(0, len(lines), CHUNK_LINES):
            time.sleep(max(0, started + seconds * start / len(lines) - time.monotonic()))
            pipe.write(b"".join(lines[start : start + CHUNK_LINES]))
            pipe.flush()


@pytest.mark.parametrize(("name", "rounds"), [("generated", 5), pytest.param("long", 100, marks=pytest.mark.slow)])
def test_a_worker_killed_at_any_moment_loses_and_doubles_nothing(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path, name: str, rounds: int
) -> None:
    """After every kill balances are those of the log up to the checkpoint; in the end they are the undisturbed ones."""
    kills = 0
    while kills < rounds:
        desk = desk_of(new_store(), tmp_path, name)
        kills_max = min(KILLS_OF_A_STORE, rounds - kills)
        with feeding(desk, history(name), seconds=0.7 * kills_max) as ingest:
            for _ in range(kills_max):
                kills += kill_a_worker(desk, chance, name)
            assert_accounted(ingest.answer(ENDED).document, name)
        catch_up(desk)
        assert_same_end(desk.url, name)


def kill_a_worker(desk: Tool, chance: random.Random, name: str) -> bool:
    """Starts a worker, kills it some time later, and looks at what it left; whether it was still at work."""
    with watching(desk.url) as log, start_worker(desk) as worker:
        any_moment(worker, chance, lambda: projected(log), len(history(name)) // 50)
        is_killed = worker.kill()
    assert_projection_is_the_logs(desk.url, name)
    return is_killed


# ---- Zombies: a worker that was stopped (a machine asleep, a network cut) and does not know that others went on


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a batch a worker is stopped: it waits for a table that somebody else has locked.

    lock  taken by somebody else
    lost  the connections of the worker that the server gives up while it sleeps
    """

    lock: LiteralString
    lost: LiteralString


# It has read a batch from where the checkpoint was, and its connection is good; but its lease is gone.
READING = Moment(
    "LOCK TABLE event IN ACCESS EXCLUSIVE MODE",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'refledger worker'",
)
# It has moved the checkpoint and written some of the batch, and nothing of it is committed.
WRITING = Moment(
    "LOCK TABLE balance IN SHARE MODE",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name IN ('zombie', 'refledger worker')",
)
WAITING: LiteralString = (
    "SELECT 1 FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'zombie' AND wait_event_type = 'Lock'"
)


@contextmanager
def stopped(desk: Tool, moment: Moment) -> Generator[Running]:
    """A worker that is stopped at a moment, and has lost connections since."""
    with psycopg.connect(desk.url) as other, psycopg.connect(desk.url, autocommit=True) as administrator:
        other.execute(moment.lock)
        with start_worker(desk, name="zombie") as zombie:
            wait_until(lambda: administrator.execute(WAITING).fetchone() is not None)
            zombie.pause()
            administrator.execute(moment.lost)
            other.rollback()
            yield zombie


def assert_sound_after(zombie: Running, heir: Running, desk: Tool, name: str) -> None:
    """Both end as told, or the zombie because its connection is gone; what they wrote is right."""
    with watching(desk.url) as log:
        wait_until(lambda: projected(log) == log.head())
    for worker in (zombie, heir):
        worker.stop()
    heir.answer(DONE)
    answer = zombie.answer((DONE, UNREACHABLE, -signal.SIGTERM))  # the last: it was ending already
    if answer.status != DONE:
        assert "error: the database" in answer.err, answer
    assert_same_end(desk.url, name)


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.slow)])
@pytest.mark.parametrize("moment", [READING, WRITING], ids=["reading", "writing"])
def test_a_worker_stopped_in_a_batch_writes_nothing_after_its_successor(
    new_postgres: Callable[[], str], tmp_path: Path, moment: Moment, rounds: int
) -> None:
    """Stopped half way through a batch, succeeded by another and woken again, it changes no balance."""
    name = "generated"
    for _ in range(rounds):
        desk = desk_of(new_postgres(), tmp_path, name)
        desk("--actor", ACTOR, "ingest", "records.jsonl")
        with stopped(desk, moment) as zombie, start_worker(desk, name="heir") as heir, watching(desk.url) as log:
            wait_until(lambda log=log: projected(log) == log.head())
            zombie.send(signal.SIGCONT)
            time.sleep(ZOMBIE_SECONDS)
            assert_sound_after(zombie, heir, desk, name)


@pytest.mark.slow
def test_a_worker_stopped_at_any_moment_and_woken_beside_another(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path
) -> None:
    """Two workers, one of them stopped and woken again and again while the log grows: nothing is written twice."""
    name, rounds = "long", 20
    desk = desk_of(new_store(), tmp_path, name)
    with (
        feeding(desk, history(name), seconds=rounds) as ingest,
        start_worker(desk, name="zombie") as zombie,
        start_worker(desk, name="heir") as heir,
        watching(desk.url) as log,
    ):
        for _ in range(rounds):
            any_moment(zombie, chance, lambda: projected(log), len(history(name)) // 50)
            zombie.pause()
            time.sleep(ZOMBIE_SECONDS * chance.random())
            zombie.send(signal.SIGCONT)
        assert_accounted(ingest.answer(ENDED).document, name)
        assert_sound_after(zombie, heir, desk, name)
