"""Stopping a worker: the batch at hand is committed; one that takes too long is given up, and none of it is kept."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from projections.lease import lease_of
from projections.pace import BATCH_SIZE_MIN
from tests.cli_runner import Tool, desk
from tests.worker_process import STOP_SECONDS_MAX, assert_books_agree, fill, position, wait_until, working

pytestmark = pytest.mark.long_on_postgres

COMMISSIONS = ("--projections", "commissions")


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on an empty store of each engine."""
    return desk(store_url, tmp_path)


@contextlib.contextmanager
def blocked(url: str) -> Generator[None]:
    """Nobody can move a checkpoint meanwhile."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            yield
            store.execute("ROLLBACK")
        return
    with psycopg.connect(url) as store:
        store.execute("LOCK TABLE checkpoint IN EXCLUSIVE MODE")
        yield
        store.rollback()


def test_sigterm_in_the_middle_of_a_catch_up(tool: Tool) -> None:
    """Status 0, soon; what was told of is committed, and the next run does the rest."""
    head = fill(tool, 6_000)
    with working(tool, *COMMISSIONS, verbose=True) as worker:
        worker.wait_for("batch", count=2)
        asked = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - asked < STOP_SECONDS_MAX
        (stopped,) = worker.told("stopped")
        assert sum(line["count"] for line in worker.told("batch")) == stopped["count"]
    with tool.ledger() as ledger:
        assert position(ledger) == stopped["count"] < head
    (row,) = tool.json("worker", "status", *COMMISSIONS)
    assert (row["state"], row["lag_events"]) == ("stopped", head - stopped["count"])
    tool("worker", "run", "--once", *COMMISSIONS)
    assert_books_agree(tool)


def test_a_stop_waits_for_the_batch_at_hand(postgres_url: str, tmp_path: Path) -> None:
    """The batch that was waiting for a lock when SIGTERM came is committed before the end, and no other begun."""
    tool = desk(postgres_url, tmp_path)
    fill(tool, 1_000)
    with working(tool, *COMMISSIONS) as worker:
        with blocked(tool.url):
            worker.wait_for("leader")
            wait_until(lambda: has_waiting(postgres_url), "the batch")
            worker.process.terminate()
            time.sleep(0.5)
            assert worker.process.poll() is None
        assert worker.ended() == 0
    with tool.ledger() as ledger:
        assert position(ledger) == BATCH_SIZE_MIN


def test_a_batch_that_takes_too_long_is_given_up(tool: Tool) -> None:
    """Past --drain-seconds: status 1, and says so; nothing of the batch is kept, the lease is free."""
    head = fill(tool, 500)
    with blocked(tool.url), working(tool, *COMMISSIONS, "--drain-seconds", "0.5") as worker:
        wait_until(lambda: is_led(tool.url) if tool.url.startswith("sqlite") else has_waiting(tool.url), "the worker")
        assert worker.stop() == 1
        assert "given up" in worker.text
    with tool.ledger() as ledger:
        assert position(ledger) == 0
    assert tool("worker", "run", "--once", *COMMISSIONS).err.startswith(f"{head} ")
    assert_books_agree(tool)


def is_led(url: str) -> bool:
    """Whether a worker has the lease of the commissions."""
    lease = lease_of(url, "commissions")
    is_free = lease.take()
    lease.release()
    return not is_free


def has_waiting(url: str) -> bool:
    """Whether a session of the database waits for a lock."""
    with psycopg.connect(url) as admin:
        waiting = admin.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return waiting.fetchone() is not None
