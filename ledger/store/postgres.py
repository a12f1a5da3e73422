"""The log in PostgreSQL: COPY under an advisory lock, positions without gaps."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, LiteralString, cast

import psycopg
from eventsourcing.persistence import Subscription
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresFactory,
    PostgresSubscription,
)
from eventsourcing.utils import Environment, EnvType
from psycopg import sql as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, tuple_row
from psycopg.types.string import BytesBinaryDumper

from ledger.errors import ReplicaError, UnreachableError
from ledger.store.recorder import Append, LogRecorder
from ledger.store.session import Parameter, Row, Session, Sql, Table, load

URL_PREFIXES = ("postgresql://", "postgres://")
URL_KEY = "REFLEDGER_URL"
CHANNEL = "refledger_event"
WRITER_ROLE = "refledger_writer"

# A batch is decided in milliseconds; a writer that died silently must not hold the append lock for long.
IDLE_IN_TRANSACTION_SECONDS = 120
CONNECT_TIMEOUT_SECONDS = 10
POOL_SIZE_MAX = 8

# A server that is gone without a word is noticed within some 10 seconds, not after hours.
KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 5,
    "tcp_user_timeout": 10_000,
}

_LOCK = load("ledger.store", "lock_append")
_LISTEN = load("ledger.store", "listen_append")
_PREFER_INDEXES = load("ledger.store", "prefer_indexes")
_NOTIFY = load("ledger.store", "notify_append")
_MAY_BECOME_WRITER = load("ledger.store", "may_become_writer")
_IS_REPLICA = load("ledger.store", "select_is_replica")
_INSERTED = load("ledger.store", "select_inserted")
_FLUSHED = load("ledger.store", "select_flushed")
_WAIT_FOR_DISK = load("ledger.store", "wait_for_disk")
_EMIT_MESSAGE = load("ledger.store", "emit_message")


class PostgresSession(Session):
    """A transaction on one PostgreSQL connection; results travel in binary."""

    dialect = "postgres"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._cursor = connection.cursor(row_factory=tuple_row, binary=True)

    def rows(self, sql: Sql, **parameters: Parameter) -> list[Row]:
        """Runs a query; lists of texts arrive as arrays."""
        values = {
            name: _array(cast("Sequence[str]", value)) if isinstance(value, list | tuple) else value
            for name, value in parameters.items()
        }
        return self._cursor.execute(sql.texts["postgres"], values or None, prepare=True).fetchall()

    def run(self, sql: Sql, **parameters: Parameter) -> int:
        """Runs a statement."""
        return self._cursor.execute(sql.texts["postgres"], parameters or None).rowcount

    def write(self, sql: Sql, rows: Sequence[Row]) -> None:
        """Runs a statement once; its parameters `:a`, `:b`, … are the columns as arrays."""
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._cursor.execute(sql.texts["postgres"], dict(zip("abcdefghijklmnop", columns, strict=False)))

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """COPY BINARY: several times faster than any INSERT, but for one row, where it is one round trip more."""
        rows = iter(rows)
        first = list(islice(rows, 2))
        if len(first) <= 1:
            names, marks = ", ".join(table.columns), ", ".join(f"%s::{kind}" for kind in table.columns.values())
            for row in first:
                # Names and types come from our own Table constants, never from input.
                self._cursor.execute(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", row, prepare=True)  # noqa: S608
            return
        statement = pg.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            pg.Identifier(table.name), pg.SQL(", ").join(map(pg.Identifier, table.columns))
        )
        with self._cursor.copy(statement) as copy:
            copy.set_types(list(table.columns.values()))
            for row in chain(first, rows):
                copy.write_row(row)


def _array(texts: Sequence[str]) -> str:
    """An array as PostgreSQL reads it from a text: thousands of keys cost the driver more than the look-up."""
    if not texts:
        return "{}"
    # A separator that no key can hold (V-2).
    joined = "\x1f".join(texts).replace("\\", "\\\\").replace('"', '\\"').replace("\x1f", '","')
    return f'{{"{joined}"}}'


class PostgresStoreDatastore(PostgresDatastore):
    """The library's pool, from a libpq URL, with every connection in the writer role."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = KEEPALIVE | conninfo_to_dict(url)
        super().__init__(
            dbname=options.pop("dbname", ""),
            host=options.pop("host", ""),
            port=options.pop("port", ""),
            user=options.pop("user", ""),
            password=options.pop("password", ""),
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            idle_in_transaction_session_timeout=IDLE_IN_TRANSACTION_SECONDS,
            originator_id_type="text",
            pool_size=0,
            max_overflow=POOL_SIZE_MAX,
        )
        options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
        connection = cast("dict[str, Any]", self.pool.kwargs)
        # An absent part is libpq's own default, an empty one is not.
        self.pool.kwargs = {key: value for key, value in (connection | options).items() if value != ""}
        # After that long the pool starts afresh with who asks next; left alone it doubles its pauses up to minutes.
        self.pool.reconnect_timeout = CONNECT_TIMEOUT_SECONDS

    def after_connect_func(self) -> Callable[[psycopg.Connection[Any]], None]:
        """Also gives up the owner's rights, where there is a writer role to become (G-7)."""
        configure = super().after_connect_func()

        def after_connect(connection: psycopg.Connection[DictRow]) -> None:
            configure(connection)
            # Without a word the driver takes a slower one, written in Python, for columns of bytes.
            connection.adapters.register_dumper(bytes, BytesBinaryDumper)
            # Whatever the server's default: what is read under the append lock must be what is there then.
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            may = connection.cursor(row_factory=tuple_row).execute(
                _MAY_BECOME_WRITER.texts["postgres"], {"role": WRITER_ROLE}
            )
            if may.fetchone() is not None:
                connection.execute(pg.SQL("SET ROLE {}").format(pg.Identifier(WRITER_ROLE)))

        return after_connect


