"""The books as one audit sees them: the live tables, and the log as relations of the second engine, read once for all.

    live tables (one snapshot) -> live_tables.py -> live_<table> --+
    log up to the head of then -> replay/load.py -> relations -----+-> DuckDB -> the controls that compare

The live tables come first: so the log holds all that they stand for, whoever goes on writing meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import duckdb
from duckdb import DuckDBPyConnection

from ledger.clock import to_micros
from ledger.errors import IntegrityError
from ledger.garbage import collection_paused
from ledger.log_check import FINDINGS_MAX
from ledger.store.recorder import LogRecorder, head_of
from ledger.store.session import Parameter
from projections.balances import Balance, balances_at
from projections.checkpoint import checkpoint, hold
from projections.commissions import NAME
from projections.live_tables import copy_live_tables
from projections.replay.arrow import arrow_columns, integers
from projections.replay.bindings import Difference
from projections.replay.deciding import decide_again
from projections.replay.duck import Duck
from projections.replay.load import Loading
from projections.replay.pipeline import Question
from projections.replay.session import BindingOtherwise, Session, Setup, connected
from projections.replay.source import source_of
from projections.replay.statements import statement
from projections.runner import Progress

# What the audit reads out of events besides the relations of a replay.
_STAGES = ("bound_stream", "lapse", "refund_request", "order_line")

_FETCHED_AT_ONCE = 10_000

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """What the live tables say: where they stand, and every balance as of T."""

    position: int
    balances: Sequence[Balance]


class Books:
    """What the controls look at.

    log    for those that read it themselves
    as_of  business time of every figure, T
    """

    def __init__(self, log: LogRecorder, as_of: datetime, duck: DuckDBPyConnection) -> None:
        self.log = log
        self.as_of = as_of
        self._duck = duck
        self._live: Live | None = None
        self._head = 0
        self._fault: IntegrityError | None = None
        self._decided: list[Difference] | None = None
        self._asked: tuple[int, Question] | None = None

    def read(self, progress: Progress) -> tuple[Live, int]:
        """The live tables, and the head up to which the log is read. The first call reads both.

        Raises:
            IntegrityError: the log is not one this ledger wrote; each time.
        """
        if self._fault is not None:
            raise self._fault
        if self._live is None:
            try:
                with readable():
                    live = self._copy()
                    self._load(progress)
                self._live = live
            except IntegrityError as error:
                self._fault = error
                raise
        return self._live, self._head

    def decided(self, progress: Progress) -> list[Difference]:
        """Requests whose outcome is not the recorded one, each decided again from the log before it."""
        self.read(progress)
        if self._decided is None:
            with readable():
                self._decided = decide_again(self._duck)
        return self._decided

    def bindings_otherwise(self, progress: Progress) -> Iterator[BindingOtherwise]:
        """Bindings granted both times that came to something else when they were decided again."""
        self.decided(progress)
        return map(BindingOtherwise._make, self._rows(statement("load/binding_state"), upto=self._head))

    def tabulate(self, at_position: int, progress: Progress) -> Question:
        """The figures as of T at a position, with every row of them, from bindings decided again; the last is kept."""
        self.decided(progress)
        if self._asked is None or self._asked[0] != at_position:
            engine = Duck(self._duck)
            self._asked = at_position, Question(engine, as_of_us=to_micros(self.as_of), at_position=at_position)
            self._asked[1].tabulate()
        return self._asked[1]

    def expect(self, at_position: int, progress: Progress) -> Question:
        """As `tabulate`, and what the live tables must hold there: `expected_<table>`."""
        question, engine = self.tabulate(at_position, progress), Duck(self._duck)
        for name in ("expected_order_outcome", "expected_order_refund", "expected_team_binding"):
            engine.define(name, statement(f"audit/{name}"), materialised=True)
        return question

    def replay(self, progress: Progress) -> Session:
        """The second engine over the same relations, bindings decided again, for questions of its own."""
        self.decided(progress)
        self._asked = None  # its questions take the place of what was tabulated
        return Session(self._duck, self._head, content_root="", started=time.perf_counter())

    def find(self, name: LiteralString, **parameters: Parameter) -> list[Row]:
        """Rows of `audit/<name>.sql` over what was read and tabulated; of counter-examples nobody needs more."""
        return self._rows(statement(f"audit/{name}"), **parameters)

    def differences(self, table: LiteralString, *, kept: LiteralString, key: LiteralString) -> list[tuple[Row, Row]]:
        """Rows of a live table as they are and as they must be; a side that there is not has nothing but None.

        Args:
            table: its name.
            kept: a condition on its rows: where it does not hold they are not looked at.
            key: columns of its key.
        """
        select = statement("audit/differences").replace("{table}", table).replace("{kept}", kept).replace("{key}", key)
        return [(tuple(found.values()), tuple(expected.values())) for found, expected in self._rows(select)]

    def edges(self) -> Iterator[Row]:
        """Referrer and member of everybody who was ever bound, in order; to be read to the end before anything else."""
        return self._stream(statement("audit/edges"))

    def members(self) -> int:
        """How many members the log names; their numbers are 1 to this one."""
        return self._rows("SELECT count(*) FROM member_name")[0][0]

    def intervals(self, members: Iterable[int]) -> Iterator[Row]:
        """The bindings between some members, in order of time; to be read to the end before anything else."""
        numbers = integers(sorted(members))
        self._duck.from_arrow(arrow_columns({"member": numbers}, len(numbers))).to_view("suspect")
        return self._stream(statement("audit/suspect_intervals"))

    def _copy(self) -> Live:
        with collection_paused(), self.log.reading() as session:
            hold(session)
            live = Live(checkpoint(session, NAME), balances_at(session, self.as_of))
            copy_live_tables(session, self._duck)
            self._head = head_of(session)
        return live

    def _load(self, progress: Progress) -> None:
        loading = Loading(self._duck)
        for name in _STAGES:
            self._duck.execute(statement(f"audit/table_{name}"))
        with source_of(self.log) as source, collection_paused():
            loading.take(source, 0, self._head, _stage_more, progress)
        loading.finish(None)
        # A table: in a view the name of what it reads would mean the bindings decided again, once there are any.
        self._duck.execute(f"CREATE TABLE recorded_binding AS {statement('audit/recorded_binding')}")

    def _rows(self, select: LiteralString, **parameters: Parameter) -> list[Row]:
        with readable():
            return self._duck.execute(select, parameters or None).fetchmany(FINDINGS_MAX)

    def _stream(self, select: LiteralString) -> Iterator[Row]:
        found = self._duck.execute(select)
        while batch := found.fetchmany(_FETCHED_AT_ONCE):
            yield from batch


@contextmanager
def opened_books(log: LogRecorder, as_of: datetime, setup: Setup | None = None) -> Generator[Books]:
    """Books of a log as of T, for as long as an audit takes.

    Raises:
        MemoryLimitError: what is done with them takes more than it may.
    """
    with connected(setup or Setup()) as duck:
        yield Books(log, as_of, duck)


@contextmanager
def readable() -> Generator[None]:
    """What cannot be read is the log's fault, or a table's: no number where one must be, no text at all.

    Raises:
        IntegrityError: it cannot.
    """
    try:
        yield
    except (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException, ValueError) as error:
        raise IntegrityError(str(error).partition("\n")[0]) from error


def _stage_more(duck: DuckDBPyConnection, table: str) -> None:
    """Reads out of one part of the log what only the audit needs, while the rest is read out of it as for a replay."""
    with duck.cursor() as staging:
        staging.execute(f"CREATE TEMP VIEW raw_event AS SELECT * FROM {table}")  # noqa: S608  # our own name
        for name in _STAGES:
            staging.execute(statement(f"audit/stage_{name}"))
