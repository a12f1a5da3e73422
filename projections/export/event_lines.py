"""events.jsonl of a bundle: the exact stored bytes, one event a line, proven while they go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from ledger.events import PlanPublished
from ledger.tree.hashing import leaf_hash
from projections.export.folder import Output
from projections.export.line_hashes import LineHashes
from projections.export.selection import Selection
from projections.replay.arrow import Block, block_of, blocks
from projections.replay.source import batches


class EventLines:
    """Takes the events of a log as they go by and writes those from a position on.

    by_type   how many lines of each type were written in full
    chosen    how many of them were asked for; the others are plans, which are always written: what is promised to all
              is nobody's secret, and plans.jsonl has those of before
    redacted  how many lines are a leaf hash
    last      the last event that was written in full
    """

    def __init__(self, out: Output, hashes: LineHashes, first: int, shown: Selection | None = None) -> None:
        """`shown`: what is written in full; None: everything."""
        self.by_type: Counter[str] = Counter()
        self.chosen = self.redacted = 0
        self.last = b""
        self._out = out
        self._hashes = hashes
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
        with duck.cursor() as reading:
            for block in blocks(reading, table, self._first):
                self._write_all(block)

    def _write_all(self, block: Block) -> None:
        self._out.write(block.lines)
        self._hashes.take(*block)
        topics = block.topics.decode().split("\n")[:-1]
        self.by_type.update(topics)
        self.chosen += len(topics)
        self.last = block.lines[block.lines.rfind(b"\n", 0, -1) + 1 : -1]

    def _write_some(self, rows: Sequence[tuple[int, str, bytes, bool]]) -> None:
        topics, states = [row[1] for row in rows], [row[2] for row in rows]
        self._hashes.take(*block_of(topics, states))
        lines = list[bytes]()
        for _, topic, state, is_chosen in rows:
            if is_chosen or topic == PlanPublished.TOPIC:
                lines.append(state + b"\n")
                self.by_type[topic] += 1
                self.last = state
            else:
                lines.append(b'{"redacted":"%s"}\n' % leaf_hash(state).hex().encode())
                self.redacted += 1
            self.chosen += is_chosen
        self._out.write(b"".join(lines))
