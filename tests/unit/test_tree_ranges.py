"""Range proofs: every range of every small tree, the fewest hashes, and everything that must not pass."""

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.tree.hashing import RootBuilder, leaf_hash, leaf_hashes
from ledger.tree.proofs import ProofError
from ledger.tree.ranges import RangeProof, RangeVerifier, range_proof
from tests.naive_tree import ENTRIES, LEAVES, damaged, flips, mth, outside, subtrees

SIZES = range(1, 71)
SUBTREE = subtrees(LEAVES[: SIZES.stop])


def verify(proof: RangeProof, leaves: Sequence[bytes], root: bytes) -> None:
    """All leaves at once."""
    verifier = RangeVerifier(proof)
    verifier.extend(leaves)
    verifier.verify(root)


def small_ranges() -> list[tuple[RangeProof, list[bytes], bytes]]:
    """Every range of every tree of up to six leaves, its leaves, the root."""
    return [
        (range_proof(SUBTREE, start=start, end=end, size=size), LEAVES[start:end], mth(LEAVES[:size]))
        for size in range(1, 7)
        for end in range(1, size + 1)
        for start in range(end)
    ]


@pytest.mark.parametrize("size", SIZES)
def test_every_range(size: int) -> None:
    """The hashes are the largest nodes outside the range, so none can be spared; with its leaves they give the root."""
    root = mth(LEAVES[:size])
    for end in range(1, size + 1):
        for start in range(end):
            proof = range_proof(SUBTREE, start=start, end=end, size=size)
            needed = outside(start, end, LEAVES[:size])
            assert list(proof.left) == [node for first, node in needed if first < start]
            assert list(proof.right) == [node for first, node in needed if first >= end]
            verify(proof, LEAVES[start:end], root)


def test_one_by_one_and_in_parts() -> None:
    """Entries singly, leaf hashes in parts of any size, and both in turn: the same answer."""
    proof, root = range_proof(SUBTREE, start=13, end=61, size=70), mth(LEAVES[:70])
    for part in range(1, 50):
        verifier, at = RangeVerifier(proof), 13
        while at < 61:
            verifier.add(ENTRIES[at])
            verifier.extend(LEAVES[at + 1 : min(at + part, 61)])
            at = min(at + part, 61)
        verifier.verify(root)


def test_damaged_proof() -> None:
    """Any bit turned, any hash missing, doubled, cut, swapped or added, on the left or on the right: refused."""
    for proof, leaves, root in small_ranges():
        tries = [replace(proof, left=tuple(bad)) for bad in damaged(list(proof.left))]
        tries += [replace(proof, right=tuple(bad)) for bad in damaged(list(proof.right))]
        for bad in tries:
            with pytest.raises(ProofError):
                verify(bad, leaves, root)


def test_damaged_leaves() -> None:
    """Any leaf changed in a bit, dropped, doubled, cut, swapped, one more: refused; and any bit of the root."""
    for proof, leaves, root in small_ranges():
        for bad in damaged(leaves):
            with pytest.raises(ProofError):
                verify(proof, bad, root)
        for bad in [*flips(root), b"", root[:-1]]:
            with pytest.raises(ProofError):
                verify(proof, leaves, bad)


def test_another_range() -> None:
    """The same leaves at another place, and the tail cut off: refused."""
    for proof, leaves, root in small_ranges():
        for start, end, size in ((1, 1, 0), (-1, -1, 0), (0, -1, 0), (0, 1, 0), (1, 0, 0), (0, -1, -1)):
            moved = replace(proof, start=proof.start + start, end=proof.end + end, size=proof.size + size)
            with pytest.raises(ProofError):
                verify(moved, leaves, root)
        with pytest.raises(ProofError, match="the leaves that came end at"):
            verify(proof, leaves[:-1], root)


def test_no_such_range() -> None:
    """Empty, backwards, negative or beyond the tree: no proof is made, none is verified."""
    for start, end, size in ((0, 0, 0), (3, 3, 8), (4, 3, 8), (-1, 3, 8), (0, 9, 8), (8, 9, 8), (0, -1, -1)):
        with pytest.raises(ValueError, match="has no range"):
            range_proof(SUBTREE, start=start, end=end, size=size)
        with pytest.raises(ProofError, match="has no range"):
            RangeVerifier(RangeProof(start, end, size, (), ()))


def test_too_many_are_refused_at_once() -> None:
    """The leaf after the last is refused when it comes, singly or among others."""
    verifier = RangeVerifier(range_proof(SUBTREE, start=2, end=5, size=8))
    with pytest.raises(ProofError, match="more leaves"):
        verifier.extend(LEAVES[2:6])
    verifier.extend(LEAVES[2:5])
    with pytest.raises(ProofError, match="more leaves"):
        verifier.add(ENTRIES[5])
    verifier.verify(mth(LEAVES[:8]))


def test_other_lengths_are_refused() -> None:
    """A hash of the proof that is none, and a byte moved from one leaf hash to the next, which gives the same root."""
    left, right = LEAVES[0], LEAVES[1]
    for bad in (RangeProof(1, 2, 2, (left[1:],), ()), RangeProof(0, 1, 2, (), (right + b"\0",))):
        with pytest.raises(ProofError, match="32 bytes"):
            RangeVerifier(bad)
    with pytest.raises(ProofError, match="32 bytes"):
        verify(RangeProof(0, 2, 2, (), ()), [left + right[:1], right[1:]], mth(LEAVES[:2]))


def test_memory_does_not_grow_with_the_range() -> None:
    """A hundred thousand leaves in parts take no more than a part."""
    part = leaf_hashes([b"same"] * 500)
    tree = RootBuilder()
    for _ in range(200):
        tree.extend(part)
    verifier = RangeVerifier(RangeProof(0, 100_000, 100_001, (), (leaf_hash(b"last"),)))
    tracemalloc.start()
    for _ in range(200):
        verifier.extend(part)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    tree.add(b"last")
    verifier.verify(tree.root())
    assert peak_bytes < 100_000
