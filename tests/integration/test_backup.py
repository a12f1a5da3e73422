"""What the README says about backups: a copy taken while somebody writes, restored, proves itself by its digest."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.store.migrate import migrate
from projections.view import PACKAGES
from tests.builders import bind, commands, live_digest, replayed, submit
from tests.postgres_server import Databases, binary_directories

SHAPE = Shape(members=80, orders=400)


def fill(url: str) -> tuple[str, str]:
    """A ledger with a history; its digest and content root."""
    ledger = Ledger(url, actor="test")
    ledger.submit(commands(records(SHAPE)))
    live_digest(ledger)
    found = replayed(ledger)
    ledger.close()
    return found.digest, found.content_root


def check(url: str, expected: tuple[str, str]) -> None:
    """The restored ledger says the same, live and replayed, and goes on."""
    assert migrate(url, PACKAGES) == []
    ledger = Ledger(url, actor="test")
    found = replayed(ledger)
    assert (found.digest, found.content_root) == expected
    assert live_digest(ledger) == found.digest
    assert {outcome.name for outcome in ledger.submit(commands(records(SHAPE)))} <= {"repeat", "recorded", "retryable"}
    assert submit(ledger, bind("b-new", "new", "m-000001", "2026-01-01T00:00:00Z"))[0].name == "bound"
    ledger.close()


def test_sqlite_backup_of_a_store_in_use(sqlite_url: str, tmp_path: Path) -> None:
    """SQLite's own backup while a connection is open, then a restore under another name."""
    expected = fill(sqlite_url)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as store, sqlite3.connect(tmp_path / "copy.db") as copy:
        store.backup(copy)
    check(f"sqlite:///{tmp_path / 'copy.db'}", expected)


def test_postgres_dump_and_restore(postgres_server: Databases, postgres_url: str, tmp_path: Path) -> None:
    """pg_dump and pg_restore into an empty database; triggers and grants come along."""
    expected = fill(postgres_url)
    tools = next(iter(binary_directories()))
    if not (tools / "pg_dump").exists():
        pytest.skip(f"no pg_dump beside the server in {tools}")
    dump = tmp_path / "ledger.dump"
    subprocess.run([tools / "pg_dump", "-Fc", "-f", dump, postgres_url], check=True)
    postgres_server.create_database("restored", template="template0")
    restored = postgres_server.url("restored")
    subprocess.run([tools / "pg_restore", "-d", restored, dump], check=True)
    check(restored, expected)
    postgres_server.drop_database("restored")
