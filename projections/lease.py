"""Leases: one worker leads a projection, others stand by and take over when it is gone.

PostgreSQL: a session advisory lock on a connection of its own, which needs a session (no pooler in transaction mode).
SQLite: the kernel's lock on a file beside the database. Either ends with its holder, however that ends. A lease only
saves work: should two workers believe that they lead, the checkpoint lets one of them write.
"""

from __future__ import annotations

import fcntl
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger.errors import LedgerError
from ledger.store.postgres import CONNECT_TIMEOUT_SECONDS, KEEPALIVE
from ledger.store.session import Sql, load
from ledger.store.sqlite import URL_PREFIX, path_of

_CONNECTION: dict[str, Any] = {
    **KEEPALIVE,
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "application_name": "refledger worker",
}

_CONFIGURE = load("projections", "configure_lease")
_TAKE = load("projections", "take_lease")
_CHECK = load("projections", "check_lease")


class LeaseLostError(LedgerError):
    """What the lease hung on is gone; another worker may lead by now."""

    code = "lease_lost"
    can_retry = True


class Lease(ABC):
    """The right to lead one projection, for one worker at a time."""

    @abstractmethod
    def take(self) -> bool:
        """Takes the lease, if nobody else has it; never waits for it.

        Raises:
            psycopg.OperationalError: no database answers.
        """

    @abstractmethod
    def check(self) -> None:
        """Makes sure that a lease taken is still held.

        Raises:
            LeaseLostError: it is not; `take` may get it again.
        """

    @abstractmethod
    def release(self) -> None:
        """Gives the lease up, held or not."""


def lease_of(url: str, projection: str) -> Lease:
    """The lease of a projection in the store at `url`, not taken yet."""
    return SqliteLease(url, projection) if url.startswith(URL_PREFIX) else PostgresLease(url, projection)


class PostgresLease(Lease):
    """An advisory lock of a session that does nothing else."""

    def __init__(self, url: str, projection: str) -> None:
        self._options: dict[str, Any] = _CONNECTION | conninfo_to_dict(url)
        self._projection = projection
        self._connection: psycopg.Connection[Any] | None = None

    def take(self) -> bool:
        """Takes the lock; a stand-by keeps its connection and asks again on it."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(autocommit=True, **self._options)
                self._connection.execute(_CONFIGURE.texts["postgres"])
            return self._ask(self._connection, _TAKE, {"projection": self._projection})
        except psycopg.Error:
            self.release()
            raise

    def check(self) -> None:
        """A round trip on the session that has the lock."""
        if self._connection is None:
            raise LeaseLostError("the lease was never taken")
        try:
            self._ask(self._connection, _CHECK, None)
        except psycopg.Error as error:
            self.release()
            raise LeaseLostError(str(error)) from error

    def release(self) -> None:
        """Ends the session."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _ask(self, connection: psycopg.Connection[Any], sql: Sql, parameters: dict[str, str] | None) -> bool:
        row = connection.execute(sql.texts["postgres"], parameters).fetchone()
        return row is not None and bool(row[0])


class SqliteLease(Lease):
    """A lock on `FILE.PROJECTION.lock`. The file stays when the lock goes: removing it would let two hold it."""

    def __init__(self, url: str, projection: str) -> None:
        path = path_of(url)
        name = unquote(urlsplit(path).path) if path.startswith("file:") else path
        # One lock for one file, by whatever link it is reached.
        store = Path(name).resolve()
        self._path = store.with_name(f"{store.name}.{projection}.lock")
        self._file: int | None = None

    def take(self) -> bool:
        """Takes the lock; the kernel frees it when this process ends."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def check(self) -> None:
        """Nobody can take the kernel's lock away."""
        if self._file is None:
            raise LeaseLostError("the lease was never taken")

    def release(self) -> None:
        """Closes the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
