"""Reading input records: lines of a file or of standard input, plain or gzip, in constant memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ledger.commands import LINE_BYTES_MAX
from ledger.errors import RefusedError

GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input, by its number from 1. `text` is cut where it is too long to be a record."""

    number: int
    text: bytes


class Records:
    """The lines of one input. `size` is the bytes of the file as it lies on the disk; None for a pipe."""

    def __init__(self, raw: io.BufferedReader[Any], size: int | None) -> None:
        self._raw = raw
        self.size = size
        self.blank = 0

    def bytes_read(self) -> int:
        """How far into the file it has read; 0 for a pipe."""
        return self._raw.tell() if self.size is not None else 0

    def starts_with_plan(self) -> bool:
        """Whether a plain file's first record is a plan."""
        return b'"type":"plan"' in self._raw.peek(READ_BYTES).split(b"\n", 1)[0].replace(b" ", b"")

    def batches(self, batch_size: int) -> Iterator[list[Line]]:
        """All lines, in lists of at most `batch_size`.

        Raises:
            RefusedError: damaged gzip data; the lines before it were handed out.
        """
        batch: list[Line] = []
        try:
            for line in self._lines():
                batch.append(line)
                if len(batch) == batch_size:
                    yield batch
                    batch = []
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            if batch:
                yield batch
            raise RefusedError(f"the gzip data is damaged or cut off: {error}; the lines before it are in") from None
        if batch:
            yield batch

    def _lines(self) -> Iterator[Line]:
        """Blank lines are counted and left out; of a line too long for a record only the beginning is kept."""
        # A gzip file is known by its content, whatever its name.
        is_gzip = self._raw.peek(2)[:2] == GZIP_MAGIC
        stream = io.BufferedReader(gzip.GzipFile(fileobj=self._raw), READ_BYTES) if is_gzip else self._raw
        number = 0
        while text := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            rest = text
            while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_BYTES_MAX + 1)
            text = text.removeprefix(BOM) if number == 1 else text
            if text.isspace() or not text:
                self.blank += 1
            else:
                yield Line(number, text)


@contextmanager
def open_records(file: str) -> Generator[Records]:
    """The records of a file, or of standard input for `-`."""
    if file == "-":
        yield Records(cast("io.BufferedReader", sys.stdin.buffer), None)
        return
    with io.BufferedReader(io.FileIO(file), READ_BYTES) as raw:
        yield Records(raw, Path(file).stat().st_size)
