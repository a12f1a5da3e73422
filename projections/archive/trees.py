"""Both trees of the log, taken along its stored bytes: of the events as stored (V-1) and of their contents (G-8)."""

from __future__ import annotations

from typing import Self

from duckdb import DuckDBPyConnection

from ledger.errors import IntegrityError
from ledger.tree.hashing import RootBuilder, leaf_hashes
from projections.archive.manifest import Manifest
from projections.content import ContentRoot

# Events that are Python objects at a time: half a megabyte, which stays in the cache of a core. A quarter faster so.
EVENTS_AT_A_TIME = 1_024


class Trees:
    """Where both trees stand.

    first_leaf, last_leaf  leaf hashes of position 1 and of the last position; empty before there is one
    """

    def __init__(self) -> None:
        self.log = RootBuilder()
        self.content = ContentRoot()
        self.first_leaf = self.last_leaf = b""

    @classmethod
    def after(cls, manifest: Manifest | None) -> Self:
        """Where they stand after a segment; None: at the beginning."""
        trees = cls()
        if manifest is not None:
            trees.log = manifest.log.tree
            trees.content = ContentRoot(manifest.content.tree)
            trees.first_leaf, trees.last_leaf = bytes.fromhex(manifest.archive), bytes.fromhex(manifest.last_leaf)
        return trees

    def watch(self, duck: DuckDBPyConnection, table: str) -> None:
        """Takes the raw events of a table: a Watch of Loading.

        Raises:
            IntegrityError: they do not follow, in their order, what was taken before.
        """
        with duck.cursor() as cursor:
            query = f"SELECT count(*) FROM {table} WHERE position <> rowid + $first"  # noqa: S608  # our own name
            if cursor.execute(query, {"first": self.log.size + 1}).fetchall() != [(0,)]:
                raise IntegrityError(f"positions from {self.log.size + 1} on are not in order")
            cursor.execute(f"SELECT topic, state FROM {table}")  # noqa: S608  # our own name
            while rows := cursor.fetchmany(EVENTS_AT_A_TIME):
                self._take([topic for topic, _ in rows], [state for _, state in rows])

    def _take(self, topics: list[str], states: list[bytes]) -> None:
        leaves = leaf_hashes(states)
        self.log.extend(leaves)
        self.content.extend(topics, states)
        self.first_leaf = self.first_leaf or leaves[0]
        self.last_leaf = leaves[-1]
