"""What may be signed next (rule V-3): a tree that goes on from the head signed before, and no other.

A log signs what it has computed again from its entries, whatever its tiles say. A witness has no entries; it demands a
proof. Neither signs two trees of which one does not begin with the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger.errors import IntegrityError
from ledger.tree.checkpoint import TreeHead
from ledger.tree.hashing import EMPTY_ROOT, RootBuilder
from ledger.tree.proofs import (
    ProofError,
    SubtreeHash,
    check_root,
    consistency_proof,
    frontier,
    root_hash,
    verify_consistency,
)


class NotSignedError(IntegrityError):
    """A tree that must not be signed.

    last  the head signed before
    size  of the tree that is there now
    """

    code = "not_signed"

    def __init__(self, last: TreeHead, size: int, message: str) -> None:
        super().__init__(message)
        self.last = last
        self.size = size


class ShrunkError(NotSignedError):
    """The tree has lost leaves since the last head."""

    code = "shrunk"


class ForkedError(NotSignedError):
    """The tree does not begin with the one of the last head."""

    code = "forked"


class TilesError(NotSignedError):
    """The tiles do not say what the entries say."""

    code = "tiles"


def nothing_signed(origin: str) -> TreeHead:
    """Where a log's first head goes on from: the empty tree, which every tree follows."""
    return TreeHead(origin, 0, EMPTY_ROOT)


def next_head(last: TreeHead, size: int, subtree: SubtreeHash, leaves: Iterable[Sequence[bytes]]) -> TreeHead:
    """The head of the tree of `size` leaves, proven to go on from the last one.

    Its root is computed from the last head and the leaves since; the tiles are only believed where they agree.

    Args:
        last: the head signed before; `nothing_signed` for none.
        size: of the tree now.
        subtree: hashes from the tiles.
        leaves: hashes of exactly the entries since the last head, in their order, from the log itself.

    Raises:
        ShrunkError, ForkedError, TilesError: it does not go on from there.
    """
    if size < last.size:
        raise ShrunkError(last, size, f"the tree has {size} events, but {last.size} were signed")
    try:
        tree = RootBuilder(last.size, frontier(subtree, last.size))
        path = consistency_proof(subtree, old_size=last.size, new_size=size) if last.size else []
        tiles_root = root_hash(subtree, size)
    except IntegrityError as error:
        raise TilesError(last, size, str(error)) from error
    if tree.root() != last.root:
        raise ForkedError(last, size, f"the first {last.size} events are not those that were signed")
    for some in leaves:
        tree.extend(some)
    if tree.size != size:
        raise ValueError(f"leaves up to {tree.size} came for a tree of {size}")
    head = TreeHead(last.origin, size, tree.root())
    try:
        check_root(tiles_root, head.root, size)
        check_follows(last, head, path)
    except ProofError as error:
        raise TilesError(last, size, str(error)) from error
    return head


def check_follows(last: TreeHead, head: TreeHead, path: Sequence[bytes]) -> None:
    """A head goes on from the last one, as the proof shows; after nothing, and as the same tree, none is needed.

    Raises:
        ShrunkError: it is of a smaller tree.
        ForkedError: it is another tree of the same size.
        ProofError: the proof does not lead there.
    """
    if head.size < last.size:
        raise ShrunkError(last, head.size, f"the head is of {head.size} events, but {last.size} were signed")
    if head.size == last.size and head.root != last.root:
        raise ForkedError(last, head.size, f"the head is of {head.size} events, but not of those that were signed")
    if 0 < last.size < head.size:
        sizes = {"old_size": last.size, "new_size": head.size}
        verify_consistency(path, **sizes, old_root=last.root, new_root=head.root)
