"""Both trees of the log, taken along its stored bytes: of the events as stored (V-1) and of their contents (G-8)."""

from __future__ import annotations

from typing import Self

from duckdb import DuckDBPyConnection

from ledger.errors import IntegrityError
from ledger.tree.hashing import RootBuilder, leaf_hashes
from projections.archive.manifest import Manifest
from projections.content import ContentRoot

# Events that are Python objects at a time.
EVENTS_AT_A_TIME = 16_384


class Trees:
    """Where both trees stand.

    first_leaf, last_leaf  leaf hashes of position 1 and of the last position; empty before there is one
    first_us, last_us      recorded_at of the first and the last event since `begin_segment`
    """

    def __init__(self) -> None:
        self.log = RootBuilder()
        self.content = ContentRoot()
        self.first_leaf = self.last_leaf = b""
        self._first_us: int | None = None
        self.last_us = 0

    @classmethod
    def after(cls, manifest: Manifest) -> Self:
        """Where they stand after a segment."""
        trees = cls()
        trees.log = manifest.log.tree
        trees.content = ContentRoot(manifest.content.tree)
        trees.first_leaf, trees.last_leaf = bytes.fromhex(manifest.archive), bytes.fromhex(manifest.last_leaf)
        return trees

    def begin_segment(self) -> None:
        """What follows belongs to the next segment."""
        self._first_us = None

    @property
    def first_us(self) -> int:
        """recorded_at of the segment's first event."""
        return self._first_us or 0

    def watch(self, duck: DuckDBPyConnection, table: str) -> None:
        """Takes the raw events of a table: a Watch of Loading.

        Raises:
            IntegrityError: they do not follow what was taken before.
        """
        with duck.cursor() as cursor:
            cursor.execute(f"SELECT position, topic, state, recorded_at_us FROM {table}")  # noqa: S608  # our own name
            while rows := cursor.fetchmany(EVENTS_AT_A_TIME):
                self._take(*zip(*rows, strict=True))

    def _take(
        self, positions: tuple[int, ...], topics: tuple[str, ...], states: tuple[bytes, ...], times: tuple[int, ...]
    ) -> None:
        if positions != tuple(range(self.log.size + 1, self.log.size + len(states) + 1)):
            raise IntegrityError(f"positions from {self.log.size + 1} on are not in order")
        leaves = leaf_hashes(states)
        self.log.extend(leaves)
        self.content.extend(zip(topics, states, strict=True))
        self.first_leaf = self.first_leaf or leaves[0]
        self.last_leaf = leaves[-1]
        self._first_us = times[0] if self._first_us is None else self._first_us
        self.last_us = times[-1]
