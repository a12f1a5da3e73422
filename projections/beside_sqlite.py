"""A new version beside the live one on SQLite: a file `<store>.rebuild`, copied into the store in one transaction."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, cast

from eventsourcing.persistence import OperationalError

from ledger.errors import MigrationError, RefusedError
from ledger.store.migrate import migrate
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from ledger.store.sqlite import LOCK_TIMEOUT_SECONDS, URL_PREFIX, SqliteSession, SqliteStoreFactory, path_of
from projections.beside import KEPT, PACKAGES, Beside, RebuildingError

_DEFINITIONS = load("projections", "select_definitions")
_WAIT_FOR_WRITERS = load("projections", "wait_for_writers")


class SqliteBeside(Beside):
    """File `<store>.rebuild`, attached to connections of the store as `new`, and to its own as `live`."""

    def __init__(self, url: str) -> None:
        """Takes the store's rebuild lock, held until `close`.

        Raises:
            RebuildingError: another rebuild has it.
            RefusedError: the store is in memory.
        """
        if path_of(url).startswith("file:"):
            raise RefusedError("a rebuild needs a store of its own file: name it as sqlite:///FILE")
        self._live = Path(path_of(url))
        self._new = Path(f"{self._live}.rebuild")
        self._lock_file = Path(f"{self._new}.lock")
        self._lock = _locked(self._lock_file)
        self.store = self._opened()

    def make(self) -> bool:
        """As `Beside.make`."""
        was_there = self._new.is_file()
        try:
            applied = migrate(f"{URL_PREFIX}{self._new}", PACKAGES)
        except MigrationError:
            return False
        return not (was_there and applied)

    def drop(self) -> None:
        """As `Beside.drop`."""
        self.store.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._new}{suffix}").unlink(missing_ok=True)
        self.store = self._opened()

    @contextmanager
    def paused(self) -> Generator[Session]:
        """Holds the store's write lock; the file beside it can still be written to."""
        with _attached(self._live, "new", self._new) as self._connection:
            session = SqliteSession(self._connection)
            session.run(_WAIT_FOR_WRITERS)
            yield session
            self._connection.execute("COMMIT")

    @contextmanager
    def comparing(self) -> Generator[tuple[Session, str]]:
        """A snapshot of both files."""
        with _attached(self._new, "live", self._live) as connection:
            session = SqliteSession(connection)
            # A snapshot begins with the first look at each file.
            connection.execute("SELECT 1 FROM main.checkpoint, live.checkpoint")
            yield session, "live"

    def analyse(self) -> None:
        """Nothing: SQLite plans without it."""

    def swap(self) -> None:
        """Every table made anew, its indexes before its rows: so SQLite copies both page by page."""
        rows = SqliteSession(self._connection).rows(_DEFINITIONS)
        definitions = [(table, statement) for table, statement in rows if table not in KEPT]
        tables = sorted({table for table, _ in definitions})
        for table in tables:
            self._connection.execute(f'DROP TABLE main."{table}"')
        for _, statement in definitions:
            self._connection.execute(statement)
        for table in tables:
            # Names come from our own migrations, never from input.
            self._connection.execute(f'INSERT INTO main."{table}" SELECT * FROM new."{table}"')  # noqa: S608

    def close(self) -> None:
        """As `Beside.close`."""
        self.store.close()
        self._lock_file.unlink()
        os.close(self._lock)

    def _opened(self) -> LogRecorder:
        environment = {"SQLITE_DBNAME": str(self._new), "CREATE_TABLE": "n"}
        return cast("LogRecorder", SqliteStoreFactory(environment).application_recorder())


@contextmanager
def _attached(path: Path, name: LiteralString, other: Path) -> Generator[sqlite3.Connection]:
    """A transaction on one file that sees another one under a name; rolled back unless it is committed."""
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)
    try:
        connection.execute(f"ATTACH ? AS {name}", (str(other),))
        connection.execute("BEGIN")
        yield connection
    except sqlite3.OperationalError as error:
        raise OperationalError(error) from error
    finally:
        connection.close()


def _locked(path: Path) -> int:
    """The descriptor of a lock file that only we hold, whatever ends us."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise RebuildingError("another rebuild of this ledger is running") from None
        # Whoever had it before us may have removed the file that we have locked now.
        if path.is_file() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)
