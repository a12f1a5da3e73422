"""events.jsonl of a bundle: the exact stored bytes, one event a line, proven while they go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from ledger.events import PlanPublished
from ledger.tree.hashing import leaf_hashes
from ledger.tree.ranges import RangeVerifier
from projections.content import ContentRoot
from projections.export.folder import Output
from projections.export.selection import Selection
from projections.replay.source import batches


class EventLines:
    """Takes the events of a log as they go by and writes those from a position on.

    by_type   how many lines of each type were written in full
    chosen    how many of them were asked for; the others are plans, which are always written: what is promised to all
              is nobody's secret, and plans.jsonl has those of before
    redacted  how many lines are a leaf hash
    last      the last event that was written in full
    content   of all events, where all are written in full; else None
    """

    def __init__(self, out: Output, verifier: RangeVerifier, first: int, shown: Selection | None = None) -> None:
        """`shown`: what is written in full; None: everything."""
        self.by_type: Counter[str] = Counter()
        self.chosen = self.redacted = 0
        self.last = b""
        self.content = ContentRoot() if first == 1 and shown is None else None
        self._out = out
        self._verifier = verifier
        self._first = first
        self._shown = shown

    def watch(self, duck: DuckDBPyConnection, table: str) -> None:
        """Takes the events of a table: a Watch of Loading; tables come in the order of the log.

        Where not all are shown, the connection is one that `shown` was prepared for, and begins with what that needs.

        Raises:
            IntegrityError: the events in it are not in order.
        """
        if self._shown is not None:
            self._shown.take(duck, table)
            query = f"SELECT position, type, state, is_chosen FROM chosen_event WHERE position >= {self._first:d}"  # noqa: S608  # an integer
            for batch in batches(duck, query):
                self._write_some(batch)
            return
        query = f"SELECT position, topic, state FROM {table} WHERE position >= {self._first:d}"  # noqa: S608  # our own name
        with duck.cursor() as reading:
            for batch in batches(reading, query):
                _, topics, states = zip(*batch, strict=True)
                self._write_all(topics, states)

    def _write_all(self, topics: Sequence[str], states: Sequence[bytes]) -> None:
        self._verifier.extend(leaf_hashes(states))
        self._out.write(b"\n".join([*states, b""]))
        self.by_type.update(topics)
        self.chosen += len(states)
        self.last = states[-1]
        if self.content is not None:
            self.content.extend(topics, states)

    def _write_some(self, rows: Sequence[tuple[int, str, bytes, bool]]) -> None:
        leaves = leaf_hashes([state for _, _, state, _ in rows])
        self._verifier.extend(leaves)
        lines = list[bytes]()
        for (_, topic, state, is_chosen), leaf in zip(rows, leaves, strict=True):
            if is_chosen or topic == PlanPublished.TOPIC:
                lines.append(state + b"\n")
                self.by_type[topic] += 1
                self.last = state
            else:
                lines.append(b'{"redacted":"%s"}\n' % leaf.hex().encode())
                self.redacted += 1
            self.chosen += is_chosen
        self._out.write(b"".join(lines))
