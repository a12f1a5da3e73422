"""Several processes write, expire and project at once: decided by position, nothing twice, nothing lost (rule B-9)."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.managers import SyncManager
from threading import Barrier
from typing import Any, LiteralString, TypeVar

import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.clock import to_micros
from ledger.events import BindingExpired, OrderRefunded
from ledger.ids import stream_of
from ledger.mapper import decode
from ledger.store.recorder import LogRecorder, Recorded
from ledger.store.session import Row, Session, Sql
from projections.changes import read_change
from projections.checkpoint import CheckpointMovedError
from projections.fold import Fold, PlacedBinding
from projections.runner import Runner
from tests.builders import LATER, bind, commands, live_digest, order, plan, refund, replayed, submit

T = TypeVar("T")
Record = dict[str, Any]

WRITERS = 3
WAIT_SECONDS = 30
JANUARY = "2026-01-01T00:00:00Z"
SHAPE = Shape(members=120, orders=400, days=200, ttl_days=20, retry_share_ppm=0)
TIMES = (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC), LATER)

# ---- Processes


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes that open the same store and start their tasks at the same instant."""

    pool: ProcessPoolExecutor
    manager: SyncManager

    def run(self, url: str, *tasks: Callable[[Ledger], T]) -> list[T]:
        """What each task returns, in their order."""
        barrier = self.manager.Barrier(len(tasks))
        futures = [self.pool.submit(start_together, barrier, url, task) for task in tasks]
        return [future.result(timeout=120) for future in futures]

    def feed_in_step(self, url: str, *facts_of_each: Sequence[Record]) -> list[list[str]]:
        """Each process submits its own records one by one, the n-th of all of them at the same instant."""
        barrier = self.manager.Barrier(len(facts_of_each))
        return self.run(url, *(partial(feed_in_step, facts, barrier) for facts in facts_of_each))


def start_together(barrier: Barrier, url: str, task: Callable[[Ledger], T]) -> T:
    """Runs a task on a ledger that is open already when the others are ready too."""
    with closing(Ledger(url, actor="test")) as ledger:
        ledger.log.head()
        barrier.wait(WAIT_SECONDS)
        return task(ledger)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """As many processes as the tests need at once, ready to run."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(WRITERS, mp_context=context) as pool:
        yield Processes(pool, manager)


# ---- What the processes do


def feed(facts: Sequence[Record], batch_size: int, source: str, ledger: Ledger) -> list[str]:
    """Submits records in batches; gives the reason or the name of each one's outcome."""
    outcomes: list[str] = []
    for start in range(0, len(facts), batch_size):
        batch = commands(facts[start : start + batch_size])
        outcomes += [outcome.reason or outcome.name for outcome in ledger.submit(batch, source=source)]
    return outcomes


def feed_in_step(facts: Sequence[Record], barrier: Barrier, ledger: Ledger) -> list[str]:
    """Submits each record in a transaction of its own, when the others are about to submit theirs."""
    outcomes: list[str] = []
    for fact in facts:
        barrier.wait(WAIT_SECONDS)
        outcomes += feed([fact], 1, "default", ledger)
    return outcomes


def expire_often(ledger: Ledger) -> int:
    """Records lapses again and again; gives how many they were."""
    return sum(ledger.expire() for _ in range(20))


def project(batch_size: int, ledger: Ledger) -> int:
    """Projects to the head, side by side with whoever else does; gives how many events it did itself."""
    runner, total, head = Runner(ledger.log, batch_size=batch_size), 0, ledger.log.head()
    while True:
        try:
            events = runner.step(head)
        except CheckpointMovedError:
            continue
        if not events:
            return total
        total += events


def tally(answers: Sequence[Sequence[str]]) -> Counter[str]:
    """How often each outcome came up in all."""
    return Counter(outcome for answer in answers for outcome in answer)


# ---- What must be true afterwards


BINDINGS: LiteralString = (
    "SELECT member, position, bind, version, referrer, bound_at_us, ends_at_us, plan, released_at_us, lapsed_at_us "
    "FROM decision_binding ORDER BY position"
)
REFUNDS: LiteralString = "SELECT order_stream, position, line, amount_minor FROM decision_refund ORDER BY position"
PROJECTED: tuple[LiteralString, ...] = (
    "SELECT projection, position FROM checkpoint",
    "SELECT * FROM team_binding ORDER BY position",
    "SELECT * FROM order_outcome ORDER BY position",
    "SELECT * FROM order_refund ORDER BY position",
    # Its rows are per batch, what they say is not.
    "SELECT DISTINCT member, position FROM member_position ORDER BY member, position",
    "SELECT * FROM balance ORDER BY member, currency",
)


