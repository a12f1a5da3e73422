"""A new version beside the live one on PostgreSQL: a schema of its own in the same database."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import DependentObjectsStillExist, InsufficientPrivilege, LockNotAvailable

from ledger.errors import MigrationError, RefusedError, UnreachableError
from ledger.store.migrate import migrate
from ledger.store.postgres import CONNECT_TIMEOUT_SECONDS, URL_KEY, WRITER_ROLE, PostgresSession, PostgresStoreFactory
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from projections.beside import KEPT, PACKAGES, Beside, RebuildingError, TablesInUseError

# Readers wait behind a swap that waits; so it does not wait long, but tries again.
LOCK_TIMEOUT_SECONDS = 2

NEEDS_OWNER = "a rebuild needs the owner of the database, as `refledger init` does"

_TABLES = load("projections", "select_tables")
_VIEWS = load("projections", "select_views")
_NOT_OWNED = load("projections", "select_not_owned")
_RIGHTS = load("projections", "select_rights")
_LOCK_REBUILD = load("projections", "lock_rebuild")
_CURRENT_SCHEMA = load("projections", "select_current_schema")
_HAS_WRITER_ROLE = load("ledger.store", "has_writer_role")


class PostgresBeside(Beside):
    """Schema `<live schema>_rebuild`; connections that fill it find its tables first.

    Made, compared and swapped as the role that the URL names, filled as the writer.
    """

    def __init__(self, url: str) -> None:
        """Takes the store's rebuild lock, held until `close`.

        Raises:
            RebuildingError: another rebuild has it.
            RefusedError: this role may not replace the tables.
            UnreachableError: no database there.
        """
        try:
            self._owner = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS)
        except psycopg.OperationalError as error:
            raise UnreachableError(str(error).strip()) from error
        self._session = PostgresSession(self._owner)
        self._live: str = self._session.rows(_CURRENT_SCHEMA)[0][0]
        self._new = f"{self._live}_rebuild"
        if not self._session.rows(_LOCK_REBUILD)[0][0]:
            raise RebuildingError("another rebuild of this ledger is running")
        if foreign := self._session.rows(_NOT_OWNED, schema=self._live):
            raise RefusedError(f"{NEEDS_OWNER}: table {foreign[0][0]} is another role's")
        self._url = _finding_first(url, self._new, self._live)
        self.store = cast("LogRecorder", PostgresStoreFactory({URL_KEY: self._url}).application_recorder())

    def make(self) -> bool:
        """As `Beside.make`."""
        was_there = bool(self._session.rows(_TABLES, schema=self._new))
        try:
            self._owner.execute(pg.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(pg.Identifier(self._new)))
            applied = migrate(self._url, PACKAGES)
        except InsufficientPrivilege as error:
            raise RefusedError(f"{NEEDS_OWNER}: {error}") from error
        except MigrationError:
            return False
        if self._session.rows(_HAS_WRITER_ROLE):
            grant = pg.SQL("GRANT USAGE ON SCHEMA {} TO {}")
            self._owner.execute(grant.format(pg.Identifier(self._new), pg.Identifier(WRITER_ROLE)))
        return not (was_there and applied)

    def drop(self) -> None:
        """As `Beside.drop`."""
        self._owner.execute(pg.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(pg.Identifier(self._new)))

    @contextmanager
    def paused(self) -> Generator[Session]:
        """Who would move a checkpoint waits; who reads it does not."""
        with self._owner.transaction():
            self._owner.execute("LOCK TABLE checkpoint IN EXCLUSIVE MODE")
            yield self._session

    @contextmanager
    def comparing(self) -> Generator[tuple[Session, str]]:
        """One snapshot of both schemas."""
        with self.store.reading() as session:
            yield session, pg.Identifier(self._live).as_string()

    def analyse(self) -> None:
        """As `Beside.analyse`."""
        for (table,) in self._session.rows(_TABLES, schema=self._new):
            self._owner.execute(pg.SQL("ANALYZE {}").format(pg.Identifier(self._new, table)))

    def swap(self) -> None:
        """The old tables are dropped, the new ones change their schema and get the old ones' owner and rights."""
        tables = [table for (table,) in self._session.rows(_TABLES, schema=self._new) if table not in KEPT]
        try:
            self._owner.execute(pg.SQL("SET LOCAL lock_timeout = {}").format(f"{LOCK_TIMEOUT_SECONDS}s"))
            # First the one that readers hold from their beginning on, as they do.
            for table in ("checkpoint", *tables):
                self._owner.execute(pg.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(pg.Identifier(table)))
            self._replace(tables, [view for (view,) in self._session.rows(_VIEWS, schema=self._new)])
            self.drop()
        except LockNotAvailable as error:
            raise TablesInUseError("readers hold the live tables") from error
        except DependentObjectsStillExist as error:
            hint = "something of your own is built on a table: drop it, rebuild, and make it again"
            raise RefusedError(f"{hint}: {error.diag.message_detail}") from error
        except InsufficientPrivilege as error:
            raise RefusedError(f"{NEEDS_OWNER}: {error}") from error

    def close(self) -> None:
        """As `Beside.close`."""
        self.store.close()
        self._owner.close()

    def _replace(self, tables: list[str], views: list[str]) -> None:
        """Views hang on tables: they go first and come last."""
        rights = [
            row[0]
            for name in (*tables, *views)
            for row in self._session.rows(_RIGHTS, name=name, place=pg.Identifier(self._live, name).as_string())
        ]
        for kind, names in ((pg.SQL("VIEW"), views), (pg.SQL("TABLE"), tables)):
            for name in names:
                self._owner.execute(pg.SQL("DROP {} {}").format(kind, pg.Identifier(self._live, name)))
        for name in (*tables, *views):
            place = pg.Identifier(self._new, name)
            self._owner.execute(pg.SQL("ALTER TABLE {} SET SCHEMA {}").format(place, pg.Identifier(self._live)))
        for statement in rights:
            self._owner.execute(cast("LiteralString", statement))


def _finding_first(url: str, *schemas: str) -> str:
    """How to connect so that names are looked for in these schemas, in this order."""
    options: dict[str, Any] = conninfo_to_dict(url)
    path = ",".join(pg.Identifier(schema).as_string() for schema in schemas)
    # The server splits its options at spaces.
    path = path.replace("\\", "\\\\").replace(" ", "\\ ")
    return make_conninfo("", **{**options, "options": f"{options.get('options', '')} -c search_path={path}".strip()})
