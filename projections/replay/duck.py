"""DuckDB under the replay: statements of the pipeline on one connection that has the relations."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from projections.replay.engine import Row
from projections.replay.statements import statement

_FETCHED_AT_ONCE = 10_000


class Duck:
    """An engine of the pipeline.

    Args:
        connection: has the relations as tables or views. Whoever opened it sets memory, threads and the folder to
            spill to.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(statement("prelude/duckdb"))
        # Which row comes first matters only where a statement says so; remembering it costs memory.
        connection.execute("SET preserve_insertion_order = false")

    def declare(self, function: str, value: int) -> None:
        """Let `function()` be this BIGINT in what is defined from now on."""
        self._connection.execute(f"CREATE OR REPLACE TEMP MACRO {function}() AS CAST({value:d} AS BIGINT)")

    def define(self, name: str, select: str, *, materialised: bool) -> None:
        """Let `name` be the rows of a SELECT, worked out now or when it is read; it may replace what it reads."""
        if materialised:
            # The name itself is a view in either case: a table of that name could not be replaced by a view.
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}_rows AS {select}")
            select = f"SELECT * FROM {name}_rows"  # noqa: S608  # names of our own
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}")

    def rows(self, select: str) -> Iterator[Row]:
        """Rows of a SELECT, in its order. The connection is in use until the last was read."""
        result = self._connection.execute(select)
        while batch := result.fetchmany(_FETCHED_AT_ONCE):
            yield from batch