class PostgresRecorder(LogRecorder, PostgresApplicationRecorder):
    """The library's recorder over our event table.

    The library's own pipelined insert hangs on large batches, leaves gaps in positions and blocks VACUUM with its table
    lock; ours is COPY under one transaction-scoped advisory lock.
    """

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "event") -> None:
        # The library's constructor would look up composite types that we do not use.
        self.datastore = datastore
        self.events_table_name = events_table_name
        self.channel_name = CHANNEL
        self.sql_create_statements = []
        self._listening: psycopg.Connection[Any] | None = None

    @contextmanager
    def writing(self) -> Generator[Session]:
        """A transaction whose set-wise look-ups go by index."""
        with self.datastore.get_connection() as connection, connection.transaction():
            session = PostgresSession(connection)
            session.run(_PREFER_INDEXES)
            yield session

    @contextmanager
    def appending(self) -> Generator[Append]:
        """A transaction that waits for, and then holds, the append lock."""
        with self.datastore.get_connection() as connection, connection.transaction():
            session = PostgresSession(connection)
            session.run(_LOCK)
            log = Append(session)
            head = log.head
            yield log
            if log.head > head:
                session.run(_NOTIFY)

    @contextmanager
    def reading(self) -> Generator[Session]:
        """A snapshot: REPEATABLE READ, READ ONLY."""
        with self.datastore.get_connection() as connection, connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield PostgresSession(connection)

    def settle(self) -> None:
        """Waits for a commit of its own: the write-ahead log goes to disk in order, so all before it is there too.

        Without synchronous_commit others see what is not on disk yet.
        """
        with self.datastore.get_connection() as connection, connection.transaction():
            session = PostgresSession(connection)
            if session.rows(_IS_REPLICA)[0][0]:
                raise ReplicaError("this database is a replica, which may lack events: name the primary with --db")
            (inserted,) = session.rows(_INSERTED)[0]
            session.run(_WAIT_FOR_DISK)
            session.rows(_EMIT_MESSAGE)
        with self.reading() as session:
            (flushed,) = session.rows(_FLUSHED)[0]
        if flushed < inserted:
            raise UnreachableError(f"its write-ahead log is on disk up to {flushed} only, not up to {inserted}")

    def create_table(self) -> None:
        """Nothing: migrations make the tables."""

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[Any]:
        """The library's LISTEN/NOTIFY subscription."""
        return PostgresSubscription(recorder=self, gt=gt, topics=topics)

    def wait(self, seconds: float) -> bool:
        """Waits for a NOTIFY; a connection that died is made anew by the next call."""
        try:
            if self._listening is None:
                options = cast("dict[str, Any]", self.datastore.pool.kwargs)
                where = make_conninfo("", **{key: value for key, value in options.items() if key != "row_factory"})
                self._listening = psycopg.connect(where, autocommit=True)
                self._listening.execute(_LISTEN.texts["postgres"])
            return any(True for _ in self._listening.notifies(timeout=seconds, stop_after=1))
        except psycopg.OperationalError:
            self._listening = None
            time.sleep(seconds)
            return False

    def close(self) -> None:
        """Closes every connection."""
        if self._listening is not None:
            self._listening.close()
        self.datastore.close()


class PostgresStoreFactory(PostgresFactory):
    """Builds the recorder from the library's environment."""

    application_recorder_class = PostgresRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        # Not the library's constructor: it wants the parts of the URL as variables of their own.
        self.env = env if isinstance(env, Environment) else Environment(env=env)
        self._is_entered = False
        self.datastore = PostgresStoreDatastore(cast("LiteralString", self.env.get(URL_KEY, "")))
