"""The typed files of a segment and the relations they hold."""

from __future__ import annotations

from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from projections.archive.manifest import MEMBERS, MINIMUMS, PLANS
from projections.replay.arrow import STORED_COLUMNS

# What each typed file holds, of a Loading that was finished. The members are those after number $known.
RELATIONS = {
    "orders": "SELECT * FROM order_fact ORDER BY position",
    "refunds": "SELECT * FROM refund_fact ORDER BY position",
    "reversals": "SELECT * FROM reversal_fact ORDER BY position",
    "bindings": "SELECT * FROM binding_fact ORDER BY position",
    "requests": "SELECT * FROM request_fact ORDER BY position",
    PLANS: "SELECT * FROM plan_term ORDER BY position",
    MINIMUMS: "SELECT * FROM minimum_fact ORDER BY position, currency",
    "adjustments": "SELECT * FROM adjustment_fact ORDER BY position",
    "batches": "SELECT * FROM batch_fact ORDER BY position",
    "lines": "SELECT * FROM line_fact ORDER BY position, number",
    "drops": "SELECT * FROM drop_fact ORDER BY position, number",
    "payouts": "SELECT * FROM payout_fact ORDER BY position",
    "freezes": "SELECT * FROM freeze_fact ORDER BY position",
    MEMBERS: "SELECT * FROM member_name WHERE member > {known} ORDER BY member",
}
EVENTS_OF = f"SELECT {', '.join(STORED_COLUMNS)} FROM {{view}}"  # noqa: S608  # our own names

# Rows come in pieces of at most 2,048, and a row group is only closed after one: never more than 122,880 rows.
ROW_GROUP_ROWS = 120_832
_AS = f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"

# Of DuckDB: while it writes stored events, and while it makes relations of them.
WRITING_MEMORY = "400MB"
LOADING_MEMORY = "800MB"


def connect(spill: Path, *, memory: str) -> DuckDBPyConnection:
    """A DuckDB of one thread, so that the same rows always make the same bytes; what takes more memory spills."""
    duck = duckdb.connect(config={"threads": 1, "memory_limit": memory, "temp_directory": str(spill)})
    # It would draw on standard output, which belongs to the answer.
    duck.execute("SET enable_progress_bar = false")
    return duck


def write(duck: DuckDBPyConnection, select: str, path: Path) -> int:
    """Writes the rows of a query; returns how many."""
    quoted = str(path).replace("'", "''")
    return duck.execute(f"COPY ({select}) TO '{quoted}' {_AS}").fetchall()[0][0]


def members(duck: DuckDBPyConnection) -> int:
    """How many members have a number."""
    return duck.execute("SELECT coalesce(max(member), 0) FROM member_name").fetchall()[0][0]


def recorded_ends(duck: DuckDBPyConnection, events: str) -> tuple[int, int]:
    """recorded_at of the first and the last event of a file, microseconds since 1970."""
    query = "SELECT arg_min(recorded_at_us, position), arg_max(recorded_at_us, position) FROM read_parquet($path)"
    first, last = duck.execute(query, {"path": events}).fetchall()[0]
    return first, last