def table(session: Session, query: LiteralString) -> list[Row]:
    """All rows of a query that both engines understand."""
    return session.rows(Sql("table", {"postgres": query, "sqlite": query}))


def projected(store: LogRecorder) -> list[list[Row]]:
    """Everything the projection wrote."""
    with store.reading() as session:
        return [table(session, query) for query in PROJECTED]


@dataclass
class Rebuilt:
    """The decision tables as the log alone says they should be.

    versions  last version of each stream
    lapsed    by binding, the ends_at that its latest lapse is recorded for
    """

    fold: Fold = field(default_factory=Fold)
    versions: dict[str, int] = field(default_factory=dict)
    lapsed: dict[str, datetime] = field(default_factory=dict)
    refunds: list[Row] = field(default_factory=list)

    def take(self, row: Recorded) -> None:
        """Applies the next event."""
        event = decode(row.topic, row.state)
        change = read_change(row)
        if change is not None:
            self.fold.apply(change)
        self.versions[row.stream] = row.version
        match event:
            case BindingExpired(data=data):
                self.lapsed[data.bind] = event.occurred_at
            case OrderRefunded(data=data):
                stream = stream_of("order", data.asked.order, event.source)
                self.refunds.append((stream, row.position, data.asked.line, data.asked.amount))
            case _:
                pass

    def bindings(self) -> list[Row]:
        """Rows of decision_binding."""
        placed = [
            PlacedBinding(position, binding)
            for bindings in self.fold.bindings.values()
            for position, binding in zip(bindings.positions, bindings.history, strict=True)
        ]
        return sorted(map(self._row, placed), key=lambda row: row[1])

    def _row(self, placed: PlacedBinding) -> Row:
        binding = placed.binding
        return (
            binding.member,
            placed.position,
            binding.bind,
            self.versions[binding.bind],
            binding.referrer,
            to_micros(binding.bound_at),
            micros(binding.ends_at),
            binding.plan,
            micros(binding.released_at),
            micros(self.lapsed.get(binding.bind)),
        )


def micros(at: datetime | None) -> int | None:
    """A time as the tables hold it."""
    return None if at is None else to_micros(at)


def assert_books_agree(ledger: Ledger) -> None:
    """Positions have no gaps; decision tables and live balances are what the log alone gives."""
    rows = list(ledger.log.read())
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    rebuilt = Rebuilt()
    for row in rows:
        rebuilt.take(row)
    with ledger.log.reading() as session:
        assert table(session, BINDINGS) == rebuilt.bindings()
        assert table(session, REFUNDS) == rebuilt.refunds
    for as_of in TIMES:
        assert live_digest(ledger, as_of) == replayed(ledger, as_of).digest


def referrers(ledger: Ledger) -> dict[str, str]:
    """Who is bound to whom."""
    with ledger.log.reading() as session:
        return {row[0]: row[4] for row in table(session, BINDINGS)}


def is_loop(member: str, referrer_of: dict[str, str]) -> bool:
    """Whether someone is above themselves."""
    above = referrer_of.get(member)
    for _ in referrer_of:
        if above is None or above == member:
            break
        above = referrer_of.get(above)
    return above == member


# ---- Several writers


@pytest.fixture(scope="module")
def history() -> list[Record]:
    """A generated year in small: plans, invites, binds, orders, refunds, some of them twice."""
    return list(records(SHAPE))


