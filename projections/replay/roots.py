"""The root over many lines of text, a part at a time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ledger.tree.hashing import RootBuilder, leaf_hashes

LINES_AT_A_TIME = 50_000


def root_of_lines(lines: Iterable[str]) -> str:
    """RFC 6962 root of lines in their order, 64 hex digits."""
    root, left = RootBuilder(), iter(lines)
    while part := [line.encode() for line in islice(left, LINES_AT_A_TIME)]:
        root.extend(leaf_hashes(part))
    return root.root().hex()
