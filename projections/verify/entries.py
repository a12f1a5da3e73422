"""Where the entries of a log lie: lines of a file, or bundles of a tiled log; read in batches, or one by one."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import add
from pathlib import Path
from typing import Protocol

from ledger.errors import MalformedEvidenceError
from ledger.tree.tiles import TILE_WIDTH, entries_in, tile_at
from projections.verify.stored import EVENT_BYTES_MAX

# What a batch is made into stays near the processor: with four times as much a tenth is lost to memory.
READ_BYTES = 1 << 16
# Of one event; most have some hundred.
_LIKELY_BYTES = 1_024
BUNDLE_BYTES_MAX = TILE_WIDTH * (EVENT_BYTES_MAX + 2)


class Entries(Protocol):
    """The entries of a log, in order of position. A place is where one of them can be read again."""

    def batches(self) -> Iterator[list[bytes]]:
        """All of them.

        Raises:
            MalformedEvidenceError, OSError: what is there cannot be cut into entries.
        """
        ...

    def places(self, first: int, batch: list[bytes]) -> Sequence[int]:
        """The places of entries that follow each other, and the one after them; that of the first of all is 0."""
        ...

    def at(self, place: int) -> bytes:
        """One of them."""
        ...


class Lines:
    """The lines of a file.

    size_bytes, sha256  of the file, once all batches were taken
    """

    def __init__(self, path: Path, *, is_hashed: bool = True) -> None:
        self._path, self._is_hashed = path, is_hashed
        self._file = path.open("rb")
        self.size_bytes = 0
        self.sha256 = ""

    def batches(self) -> Iterator[list[bytes]]:
        """A batch is what was read at a time, so memory has a limit also where the file has no lines at all."""
        digest, rest, self.size_bytes = hashlib.sha256(), b"", 0
        with self._path.open("rb", buffering=0) as file:
            while chunk := file.read(READ_BYTES):
                if self._is_hashed:
                    digest.update(chunk)
                self.size_bytes += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > EVENT_BYTES_MAX:
                    raise MalformedEvidenceError(f"{self._path.name} has a line of more than {EVENT_BYTES_MAX} bytes")
                yield lines
        self.sha256 = digest.hexdigest()
        if rest:
            yield [rest]
            raise MalformedEvidenceError(f"{self._path.name} ends within a line")

    def places(self, first: int, batch: list[bytes]) -> Sequence[int]:
        """A place is where the line begins, in bytes."""
        ends = accumulate(map(len, batch), initial=first)
        return list(map(add, ends, range(len(batch) + 1)))

    def at(self, place: int) -> bytes:
        """The line that begins there."""
        read = os.pread(self._file.fileno(), _LIKELY_BYTES, place)
        if b"\n" not in read:
            read = os.pread(self._file.fileno(), EVENT_BYTES_MAX + 1, place)
        return read.partition(b"\n")[0]


class Bundles:
    """The entry bundles of a tiled log of so many entries."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._read = lru_cache(2)(self._bundle)

    def batches(self) -> Iterator[list[bytes]]:
        """A bundle at a time."""
        for index in range(-(-self._size // TILE_WIDTH)):
            yield self._bundle(index)

    def places(self, first: int, batch: list[bytes]) -> Sequence[int]:
        """A place is an index."""
        return range(first, first + len(batch) + 1)

    def at(self, place: int) -> bytes:
        """The entry of this index."""
        return self._read(place // TILE_WIDTH)[place % TILE_WIDTH]

    def _bundle(self, index: int) -> list[bytes]:
        tile = tile_at(0, index, size=self._size)
        data = read_limited(self._folder / tile.bundle_path, BUNDLE_BYTES_MAX, is_evidence=True)
        try:
            entries = entries_in(data)
        except ValueError as error:
            raise MalformedEvidenceError(f"{tile.bundle_path}: {error}") from None
        if len(entries) != tile.width:
            raise MalformedEvidenceError(f"{tile.bundle_path} has {len(entries)} entries, not {tile.width}")
        return entries


def read_limited(path: Path, most: int, *, is_evidence: bool = False) -> bytes:
    """The bytes of a file that has no reason to be large.

    Args:
        path: of the file.
        most: how many bytes it may have.
        is_evidence: somebody else put it there: it must be a file, and nothing that would make a reader wait.

    Raises:
        MalformedEvidenceError: it is large, or no file.
        OSError: it cannot be read.
    """
    with open(path, "rb", opener=_open_evidence if is_evidence else None) as file:
        if is_evidence and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise MalformedEvidenceError(f"{path} is no file")
        data = file.read(most + 1)
    if len(data) > most:
        raise MalformedEvidenceError(f"{path.name} has more than {most} bytes")
    return data


def _open_evidence(path: str, flags: int) -> int:
    """Without waiting for a pipe's other end, nor following a link."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
