"""The log in an SQLite file: nothing to install, one file, the same rules."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from eventsourcing.persistence import OperationalError
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
    SQLiteTransaction,
)
from eventsourcing.utils import Environment, EnvType

from ledger.disk import sync
from ledger.store.recorder import Append, LogRecorder
from ledger.store.session import Parameter, Row, Session, Sql, Table, load

LOCK_TIMEOUT_SECONDS = 60
URL_PREFIX = "sqlite:///"

_FILE = load("ledger.store", "select_file")


def path_of(url: str) -> str:
    """The file an `sqlite:///` URL names, or SQLite's own `file:` address of one."""
    return url.removeprefix(URL_PREFIX)


class SqliteSession(Session):
    """A transaction on one SQLite connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._cursor = connection.cursor()
        self._cursor.row_factory = None

    def rows(self, sql: Sql, **parameters: Parameter) -> list[Row]:
        """Runs a query; lists arrive as JSON text."""
        return self._cursor.execute(sql.texts["sqlite"], _bound(parameters)).fetchall()

    def run(self, sql: Sql, **parameters: Parameter) -> int:
        """Runs a statement."""
        return self._cursor.execute(sql.texts["sqlite"], _bound(parameters)).rowcount

    def write(self, sql: Sql, rows: Sequence[Row]) -> None:
        """Runs a statement row by row; its parameters are `?`."""
        self._cursor.executemany(sql.texts["sqlite"], rows)

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """One prepared INSERT for all rows."""
        names, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
        # Names come from our own Table constants, never from input.
        self._cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608


def _bound(parameters: dict[str, Parameter]) -> dict[str, object]:
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
        for name, value in parameters.items()
    }


class _ImmediateTransaction(SQLiteTransaction):
    """Takes the write lock at once: what is read inside is still true when it is written."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        return cursor


class SqliteRecorder(LogRecorder, SQLiteApplicationRecorder):  # pyright: ignore[reportIncompatibleMethodOverride]  # the library says int where it returns None
    """The library's recorder over our event table; positions without gaps, checked by a trigger."""

    @contextmanager
    def writing(self) -> Generator[Session]:
        """A transaction with the file's write lock."""
        with (
            self.datastore.get_connection(commit=True) as connection,
            _ImmediateTransaction(connection, commit=True) as cursor,
        ):
            yield SqliteSession(cursor.sqlite_cursor.connection)

    @contextmanager
    def appending(self) -> Generator[Append]:
        """SQLite has one writer at a time: its write lock is the append lock."""
        with self.writing() as session:
            yield Append(session)

    @contextmanager
    def reading(self) -> Generator[Session]:
        """A snapshot."""
        with self.datastore.transaction(commit=False) as cursor:
            yield SqliteSession(cursor.sqlite_cursor.connection)

    def settle(self) -> None:
        """Syncs the write-ahead log, which SQLite does at every commit or, where it was built or told so, later."""
        with self.reading() as session:
            (name,) = session.rows(_FILE)[0]
        if not name:
            return
        # Never the database itself: closing it would give up the locks this process has on it.
        with suppress(FileNotFoundError):
            sync(Path(f"{name}-wal"))
        sync(Path(name).parent)

    def create_table(self) -> None:
        """Nothing: migrations make the tables."""

    def close(self) -> None:
        """Closes every connection, once other threads have ended what they do: SQLite would take the process down."""
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while self.datastore.pool.num_in_use and time.monotonic() < deadline:
            time.sleep(0.005)
        self.datastore.close()


class SqliteStoreFactory(SQLiteFactory):
    """Builds the recorder from the library's environment."""

    application_recorder_class = SqliteRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        # Another process may hold the file's lock for a whole batch.
        self.datastore.close()
        self.datastore = SQLiteDatastore(
            self.datastore.pool.db_name,
            lock_timeout=LOCK_TIMEOUT_SECONDS,
            pool_timeout=LOCK_TIMEOUT_SECONDS,
            originator_id_type="text",
        )
