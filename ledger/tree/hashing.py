"""RFC 6962 hashes: leaves, nodes and the root of a stream of leaves in logarithmic memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry). Source: RFC 6962, 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right). Source: RFC 6962, 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The leaf hash of every entry, at less cost than one by one."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


class RootBuilder:
    """Takes leaves in order and knows the root of all so far; holds one hash per bit of the count.

    size      how many leaves there are
    frontier  roots of the perfect subtrees they fall into, the largest first: all that is needed to go on from here
    """

    def __init__(self, size: int = 0, frontier: Sequence[bytes] = ()) -> None:
        """Empty, or where another one stood.

        Raises:
            ValueError: a tree of this size has not so many perfect subtrees.
        """
        if size < 0 or size.bit_count() != len(frontier):
            raise ValueError(f"a tree of {size} leaves has no frontier of {len(frontier)} hashes")
        self.size = size
        self._peaks = list(frontier)

    @property
    def frontier(self) -> tuple[bytes, ...]:
        """32 bytes each, one per bit of the size that is set."""
        return tuple(self._peaks)

    def add(self, entry: bytes) -> None:
        """Appends one entry."""
        node = leaf_hash(entry)
        size = self.size
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Appends many entries by their leaf hashes: a level of the tree at a time."""
        sha256 = hashlib.sha256
        nodes, size, tops = list(leaves), self.size, list[bytes]()
        while nodes:
            if size & 1:
                nodes.insert(0, self._peaks.pop())
            if len(nodes) & 1:
                tops.append(nodes.pop())
            pairs = zip(nodes[::2], nodes[1::2], strict=True)
            nodes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            size >>= 1
        self._peaks += reversed(tops)
        self.size += len(leaves)

    def root(self) -> bytes:
        """32 bytes; of nothing: SHA-256 of nothing."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(entries: Iterable[bytes]) -> bytes:
    """The root over entries in their order. Source: RFC 6962, 2.1."""
    builder = RootBuilder()
    for entry in entries:
        builder.add(entry)
    return builder.root()
