"""Derived tables as Parquet files against the same as CSV files, compared while the log is read."""

from __future__ import annotations

from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor

from projections.verify.asked import CompareParquet
from projections.verify.folder import Folder
from projections.verify.manifest import CSV, PARQUET
from projections.verify.report import Report
from projections.verify.table_rows import TABLES

PARQUET_CHECK = "parquet"


class ParquetTables:
    """Compares in a thread of its own: what compares is no Python, and nothing can be performed yet when it begins."""

    def __init__(self, folder: Folder, files: Container[str], compare: CompareParquet | None) -> None:
        """Begins to compare those of these files that are Parquet."""
        self._tables = [table for table in TABLES if PARQUET[table] in files]
        self._folder, self._compare = folder, compare
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._found = [] if compare is None else [self._thread.submit(self._differences, one) for one in self._tables]

    def end(self, report: Report) -> None:
        """Waits for what was found."""
        if self._tables and self._compare is None:
            report.skip(PARQUET_CHECK, "not compared with the CSV files: nothing here reads Parquet")
        for table, found in zip(self._tables, self._found, strict=False):
            with report.checking(PARQUET_CHECK, "the same rows as the CSV files"):
                for message in found.result():
                    report.find(PARQUET_CHECK, f"{table}: {message}")
        self._thread.shutdown()

    def _differences(self, table: str) -> list[str]:
        if self._compare is None:
            return []
        return self._compare(self._folder.file(CSV[table]), self._folder.file(PARQUET[table]))
