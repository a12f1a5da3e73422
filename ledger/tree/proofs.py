"""RFC 6962 proofs: that a leaf is in a tree, that a tree goes on from an earlier one.

Indexes count from 0, as in the RFC: the event of position p is leaf p - 1. A proof is made from the hashes of perfect
subtrees, which never change once their leaves are there, and verified from itself and the roots alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ledger.errors import IntegrityError
from ledger.tree.hashing import EMPTY_ROOT, node_hash

HASH_BYTES = 32

# (level, index) -> hash over the 2^level leaves from index * 2^level on.
SubtreeHash: TypeAlias = Callable[[int, int], bytes]


class ProofError(IntegrityError):
    """A proof that is malformed, or proves something else; the message says which."""

    code = "proof"


def root_hash(subtree: SubtreeHash, size: int) -> bytes:
    """The root over the first `size` leaves. Source: RFC 6962, 2.1.

    Raises:
        ValueError: a negative size.
    """
    if size < 0:
        raise ValueError(f"no tree has {size} leaves")
    return span_hash(subtree, 0, size) if size else EMPTY_ROOT


def frontier(subtree: SubtreeHash, size: int) -> tuple[bytes, ...]:
    """Hashes of the perfect subtrees over the first `size` leaves, the largest first: a RootBuilder goes on from them.

    Raises:
        ValueError: a negative size.
    """
    if size < 0:
        raise ValueError(f"no tree has {size} leaves")
    levels = reversed(range(size.bit_length()))
    return tuple(subtree(level, (size >> level) - 1) for level in levels if size >> level & 1)


def inclusion_proof(subtree: SubtreeHash, *, index: int, size: int) -> list[bytes]:
    """The siblings on the way from a leaf up to the root over `size` leaves. Source: RFC 6962, 2.1.1.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(span_hash(subtree, middle, end))
            end = middle
        else:
            path.append(span_hash(subtree, start, middle))
            start = middle
    return path[::-1]


def verify_inclusion(path: Sequence[bytes], *, leaf: bytes, index: int, size: int, root: bytes) -> None:
    """Proves that the leaf of this hash has this index in the tree of this size and root. Source: RFC 9162, 2.1.3.2.

    Raises:
        ProofError: it does not.
    """
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    check_hashes(leaf, *path)
    sides = _sides(index, size - 1)
    check_count(path, len(sides))
    node = leaf
    for is_left, sibling in zip(sides, path, strict=True):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    check_root(node, root, size)


def consistency_proof(subtree: SubtreeHash, *, old_size: int, new_size: int) -> list[bytes]:
    """What shows that the first `old_size` of `new_size` leaves are the old tree; nothing for equal sizes.

    Source: RFC 6962, 2.1.2.

    Raises:
        ValueError: the sizes shrink, or the old tree is empty: every tree follows it, so there is nothing to prove.
    """
    if not 0 < old_size <= new_size:
        raise ValueError(f"no proof leads from a tree of {old_size} leaves to one of {new_size}")
    start, end, path = 0, new_size, list[bytes]()
    while end != old_size:
        middle = start + split(end - start)
        if old_size <= middle:
            path.append(span_hash(subtree, middle, end))
            end = middle
        else:
            path.append(span_hash(subtree, start, middle))
            start = middle
    if start:  # otherwise the old root itself stands here, and the verifier has it
        path.append(span_hash(subtree, start, end))
    return path[::-1]


def verify_consistency(
    path: Sequence[bytes], *, old_size: int, old_root: bytes, new_size: int, new_root: bytes
) -> None:
    """Proves that the new tree begins with all leaves of the old one, in their order. Source: RFC 9162, 2.1.4.2.

    An old size of 0 is refused: an empty tree says nothing, so nothing can contradict it. Whoever has no earlier tree
    head has nothing to verify.

    Raises:
        ProofError: it does not.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"no proof leads from a tree of {old_size} leaves to one of {new_size}")
    if old_size == new_size:
        check_count(path, 0)
        check_root(old_root, new_root, new_size)
        return
    check_hashes(old_root, *path)
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    sides = _sides(at, last)
    # An old tree of 2^k leaves is a node of the new one: its root is where the proof begins.
    nodes = [old_root, *path] if old_size.bit_count() == 1 else path
    check_count(path, len(sides) + len(path) - len(nodes) + 1)
    old = new = nodes[0]
    for is_left, sibling in zip(sides, nodes[1:], strict=True):
        old = node_hash(sibling, old) if is_left else old
        new = node_hash(sibling, new) if is_left else node_hash(new, sibling)
    check_root(old, old_root, old_size)
    check_root(new, new_root, new_size)


def split(count: int) -> int:
    """The largest power of two below a count of two or more: how many leaves go to the left. Source: RFC 6962, 2.1."""
    return 1 << (count - 1).bit_length() - 1


def span_hash(subtree: SubtreeHash, start: int, end: int) -> bytes:
    """Hash of the node over leaves start..end-1, folded from the perfect subtrees in it, the rightmost first."""
    node, left = b"", end - start
    while left:
        level = (left & -left).bit_length() - 1  # the smallest subtree that is left, at the right end
        end -= 1 << level
        left -= 1 << level
        peak = subtree(level, end >> level)
        node = node_hash(peak, node) if node else peak
    return node


def check_hashes(*hashes: bytes) -> None:
    """Each has 32 bytes: else two of other lengths could pass for two others, as a node hashes them joined.

    Raises:
        ProofError: one has not.
    """
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise ProofError(f"a hash has {HASH_BYTES} bytes, this one has {len(one)}: {one.hex()!r}")


def check_count(path: Sequence[bytes], needed: int) -> None:
    """A proof has exactly the hashes its place needs.

    Raises:
        ProofError: it has more or fewer.
    """
    if len(path) != needed:
        raise ProofError(f"the proof has {len(path)} hashes where {needed} are needed")


def check_root(found: bytes, expected: bytes, size: int) -> None:
    """The root that was computed is the one that was promised.

    Raises:
        ProofError: it is another.
    """
    if found != expected:
        raise ProofError(f"the root over {size} leaves is {expected.hex()}, the proof leads to {found.hex()}")


def _sides(at: int, last: int) -> list[bool]:
    """For each sibling on the way up from node `at` of a level whose last node is `last`: is it the left one?

    These are fn and sn of RFC 9162; a last node without a sibling goes up unhashed.
    """
    sides = list[bool]()
    while last:
        is_left = bool(at & 1) or at == last
        sides.append(is_left)
        while is_left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    return sides
