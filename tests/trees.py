"""Logs of entries that are no events, for what looks at stored bytes alone; and what their trees must be."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import psycopg

from ledger.application import Ledger
from ledger.clock import EPOCH
from ledger.tree.hashing import leaf_hashes
from ledger.tree.tiles import tiles_grown
from projections.tree import tile_lookup, tree_size
from tests.naive_tree import mth


def append(ledger: Ledger, count: int) -> None:
    """Appends entries of different lengths, none like another."""
    with ledger.log.appending() as log:
        first = log.head + 1
        numbers = range(first, first + count)
        log.append([(f"n-{number}", 1, "N", entry(number)) for number in numbers], log.recorded_at(EPOCH))


def entry(position: int) -> bytes:
    """What `append` puts there."""
    return b"%d:" % position + b"x" * (position % 7)


def leaves(count: int) -> list[bytes]:
    """Leaf hashes of the first entries."""
    return leaf_hashes(entry(position) for position in range(1, count + 1))


def expected_tiles(hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Every tile of a tree, by the specification's definition."""
    tiles: dict[tuple[int, int], bytes] = {}
    for tile in tiles_grown(0, len(hashes)):
        span, first = 256**tile.row, tile.index * 256
        parts = [mth(list(hashes[at * span : (at + 1) * span])) for at in range(first, first + tile.width)]
        tiles[tile.row, tile.index] = b"".join(parts)
    return tiles


def kept_tiles(ledger: Ledger) -> dict[tuple[int, int], bytes]:
    """Every tile of a tree as it is kept, and no others."""
    with ledger.log.reading() as session:
        size, lookup = tree_size(session), tile_lookup(session)
        tiles = {(tile.row, tile.index): lookup(tile) for tile in tiles_grown(0, size)}
    assert len(tiles) == selected(ledger, "SELECT count(*) FROM tree_tile")
    return tiles


def selected(ledger: Ledger, query: str) -> object:
    """The one value of a query."""
    url = ledger.log.url or ""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            return file.execute(query).fetchone()[0]
    with psycopg.connect(url) as server:
        row = server.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
