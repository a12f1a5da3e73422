"""The derived tables of a bundle as CSV and Parquet, by the engine that shares nothing with the one that decides."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from projections.export.folder import Folder
from projections.export.statements import statement

TABLES = ("balances", "outcomes", "postings", "team")

# Fields are quoted only where they must be: DuckDB would quote a #, which could begin a comment, too.
_CSV = "(FORMAT csv, HEADER, NULLSTR '', COMMENT '', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ')"
_PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"


def write_tables(duck: DuckDBPyConnection, folder: Folder) -> None:
    """Writes every table in both forms.

    Args:
        duck: with the relations of a replay that were tabulated, and `bind_stream`.
        folder: gets them under `tables/`.
    """
    (folder.path / "tables").mkdir()
    duck.execute("SET TimeZone = 'UTC'")
    # With one thread the same rows always make the same bytes.
    duck.execute("SET threads = 1")
    for name in TABLES:
        parquet = f"tables/{name}.parquet"
        _copy(duck, f"({statement(name)})", folder, parquet, _PARQUET)
        _copy(duck, f"(FROM {_quoted(folder, parquet)})", folder, f"tables/{name}.csv", _CSV)


def _copy(duck: DuckDBPyConnection, rows: str, folder: Folder, name: str, form: str) -> None:
    duck.execute(f"COPY {rows} TO {_quoted(folder, name)} {form}")
    folder.measure(name)


def _quoted(folder: Folder, name: str) -> str:
    """A path as SQL writes it."""
    return "'" + str(folder.path / name).replace("'", "''") + "'"
