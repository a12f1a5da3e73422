"""A head is released after it and its events are on disk, and only where nothing can contradict them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from cli.last_heads import LastHead, LastHeadError
from ledger.application import Ledger
from ledger.errors import ReplicaError
from ledger.store.migrate import migrate
from projections.view import PACKAGES
from tests.cli_runner import Tool, desk
from tests.postgres_server import PostgresServer, postgres_server
from tests.signing import Signer, feed_orders, feed_plan, signer

# Nothing goes to disk by itself for as long as a test takes.
LAZY = {"synchronous_commit": "off", "wal_writer_delay": "10s", "bgwriter_delay": "10s"}
REACHED = "SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn"
INSERTED = "SELECT pg_current_wal_insert_lsn()::text"


@pytest.fixture(scope="module")
def lazy_server() -> Iterator[PostgresServer]:
    """A server on which a commit waits for nothing."""
    with postgres_server(durable=True, settings=LAZY) as server:
        yield server


def test_events_are_on_disk_first(lazy_server: PostgresServer, tmp_path: Path) -> None:
    """Commits that wait for nothing, and a transaction that was left open: a head waits for all before it."""
    url = lazy_server.create_database("lazy")
    migrate(url, PACKAGES)
    log = signer(desk(url, tmp_path))
    feed_plan(log.tool)
    log.sign("--first")
    with psycopg.connect(url, autocommit=True) as server, psycopg.connect(url) as left_open:
        left_open.execute("CREATE TABLE left_open (number integer)")
        feed_orders(log.tool, 0, 3)
        (inserted,) = server.execute(INSERTED).fetchone() or ("",)
        assert server.execute(REACHED, (inserted,)).fetchone() == (False,)
        assert log.head().size == 4
        assert server.execute(REACHED, (inserted,)).fetchone() == (True,)


def test_a_replica_signs_nothing(tmp_path: Path) -> None:
    """What follows another server may lack events of it: refused, with where to go; it may prove."""
    with postgres_server(durable=True) as server:
        url = server.create_database("copied")
        migrate(url, PACKAGES)
        log = signer(desk(url, tmp_path))
        feed_plan(log.tool)
        log.keep("head", "--first")
        server.become_standby()
        answer = log.sign(status=6)
        assert "this database is a replica, which may lack events: name the primary with --db" in answer.err
        with closing(Ledger(url)) as ledger, pytest.raises(ReplicaError):
            ledger.log.settle()
        assert "extra " in log.tool("head", "prove", "1", "--head", "head").out
        assert log.tool.json("head", "show")["size"] == 1


def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is synced from now on, in order."""
    names, fsync = list[str](), os.fsync

    def watched(descriptor: int) -> None:
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    return names


@pytest.fixture
def sqlite_log(sqlite_url: str, tmp_path: Path) -> Signer:
    """A ledger with a plan, and a key."""
    tool = desk(sqlite_url, tmp_path)
    feed_plan(tool)
    return signer(tool)


def test_order_of_syncs(sqlite_log: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write-ahead log and its folder, then the state, then the state's folder."""
    with sqlite_log.tool.ledger():  # keeps the write-ahead log there
        names = synced(monkeypatch)
        sqlite_log.sign("--first")
    store = ["ledger.db-wal", sqlite_log.tool.folder.parent.name]
    assert names == [*store, *store, "log.key.head.partial", "desk"]


def test_a_state_that_cannot_be_written(sqlite_log: Signer) -> None:
    """The disk is full, or the folder is not ours: nothing is released, and the old head stays."""
    first = sqlite_log.sign("--first").out
    feed_orders(sqlite_log.tool, 0, 3)
    (sqlite_log.tool.folder / "log.key.head.partial").mkdir()
    answer = sqlite_log.sign(status=6)
    assert "cannot be written, so nothing was released: Is a directory" in answer.err
    assert sqlite_log.state.read_text() == first


def test_a_state_in_no_folder(sqlite_log: Signer) -> None:
    """Said at once, before anything is computed."""
    answer = sqlite_log.tool("head", "sign", "--key", "log.key", "--state", "no/head", "--first", status=6)
    assert "no/head.lock cannot be opened: No such file or directory" in answer.err


def test_a_full_disk_keeps_the_old_head(tmp_path: Path) -> None:
    """Writing fails half way."""
    state = tmp_path / "head"
    state.write_bytes(b"old")
    (tmp_path / "head.partial").symlink_to("/dev/full")
    with pytest.raises(LastHeadError, match="No space left on device"):
        LastHead(state).keep(b"new" * 10_000)
    assert state.read_bytes() == b"old"


def test_a_head_that_could_not_be_printed_is_printed_again(sqlite_log: Signer) -> None:
    """Its reader went away; it is in the state, and the next run gives the same."""
    reader, writer = os.pipe()
    os.close(reader)
    process = sqlite_log.tool.start("head", "sign", "--key", "log.key", "--first", stdout=writer)
    os.close(writer)
    process.communicate()
    assert process.returncode == 0
    assert sqlite_log.sign().out == sqlite_log.state.read_text()


def test_an_output_that_cannot_be_written(sqlite_log: Signer) -> None:
    """Likewise."""
    arguments = ("head", "sign", "--key", "log.key", "--first", "-o", "no/head")
    assert "cannot be written" in sqlite_log.tool(*arguments, status=2).err
    assert sqlite_log.head().size == 1


def test_a_store_in_memory_is_settled_at_once() -> None:
    """There is nothing to wait for."""
    with closing(Ledger("sqlite:///file:settled?mode=memory&cache=shared")) as ledger:
        ledger.log.settle()


def test_the_command_on_a_store_that_went_away(tmp_path: Path) -> None:
    """Status 8, and no state."""
    tool = Tool("postgresql://owner@/nowhere?host=/nowhere", tmp_path)
    log = signer(tool)
    assert "the database cannot be reached" in log.sign("--first", status=8).err
    assert subprocess.run(["ls", tmp_path], capture_output=True, text=True, check=True).stdout.split() == [
        "log.key",
        "log.key.head.lock",
    ]
