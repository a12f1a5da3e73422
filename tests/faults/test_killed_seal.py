"""A seal that is killed at any moment, without room, without its server: what is there is whole, and the rest comes."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest

from ledger.application import Ledger
from ledger.commands import parse_command
from ledger.errors import UnreachableError
from projections.archive.manifest import KINDS
from projections.archive.reading import Archive
from projections.replay.source import PostgresSource
from tests.archives import contents, seal
from tests.cli_runner import Tool, desk
from tests.disturbance import Running, any_moment, history
from tests.faults.test_full_disk import small_disk

pytestmark = pytest.mark.long_on_postgres

SEGMENT_EVENTS = 100
KILLS_OF_AN_ARCHIVE = 6  # about; then it is sealed


@pytest.mark.parametrize("rounds", [4, pytest.param(80, marks=pytest.mark.slow)])
def test_a_killed_seal_is_run_again_until_it_is_through(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """After every kill the archive opens and every file in it is proven; in the end it has the undisturbed bytes."""
    url, kills = new_store(), 0
    with closing(Ledger(url)) as ledger:
        ledger.submit([parse_command(line) for line in history("generated")])
        seal(ledger.log, tmp_path / "undisturbed", segment_events=SEGMENT_EVENTS)
        undisturbed = contents(tmp_path / "undisturbed")
        tool = desk(url, tmp_path)
        for number in range(rounds):
            books = tool.folder / f"books{number}"
            kills += kill_until_through(tool, chance, books, undisturbed, rounds - kills)
            assert contents(books) == undisturbed
            assert {path.name for path in books.iterdir() if path.name.startswith(".")} == {".sealing.lock"}
            Archive.open(str(books)).belongs_to(ledger.log)
            if kills == rounds:
                return


def kill_until_through(
    tool: Tool, chance: random.Random, books: Path, undisturbed: dict[str, str], kills_max: int
) -> int:
    """Seals, each run killed but the last; returns how many were."""
    kills = 0
    segments = len(undisturbed) // (len(KINDS) + 1)
    while True:
        with Running(tool, "archive", "seal", books.name, "--segment-events", str(SEGMENT_EVENTS)) as running:
            if kills < kills_max:
                any_moment(running, chance, lambda: sealed(books), segments // KILLS_OF_AN_ARCHIVE)
                if running.kill():
                    kills += 1
                    assert_is_a_beginning(books, undisturbed)
                    continue
            running.answer()
            return kills


def sealed(books: Path) -> int:
    """How many segments are there."""
    return sum(1 for path in books.iterdir() if path.name[0] != ".") if books.is_dir() else 0


def assert_is_a_beginning(books: Path, undisturbed: dict[str, str]) -> None:
    """Whole segments of the undisturbed archive, from the first on."""
    if books.is_dir():
        Archive.open(str(books)).verify(KINDS)
        found = contents(books)
        assert list(found.items()) == list(undisturbed.items())[: len(found)]


def test_disk_that_fills_up(new_store: Callable[[], str], chance: random.Random, tmp_path: Path) -> None:
    """Whatever room is left: one clear line, whole segments and nothing else; with room the same command goes on."""
    tool = desk(new_store(), tmp_path)
    with closing(Ledger(tool.url)) as ledger, small_disk(16) as disk:
        ledger.submit([parse_command(line) for line in history("generated")])
        seal(ledger.log, tmp_path / "undisturbed", segment_events=SEGMENT_EVENTS)
        undisturbed = contents(tmp_path / "undisturbed")
        books = disk.folder / "books"
        command = ("archive", "seal", str(books), "--segment-events", str(SEGMENT_EVENTS))
        for _ in range(3):
            disk.leave(chance.randrange(100))
            answer = tool(*command, status=(0, 1))
            if answer.status:
                assert "No space left on device" in answer.err or "disk may be full" in answer.err
                assert answer.err.count("\n") == 1
            assert_is_a_beginning(books, undisturbed)
        disk.clear()
        tool(*command)
        assert contents(books) == undisturbed


def test_server_that_goes_away(postgres_url: str) -> None:
    """In the middle of the rows: the database went away, and that is said; not that an input is invalid."""
    rows = (
        "SELECT n, 'order-' || n, 1, 'OrderPlaced', convert_to(repeat('x', 2000), 'UTF8'), 0"
        " FROM generate_series(1, 20000) AS n"
    )
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("INSERT INTO event " + rows)
        with pytest.raises(UnreachableError, match="libpq"):
            read_while_it_is_cut(postgres_url, server)


def read_while_it_is_cut(url: str, server: psycopg.Connection) -> None:
    """Reads 20,000 events; all other connections of the database end after the first of them."""
    with PostgresSource(url) as source, duckdb.connect() as duck, source.reading(duck, "rows", 0, 20_000):
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        duck.execute("CREATE TABLE taken AS SELECT * FROM rows")
