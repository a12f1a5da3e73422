"""The log's tree (rule V-1): tiles of hashes in the store, integrated in batches after events were appended.

The checkpoint is the tree's size, moved in the transaction that writes the tiles. Reads the primary, hashes the stored
bytes as they are. What the tiles hold is derived: who signs a head does not believe them, see `heads.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from eventsourcing.persistence import ProgrammingError
from psycopg.errors import InsufficientPrivilege

from ledger.errors import IntegrityError
from ledger.store.recorder import POSITION_MAX, LogRecorder, head_of, read_states
from ledger.store.session import Session, load
from ledger.tree.hashing import leaf_hashes
from ledger.tree.proofs import root_hash
from ledger.tree.tile_hashes import HashReader, TileBuilder, TileLookup
from ledger.tree.tiles import Tile
from projections.checkpoint import CheckpointMovedError, begin, checkpoint, move
from projections.runner import Progress

NAME = "tree"

BATCH_SIZE = 16_000

_TILE = load("projections", "select_tile")
_PUT_TILES = load("projections", "put_tiles")


def integrate(log: LogRecorder, most: int, upto: int = POSITION_MAX) -> int:
    """Takes the next events into the tree, at most `most`, in one transaction; returns how many. 0: nothing is left.

    Args:
        log: the log, which keeps the tiles too.
        most: how many events at most.
        upto: the last position to take.

    Raises:
        CheckpointMovedError: another integrator is at work; nothing of this batch is kept.
        IntegrityError: the log has a gap, or ends before the tree; a tile is missing. The checkpoint stays.
    """
    with log.reading() as session:
        size, head = tree_size(session), head_of(session)
        if size > head:
            lost = f"the tree has {size} events, but the log ends at position {head}"
            raise IntegrityError(f"{lost}: restore the log, or go on from it with `refledger worker rebuild tree`")
        last = min(size + most, upto, head)
        if last <= size:
            return 0
        builder = TileBuilder.resume(size, tile_lookup(session))
        states = read_states(session, size, last)
    grown = builder.extend(leaf_hashes(states))
    with log.writing() as session:
        begin(session, NAME)
        # First of all: a second integrator waits here, and then finds that the batch is done.
        move(session, NAME, after=size, upto=last)
        put_tiles(session, grown)
    return last - size


def catch_up(log: LogRecorder, progress: Progress | None = None) -> None:
    """Brings the tree to where the head is now, together with whatever worker does so at the same time.

    Who may only read leaves it as it is: ask `tree_size`.

    Raises:
        IntegrityError: see `integrate`.
    """
    head = log.head()
    while True:
        try:
            events = integrate(log, BATCH_SIZE, head)
        except CheckpointMovedError:
            continue
        except ProgrammingError as error:
            if not isinstance(error.__cause__, InsufficientPrivilege):
                raise
            return
        if not events:
            return
        if progress is not None:
            progress(events)


def put_tiles(session: Session, tiles: Iterable[tuple[Tile, bytes]]) -> None:
    """Keeps tiles with all their hashes, in place of what was there."""
    session.write(_PUT_TILES, [(tile.row, tile.index, hashes) for tile, hashes in tiles])


def tree_size(session: Session) -> int:
    """How many events are in the tree: those of positions 1 to this one."""
    return checkpoint(session, NAME)


def tile_lookup(session: Session) -> TileLookup:
    """The tiles as this transaction sees them; nothing for one that is not kept."""

    def lookup(tile: Tile) -> bytes:
        rows = session.rows(_TILE, tile_row=tile.row, tile_index=tile.index)
        return rows[0][0] if rows else b""

    return lookup


def hash_reader(session: Session, size: int) -> HashReader:
    """The subtrees of the log's first `size` events, to make proofs from while the transaction is open."""
    return HashReader(size, tile_lookup(session))


def root_at(session: Session, position: int) -> bytes:
    """The root over positions 1 to this one, as this transaction sees the log; the kept tree may be behind or ahead.

    Raises:
        IntegrityError: the log has not all of these events; the tiles are not whole.
    """
    size = tree_size(session)
    if size >= position:
        return root_hash(hash_reader(session, size), position)
    builder = TileBuilder.resume(size, tile_lookup(session))
    while builder.size < position:
        upto = min(builder.size + BATCH_SIZE, position)
        builder.extend(leaf_hashes(read_states(session, builder.size, upto)))
    return builder.root()
