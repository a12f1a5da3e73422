"""Making and migrating a store: once however often and by however many, and clear errors where it cannot be."""

from __future__ import annotations

import multiprocessing
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import psycopg
import pytest

from cli.context import Settings, opened
from ledger.application import Ledger
from ledger.errors import LedgerError, MigrationError, NotInitialisedError, UnreachableError
from ledger.store.migrate import LEDGER, check, migrate, migrations_of
from ledger.store.session import Session, Sql
from projections.view import PACKAGES
from tests.builders import plan, submit
from tests.postgres_server import Databases, postgres_server

NAMES = [migration.name for package in PACKAGES for migration in migrations_of(package, "sqlite")]
AT_ONCE = 3

# ---- A package whose migrations a test writes


@dataclass(frozen=True, slots=True)
class Program:
    """A version of a program with migrations of its own, beside the ledger's."""

    name: str
    folder: Path

    @property
    def packages(self) -> tuple[str, ...]:
        """What it migrates."""
        return (LEDGER, self.name)

    def write(self, file: str, text: str) -> None:
        """Adds or changes a migration for both stores."""
        for dialect in ("postgres", "sqlite"):
            (self.folder / dialect / file).write_text(text)

    def remove(self, file: str) -> None:
        """Takes a migration out again."""
        for dialect in ("postgres", "sqlite"):
            (self.folder / dialect / file).unlink()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A program with two migrations."""
    name = f"program_{uuid4().hex}"
    folder = tmp_path / "programs" / name / "migrations"
    for dialect in ("postgres", "sqlite"):
        (folder / dialect).mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "postgres" / "grants.sql").write_text("-- none\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "programs"), *sys.path])
    made = Program(name, folder)
    made.write("0001_shelf.sql", "CREATE TABLE shelf (n bigint);\n")
    made.write("0002_books.sql", "CREATE TABLE book (n bigint);\nINSERT INTO book VALUES (1);\n")
    return made


def checked(url: str, packages: tuple[str, ...]) -> None:
    """Opens a store and checks it, as every command does."""
    with closing(Ledger(url)) as ledger, ledger.log.reading() as session:
        check(session, packages)


def tables_of(session: Session) -> set[str]:
    """The tables that a store has."""
    texts = Sql(
        "tables",
        {
            "postgres": "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        },
    )
    return {row[0] for row in session.rows(texts)}


# ---- As often as one likes


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Gives URLs of stores that were never migrated, on each engine."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"
        return
    server: Databases = request.getfixturevalue("postgres_server")
    names: list[str] = []

    def create() -> str:
        names.append(f"test_{uuid4().hex}")
        return server.create_database(names[-1])

    yield create
    for name in names:
        server.drop_database(name)


def test_migrating_again_applies_nothing(new_url: Callable[[], str]) -> None:
    """The first time applies every file in order, the second none, and the store can be used."""
    url = new_url()
    assert migrate(url, PACKAGES) == NAMES
    assert migrate(url, PACKAGES) == []
    checked(url, PACKAGES)


def test_a_later_migration_keeps_what_is_recorded(store_url: str, program: Program) -> None:
    """A store with events gets only the migrations it lacks, and keeps its log."""
    with closing(Ledger(store_url)) as ledger:
        submit(ledger, plan())
        before = list(ledger.log.read())
        assert migrate(store_url, program.packages) == ["0001_shelf.sql", "0002_books.sql"]
        assert list(ledger.log.read()) == before


def migrate_when_all_are_ready(barrier: Barrier, urls: list[str]) -> list[list[str]]:
    """What one of several processes applies to each store, or the error; all start on each at once."""
    applied: list[list[str]] = []
    for url in urls:
        barrier.wait(60)
        try:
            applied.append(migrate(url, PACKAGES))
        except LedgerError as error:
            applied.append([str(error)])
    return applied


# Takes the URLs each process migrates, in step with the others; gives what each applied to each.
AtOnce = Callable[[list[list[str]]], list[list[list[str]]]]


@pytest.fixture(scope="module")
def migrate_at_once() -> Iterator[AtOnce]:
    """Processes that migrate stores at the same time."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(AT_ONCE, mp_context=context) as pool:

        def run(urls_of_each: list[list[str]]) -> list[list[list[str]]]:
            barrier = manager.Barrier(AT_ONCE)
            futures = [pool.submit(migrate_when_all_are_ready, barrier, urls) for urls in urls_of_each]
            return [future.result(timeout=60) for future in futures]

        yield run


def test_several_processes_migrate_a_store_at_once(new_url: Callable[[], str], migrate_at_once: AtOnce) -> None:
    """Whoever is first applies everything, the others find it done; on one new store after another."""
    urls = [new_url()]
    urls += [new_url() for _ in range(14 if urls[0].startswith("sqlite:") else 2)]
    by_process = migrate_at_once([urls] * AT_ONCE)
    for index, url in enumerate(urls):
        applied = sorted(of_each[index] for of_each in by_process)
        assert applied == [[], [], NAMES]
        checked(url, PACKAGES)


def test_several_ledgers_of_a_new_server_are_made_at_once(migrate_at_once: AtOnce) -> None:
    """The writer role is the whole server's: several processes that all find it missing all succeed."""
    with postgres_server() as server:
        urls = [server.create_database(f"shop_{number}") for number in range(AT_ONCE)]
        assert migrate_at_once([[url] for url in urls]) == [[NAMES]] * AT_ONCE
        for url in urls:
            with closing(Ledger(url)) as ledger:
                submit(ledger, plan())


