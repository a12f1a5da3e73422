"""The derived tables of a bundle as CSV and Parquet, by the engine that shares nothing with the one that decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from duckdb import DuckDBPyConnection

from projections.export.folder import Folder
from projections.export.forms import FORMS, Form, copy_rows, steady
from projections.export.statements import statement

TABLES = ("balances", "outcomes", "payouts", "postings", "team")


def write_tables(duck: DuckDBPyConnection, folder: Folder) -> None:
    """Writes every table in both forms.

    Args:
        duck: with the relations of a replay that were tabulated, and `bind_stream`.
        folder: gets them under `tables/`.
    """
    (folder.path / "tables").mkdir()
    for name in TABLES:
        # Sorted once, by all cores; then each form by one.
        duck.execute("RESET threads")
        duck.execute("SET preserve_insertion_order = true")
        duck.execute(f"CREATE TABLE sorted_row AS {statement(name)}")
        steady(duck)

        def write(form: Form, name: str = name) -> None:
            with duck.cursor() as writing:
                copy_rows(writing, "FROM sorted_row", folder.path / "tables" / f"{name}.{form}", form)
            folder.measure(f"tables/{name}.{form}")

        with ThreadPoolExecutor(len(FORMS)) as pool:
            list(pool.map(write, FORMS))
        duck.execute("DROP TABLE sorted_row")
