"""Reading input records: lines of a file or of standard input, plain or gzip, in constant memory."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from ledger.commands import LINE_BYTES_MAX
from ledger.errors import RefusedError

GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
READ_BYTES = 1 << 20


class Line(NamedTuple):
    """One line of the input, by its number from 1, without its end.

    size  its length in bytes; `text` is cut where that is too long for a record
    """

    number: int
    text: bytes
    size: int


class _Inflated(io.RawIOBase):
    """What a gzip file holds, handed on as it comes: nothing before damage in the file is lost."""

    def __init__(self, raw: io.BufferedReader[Any]) -> None:
        self._gzip = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  # any buffer
        data = self._gzip.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Records:
    """The lines of one input. `size` is the bytes of the file as it lies on the disk; None for a pipe."""

    def __init__(self, raw: io.BufferedReader[Any], size: int | None) -> None:
        self._raw = raw
        self.size = size
        self.blank = 0

    def bytes_read(self) -> int:
        """How far into the file it has read; 0 for a pipe."""
        return self._raw.tell() if self.size is not None else 0

    def at_its_start(self) -> io.BufferedReader[Any]:
        """The file itself, for another process to read all of it; ask for no lines here then."""
        os.lseek(self._raw.fileno(), 0, os.SEEK_SET)
        return self._raw

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
        """Blank lines are counted and left out."""
        # A gzip file is known by its content, whatever its name.
        is_gzip = self._raw.peek(2)[:2] == GZIP_MAGIC
        stream = io.BufferedReader(_Inflated(self._raw), READ_BYTES) if is_gzip else self._raw
        number = 0
        while text := stream.readline(LINE_BYTES_MAX + 2):
            number += 1
            rest = 0 if text.endswith(b"\n") else _skip_rest(stream)
            text = (text.removeprefix(BOM) if number == 1 else text).rstrip(b"\r\n")
            if text.strip() or rest:
                yield Line(number, text, len(text) + rest)
            else:
                self.blank += 1


def _skip_rest(stream: io.BufferedReader[Any]) -> int:
    """Reads to the end of a line and returns how many bytes that was, its end left out."""
    skipped = 0
    while rest := stream.readline(READ_BYTES):
        skipped += len(rest.rstrip(b"\r\n"))
        if rest.endswith(b"\n"):
            break
    return skipped


@contextmanager
def open_records(file: str) -> Generator[Records]:
    """The records of a file, or of standard input for `-`."""
    if file == "-":
        yield Records(cast("io.BufferedReader[Any]", sys.stdin.buffer), None)
        return
    path = Path(file)
    with io.BufferedReader(io.FileIO(file), READ_BYTES) as raw:
        # A pipe with a name knows no position.
        yield Records(raw, path.stat().st_size if path.is_file() else None)
