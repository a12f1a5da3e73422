"""The two engines: fresh stores that are removed afterwards, and the settings that decide what a commit costs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Protocol

import psycopg

from ledger.store.migrate import migrate
from ledger.store.sqlite import URL_PREFIX
from projections.view import PACKAGES
from tests.postgres_server import PostgresServer, postgres_server

STORES = ("sqlite", "postgres")
PRAGMAS = ("journal_mode", "synchronous", "page_size")
POSTGRES_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "wal_compression",
)

# What an operator chooses on a machine with 24 GB. Commits wait for the disk all the same.
OPERATOR_SETTINGS = {"shared_buffers": "4GB", "max_wal_size": "16GB", "checkpoint_timeout": "15min"}


class Engine(Protocol):
    """Where stores come from.

    store            its name
    save_batch_size  events the library's own recorder is given at once
    """

    store: ClassVar[str]
    save_batch_size: ClassVar[int]

    @contextmanager
    def fresh(self, name: str) -> Generator[str]:
        """URL of an empty, migrated store that is removed afterwards."""
        ...

    def settle(self) -> None:
        """Gets what is still to be written out of the next case's way."""
        ...

    def settings(self) -> str:
        """Version, and what a commit waits for."""
        ...


@dataclass(frozen=True, slots=True)
class Sqlite:
    """Files in one directory."""

    store: ClassVar[str] = "sqlite"
    save_batch_size: ClassVar[int] = 5_000
    directory: Path

    @contextmanager
    def fresh(self, name: str) -> Generator[str]:
        """A file; what cases put beside it goes with it."""
        url = f"{URL_PREFIX}{self.directory / name}.db"
        migrate(url, PACKAGES)
        yield url
        for file in self.directory.glob(f"{name}.db*"):
            file.unlink()

    def settle(self) -> None:
        """Writes what the operating system still holds back."""
        os.sync()

    def settings(self) -> str:
        """Of a store of ours."""
        with self.fresh("settings") as url, closing(sqlite3.connect(url.removeprefix(URL_PREFIX))) as connection:
            values = [f"{name}={connection.execute(f'PRAGMA {name}').fetchone()[0]}" for name in PRAGMAS]
        return ", ".join([sqlite3.sqlite_version, *values])


@dataclass(frozen=True, slots=True)
class Postgres:
    """Databases of one server."""

    store: ClassVar[str] = "postgres"
    # Its pipelined insert may hang for good on larger batches (architecture, decision 3); on a busy machine with large
    # events it did at 500 too, while the server waited inside the pipeline for a client that waited for the server.
    save_batch_size: ClassVar[int] = 500
    server: PostgresServer

    @contextmanager
    def fresh(self, name: str) -> Generator[str]:
        """A database."""
        url = self.server.create_database(name)
        migrate(url, PACKAGES)
        yield url
        self.server.databases.drop_database(name)

    def settle(self) -> None:
        """Also a checkpoint, so that none of an earlier case's pages are left to write."""
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        os.sync()

    def settings(self) -> str:
        """As the server has them."""
        with psycopg.connect(self.server.url()) as connection:
            query = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name"
            (_, version), *values = connection.execute(query, (list(POSTGRES_SETTINGS),)).fetchall()
        return ", ".join([version, *[f"{name}={value}" for name, value in values]])


@contextmanager
def engines(stores: Sequence[str], *, server_settings: Mapping[str, str]) -> Generator[list[Engine]]:
    """The engines of these names; the PostgreSQL server is a throw-away one with durable commits.

    server_settings  of that server; empty: its own defaults
    """
    with ExitStack() as stack:
        found: list[Engine] = []
        if Sqlite.store in stores:
            directory = stack.enter_context(TemporaryDirectory(prefix="refledger-benchmark-"))
            found.append(Sqlite(Path(directory)))
        if Postgres.store in stores:
            server = stack.enter_context(postgres_server(durable=True, settings=server_settings))
            if server_settings:
                _compress_wal(server)
            found.append(Postgres(server))
        yield found


def _compress_wal(server: PostgresServer) -> None:
    """With lz4 where the server was built with it, otherwise not at all."""
    with psycopg.connect(server.url(), autocommit=True) as connection, suppress(psycopg.errors.InvalidParameterValue):
        connection.execute("ALTER SYSTEM SET wal_compression = lz4")
        connection.execute("SELECT pg_reload_conf()")
