"""Derived tables as they lie in the bundle, compared with the rows they must have, as those are computed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from projections.verify.report import Report
from projections.verify.table_rows import HEADINGS

# No row is longer: three ids of 128 bytes, quoted, and some numbers.
ROW_BYTES_MAX = 8_192
# So many orders' rows are compared at a time, a few hundred bytes each: more are no longer near the processor.
_WAITING_MAX = 100
_SHOWN_MAX = 200


class TableFile:
    """Compares a table with its rows, in order: many at a time, and one by one from the first that differs on."""

    def __init__(self, name: str, path: Path, report: Report) -> None:
        """Begins with the heading.

        Raises:
            OSError: the file cannot be read.
        """
        self.name, self.rows = name, 0
        self._report = report
        self._file = path.open("rb")
        self._digest, self.size_bytes = hashlib.sha256(), 0
        self._expected: list[str] = []
        # From the first difference on: bytes that were read and not compared.
        self._rest: bytes | None = None
        report.begin(name)
        self._compare([HEADINGS[name]])
        self.rows = 0

    def expect(self, rows: str) -> None:
        """The next rows, none or several, each with its line end."""
        self._expected.append(rows)
        if len(self._expected) >= _WAITING_MAX:
            self._flush()

    def expect_all(self, rows: Iterable[str]) -> None:
        """All these rows."""
        for row in rows:
            self.expect(row)

    def end(self) -> str:
        """There are no more; the SHA-256 of the file."""
        self._flush()
        surplus = 0
        while self._line():
            surplus += 1
        if surplus:
            self._report.find(self.name, f"has {surplus} rows more than the events give")
        self._file.close()
        return self._digest.hexdigest()

    def _flush(self) -> None:
        self._compare(self._expected)
        self._expected.clear()

    def _compare(self, expected: list[str]) -> None:
        text = "".join(expected)
        if self._rest is None:
            data = text.encode()
            found = self._read(len(data))
            if found == data:
                self.rows += text.count("\n")
                return
            self._rest = found
        for row in text.split("\n")[:-1]:
            self.rows += 1
            found = self._line()
            if found != f"{row}\n".encode():
                what = f"is {_told(found)}" if found else "is missing"
                self._report.find(self.name, f"row {self.rows} {what}; the events give {_told(row.encode())}")

    def _line(self) -> bytes:
        """The next line, in one-by-one mode; empty at the end."""
        rest = self._rest or b""
        while b"\n" not in rest and len(rest) < ROW_BYTES_MAX and (more := self._read(ROW_BYTES_MAX)):
            rest += more
        line, end, self._rest = rest.partition(b"\n")
        return line + end

    def _read(self, most: int) -> bytes:
        found = self._file.read(most)
        self._digest.update(found)
        self.size_bytes += len(found)
        return found


def _told(row: bytes) -> str:
    return ascii(row.removesuffix(b"\n").decode(errors="replace"))[1:-1][:_SHOWN_MAX]
