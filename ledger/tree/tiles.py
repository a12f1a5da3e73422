"""Tiles of a log: their coordinates, names and growth, and bundles of entries. Source: C2SP tlog-tiles.

A tile is up to 256 hashes side by side: in row 0 of single leaves, in row 1 over 256 leaves each, in row 2 over 65,536.
A full tile is one hash of the row above; a partial one is not yet in it. The levels of the tree between two rows are
not kept: eight halvings of a tile give them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
ROW_MAX = 63
ENTRY_BYTES_MAX = 0xFFFF


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Which tile.

    row    0..63, the specification's level
    index  from 0, within the row
    width  how many hashes it has, 1..256; under 256 it is partial
    """

    row: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        """A tile that may be.

        Raises:
            ValueError: it may not.
        """
        if not (0 <= self.row <= ROW_MAX and self.index >= 0 and 0 < self.width <= TILE_WIDTH):
            raise ValueError(f"no tile has row {self.row}, index {self.index} and width {self.width}")

    @property
    def path(self) -> str:
        """Like `tile/0/x001/x234/067` or `tile/1/000.p/17`."""
        return f"tile/{self.row}/{self._place}"

    @property
    def bundle_path(self) -> str:
        """Where the entries of a tile of row 0 are: like `tile/entries/x001/x234/067.p/8`.

        Raises:
            ValueError: the tile is of another row, which has no entries.
        """
        if self.row:
            raise ValueError(f"{self.path} has no entries, only tiles of row 0 have")
        return f"tile/entries/{self._place}"

    @property
    def _place(self) -> str:
        groups = [digits.zfill(3) for digits in f"{self.index:,}".split(",")]
        place = "/".join([*("x" + group for group in groups[:-1]), groups[-1]])
        return place if self.width == TILE_WIDTH else f"{place}.p/{self.width}"


def tile_at(row: int, index: int, *, size: int) -> Tile:
    """The tile as a tree of this size has it, full or partial.

    Raises:
        ValueError: it has none there.
    """
    return Tile(row, index, min(TILE_WIDTH, row_width(row, size=size) - index * TILE_WIDTH))


def row_width(row: int, *, size: int) -> int:
    """How many hashes a row has in a tree of this size."""
    return size >> TILE_HEIGHT * row


def tiles_grown(old_size: int, new_size: int) -> Iterator[Tile]:
    """The tiles that growth makes, widens or completes, row by row; from size 0 all there are.

    Raises:
        ValueError: the tree shrinks.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree does not grow from {old_size} to {new_size} leaves")
    row = 0
    while (old := row_width(row, size=old_size)) < (new := row_width(row, size=new_size)):
        for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
            yield tile_at(row, index, size=new_size)
        row += 1


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as one bundle: each behind its length in two bytes, the high one first.

    Raises:
        ValueError: an entry has more than 65,535 bytes.
    """
    longest = max(map(len, entries), default=0)
    if longest > ENTRY_BYTES_MAX:
        raise ValueError(f"an entry of {longest} bytes does not fit a bundle, {ENTRY_BYTES_MAX} do")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def entries_in(data: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        ValueError: it ends within one.
    """
    entries, at = list[bytes](), 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
        if at > len(data):
            raise ValueError(f"the bundle of {len(data)} bytes ends within entry {len(entries)}")
    return entries
