"""The tree's tiles against the log: what they must hold, from the stored events alone, and what they hold instead.

The tiles are derived again from the first event on, a part at a time, so memory does not grow with the log. A tile
has what an event was when it was taken in: a difference may be a tile's fault or an event's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ledger.findings import Finding
from ledger.store.recorder import LogRecorder, head_of, read_states
from ledger.store.session import Session, load
from ledger.tree.hashing import leaf_hashes
from ledger.tree.proofs import HASH_BYTES
from ledger.tree.tile_hashes import TileBuilder
from ledger.tree.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, row_width
from projections.checkpoint import hold_still, put
from projections.runner import Progress
from projections.tree import BATCH_SIZE, NAME, put_tiles, take_out, tree_size

STRAYS_MAX = 1_000

_TILES = load("projections", "select_tiles")
_STRAYS = load("projections", "select_stray_tiles")

Tiles = Collection[tuple[Tile, bytes]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A tile that is not what the log says.

    tile      as wide as it must be
    found     its hashes, joined; nothing where it is missing
    expected  what it must begin with; all of it, unless it has grown since
    """

    tile: Tile
    found: bytes
    expected: bytes


def check_tree(log: LogRecorder, progress: Progress) -> Iterator[Finding]:
    """Every tile of every row is what the stored events give, as far as the tree has come (V-1).

    Raises:
        IntegrityError: the log has a gap.
    """
    with log.reading() as session:
        size, head = tree_size(session), head_of(session)
    if size > head:
        yield Finding(f"checkpoint of {NAME}", f"is {size}, but the log ends at {head}")
    builder, named = TileBuilder(), set[tuple[int, int]]()
    while tiles := _next_tiles(log, builder, min(size, head), progress):
        with log.reading() as session:
            differences = list(_differences(session, tiles))
        for one in differences:
            # A tile that grows for long is looked at each time.
            if (one.tile.row, one.tile.index) not in named:
                named.add((one.tile.row, one.tile.index))
                yield _finding(one)
    with log.reading() as session:
        strays = session.rows(_STRAYS, size=tree_size(session), most=STRAYS_MAX)
    for row, index in strays:
        yield Finding(f"tile {index} of row {row}", "is there, but the tree has none there")


def mend_tree(log: LogRecorder, progress: Progress) -> int:
    """Makes the tiles what the log says, and the tree no larger than the log; returns how many were wrong.

    Full tiles never change, so they are mended as they are found. The others are, and what came in meanwhile, while the
    integrator waits.

    Raises:
        IntegrityError: the log has a gap.
    """
    with log.reading() as session:
        size = min(tree_size(session), head_of(session))
    builder, mended = TileBuilder(), 0
    while tiles := _next_tiles(log, builder, size, progress):
        full = [(tile, hashes) for tile, hashes in tiles if tile.width == TILE_WIDTH]
        with log.reading() as session:
            wrong = list(_differences(session, full))
        if wrong:
            with log.writing() as session:
                # Another one that mends waits here.
                hold_still(session, NAME)
                mended += _mend(session, wrong)
    with log.writing() as session:
        reached = min(hold_still(session, NAME), head_of(session))
        put(session, NAME, reached)
        last = builder.extend(leaf_hashes(read_states(session, builder.size, reached)))
        mended += _mend(session, _differences(session, dict([*last, *builder.partial_tiles()]).items()))
        return mended + _remove_strays(session, reached)


def _next_tiles(log: LogRecorder, builder: TileBuilder, size: int, progress: Progress) -> Tiles:
    """The tiles that the next events make or widen; none at the end."""
    last = min(size, builder.size + BATCH_SIZE)
    with log.reading() as session:
        states = read_states(session, builder.size, last)
    tiles = builder.extend(leaf_hashes(states))
    progress(len(states))
    return tiles


def _differences(session: Session, tiles: Tiles) -> Iterator[Difference]:
    """Tiles that are kept otherwise, or have not the width they should have by now."""
    size = tree_size(session)
    for row, some in groupby(tiles, key=lambda one: one[0].row):
        expected = {tile.index: (tile, hashes) for tile, hashes in some}
        kept: dict[int, bytes] = dict(session.rows(_TILES, tile_row=row, first=min(expected), last=max(expected)))
        for index, (tile, hashes) in expected.items():
            grown = min(TILE_WIDTH, row_width(row, size=size) - index * TILE_WIDTH)
            found, width = kept.get(index, b""), max(tile.width, grown)
            if found[: len(hashes)] != hashes or len(found) != width * HASH_BYTES:
                yield Difference(Tile(row, index, width), found, hashes)


def _mend(session: Session, differences: Iterable[Difference]) -> int:
    tiles = [(one.tile, one.expected) for one in differences]
    put_tiles(session, tiles)
    return len(tiles)


def _remove_strays(session: Session, size: int) -> int:
    removed = 0
    while strays := session.rows(_STRAYS, size=size, most=STRAYS_MAX):
        take_out(session, [(row, index) for row, index in strays])
        removed += len(strays)
    return removed


def _finding(difference: Difference) -> Finding:
    tile, found, expected = difference.tile, difference.found, difference.expected
    if not found:
        return Finding(tile.path, "is missing")
    if found.startswith(expected) or expected.startswith(found):
        return Finding(tile.path, f"has {len(found)} bytes instead of {tile.width * HASH_BYTES}")
    parts = range(0, len(expected), HASH_BYTES)
    start = next(start for start in parts if found[start : start + HASH_BYTES] != expected[start : start + HASH_BYTES])
    events = 1 << TILE_HEIGHT * tile.row
    first = (tile.index * TILE_WIDTH + start // HASH_BYTES) * events + 1
    if events == 1:
        return Finding(tile.path, f"has another hash for position {first} than the event gives", (first,))
    last = first + events - 1
    return Finding(tile.path, f"has another hash for positions {first} to {last} than the events give", (first, last))