# ---- What is wrong with a store is said, and nothing is done to it


def assert_both_refuse(url: str, packages: tuple[str, ...], message: str) -> None:
    """Neither migrating nor opening gets past what is wrong."""
    for attempt in (migrate, checked):
        with pytest.raises(MigrationError, match=message):
            attempt(url, packages)


def test_a_migration_changed_after_it_was_applied_is_refused(store_url: str, program: Program) -> None:
    """Its checksum is not the one noted: the store's schema is not what the program says; nothing new is applied."""
    migrate(store_url, program.packages)
    program.write("0001_shelf.sql", "CREATE TABLE shelf (n bigint, title text);\n")
    program.write("0003_more.sql", "CREATE TABLE more (n bigint);\n")
    assert_both_refuse(store_url, program.packages, r"0001_shelf\.sql was changed after it was applied")
    with closing(Ledger(store_url)) as ledger, ledger.log.reading() as session:
        assert "more" not in tables_of(session)


def test_a_store_newer_than_the_program_is_refused(store_url: str, program: Program) -> None:
    """A migration is noted that this version does not have: a newer one must be used."""
    migrate(store_url, program.packages)
    program.remove("0002_books.sql")
    assert_both_refuse(store_url, program.packages, "newer version of refledger")


def test_a_hole_in_the_numbers_is_refused(store_url: str, program: Program) -> None:
    """A program with migrations 1 and 3 is damaged."""
    program.write("0003_more.sql", "CREATE TABLE more (n bigint);\n")
    program.remove("0002_books.sql")
    assert_both_refuse(store_url, program.packages, r"0003_more\.sql should be number 0002")


def test_a_hole_in_what_is_applied_is_refused(store_url: str, program: Program) -> None:
    """A store that has migration 2 but not 1 was tampered with: 1 is not applied after 2."""
    migrate(store_url, program.packages)
    forget = "DELETE FROM migration WHERE name = '0001_shelf.sql'"
    if store_url.startswith("sqlite:"):
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(forget)
    else:
        with psycopg.connect(store_url) as connection:
            connection.execute(forget)
    assert_both_refuse(store_url, program.packages, "0001_shelf")


def test_a_store_that_lacks_a_migration_must_be_migrated_first(store_url: str, program: Program) -> None:
    """Opening it says what to run; after that it opens."""
    migrate(store_url, program.packages)
    program.write("0003_more.sql", "CREATE TABLE more (n bigint);\n")
    with pytest.raises(NotInitialisedError, match="lacks 1 migrations of this version: run `refledger init`"):
        checked(store_url, program.packages)
    assert migrate(store_url, program.packages) == ["0003_more.sql"]
    checked(store_url, program.packages)


def test_a_migration_that_fails_leaves_nothing_behind(store_url: str, program: Program) -> None:
    """Also the files before it are rolled back, so that a mended program starts where this one did."""
    program.write("0002_books.sql", "CREATE TABLE book (n bigint);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises((LedgerError, psycopg.Error), match="nowhere"):
        migrate(store_url, program.packages)
    with closing(Ledger(store_url)) as ledger, ledger.log.reading() as session:
        assert not tables_of(session) & {"shelf", "book"}
    program.write("0002_books.sql", "CREATE TABLE book (n bigint);\n")
    assert migrate(store_url, program.packages) == ["0001_shelf.sql", "0002_books.sql"]


# ---- Opening what is no ledger


def assert_not_initialised(url: str) -> None:
    """Every command says to run `refledger init`."""
    with (
        pytest.raises(NotInitialisedError, match="refledger init"),
        opened(Settings(url, actor="test", verbosity=0)),
    ):
        pass


def test_a_database_that_was_never_migrated_is_not_initialised(new_url: Callable[[], str]) -> None:
    """An empty database is told apart from one that cannot be reached."""
    url = new_url()
    if url.startswith("sqlite:"):
        Path(url.removeprefix("sqlite:///")).touch()
    assert_not_initialised(url)


def test_a_file_that_does_not_exist_is_not_initialised(tmp_path: Path) -> None:
    """A mistyped path makes no empty file."""
    path = tmp_path / "mistyped.db"
    assert_not_initialised(f"sqlite:///{path}")
    assert not path.exists()


def test_a_folder_that_does_not_exist_is_unreachable(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(UnreachableError, match=r"the folder of .*ledger\.db does not exist"):
        migrate(f"sqlite:///{tmp_path}/nowhere/ledger.db", PACKAGES)


def test_a_file_that_is_no_database_is_unreachable(tmp_path: Path) -> None:
    """Whatever else lies there stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database\n" * 100)
    with pytest.raises(UnreachableError, match="not a database"):
        migrate(f"sqlite:///{path}", PACKAGES)
    assert path.read_text().startswith("not a database\n")


def test_a_database_the_server_does_not_have_is_unreachable(postgres_server: Databases) -> None:
    """The server's own words reach the reader."""
    with pytest.raises(UnreachableError, match="does not exist"):
        migrate(postgres_server.url("nowhere"), PACKAGES)
