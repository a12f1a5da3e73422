"""The tiles of a tiled log against the leaves of its entries, every file there must be (C2SP tlog-tiles)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger.tree.proofs import HASH_BYTES
from ledger.tree.tile_hashes import TileBuilder
from ledger.tree.tiles import TILE_WIDTH, Tile
from projections.verify.entries import read_limited
from projections.verify.report import Report

TILES = "tiles"


class TileFiles:
    """Takes the leaves of a log in order, and looks at each tile once it is as wide as it gets."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.count = 0
        self._folder, self._report = folder, report
        self._builder = TileBuilder()
        self._partial: dict[int, tuple[Tile, bytes]] = {}

    def extend(self, leaves: Sequence[bytes]) -> None:
        """The next ones."""
        for tile, data in self._builder.extend(leaves):
            if tile.width == TILE_WIDTH:
                self._partial.pop(tile.row, None)
                self._compare(tile, data)
            else:
                self._partial[tile.row] = tile, data

    def end(self) -> None:
        """There are no more: what is partial now stays so."""
        for tile, data in self._partial.values():
            self._compare(tile, data)

    def _compare(self, tile: Tile, data: bytes) -> None:
        self.count += 1
        with self._report.checking(TILES):
            if read_limited(self._folder / tile.path, TILE_WIDTH * HASH_BYTES, is_evidence=True) != data:
                self._report.find(TILES, f"{tile.path} is not what the entries give")
