"""Range proofs: that some leaves are exactly those from start to end of a tree, from them and a few hashes alone.

What lies left of the range is known by the frontier of the tree of `start` leaves, one hash per bit of `start` that is
set; what lies right of it by the siblings on the way from the last leaf up. Fewer hashes would not do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.tree.hashing import RootBuilder, node_hash
from ledger.tree.proofs import (
    HASH_BYTES,
    ProofError,
    SubtreeHash,
    check_count,
    check_hashes,
    check_root,
    frontier,
    span_hash,
    split,
)


@dataclass(frozen=True, slots=True)
class RangeProof:
    """Leaves start..end-1 of a tree of `size` leaves: the events of positions start+1..end.

    left   hashes of perfect subtrees over what comes before, the largest and leftmost first
    right  hashes of nodes over what comes after, the nearest first
    """

    start: int
    end: int
    size: int
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


def range_proof(subtree: SubtreeHash, *, start: int, end: int, size: int) -> RangeProof:
    """The proof for leaves start..end-1.

    Raises:
        ValueError: the range is empty, or not within the tree.
    """
    if not 0 <= start < end <= size:
        raise ValueError(_no_range(start, end, size))
    right = [span_hash(subtree, middle, stop) for _, middle, stop in reversed(_turns(end, size))]
    return RangeProof(start, end, size, frontier(subtree, start), tuple(right))


class RangeVerifier:
    """Takes the leaves of a range in their order, then says whether they are what the proof is for.

    Holds one hash per bit of the size, however long the range is.
    """

    def __init__(self, proof: RangeProof) -> None:
        """Nothing taken yet.

        Raises:
            ProofError: the proof cannot be one of its range.
        """
        start, end, size = proof.start, proof.end, proof.size
        if not 0 <= start < end <= size:
            raise ProofError(_no_range(start, end, size))
        check_hashes(*proof.left, *proof.right)
        check_count(proof.left, start.bit_count())
        check_count(proof.right, len(_turns(end, size)))
        self._proof = proof
        self._tree = RootBuilder(start, proof.left)

    def add(self, entry: bytes) -> None:
        """Takes one entry.

        Raises:
            ProofError: the range has no more.
        """
        self._expect(1)
        self._tree.add(entry)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Takes many entries by their leaf hashes.

        Raises:
            ProofError: the range has fewer, or something is no hash.
        """
        self._expect(len(leaves))
        if not {HASH_BYTES}.issuperset(map(len, leaves)):
            check_hashes(*leaves)
        self._tree.extend(leaves)

    def verify(self, root: bytes) -> None:
        """Proves that the leaves taken are exactly the range's, in the tree of this root.

        Raises:
            ProofError: they are not, or some are missing.
        """
        end, size = self._proof.end, self._proof.size
        if self._tree.size != end:
            raise ProofError(f"the range ends at leaf {end}, the leaves that came end at {self._tree.size}")
        check_root(self._root(), root, size)

    def _expect(self, more: int) -> None:
        if self._tree.size + more > self._proof.end:
            raise ProofError(f"more leaves came than the {self._proof.end - self._proof.start} of the range")

    def _root(self) -> bytes:
        """From the end of the range up: on the left are peaks of the tree so far, on the right hashes of the proof."""
        end, peaks = self._proof.end, list(self._tree.frontier)
        node, node_start = peaks.pop(), end & end - 1  # a frontier is the bits of its size: the last peak, the lowest
        turns = reversed(_turns(end, self._proof.size))
        for (start, _, _), right in zip(turns, self._proof.right, strict=True):
            while node_start > start:
                node, node_start = node_hash(peaks.pop(), node), node_start & node_start - 1
            node = node_hash(node, right)
        while peaks:
            node = node_hash(peaks.pop(), node)
        return node


def _turns(end: int, size: int) -> list[tuple[int, int, int]]:
    """Where the way from the root down to the end of the range turns left, from the root on.

    Start, middle and end of each such node: its left half holds leaf end-1, its right half nothing of the range.
    """
    start, stop, turns = 0, size, list[tuple[int, int, int]]()
    while stop != end:
        middle = start + split(stop - start)
        if end <= middle:
            turns.append((start, middle, stop))
            stop = middle
        else:
            start = middle
    return turns


def _no_range(start: int, end: int, size: int) -> str:
    return f"a tree of {size} leaves has no range of leaves from {start} to before {end}"