@pytest.fixture
def alone(sqlite_template: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger that nobody else writes to, to compare with."""
    path = tmp_path_factory.mktemp("alone") / "ledger.db"
    path.write_bytes(sqlite_template)
    with closing(Ledger(f"sqlite:///{path}", actor="test")) as ledger:
        yield ledger


def test_the_same_records_from_all_are_recorded_once(
    ledger: Ledger, alone: Ledger, store_url: str, processes: Processes, history: list[Record]
) -> None:
    """Of every record one process sees the outcome and the others a repeat; the log is that of a single writer."""
    expected = feed(history, 5_000, "default", alone)
    answers = processes.run(store_url, *(partial(feed, history, size, "default") for size in (7, 40, 333)))

    assert sum(len(answer) for answer in answers) == WRITERS * len(history)
    others = Counter({"repeat": (WRITERS - 1) * len(history)})
    assert tally(answers) == Counter(expected) + others
    assert ledger.log.head() == alone.log.head()
    assert replayed(ledger).content_root == replayed(alone).content_root
    assert_books_agree(ledger)


def test_one_member_is_bound_to_one_of_two_referrers(ledger: Ledger, store_url: str, processes: Processes) -> None:
    """Thirty members, each claimed by two processes for the same instant: the loser is recorded as already_bound."""
    submit(ledger, plan())
    members = range(30)
    claims = [[bind(f"{by}-{n}", f"m{n}", by, JANUARY) for n in members] for by in ("ann", "ben")]
    ann, ben = processes.feed_in_step(store_url, *claims)

    assert [set(pair) for pair in zip(ann, ben, strict=True)] == [{"bound", "already_bound"}] * len(members)
    winners = {f"m{n}": "ann" if ann[n] == "bound" else "ben" for n in members}
    assert referrers(ledger) == winners
    assert Counter(row.topic for row in ledger.log.read())["BindingRefused"] == len(members)
    assert_books_agree(ledger)


@pytest.mark.parametrize("size", [2, 3])
def test_binds_that_would_close_a_ring_never_all_win(
    ledger: Ledger, store_url: str, processes: Processes, size: int
) -> None:
    """Each process binds one member of every ring to the next one: in each ring one is refused as would_close_loop."""
    submit(ledger, plan())
    rings = range(20)
    edges = [
        [bind(f"{place}-{n}", f"m{n}-{place}", f"m{n}-{(place + 1) % size}", JANUARY) for n in rings]
        for place in range(size)
    ]
    answers = processes.feed_in_step(store_url, *edges)

    for ring in zip(*answers, strict=True):
        assert sorted(ring) == ["bound"] * (size - 1) + ["would_close_loop"]
    referrer_of = referrers(ledger)
    assert not [member for member in referrer_of if is_loop(member, referrer_of)]
    assert_books_agree(ledger)


def test_refunds_of_one_order_never_exceed_what_was_paid(ledger: Ledger, store_url: str, processes: Processes) -> None:
    """Three processes ask for 20 refunds of 0.30 each of an order of 10.00: 33 are recorded, 27 refused."""
    submit(ledger, plan(), bind("b1", "cat", "ben", JANUARY), order("o1", "cat", 1_000, JANUARY))
    asked = [[refund(f"r{k}-{n}", "o1", 30, JANUARY) for n in range(20)] for k in range(WRITERS)]
    answers = processes.feed_in_step(store_url, *asked)

    assert tally(answers) == {"recorded": 33, "exceeds_paid": 27}
    with ledger.log.reading() as session:
        assert sum(row[3] for row in table(session, REFUNDS)) == 990
    assert_books_agree(ledger)


def test_two_shops_and_an_expiry_worker_at_once(
    ledger: Ledger, store_url: str, processes: Processes, history: list[Record]
) -> None:
    """Take-overs and renewals of the same members by two sources, and lapses between them, each recorded once."""
    terms = {"policy": "last_touch", "ttl_days": 20, "protection_days": 3, "renewal": "on_order"}
    submit(ledger, plan(binding=terms))
    facts = [record for record in history if record["type"] != "plan"]
    shops = [partial(feed, facts, size, source) for size, source in ((25, "north"), (60, "south"))]
    processes.run(store_url, *shops, expire_often)
    ledger.expire()

    kinds = Counter(row.topic for row in ledger.log.read())
    for topic in ("BindingExpired", "BindingReleased", "BindingRenewed", "BindingRefused", "OrderRefunded"):
        assert kinds[topic] > 10, topic
    lapses = [row.stream for row in ledger.log.read() if row.topic == "BindingExpired"]
    assert len(lapses) == len(set(lapses))
    assert ledger.expire() == 0
    assert_books_agree(ledger)


# ---- Several projection runners


def test_runners_side_by_side_write_what_one_writes(
    ledger: Ledger, alone: Ledger, store_url: str, processes: Processes, history: list[Record]
) -> None:
    """Every event is projected by exactly one of three workers, and the tables are those of a single one."""
    feed(history, 5_000, "default", ledger)
    shares = processes.run(store_url, *(partial(project, size) for size in (5, 5, 8)))
    Runner(ledger.log, alone.log).catch_up()

    assert sum(shares) == ledger.log.head()
    assert projected(ledger.log) == projected(alone.log)
    assert_books_agree(ledger)
