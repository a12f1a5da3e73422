"""The derived tables of a bundle as CSV and Parquet, by the engine that shares nothing with the one that decides."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from projections.export.folder import Folder
from projections.export.forms import copy_rows, quoted, steady
from projections.export.statements import statement

TABLES = ("balances", "outcomes", "postings", "team")


def write_tables(duck: DuckDBPyConnection, folder: Folder) -> None:
    """Writes every table in both forms.

    Args:
        duck: with the relations of a replay that were tabulated, and `bind_stream`.
        folder: gets them under `tables/`.
    """
    (folder.path / "tables").mkdir()
    steady(duck)
    for name in TABLES:
        parquet = folder.path / "tables" / f"{name}.parquet"
        copy_rows(duck, statement(name), parquet, "parquet")
        # Sorted once: a file is read in its order.
        copy_rows(duck, f"FROM {quoted(parquet)}", parquet.with_suffix(".csv"), "csv")
        folder.measure(f"tables/{name}.parquet")
        folder.measure(f"tables/{name}.csv")
