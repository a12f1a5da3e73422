"""A transaction with the owner's rights: for mending what the writer role may only add to."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import cast

import psycopg
from psycopg.errors import InsufficientPrivilege

from ledger.errors import RefusedError, UnreachableError
from ledger.store.postgres import CONNECT_TIMEOUT_SECONDS, PostgresSession
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from ledger.store.sqlite import URL_PREFIX, SqliteStoreFactory, path_of

_LOCK = load("ledger.store", "lock_append")


@contextmanager
def owning(url: str) -> Generator[Session]:
    """A transaction that holds the append lock, as the role the URL names and not as the writer.

    Raises:
        RefusedError: that role may not do what was tried.
        UnreachableError: no database there.
    """
    if url.startswith(URL_PREFIX):
        environment = {"SQLITE_DBNAME": path_of(url), "CREATE_TABLE": "n"}
        recorder = cast("LogRecorder", SqliteStoreFactory(environment).application_recorder())
        with closing(recorder), recorder.writing() as session:
            yield session
        return
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            session = PostgresSession(connection)
            session.run(_LOCK)
            yield session
    except psycopg.OperationalError as error:
        raise UnreachableError(str(error).strip()) from error
    except InsufficientPrivilege as error:
        raise RefusedError(f"this needs the owner of the database, as `refledger init` does: {error}") from error
