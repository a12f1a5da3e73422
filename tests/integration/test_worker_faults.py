"""The database goes away under a worker: it waits, comes back, and nothing is lost or done twice."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import psycopg

from ledger.store.migrate import migrate
from projections.view import PACKAGES
from tests.cli_runner import Tool, desk
from tests.postgres_server import Databases, postgres_server
from tests.worker_process import assert_books_agree, base_of, fill, metrics_of, wait_for_head, wait_until_done, working

COMMISSIONS = ("--projections", "commissions")


def cut(url: str) -> int:
    """Ends every other connection to the database; returns how many there were."""
    with psycopg.connect(url, autocommit=True) as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return len(ended.fetchall())


def test_connections_cut_in_the_middle(postgres_url: str, tmp_path: Path) -> None:
    """All of them, again and again while it catches up: it says so, leads again, and every event counts once."""
    tool = desk(postgres_url, tmp_path)
    head = fill(tool, 6_000)
    with working(tool, *COMMISSIONS, "--metrics", "127.0.0.1:0", verbose=True) as worker:
        base = base_of(worker)
        for number in range(1, 4):
            worker.wait_for("leader", count=number)
            worker.wait_for("batch", count=2 * number)
            assert cut(postgres_url) > 1
        worker.wait_for("leader", count=4)
        assert wait_for_head(tool) == head
        assert metrics_of(base)["refledger_restarts_total", "commissions"] >= 3
        assert worker.stop() == 0
        assert len(worker.told("backoff") + worker.told("lease_lost")) >= 3
    # What a cut hit after its commit was done is not counted as done by this worker, but it is not done again.
    assert worker.told("stopped")[0]["count"] <= head
    assert_books_agree(tool)


def test_a_server_that_stops_and_starts(tmp_path: Path) -> None:
    """Killed with all it does, away for a while, started again: the worker is still there and catches up."""
    with postgres_server(durable=True) as server:
        tool = desk(server.create_database("books"), tmp_path)
        migrate(tool.url, PACKAGES)
        fill(tool, 3_000)
        with working(tool, verbose=True) as worker:
            worker.wait_for("batch", projection="commissions")
            server.kill()
            worker.wait_for("backoff", count=2, projection="commissions")
            server.start()
            started = time.monotonic()
            wait_for_head(tool)
            print(f"back at the head after {time.monotonic() - started:.3f} s")  # noqa: T201  # a figure to read
            fill(tool, 200, seed=2)
            wait_until_done(tool)
            assert worker.stop() == 0
        assert_books_agree(tool)


def test_a_worker_that_starts_before_its_database(tmp_path: Path) -> None:
    """It waits for it, and says so; with --once it ends with status 8; a signal ends the wait at once."""
    with postgres_server() as server:
        tool = desk(server.create_database("books"), tmp_path)
        migrate(tool.url, PACKAGES)
        head = fill(tool, 100)
        server.stop()
        tool.process("worker", "run", "--once", status=8)
        with working(tool) as given_up:
            given_up.wait_for("backoff")
            assert given_up.stop(signal.SIGINT) == 0
        with working(tool, *COMMISSIONS) as worker:
            worker.wait_for("backoff", count=2)
            server.start()
            worker.wait_for("leader")
            assert wait_for_head(tool) >= head
            assert worker.stop() == 0


def test_no_ledger_there_is_an_error(postgres_server: Databases, tmp_path: Path) -> None:
    """Waiting does not help a store that nobody made: status 4, and what to do."""
    for url in (f"sqlite:///{tmp_path}/none.db", postgres_server.url()):
        tool = Tool(url, tmp_path)
        assert "refledger init" in tool.process("worker", "run", status=4).err


def test_a_locked_file_is_waited_for(sqlite_url: str, tmp_path: Path) -> None:
    """A writer that keeps an SQLite file busy delays the worker; nothing is lost."""
    tool = desk(sqlite_url, tmp_path)
    with working(tool, *COMMISSIONS) as worker:
        worker.wait_for("leader")
        writers = [threading.Thread(target=fill, args=(tool, 600, seed)) for seed in (1, 2)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        wait_for_head(tool)
        assert worker.stop() == 0
    assert_books_agree(tool)
