"""Ranges of the log as DuckDB tables: from PostgreSQL without a Python object a row, from SQLite by columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Protocol, Self

import adbc_driver_manager as adbc
import adbc_driver_postgresql  # pyright: ignore[reportMissingTypeStubs]
import duckdb
from duckdb import DuckDBPyConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.errors import IntegrityError, UnreachableError
from ledger.store.postgres import CONNECT_TIMEOUT_SECONDS, KEEPALIVE, URL_PREFIXES
from ledger.store.recorder import LogRecorder
from ledger.store.session import load
from projections.replay.arrow import STORED_COLUMNS, arrow_rows

# Rows that Python holds at a time while it makes columns of them: what fits into a core's cache is done quickest.
ROWS_AT_A_TIME = 5_000
# Events as Python objects; the same holds for hashing.
EVENTS_AT_A_TIME = 1_024

_STORED = load("ledger.store", "select_stored")


class EventSource(Protocol):
    """Where stored events come from."""

    def fill(self, duck: DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        """Creates a table of the events with positions in (after, upto], columns as in the store.

        Raises:
            IntegrityError: positions are missing.
        """
        ...

    def reading(self, duck: DuckDBPyConnection, name: str, after: int, upto: int) -> AbstractContextManager[None]:
        """The same events as a view or table that is read once, in order, while the context lasts.

        Whether positions are missing is for the reader to check.
        """
        ...

    def close(self) -> None:
        """Ends the connection it made, if any."""

    def __enter__(self) -> Self:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""


def source_of(log: LogRecorder) -> EventSource:
    """The quickest way to the rows of a log."""
    if log.url is not None and log.url.startswith(URL_PREFIXES):
        return PostgresSource(log.url)
    return RecorderSource(log)


class _Closing(ABC):
    """A source in a `with`; what can only fill tables is read through one."""

    @abstractmethod
    def fill(self, duck: DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        """Creates the table."""

    @contextmanager
    def reading(self, duck: DuckDBPyConnection, name: str, after: int, upto: int) -> Generator[None]:
        """The events as a table."""
        self.fill(duck, name, after, upto)
        yield
        duck.execute(f"DROP TABLE {name}")

    def close(self) -> None:  # noqa: B027  # most have nothing to end
        """Nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecorderSource(_Closing):
    """Through the recorder, whatever it is over."""

    def __init__(self, log: LogRecorder) -> None:
        self._log = log

    def fill(self, duck: DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        """Creates the table; no more than ROWS_AT_A_TIME rows are Python objects at any time."""
        duck.from_arrow(arrow_rows(STORED_COLUMNS, [])).create(table)
        for start in range(after, upto, ROWS_AT_A_TIME):
            with self._log.reading() as session:
                rows = session.rows(_STORED, after=start, upto=min(upto, start + ROWS_AT_A_TIME))
            duck.from_arrow(arrow_rows(STORED_COLUMNS, rows)).insert_into(table)
        check_whole(duck, table, after, upto)


class PostgresSource(_Closing):
    """Through ADBC: rows become Arrow columns in the driver."""

    def __init__(self, url: str) -> None:
        options = {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS)} | KEEPALIVE | conninfo_to_dict(url)
        try:
            self._database = adbc_driver_postgresql.connect(make_conninfo("", **options))
            self._connection = adbc.AdbcConnection(self._database)
        except adbc.Error as error:
            raise UnreachableError(str(error)) from None

    def fill(self, duck: DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        """Creates the table in one query."""
        with self.reading(duck, f"arrow_{table}", after, upto):
            duck.execute(f"CREATE TABLE {table} AS SELECT * FROM arrow_{table}")  # noqa: S608  # our own names
        check_whole(duck, table, after, upto)

    @contextmanager
    def reading(self, duck: DuckDBPyConnection, name: str, after: int, upto: int) -> Generator[None]:
        """The events as they come from the server: rows are in memory a batch at a time."""
        with adbc.AdbcStatement(self._connection) as query:
            query.set_sql_query(
                f"SELECT {', '.join(STORED_COLUMNS)} FROM event"  # noqa: S608  # integers and our own names
                f" WHERE position > {int(after)} AND position <= {int(upto)} ORDER BY position"
            )
            try:
                rows, _ = query.execute_query()
                duck.from_arrow(rows).to_view(name)
                yield
                duck.execute(f"DROP VIEW {name}")
            # DuckDB calls it an invalid input when the stream that it reads breaks off.
            except (adbc.Error, duckdb.InvalidInputException) as error:
                raise UnreachableError(str(error)) from None

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()
        self._database.close()


class ParquetSource(_Closing):
    """Files of stored events, in any order; which of them a range lies in they say themselves."""

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths` as DuckDB reads them; one at least."""
        self._paths = list(paths)

    def fill(self, duck: DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        """Creates the table."""
        duck.execute(
            f"CREATE TABLE {table} AS SELECT {', '.join(STORED_COLUMNS)} FROM read_parquet($paths)"  # noqa: S608  # our own names
            " WHERE position > $after AND position <= $upto",
            {"paths": self._paths, "after": after, "upto": upto},
        )
        check_whole(duck, table, after, upto)


def fetched(
    duck: DuckDBPyConnection, source: EventSource, after: int, upto: int, step: int
) -> Generator[tuple[str, int]]:
    """The events with positions in (after, upto] part by part: the next is fetched while one is in use.

    Args:
        duck: gets a table of each part, which is there until the next part is asked for.
        source: of the events.
        after: positions up to this one are not fetched.
        upto: the last position.
        step: events of a part at most; two parts are in memory at once.

    Yields:
        The name of the table, and how many events it has.

    Raises:
        IntegrityError: positions are missing.
    """
    parts = [(start, min(upto, start + step)) for start in range(after, upto, step)]

    def fetch(part: tuple[int, int]) -> str:
        name = f"raw_{part[0]}"
        with duck.cursor() as reading:
            source.fill(reading, name, *part)
        return name

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(fetch, parts[0]) if parts else None
        for index, part in enumerate(parts):
            table = ahead.result() if ahead is not None else ""
            ahead = pool.submit(fetch, parts[index + 1]) if index + 1 < len(parts) else None
            yield table, part[1] - part[0]
            duck.execute(f"DROP TABLE {table}")


def batches(duck: DuckDBPyConnection, select: str) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of a query over stored events, some at a time; the first column is the position.

    Args:
        duck: in use until the last batch was taken.
        select: the query.

    Raises:
        IntegrityError: they do not come in the order of their positions, or not all do.
    """
    events, last = duck.execute(select), 0
    while batch := events.fetchmany(EVENTS_AT_A_TIME):
        last = last or batch[0][0] - 1
        if [row[0] for row in batch] != list(range(last + 1, last + len(batch) + 1)):
            raise IntegrityError(f"the events after position {last} are not in order")
        yield batch
        last += len(batch)


def check_whole(duck: DuckDBPyConnection, table: str, after: int, upto: int) -> None:
    """Every position of (after, upto] is there once.

    Raises:
        IntegrityError: it is not.
    """
    query = f"SELECT count(*), count(DISTINCT position), min(position), max(position) FROM {table}"  # noqa: S608  # our own name
    found = duck.execute(query).fetchall()[0]
    if upto > after and found != (upto - after, upto - after, after + 1, upto):
        raise IntegrityError(f"the log has not every position from {after + 1} to {upto}: it has a gap")
