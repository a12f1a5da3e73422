"""The tree of a log, for making proofs."""

from __future__ import annotations

from itertools import islice

from ledger.store.recorder import LogRecorder
from ledger.tree.hashing import leaf_hashes
from ledger.tree.tile_hashes import HashReader, TileBuilder
from ledger.tree.tiles import Tile


def hash_reader(log: LogRecorder, size: int) -> HashReader:
    builder, tiles = TileBuilder(), dict[tuple[int, int], bytes]()
    events = log.read(upto=size)
    while rows := list(islice(events, 5_000)):
        for tile, hashes in builder.extend(leaf_hashes([row.state for row in rows])):
            tiles[tile.row, tile.index] = hashes

    def lookup(tile: Tile) -> bytes:
        return tiles.get((tile.row, tile.index), b"")

    return HashReader(size, lookup)
