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
    redacted  how many were written as a hash
    last      the last event that was written in full
    content   of all events, where all are written in full; else None
    """

    def __init__(self, out: Output, verifier: RangeVerifier, first: int) -> None:
        self.by_type: Counter[str] = Counter()
        self.redacted = 0
        self.last = b""
        self.content = ContentRoot() if first == 1 else None
        self._out = out
        self._verifier = verifier
        self._first = first

    def watch(self, duck: DuckDBPyConnection, table: str) -> None:
        """Takes the events of a table: a Watch of Loading; tables come in the order of the log.

        Raises:
            IntegrityError: the events in it are not in order.
        """
        query = f"SELECT position, topic, state FROM {table} WHERE position >= {self._first:d}"  # noqa: S608  # our own name
        with duck.cursor() as reading:
            for batch in batches(reading, query):
                _, topics, states = zip(*batch, strict=True)
                self._take(topics, states, leaf_hashes(states))

    def _take(self, topics: Sequence[str], states: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        self._verifier.extend(leaves)
        self._out.write(b"\n".join([*states, b""]))
        self.by_type.update(topics)
        self.last = states[-1]
        if self.content is not None:
            self.content.extend(topics, states)


class RedactedLines(EventLines):
    """The same, but of events that are not asked for only the leaf hash is written.

    Plans are always written: what is promised to all is nobody's secret, and plans.jsonl shows those of before.
    """

    def __init__(  # those of EventLines, and what is shown
        self, out: Output, verifier: RangeVerifier, first: int, duck: DuckDBPyConnection, shown: Selection
    ) -> None:
        super().__init__(out, verifier, first)
        self.content = None
        self._shown = shown
        # Kept from table to table: it remembers orders of the members asked for.
        self._reading = duck.cursor()
        shown.prepare(self._reading, first)

    def watch(self, duck: DuckDBPyConnection, table: str) -> None:
        """Takes the events of a table; from the log's first on, also where lines begin later."""
        del duck
        self._shown.take(self._reading, table)
        query = f"SELECT position, type, state, is_chosen FROM chosen_event WHERE position >= {self._first:d}"  # noqa: S608  # our own name
        for batch in batches(self._reading, query):
            states = [state for _, _, state, _ in batch]
            leaves = leaf_hashes(states)
            self._verifier.extend(leaves)
            shown = [is_chosen or topic == PlanPublished.TOPIC for _, topic, _, is_chosen in batch]
            self._out.write(b"".join(map(_line, states, leaves, shown)))
            self._count([row for row, is_shown in zip(batch, shown, strict=True) if is_shown])
            self.redacted += shown.count(False)

    def _count(self, rows: Sequence[tuple[int, str, bytes, bool]]) -> None:
        self.by_type.update(topic for _, topic, _, _ in rows)
        if rows:
            self.last = rows[-1][2]


def _line(state: bytes, leaf: bytes, is_shown: bool) -> bytes:  # noqa: FBT001  # a column of a table
    return state + b"\n" if is_shown else b'{"redacted":"%s"}\n' % leaf.hex().encode()
