"""The whole log as C2SP tlog-tiles lays it out: files that any tool for such logs reads, and proves from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from ledger.tree.hashing import leaf_hashes
from ledger.tree.proofs import check_root
from ledger.tree.tile_hashes import TileBuilder
from ledger.tree.tiles import TILE_WIDTH, Tile, bundle, tile_at
from projections.export.asked import Bars, SignedHead
from projections.export.folder import Folder, new_folder
from projections.export.proofs import of_this_log, proving
from projections.replay.source import EVENTS_AT_A_TIME, batches, fetched, source_of

# Whole tiles, and whole pieces of what is read at a time.
RANGE_EVENTS = 256 * EVENTS_AT_A_TIME


def export_tiles(log: LogRecorder, head: SignedHead, target: Path, bars: Bars) -> None:
    """Writes `checkpoint`, `tile/...` and `tile/entries/...` of all events a head covers into a new folder.

    Raises:
        IntegrityError: the head is not of this log. Nothing is at the target.
        TargetError: the target cannot be made, or something is there.
    """
    size = head.head.size
    with proving(log, head.head):
        pass
    with new_folder(target) as folder, duckdb.connect() as duck, source_of(log) as source, collection_paused():
        (folder.path / "checkpoint").write_bytes(head.raw)
        tiles = _Tiles(folder, size)
        with bars("reading", size) as advance:
            for table, count in fetched(duck, source, 0, size, RANGE_EVENTS):
                with duck.cursor() as reading:
                    for batch in batches(reading, f"SELECT position, state FROM {table}"):  # noqa: S608  # our own name
                        tiles.add([state for _, state in batch])
                advance(count)
        with of_this_log():
            check_root(tiles.finish(), head.head.root, size)


class _Tiles:
    """Takes entries in order and writes tiles once they are as the tree of its final size has them."""

    def __init__(self, folder: Folder, size: int) -> None:
        self._folder = folder.path
        self._size = size
        self._builder = TileBuilder()
        self._partial: dict[int, tuple[Tile, bytes]] = {}
        self._made: set[Path] = set()

    def add(self, entries: Sequence[bytes]) -> None:
        """The next entries: whole tiles of them, but for the last."""
        first = self._builder.size // TILE_WIDTH
        for start in range(0, len(entries), TILE_WIDTH):
            tile = tile_at(0, first + start // TILE_WIDTH, size=self._size)
            self._put(tile.bundle_path, bundle(entries[start : start + TILE_WIDTH]))
        for tile, hashes in self._builder.extend(leaf_hashes(entries)):
            if tile.width == TILE_WIDTH:
                self._put(tile.path, hashes)
                self._partial.pop(tile.row, None)
            else:
                self._partial[tile.row] = tile, hashes

    def finish(self) -> bytes:
        """Writes the partial tiles; gives the root."""
        for tile, hashes in self._partial.values():
            self._put(tile.path, hashes)
        return self._builder.root()

    def _put(self, name: str, data: bytes) -> None:
        path = self._folder / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        path.write_bytes(data)
