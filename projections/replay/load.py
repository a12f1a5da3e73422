"""Stored events into relations: staged by name range by range, then numbered. README.md says what they hold."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from duckdb import DuckDBPyConnection

from ledger.errors import CorruptEventError, IntegrityError
from ledger.events import EVENTS
from ledger.store.recorder import LogRecorder
from ledger.store.session import load
from projections.replay.arrow import STORED_COLUMNS, arrow_rows
from projections.replay.source import EventSource, fetched
from projections.replay.statements import statement
from projections.runner import Progress

# Events whose bytes are in memory at a time, about 500 bytes each; two such ranges at once.
RANGE_EVENTS = 500_000
STREAMS_AT_A_TIME = 1_000

_MACROS = ("macro_micros", "macro_stream")
_STAGED = (
    "staged_order",
    "staged_refund",
    "staged_reversal",
    "staged_binding",
    "staged_request",
    "staged_adjustment",
    "staged_line",
    "staged_payout",
    "staged_freeze",
)
# What names no member is a relation as it is read.
_READ = ("plan_term", "minimum_fact", "batch_fact", "drop_fact")
_TABLES = (*_STAGED, *_READ, "known_stream")
_STAGES = (
    "order",
    "refund",
    "reversal",
    "bound",
    "changed",
    "request",
    "plan",
    "minimum",
    "adjustment",
    "batch",
    "line",
    "drop",
    "payout",
    "freeze",
)
FACTS = (
    "order_fact",
    "refund_fact",
    "reversal_fact",
    "binding_fact",
    "request_fact",
    "adjustment_fact",
    "line_fact",
    "payout_fact",
    "freeze_fact",
)
_RECORDED = load("ledger.store", "select_recorded")

# Looks at the raw events of one range, in a table of this name, while others work on it too.
Watch = Callable[[DuckDBPyConnection, str], None]


class Loading:
    """Turns ranges of the log into the relations of a DuckDB connection; README.md lists them.

    `take` what there is, then `finish` once. Members of before the first range are put into `member_name` in between.
    After `clear` the next ranges can be taken: numbers of members go on.
    """

    def __init__(self, duck: DuckDBPyConnection, *, range_events: int = RANGE_EVENTS) -> None:
        """range_events: how many are in memory at a time, twice."""
        self._duck = duck
        self._range_events = range_events
        for name in (*_MACROS, "table_member_name"):
            duck.execute(statement(f"load/{name}"))
        self._begin()

    def _begin(self) -> None:
        for name in _TABLES:
            self._duck.execute(statement(f"load/table_{name}"))

    def clear(self) -> None:
        """Forgets everything but the members."""
        for name in (*FACTS, *_READ, "known_stream"):
            self._duck.execute(f"DROP TABLE {name}")
        self._begin()

    def take(
        self, source: EventSource, after: int, upto: int, watch: Watch | None = None, progress: Progress | None = None
    ) -> None:
        """Stages the events with positions in (after, upto]: the next range is fetched while one is read.

        Args:
            source: of the events.
            after: positions up to this one are not taken.
            upto: the last position taken.
            watch: called with the raw events of each part, in order.
            progress: called with the number of events staged since the last call.

        Raises:
            IntegrityError: positions are missing, or an event is not one of this version.
        """
        with ThreadPoolExecutor(1) as pool:
            for table, count in fetched(self._duck, source, after, upto, self._range_events):
                staged = pool.submit(self._stage, table)
                if watch is not None:
                    watch(self._duck, table)
                staged.result()
                if progress is not None:
                    progress(count)

    def unknown(self) -> list[str]:
        """Streams of earlier facts that what was taken refers to, and that are not in `known_stream` yet."""
        return [stream for (stream,) in self._duck.execute(statement("load/unknown_streams")).fetchall()]

    def finish(self, log: LogRecorder | None) -> None:
        """Numbers the members and makes the relations of everything taken.

        Args:
            log: knows the orders, refunds and bindings of before the ranges taken; None: there are none but those that
                were put into `known_stream`.

        Raises:
            IntegrityError: a fact refers to an order, a refund or a binding that was never recorded.
        """
        if log is not None:
            self._look_up(log)
        for name in ("named_member", "number_members", *FACTS):
            self._duck.execute(statement(f"load/{name}"))
        for name in (*_STAGED, "named_member"):
            self._duck.execute(f"DROP TABLE {name}")
        lost = self._duck.execute(statement("load/lost_facts")).fetchall()
        if lost:
            raise IntegrityError(
                f"position {lost[0][0]} refers to an order, a refund or a binding that is not before it"
            )

    def _stage(self, table: str) -> None:
        """Reads the facts out of one part; proves before that each row is of the type and version its column says."""
        tails = {kind.TOPIC: f',"type":"{kind.TOPIC}","v":{kind.VERSION}}}' for kind in EVENTS.values()}
        with self._duck.cursor() as duck:
            duck.execute(f"CREATE TEMP VIEW raw_event AS SELECT * FROM {table}")  # noqa: S608  # our own name
            wrong = duck.execute(
                statement("load/other_types"), {"topics": list(tails), "tails": list(tails.values())}
            ).fetchall()
            if wrong:
                raise CorruptEventError(f"position {wrong[0][0]} is no {wrong[0][1]} of a version that is known here")
            for name in _STAGES:
                duck.execute(statement(f"load/stage_{name}"))

    def _look_up(self, log: LogRecorder) -> None:
        """Finds the earlier orders, refunds and bindings that the facts refer to, by their streams."""
        missing = self.unknown()
        for start in range(0, len(missing), STREAMS_AT_A_TIME):
            with log.reading() as session:
                rows = session.rows(_RECORDED, keys=missing[start : start + STREAMS_AT_A_TIME])
            with self._duck.cursor() as duck:
                duck.from_arrow(arrow_rows(STORED_COLUMNS[:-1], rows)).to_view("raw_event")
                duck.execute(statement("load/known_stream"))
