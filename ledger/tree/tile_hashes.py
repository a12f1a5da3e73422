"""What is in the tiles: computed from leaf hashes in bulk, and read back as hashes of subtrees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, Self

from ledger.errors import IntegrityError
from ledger.tree.proofs import HASH_BYTES, root_hash
from ledger.tree.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, row_width, tile_at

# A proof reads two tiles of a row at most; 64 of 8 KiB let many proofs of near places share them.
TILES_KEPT = 64


class TileLookup(Protocol):
    """Where tiles are kept."""

    def __call__(self, tile: Tile, /) -> bytes:
        """The tile's hashes, joined; more where the tile has been widened since, fewer or none where it is not kept."""
        ...


class TileBuilder:
    """Takes leaf hashes in order and gives the tiles that grow; holds the partial tiles, at most one a row.

    size  how many leaves there are
    """

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = []

    @classmethod
    def resume(cls, size: int, lookup: TileLookup) -> Self:
        """Where another one stood, from the partial tiles it gave.

        Raises:
            ValueError: a negative size.
            IntegrityError: a tile is not kept, or too short.
        """
        if size < 0:
            raise ValueError(f"no tree has {size} leaves")
        builder = cls()
        builder.size = size
        row = 0
        while width := row_width(row, size=size):
            index, partial = divmod(width, TILE_WIDTH)
            builder._rows.append(_hashes(_read(lookup, Tile(row, index, partial))) if partial else [])
            row += 1
        return builder

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Takes the next leaves, by their hashes; gives every tile made, widened or completed, with all its hashes."""
        grown = list[tuple[Tile, bytes]]()
        size = self.size + len(leaves)
        row, more = 0, list(leaves)
        while more:
            if row == len(self._rows):
                self._rows.append([])
            index = row_width(row, size=self.size) // TILE_WIDTH
            hashes = self._rows[row] + more
            for start in range(0, len(hashes), TILE_WIDTH):
                tile = tile_at(row, index + start // TILE_WIDTH, size=size)
                grown.append((tile, b"".join(hashes[start : start + TILE_WIDTH])))
            full = len(hashes) - len(hashes) % TILE_WIDTH
            self._rows[row] = hashes[full:]
            row, more = row + 1, _rise(hashes[:full], TILE_HEIGHT)
        self.size = size
        return grown

    def partial_tiles(self) -> list[tuple[Tile, bytes]]:
        """The tiles that are not full, at most one a row, with their hashes."""
        widths = [row_width(row, size=self.size) for row in range(len(self._rows))]
        return [
            (tile_at(row, width // TILE_WIDTH, size=self.size), b"".join(self._rows[row]))
            for row, width in enumerate(widths)
            if width % TILE_WIDTH
        ]

    def root(self) -> bytes:
        """The root over all leaves so far; only partial tiles are needed for it."""
        return root_hash(HashReader(self.size, self._partial), self.size)

    def _partial(self, tile: Tile) -> bytes:
        return b"".join(self._rows[tile.row])


class HashReader:
    """Gives the hash of any perfect subtree of a tree from its tiles: the SubtreeHash that proofs are made from.

    Keeps the tiles it read last. What it reads it does not check: a wrong tile makes a proof that does not verify.
    """

    def __init__(self, size: int, lookup: TileLookup) -> None:
        """Reads tiles as a tree of this size has them."""

        def hashes_of(tile: Tile) -> list[bytes]:
            return _hashes(_read(lookup, tile))

        self._size = size
        self._tile = lru_cache(TILES_KEPT)(hashes_of)

    def __call__(self, level: int, index: int) -> bytes:
        """Hash over the 2^level leaves from index * 2^level on.

        Raises:
            ValueError: the tree has not all of these leaves.
            IntegrityError: a tile is not kept, or too short.
        """
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise ValueError(f"a tree of {self._size} leaves has no subtree {index} of level {level}")
        row, rises = divmod(level, TILE_HEIGHT)
        tile_index, start = divmod(index << rises, TILE_WIDTH)
        hashes = self._tile(tile_at(row, tile_index, size=self._size))
        return _rise(hashes[start : start + (1 << rises)], rises)[0]


def _rise(hashes: list[bytes], levels: int) -> list[bytes]:
    """Hashes of so many levels further up; their number can be halved so often."""
    sha256 = hashlib.sha256
    for _ in range(levels):
        each = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=True)]
    return hashes


def _read(lookup: TileLookup, tile: Tile) -> bytes:
    data = lookup(tile)
    needed = tile.width * HASH_BYTES
    if len(data) < needed:
        raise IntegrityError(f"{tile.path} has {len(data)} bytes where {needed} are needed")
    return data[:needed]


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
