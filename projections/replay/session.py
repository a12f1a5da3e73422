"""Replay, DuckDB engine: relations loaded once, then any question as of any time, in memory that has a limit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from ledger.clock import from_micros, to_micros
from ledger.errors import RefusedError
from ledger.plan import PlanTerms
from ledger.store.recorder import LogRecorder
from projections import figures
from projections.archive.reading import Archive
from projections.balances import Balance
from projections.replay.answers import OrderLevel, Payable, Teammate
from projections.replay.batches import Again, Approval, Batch, Line, UncoveredAttempt, WrongLine, again
from projections.replay.bindings import Difference
from projections.replay.deciding import decide_again, terms_of
from projections.replay.duck import Duck
from projections.replay.pipeline import Question
from projections.replay.relations import from_archive, from_store
from projections.replay.roots import root_of_lines
from projections.replay.statements import statement
from projections.replay.summary import answered, balances_of
from projections.replay.timeline import NO_END
from projections.runner import Progress

MEMORY_LIMIT = "3GB"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a replay runs.

    memory_limit   of DuckDB, in its words; more than that goes to disk
    spill_folder   where to; None: where temporary files go
    """

    memory_limit: str = MEMORY_LIMIT
    spill_folder: Path | None = None


class MemoryLimitError(RefusedError):
    """A replay that cannot do with the memory it may take, or with the disk it may spill to."""

    code = "memory_limit"

    def __init__(self, limit: str) -> None:
        super().__init__(f"{limit} of memory, or the disk beside it, is not enough: give more with --memory-limit")
        self.limit = limit


class BindingOtherwise(NamedTuple):
    """A binding as recorded and as decided again; times in microseconds since 1970, None: not at all.

    bind  position of its MemberBound
    """

    bind: int
    member: str
    recorded_ends_at_us: int | None
    decided_ends_at_us: int | None
    recorded_released_at_us: int | None
    decided_released_at_us: int | None


