"""The log's tree (rule V-1): tiles of hashes in the store, integrated in batches after events were appended.

The checkpoint is the tree's size, moved in the transaction that writes the tiles. Reads the primary; the stored bytes
are hashed as they are, on PostgreSQL by the server. Nobody believes the tiles: who signs a head or checks them hashes
the bytes himself (`heads.py`, `tree_check.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing

from eventsourcing.persistence import InternalError, ProgrammingError
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from ledger.errors import IntegrityError
from ledger.garbage import collection_paused
from ledger.store.recorder import POSITION_MAX, LogRecorder, head_of, read_leaf_hashes
from ledger.store.session import Session, Table, load
from ledger.tree.proofs import root_hash
from ledger.tree.tile_hashes import HashReader, TileBuilder, TileLookup
from ledger.tree.tiles import Tile
from projections.checkpoint import CheckpointMovedError, begin, checkpoint, move
from projections.leaves import BATCH_SIZE, EVENTS_MIN, STARTING_EVENTS, LeavesAhead
from projections.runner import Progress

NAME = "tree"

_TILES_OF_LEAF = load("projections", "select_tiles_of_leaf")
_TILE = load("projections", "select_tile")
_DELETE_TILES = load("projections", "delete_tiles")
_TREE_TILE = Table("tree_tile", {"tile_row": "int8", "tile_index": "int8", "hashes": "bytea"})


class Integrator:
    """Takes a log into its tree, batch by batch; far behind, a process of its own hashes ahead."""

    def __init__(self, log: LogRecorder) -> None:
        self._log = log
        self._ahead: LeavesAhead | None = None

    def step(self, most: int, upto: int = POSITION_MAX) -> int:
        """As `integrate`."""
        with self._log.reading() as session:
            size, head = tree_size(session), head_of(session)
            if size > head:
                lost = f"the tree has {size} events, but the log ends at position {head}"
                raise IntegrityError(f"{lost}: restore the log, or go on from it with `refledger worker rebuild tree`")
            last = min(size + most, upto, head)
            if last <= size:
                return 0
            builder = TileBuilder.resume(size, tile_lookup(session))
            leaves = self._leaves(session, size, last)
        self._look_ahead(last, min(upto, head), most)
        grown = builder.extend(leaves)
        with self._log.writing() as session:
            begin(session, NAME)
            # First of all: a second integrator waits here, and then finds that the batch is done.
            move(session, NAME, after=size, upto=last)
            put_tiles(session, grown)
        return last - size

    def close(self) -> None:
        """Ends what hashes ahead."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _leaves(self, session: Session, after: int, upto: int) -> list[bytes]:
        """Leaf hashes of the events of (after, upto], as far as they were computed ahead, or else now."""
        if self._ahead is None or self._ahead.at < after:
            self.close()
            return read_leaf_hashes(session, after, upto)
        ahead = self._ahead
        leaves = read_leaf_hashes(session, after, min(upto, ahead.at))
        leaves += ahead.take(upto - after - len(leaves))
        if (reached := after + len(leaves)) < upto or reached == ahead.upto:
            self.close()
            leaves += read_leaf_hashes(session, reached, upto)
        return leaves

    def _look_ahead(self, after: int, upto: int, most: int) -> None:
        """Starts a child where there is much to do, some way on."""
        if self._ahead is None and self._log.url is not None and most >= BATCH_SIZE and upto - after >= EVENTS_MIN:
            self._ahead = LeavesAhead(self._log.url, after + STARTING_EVENTS, upto)


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
    with closing(Integrator(log)) as integrator:
        return integrator.step(most, upto)


def catch_up(log: LogRecorder, progress: Progress | None = None) -> None:
    """Brings the tree to where the head is now, together with whatever worker does so at the same time.

    Who may only read, or reads a replica, leaves it as it is: ask `tree_size`.

    Raises:
        IntegrityError: see `integrate`.
    """
    head = log.head()
    with closing(Integrator(log)) as integrator, collection_paused():
        while True:
            try:
                events = integrator.step(BATCH_SIZE, head)
            except CheckpointMovedError:
                continue
            except (ProgrammingError, InternalError) as error:
                if not isinstance(error.__cause__, InsufficientPrivilege | ReadOnlySqlTransaction):
                    raise
                return
            if not events:
                return
            if progress is not None:
                progress(events)


def put_tiles(session: Session, tiles: Iterable[tuple[Tile, bytes]]) -> None:
    """Keeps tiles with all their hashes, in place of what was there."""
    rows = [(tile.row, tile.index, hashes) for tile, hashes in tiles]
    # In bulk they go in several times as fast as by a statement that also replaces.
    take_out(session, [row[:2] for row in rows])
    session.insert(_TREE_TILE, rows)


def take_out(session: Session, tiles: Sequence[tuple[int, int]]) -> None:
    """Takes tiles out by their rows and indexes, those that are there."""
    session.write(_DELETE_TILES, tiles)


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


def hash_reader_of(session: Session, size: int, leaf: int) -> HashReader:
    """As `hash_reader`, to prove one leaf: what that needs is asked for at once, in one round trip."""
    found = {(row, index): hashes for row, index, hashes in session.rows(_TILES_OF_LEAF, leaf=leaf, size=size)}
    lookup = tile_lookup(session)
    return HashReader(size, lambda tile: found.get((tile.row, tile.index)) or lookup(tile))


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
        builder.extend(read_leaf_hashes(session, builder.size, upto))
    return builder.root()
