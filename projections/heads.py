"""Tree heads of the log as it is stored: the one to sign next (rule V-3), and proofs under heads that were signed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from ledger.errors import IntegrityError, PositionError, RefusedError
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder, head_of, read_states
from ledger.store.session import Session
from ledger.tree.checkpoint import TreeHead
from ledger.tree.consistency import ConsistencyProof
from ledger.tree.hashing import leaf_hash, leaf_hashes
from ledger.tree.proofs import consistency_proof, inclusion_proof, root_hash, verify_inclusion
from ledger.tree.signer import check_follows, next_head
from ledger.tree.tlog_proof import TlogProof
from projections.runner import Progress
from projections.tree import BATCH_SIZE, hash_reader, hash_reader_of, tree_size


class TreeBehindError(RefusedError):
    """The tree has not taken in yet what it is asked about, and this role may not take it in."""

    code = "tree_behind"
    can_retry = True


class TreeDisagreesError(IntegrityError):
    """Of the head, the tiles and the events one is not the log's."""

    code = "tree_disagrees"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: head, tiles and events do not belong together, see `refledger audit`")


def head_to_sign(log: LogRecorder, last: TreeHead, progress: Progress) -> TreeHead:
    """The head of the tree as it stands, which goes on from the last one, computed again from the events since.

    Args:
        log: the log, at the primary.
        last: the head signed before.
        progress: told how many events were hashed since the last call.

    Raises:
        NotSignedError: it does not go on from there.
        TreeBehindError: the log may, but the tree is not there yet.
        IntegrityError: the log has a gap.
    """
    with log.reading() as session, collection_paused():
        size = tree_size(session)
        if size < last.size:
            check_behind(session, last.size)
        return next_head(last, size, hash_reader(session, size), _leaves(session, last.size, size, progress))


def tree_now(log: LogRecorder) -> tuple[int, bytes]:
    """Size and root of the tree as its tiles have it, signed by nobody.

    Raises:
        TreeDisagreesError: a tile is missing.
    """
    with _agreeing(), log.reading() as session:
        size = tree_size(session)
        return size, root_hash(hash_reader(session, size), size)


def prove_event(log: LogRecorder, position: int, head: TreeHead, checkpoint: bytes) -> TlogProof:
    """The proof that the event of a position is in the tree of a head, with the event's stored bytes.

    checkpoint  the head as it was signed, word for word

    Raises:
        PositionError: the head has no such position.
        TreeBehindError: the tree has not come so far.
        TreeDisagreesError: event, tiles and head do not belong together.
    """
    if not 1 <= position <= head.size:
        raise PositionError(f"the head has positions 1 to {head.size}, not {position}")
    with _agreeing(), log.reading() as session:
        _check_there(session, head.size)
        (state,) = read_states(session, position - 1, position)
        path = inclusion_proof(hash_reader_of(session, head.size, position - 1), index=position - 1, size=head.size)
        verify_inclusion(path, leaf=leaf_hash(state), index=position - 1, size=head.size, root=head.root)
    return TlogProof(position - 1, tuple(path), checkpoint, state)


def prove_consistency(log: LogRecorder, old: TreeHead, new: TreeHead) -> ConsistencyProof:
    """The proof that the tree of one head begins with the tree of another.

    Raises:
        RefusedError: the old head is of nothing, of more than the new one, or of another log.
        TreeBehindError: the tree has not come so far.
        TreeDisagreesError: tiles and heads do not belong together.
    """
    if not 0 < old.size <= new.size:
        raise RefusedError(f"no proof leads from a head of {old.size} events to one of {new.size}")
    if old.origin != new.origin:
        raise RefusedError(f"these are heads of two logs, {old.origin} and {new.origin}")
    with _agreeing(), log.reading() as session:
        _check_there(session, new.size)
        path = consistency_proof(hash_reader(session, new.size), old_size=old.size, new_size=new.size)
        check_follows(old, new, path)
    return ConsistencyProof(old.size, new.size, tuple(path))


@contextmanager
def _agreeing() -> Generator[None]:
    try:
        yield
    except IntegrityError as error:
        raise TreeDisagreesError(str(error)) from error


def _check_there(session: Session, size: int) -> None:
    """Refuses a log, or a tree, that is smaller than what is asked for."""
    if (end := head_of(session)) < size:
        raise IntegrityError(f"the log ends at position {end}, before the {size} events of the head")
    check_behind(session, size)


def check_behind(session: Session, size: int) -> None:
    """Refuses a tree that is smaller than what is asked for where the log is not.

    Raises:
        TreeBehindError: it is.
    """
    if (has := tree_size(session)) < size <= head_of(session):
        raise TreeBehindError(f"the tree has {has} of {size} events: bring it on with `refledger worker run --once`")


def _leaves(session: Session, after: int, upto: int, progress: Progress) -> Iterator[list[bytes]]:
    """Leaf hashes of the events of (after, upto], from their stored bytes."""
    while after < upto:
        last = min(upto, after + BATCH_SIZE)
        yield leaf_hashes(read_states(session, after, last))
        progress(last - after)
        after = last
