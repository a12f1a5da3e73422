"""How DuckDB writes CSV and Parquet here: the same rows make the same bytes, on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import duckdb
from duckdb import DuckDBPyConnection

Form = Literal["csv", "parquet"]
FORMS: tuple[Form, ...] = ("csv", "parquet")

# Fields are quoted only where they must be: DuckDB would quote a #, which could begin a comment, too.
_OPTIONS: dict[Form, str] = {
    "csv": "FORMAT csv, HEADER {header}, NULLSTR '', COMMENT '', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'",
    "parquet": "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880",
}


def steady(duck: DuckDBPyConnection) -> None:
    """Lets a connection write rows in their order, as texts of UTC, and cut them alike however many cores there are."""
    duck.execute("SET GLOBAL TimeZone = 'UTC'")
    duck.execute("SET threads = 1")


def copy_rows(duck: DuckDBPyConnection, select: str, path: Path, form: Form, *, header: bool = True) -> int:
    """Writes the rows of a query into a file, CSV with or without a header line; returns how many.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    options = _OPTIONS[form].format(header=header)
    try:
        return duck.execute(f"COPY ({select}) TO {quoted(path)} ({options})").fetchall()[0][0]
    except duckdb.IOException as error:
        raise OSError(f"{path}: {error}: the disk may be full") from None


def quoted(path: Path | str) -> str:
    """A path as SQL writes it."""
    return "'" + str(path).replace("'", "''") + "'"
