"""Numbered SQL files, forward only, each with its checksum, applied under one lock."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg

from ledger.clock import system_clock, to_micros
from ledger.errors import MigrationError, NotInitialisedError, RefusedError, UnreachableError
from ledger.store.session import Dialect, Session, load
from ledger.store.sqlite import LOCK_TIMEOUT_SECONDS, path_of

LEDGER = "ledger.store"

_APPLIED = load(LEDGER, "select_migrations")
_HAS_MIGRATIONS = load(LEDGER, "select_has_migrations")
_TABLE = load(LEDGER, "create_migration_table")
_NOTE = load(LEDGER, "insert_migration")
_LOCK = load(LEDGER, "lock_migrations")
_ROLES = (load(LEDGER, "create_writer_role"), load(LEDGER, "create_approver_role"))
_HAS_ROLE = load(LEDGER, "has_writer_role")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of a package's `migrations/<dialect>` folder."""

    package: str
    number: int
    name: str
    text: LiteralString
    sha256: str


def migrations_of(package: str, dialect: Dialect) -> list[Migration]:
    """A package's migrations in order of their numbers: 1, 2, 3."""
    folder = resources.files(package).joinpath("migrations", dialect)
    files = sorted((file for file in folder.iterdir() if file.name[:4].isdigit()), key=lambda file: file.name)
    migrations: list[Migration] = []
    for number, file in enumerate(files, start=1):
        if int(file.name[:4]) != number:
            raise MigrationError(f"{package}: {file.name} should be number {number:04d}")
        text = file.read_text(encoding="utf-8")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        migrations.append(Migration(package, number, file.name, cast("LiteralString", text), sha256))
    return migrations


def check(session: Session, packages: Sequence[str]) -> None:
    """Makes sure that the store is at exactly the migrations of this program.

    Raises:
        NotInitialisedError: some are not applied: `refledger init` does.
        MigrationError: one was changed after it was applied, or the store is newer than this program.
    """
    if not session.rows(_HAS_MIGRATIONS):
        raise NotInitialisedError("the database has no ledger in it: run `refledger init`")
    pending = _pending(session.rows(_APPLIED), packages, session.dialect)
    if pending:
        raise NotInitialisedError(f"the store lacks {len(pending)} migrations of this version: run `refledger init`")


def migrate(url: str, packages: Sequence[str]) -> list[str]:
    """Creates or migrates a store as its owner; safe to repeat and to run twice at once.

    Args:
        url: `sqlite:///FILE` or `postgresql://...`.
        packages: whose migrations, in order.

    Returns:
        Names of the files applied now.

    Raises:
        UnreachableError: no database there.
        MigrationError: see `check`.
    """
    if url.startswith("sqlite:"):
        with _sqlite(url) as connection:
            return _apply(connection, packages, "sqlite")
    with _postgres(url) as connection:
        connection.execute(_LOCK.texts["postgres"])
        applied = _apply(connection, packages, "postgres")
        _grant(connection, packages)
        return applied


def _apply(connection: Any, packages: Sequence[str], dialect: Dialect) -> list[str]:  # noqa: ANN401  # of either driver
    connection.execute(_TABLE.texts[dialect])
    pending = _pending(connection.execute(_APPLIED.texts[dialect]).fetchall(), packages, dialect)
    for migration in pending:
        for statement in _statements(migration.text) if dialect == "sqlite" else [migration.text]:
            connection.execute(statement)
        note = {"package": migration.package, "number": migration.number, "name": migration.name}
        now = to_micros(system_clock())
        connection.execute(_NOTE.texts[dialect], {**note, "sha": migration.sha256, "applied_at_us": now})
    return [migration.name for migration in pending]


def _pending(applied: Sequence[tuple[Any, ...]], packages: Sequence[str], dialect: Dialect) -> list[Migration]:
    """What is still to be applied; every applied one is proven to be the one in the package."""
    known = {(row[0], row[1]): row[2] for row in applied}
    pending: list[Migration] = []
    for package in packages:
        for migration in migrations_of(package, dialect):
            sha256 = known.pop((package, migration.number), None)
            if sha256 is None:
                pending.append(migration)
            elif pending and pending[-1].package == package:
                raise MigrationError(f"{package}: {pending[-1].name} is not applied, but the later {migration.name} is")
            elif sha256 != migration.sha256:
                raise MigrationError(f"{package}: {migration.name} was changed after it was applied")
    if any(package in packages for package, _ in known):
        raise MigrationError("the store was migrated by a newer version of refledger: use that one")
    return pending


def _statements(script: str) -> Iterator[str]:
    """SQLite's driver takes one statement at a time; triggers have semicolons inside."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _sqlite(url: str) -> Generator[sqlite3.Connection]:
    path = path_of(url)
    if not path.startswith("file:") and not Path(path).parent.is_dir():
        raise UnreachableError(f"the folder of {path} does not exist")
    try:
        connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None, uri=True)
        try:
            _write_ahead(connection)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnreachableError(f"{path}: {error}") from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turns on the write-ahead log; SQLite does not wait for another process here, so we do."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def _postgres(url: str) -> Generator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(url) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise UnreachableError(str(error).strip()) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise RefusedError(f"`refledger init` needs the owner of the database: {error}") from error


def _grant(connection: psycopg.Connection[Any], packages: Sequence[str]) -> None:
    """Makes the roles, and lets the writer do what it must and no more (G-7).

    Where the owner may not create roles and nobody did for them, the triggers alone keep the log append-only.
    """
    for role in _ROLES:
        connection.execute(role.texts["postgres"])
    if connection.execute(_HAS_ROLE.texts["postgres"]).fetchone() is None:
        return
    for package in packages:
        grants = resources.files(package).joinpath("migrations", "postgres", "grants.sql")
        connection.execute(cast("LiteralString", grants.read_text(encoding="utf-8")))
