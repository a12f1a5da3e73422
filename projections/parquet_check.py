"""Derived tables in both of their forms: a Parquet file holds the rows of its CSV file, in their order."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from projections.as_named import as_named

TEXT, INTEGER, TIME = "VARCHAR", "BIGINT", "TIMESTAMP WITH TIME ZONE"

_TIMES = frozenset(
    {"occurred_at", "available_at", "value_at", "bound_at", "until", "reserved_at", "state_at", "paid_at"}
)
_TEXTS = frozenset(
    {"member", "currency", "order", "kind", "debit", "credit", "bind", "payout", "batch", "state", "reference"}
)
_TEXT_STARTS = ("outcome_", "beneficiary_", "referrer_")
_MEMORY = "256MB"


def differences(csv: Path, parquet: Path) -> list[str]:
    """What is not the same in both files; nothing if all is.

    Raises:
        duckdb.Error: one of them cannot be read.
    """
    with csv.open(encoding="utf-8") as lines:
        names = lines.readline().rstrip("\n").split(",")
    with _nameable(csv) as text, _nameable(parquet) as columns:
        return _differences(text, columns, names)


@contextmanager
def _nameable(file: Path) -> Generator[Path]:
    """The file by a name that DuckDB can be told: one that is UTF-8."""
    if not any("\udc80" <= sign <= "\udcff" for sign in str(file)):
        yield file
        return
    with TemporaryDirectory(prefix="refledger-") as folder:
        link = Path(folder) / file.name
        link.symlink_to(file.resolve())
        yield link


def _differences(csv: Path, parquet: Path, names: list[str]) -> list[str]:
    with duckdb.connect(":memory:", config={"memory_limit": _MEMORY}) as duck:
        columns = {
            name: kind
            for name, kind, *_ in duck.execute("DESCRIBE SELECT * FROM read_parquet(?)", [as_named(parquet)]).fetchall()
        }
        found = [f"the column {name} is {kind}" for name, kind in columns.items() if kind not in _kinds(name)]
        if [*columns] != names:
            return [f"its columns are {', '.join(columns)}"[:200]]
        return found or _differing_rows(duck, columns, csv, parquet)


def _kinds(column: str) -> tuple[str, ...]:
    """As which types a column may be kept without losing anything."""
    if column in _TIMES:
        return TIME, TEXT
    return (TEXT,) if column in _TEXTS or column.startswith(_TEXT_STARTS) else (INTEGER,)


def _differing_rows(duck: duckdb.DuckDBPyConnection, columns: dict[str, str], csv: Path, parquet: Path) -> list[str]:
    # The names are those of our own headings: the heading of the CSV file was compared before.
    differs = " OR ".join(f'one."{name}" IS DISTINCT FROM other."{name}"' for name in columns)
    query = f"""
        SELECT count(*), min(place) FROM (
            SELECT row_number() OVER () AS place, {differs} AS differs
            FROM (
                SELECT * FROM read_csv(
                    $csv, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', auto_detect = false,
                    columns = $columns)
            ) AS one
            POSITIONAL JOIN read_parquet($parquet) AS other
        ) WHERE differs"""  # noqa: S608  # our own names
    count, first = duck.execute(
        query, {"csv": as_named(csv), "parquet": as_named(parquet), "columns": columns}
    ).fetchall()[0]
    return [f"{count} rows differ from the CSV file, the first is row {first}"] if count else []