class Session:
    """The relations of a log up to P. One question at a time."""

    def __init__(self, duck: DuckDBPyConnection, at_position: int, content_root: str, started: float) -> None:
        self._duck = duck
        self._at_position = at_position
        self._content_root = content_root
        self._started = started
        self._asked: tuple[tuple[datetime, int], Question] | None = None

    def requests(self) -> int:
        """How many requests there are to decide again."""
        return self._duck.execute("SELECT count(*) FROM request_fact").fetchall()[0][0]

    def decide_again(self, progress: Progress | None = None) -> list[Difference]:
        """Bindings are those that the recorded requests give now; returns what was decided otherwise (X-2)."""
        self._asked = None
        return decide_again(self._duck, progress=progress)

    def bindings_otherwise(self) -> Iterator[BindingOtherwise]:
        """Bindings granted both times that came to something else when they were decided again."""
        found = self._duck.execute(statement("load/binding_state"), {"upto": self._at_position})
        return map(BindingOtherwise._make, found.fetchall())

    def suppose(self, plan: PlanTerms, progress: Progress | None = None) -> list[Difference]:
        """From here on everything is as if this plan had replaced all others from the beginning."""
        self._asked, terms = None, terms_of(plan)
        self._duck.execute(statement("load/suppose_plan"), terms._asdict())
        self._duck.execute(statement("load/suppose_orders"))
        return decide_again(self._duck, terms, progress)

    def answer(self, as_of: datetime, members: Sequence[str] = (), progress: Progress | None = None) -> figures.Replay:
        """The figures as of T; with the balances of the members asked for.

        Args:
            as_of: T.
            members: names.
            progress: called with the number of events taken into account since the last call.
        """
        question = self._at(as_of, progress)
        wanted = set(members)
        return answered(
            question,
            as_of=as_of,
            at_position=self._at_position,
            engine="duckdb",
            content_root=self._content_root,
            started=self._started,
            balances=[row for row in balances_of(question) if row.member in wanted] if wanted else [],
        )

    def lines(self, as_of: datetime, at_position: int | None = None) -> Iterator[str]:
        """Every balance as a line of the digest, in order (S-3); at_position: what was known, None: P."""
        return self._at(as_of, at_position=at_position).lines()

    def balances(self, as_of: datetime, at_position: int | None = None) -> Iterator[Balance]:
        """The same as balances."""
        return balances_of(self._at(as_of, at_position=at_position))

    def payable(self, as_of: datetime, currency: str, at_position: int | None = None) -> Payable:
        """What a batch of a currency prepared as of T, the cut-off, pays whom, and who is left out (X-1).

        Args:
            as_of: T.
            currency: its code.
            at_position: what was known; None: P.
        """
        return self._at(as_of, at_position=at_position).payable(currency)

    def batches(self) -> list[Batch]:
        """Every batch that was prepared, in order."""
        return list(map(Batch._make, self.decided("batches")))

    def lines_of(self, batch: str) -> list[Line]:
        """The lines of a batch, given by its stream, as recorded."""
        return list(map(Line._make, self.decided("lines_of", batch)))

    def replay_batch(self, batch: Batch) -> Again:
        """The batch worked out again from the events up to its P (X-5)."""
        as_of = from_micros(batch.cut_off_us)
        payable = self.payable(as_of, batch.currency, batch.known_position)
        digest = root_of_lines(self.lines(as_of, batch.known_position))
        return again(payable, digest, self.lines_of(batch.stream))

    def approvals(self) -> list[Approval]:
        """Every approval, in order."""
        return list(map(Approval._make, self.decided("approvals")))

    def wrong_lines(self, approval: Approval) -> list[WrongLine]:
        """Lines that should have been dropped, or kept, by what was known when their batch was approved (X-3)."""
        question = self._at(from_micros(approval.cut_off_us), at_position=approval.known_position)
        question.judge(approval.currency)
        return list(map(WrongLine._make, self.decided("wrong_lines", approval.stream)))

    def uncovered_attempts(self) -> list[UncoveredAttempt]:
        """Further attempts at payouts that were not covered by what was recorded before them (X-4)."""
        question = Question(Duck(self._duck), as_of_us=NO_END, at_position=self._at_position)
        self._asked = None
        return list(map(UncoveredAttempt._make, question.uncovered_claims()))

    def decided(self, name: str, *given: str) -> list[tuple[Any, ...]]:
        """Rows of a statement of `sql/decided`, about what was recorded of payouts."""
        return self._duck.execute(statement(f"decided/{name}"), given).fetchall()

    def team(self, as_of: datetime, member: str) -> list[Teammate]:
        """Who is above and below a member (T-1); nobody for one the log does not name."""
        found = self._duck.execute("SELECT member FROM member_name WHERE name = ?", [member]).fetchall()
        return list(self._at(as_of).team(found[0][0])) if found else []

    def order_levels(self, as_of: datetime) -> Iterator[OrderLevel]:
        """What every level of every order by T got, or why not (A-3)."""
        return self._at(as_of).order_levels()

    def _at(self, as_of: datetime, progress: Progress | None = None, at_position: int | None = None) -> Question:
        """The question of that time, at P unless said otherwise; the last one is kept."""
        known = self._at_position if at_position is None else at_position
        if self._asked is None or self._asked[0] != (as_of, known):
            engine, at = Duck(self._duck), to_micros(as_of)
            self._asked = (as_of, known), Question(engine, as_of_us=at, at_position=known, progress=progress)
        return self._asked[1]


@contextmanager
def replaying(
    log: LogRecorder | None,
    at_position: int,
    setup: Setup | None = None,
    archive: Archive | None = None,
    progress: Progress | None = None,
) -> Generator[Session]:
    """The relations of positions 1..P of a log.

    Args:
        log: the log; None: the archive holds all that is asked for.
        at_position: what was known, P.
        setup: how much memory it may take.
        archive: of the log; what it holds is read from there. None: all from the store.
        progress: called with the number of events read since the last call.

    Raises:
        PositionError: there are not so many events.
        MemoryLimitError: it takes more than it may.
        IntegrityError: the log is not one this ledger wrote, or the archive is not as it was sealed.
    """
    started, setup = time.perf_counter(), setup or Setup()
    with connected(setup) as duck:
        if archive is None:
            content = from_store(duck, log, at_position, progress)
        else:
            content = from_archive(duck, archive, log, at_position, progress)
        yield Session(duck, at_position, content, started)


@contextmanager
def connected(setup: Setup) -> Generator[DuckDBPyConnection]:
    """A database in memory that spills into a folder of its own.

    Raises:
        MemoryLimitError: what is done with it takes more than it may.
    """
    try:
        with (
            tempfile.TemporaryDirectory(prefix="refledger-replay-", dir=setup.spill_folder) as folder,
            duckdb.connect(config={"memory_limit": setup.memory_limit, "temp_directory": folder}) as duck,
        ):
            # It would draw on standard output, which belongs to the answer.
            duck.execute("SET enable_progress_bar = false")
            yield duck
    except duckdb.OutOfMemoryException:
        raise MemoryLimitError(setup.memory_limit) from None
