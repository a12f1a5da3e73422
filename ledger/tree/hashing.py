"""RFC 6962 hashes: leaves, nodes and the root of a stream of leaves in logarithmic memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry). Source: RFC 6962, 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right). Source: RFC 6962, 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class RootBuilder:
    """Takes leaves one by one and knows the root of all so far; holds one hash per bit of the count."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, entry: bytes) -> None:
        """Appends one entry."""
        node = leaf_hash(entry)
        size = self.size
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

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
