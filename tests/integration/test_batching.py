"""The micro-batcher: many callers with one command each get what one-by-one submission would have given them."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import OperationalError, PersistenceError

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.batching import MicroBatcher
from ledger.commands import AnyCommand, command_from
from ledger.errors import ClosedError, NoPlanError, TimedOutError
from ledger.ids import DEFAULT_SOURCE
from ledger.inputs import AnyInput
from ledger.marks import Mark
from ledger.outcomes import RECORDED, REPEAT, Outcome
from tests.builders import commands, order, plan, submit

THREADS = 64
SOURCES = (DEFAULT_SOURCE, "mall")
PATIENCE_SECONDS = 30
NOW = datetime(2026, 6, 1, tzinfo=UTC)
JUNE = "2026-06-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Batch:
    """What reached the ledger as one transaction."""

    source: str
    inputs: list[AnyInput]
    outcomes: list[Outcome]


@dataclass(slots=True)
class Gate:
    """Lets transactions through, or holds them so that commands gather behind."""

    is_open: threading.Event = field(default_factory=threading.Event)
    is_reached: threading.Event = field(default_factory=threading.Event)


class WatchedLedger(Ledger):
    """A ledger that says what its transactions were, and does what a test wants before each."""

    def __init__(self, url: str, before: Callable[[Sequence[AnyInput]], None] | None = None) -> None:
        super().__init__(url, actor="test", clock=lambda: NOW)
        self.batches: list[Batch] = []
        self._before = before

    def record(
        self, inputs: Sequence[AnyInput], *, source: str, allow_no_plan: bool = False, mark: Mark | None = None
    ) -> list[Outcome]:
        """As it is, and noted."""
        if self._before is not None:
            self._before(inputs)
        outcomes = super().record(inputs, source=source, allow_no_plan=allow_no_plan, mark=mark)
        self.batches.append(Batch(source, list(inputs), outcomes))
        return outcomes


@contextmanager
def gated(
    url: str, *, queue_size_max: int = 100, before: Callable[[Sequence[AnyInput]], None] | None = None
) -> Generator[tuple[Gate, WatchedLedger, MicroBatcher]]:
    """A batcher whose first transaction, of the plan, is under way and held; behind it commands gather."""
    gate = Gate()

    def hold(batch: Sequence[AnyInput]) -> None:
        gate.is_reached.set()
        assert gate.is_open.wait(PATIENCE_SECONDS)
        if before is not None:
            before(batch)

    with closing(WatchedLedger(url, hold)) as ledger, MicroBatcher(ledger, queue_size_max=queue_size_max) as batcher:
        first = in_background(lambda: batcher.submit(command_from(plan())))
        try:
            assert gate.is_reached.wait(PATIENCE_SECONDS)
            yield gate, ledger, batcher
        finally:
            gate.is_open.set()
            first.result(PATIENCE_SECONDS)


def in_background(work: Callable[[], Outcome]) -> Future[Outcome]:
    """What a caller gets, in a thread of its own."""
    with_one = ThreadPoolExecutor(1)
    future = with_one.submit(work)
    with_one.shutdown(wait=False)
    return future


def gather(batcher: MicroBatcher, *records: dict[str, Any], **options: Any) -> list[Future[Outcome]]:
    """One caller for each record, each waiting before the next one comes."""
    futures: list[Future[Outcome]] = []
    for record in records:
        count = waiting(batcher)
        futures.append(in_background(lambda record=record: batcher.submit(command_from(record), **options)))
        wait_until(lambda count=count: waiting(batcher) == count + 1)
    return futures


def waiting(batcher: MicroBatcher) -> int:
    """How many commands wait for their transaction."""
    return len(batcher._queue)  # pyright: ignore[reportPrivateUsage]


def wait_until(done: Callable[[], bool]) -> None:
    """Polls until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def deal(batcher: MicroBatcher, items: Iterable[tuple[AnyCommand, str]]) -> list[tuple[AnyCommand, str, Outcome]]:
    """Sixty-four callers take one command after the other, each the next; a database error is tried again."""
    left, lock, done = iter(items), threading.Lock(), list[tuple[AnyCommand, str, Outcome]]()

    def call() -> None:
        while True:
            with lock:
                item = next(left, None)
            if item is None:
                return
            done.append((*item, submit_until_answered(batcher, *item)))

    with ThreadPoolExecutor(THREADS) as callers:
        for future in [callers.submit(call) for _ in range(THREADS)]:
            future.result()
    return done


def submit_until_answered(batcher: MicroBatcher, command: AnyCommand, source: str) -> Outcome:
    """What a caller does about a database that went away."""
    while True:
        try:
            return batcher.submit(command, source=source)
        except PersistenceError:
            time.sleep(0.01)


def history(count: int) -> list[tuple[AnyCommand, str]]:
    """Records of all kinds from two sources, with repeats, and every tenth order with other content again."""
    shape = Shape(members=60, orders=count, repeat_share_ppm=50_000, late_share_ppm=50_000, retry_share_ppm=50_000)
    facts = [record for record in records(shape) if record["type"] != "plan"]
    orders = [record for record in facts if record["type"] == "order"]
    facts += [{**record, "member": "somebody-else"} for record in orders[::10]]
    return [(command_from(fact), SOURCES[sum(fact.get("order", fact["id"]).encode()) % 2]) for fact in facts]


@pytest.fixture
def other_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A second store, to do the same in one by one."""
    path = tmp_path_factory.mktemp("other") / "ledger.db"
    path.write_bytes(request.getfixturevalue("sqlite_template"))
    return f"sqlite:///{path}"


def test_many_callers_get_what_one_by_one_submission_gives(store_url: str, other_url: str) -> None:
    """64 threads, two sources, repeats and conflicts: replayed one by one as decided, same outcomes, same bytes."""
    items = history(600)
    with closing(WatchedLedger(store_url)) as ledger, closing(WatchedLedger(other_url)) as one_by_one:
        submit(ledger, plan())
        with MicroBatcher(ledger) as batcher:
            answered = deal(batcher, items)
        for batch in ledger.batches:
            alone = [one_by_one.record([asked], source=batch.source)[0] for asked in batch.inputs]
            assert alone == batch.outcomes
        assert list(ledger.log.read()) == list(one_by_one.log.read())
        decided = [
            (asked.stream, asked.content, outcome)
            for batch in ledger.batches[1:]
            for asked, outcome in zip(batch.inputs, batch.outcomes, strict=True)
        ]
        heard = [(command.stream(source), command.content_hash(), outcome) for command, source, outcome in answered]
        assert sorted(map(repr, heard)) == sorted(map(repr, decided))
        assert len(ledger.batches) < len(items) / 4
        assert {"recorded", "bound", "refused", "repeat", "conflict"} <= {outcome.name for _, _, outcome in decided}


def test_one_caller_is_answered_by_a_transaction_of_its_own(store_url: str) -> None:
    """Nobody else there: nothing is waited for, each command is a transaction, in the caller's order."""
    facts = commands([plan(), *(order(f"o{number}", "ben", 100, JUNE) for number in range(20))])
    with closing(WatchedLedger(store_url)) as ledger, MicroBatcher(ledger) as batcher:
        assert {batcher.submit(fact) for fact in facts} == {RECORDED}
        assert [[asked.stream for asked in batch.inputs] for batch in ledger.batches] == [
            [fact.stream(DEFAULT_SOURCE)] for fact in facts
        ]


def test_what_gathers_during_a_commit_is_the_next_transaction(store_url: str) -> None:
    """In order of arrival; of each source one transaction, with its own order kept."""
    with gated(store_url) as (gate, ledger, batcher):
        futures = [
            *gather(batcher, order("o1", "ben", 100, JUNE), order("o2", "ben", 100, JUNE)),
            *gather(batcher, order("o1", "ben", 300, JUNE), source="mall"),
            *gather(batcher, order("o3", "ben", 100, JUNE), order("o1", "ben", 100, JUNE)),
        ]
        gate.is_open.set()
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [RECORDED] * 4 + [REPEAT]
        found = [(batch.source, [asked.id for asked in batch.inputs]) for batch in ledger.batches[1:]]
    assert found == [("default", ["o1", "o2", "o3", "o1"]), ("mall", ["o1"])]


def test_no_plan_is_one_callers_error(store_url: str) -> None:
    """Two of five orders are from before any plan: those two callers hear of it, the others are recorded."""
    early = "2001-01-01T00:00:00Z"
    with gated(store_url) as (gate, ledger, batcher):
        times = [JUNE, early, JUNE, early, JUNE]
        futures = gather(batcher, *(order(f"o{number}", "ben", 100, at) for number, at in enumerate(times)))
        gate.is_open.set()
        errors = [future.exception(PATIENCE_SECONDS) for future in futures]
        outcome = batcher.submit(command_from(order("o1", "ben", 100, early)), allow_no_plan=True)
        streams = [row.stream for row in ledger.log.read()]
    assert [type(error) for error in errors] == [type(None), NoPlanError, type(None), NoPlanError, type(None)]
    assert [(error.record_id, error.index) for error in errors if isinstance(error, NoPlanError)] == [
        ("o1", 0),
        ("o3", 0),
    ]
    assert streams == ["plan-1", "order-o0", "order-o2", "order-o4", "order-o1"]
    assert outcome == RECORDED


def test_a_lost_database_is_every_callers_error(store_url: str) -> None:
    """Each caller of the batch gets an error of its own, nothing is recorded, and the same again is."""
    failures = [OperationalError("the server went away")]
    facts = [order(f"o{number}", "ben", 100, JUNE) for number in range(3)]

    def fail(batch: Sequence[AnyInput]) -> None:
        if len(batch) == len(facts) and failures:
            raise failures.pop()

    with gated(store_url, before=fail) as (gate, ledger, batcher):
        futures = gather(batcher, *facts)
        gate.is_open.set()
        errors = [future.exception(PATIENCE_SECONDS) for future in futures]
        assert [repr(error) for error in errors] == ["OperationalError('the server went away')"] * 3
        assert len({id(error) for error in errors}) == 3
        assert ledger.log.head() == 1
        assert [batcher.submit(command_from(fact)) for fact in facts] == [RECORDED] * 3


def test_a_command_that_breaks_its_batch_breaks_alone(store_url: str) -> None:
    """Something nobody thought of in one command: its caller gets the error, the others their outcomes."""

    def stumble(batch: Sequence[AnyInput]) -> None:
        if any(asked.id == "o1" for asked in batch):
            raise ZeroDivisionError

    with gated(store_url, before=stumble) as (gate, _, batcher):
        futures = gather(batcher, *(order(f"o{number}", "ben", 100, JUNE) for number in range(3)))
        gate.is_open.set()
        assert isinstance(futures[1].exception(PATIENCE_SECONDS), ZeroDivisionError)
        assert [futures[0].result(PATIENCE_SECONDS), futures[2].result(PATIENCE_SECONDS)] == [RECORDED] * 2


def test_connections_cut_again_and_again_lose_nothing(postgres_url: str) -> None:
    """The server ends the connection in the middle, many times: callers try again, each input is there once."""
    facts = commands([order(f"o{number}", "ben", 100, JUNE) for number in range(3_000)])
    is_done = threading.Event()

    def cut() -> int:
        cuts = 0
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while not is_done.wait(0.03):
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                cuts += connection.execute(query + "AND pid <> pg_backend_pid()").rowcount
        return cuts

    with (
        ThreadPoolExecutor(1) as knife,
        closing(Ledger(postgres_url)) as ledger,
        MicroBatcher(ledger) as batcher,
    ):
        submit(ledger, plan())
        cuts = knife.submit(cut)
        try:
            answered = deal(batcher, [(fact, "default") for fact in facts])
        finally:
            is_done.set()
        assert cuts.result() > 1
        assert {outcome.name for _, _, outcome in answered} <= {"recorded", "repeat"}
    with closing(Ledger(postgres_url)) as untouched:
        assert untouched.log.head() == len(facts) + 1


def test_close_decides_what_is_there_and_takes_no_more(store_url: str) -> None:
    """Who waited is answered; who comes later is told so at once, also who waited for a place in the queue."""
    with gated(store_url, queue_size_max=2) as (gate, ledger, batcher):
        futures = gather(batcher, order("o1", "ben", 100, JUNE), order("o2", "ben", 100, JUNE))
        crowded_out = in_background(lambda: batcher.submit(command_from(order("o3", "ben", 100, JUNE))))
        closing_thread = threading.Thread(target=batcher.close)
        closing_thread.start()
        assert isinstance(crowded_out.exception(PATIENCE_SECONDS), ClosedError)
        with pytest.raises(ClosedError, match="'o4' was not recorded: the batcher is closed"):
            batcher.submit(command_from(order("o4", "ben", 100, JUNE)))
        gate.is_open.set()
        closing_thread.join(PATIENCE_SECONDS)
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [RECORDED] * 2
        batcher.close()
        assert ledger.log.head() == 3


def test_a_full_queue_makes_callers_wait_for_a_place(store_url: str) -> None:
    """No place in time: not recorded, and said so; with a place again the same command is."""
    late = command_from(order("o3", "ben", 100, JUNE))
    with gated(store_url, queue_size_max=2) as (gate, _, batcher):
        futures = gather(batcher, order("o1", "ben", 100, JUNE), order("o2", "ben", 100, JUNE))
        with pytest.raises(TimedOutError) as caught:
            batcher.submit(late, timeout_seconds=0.05)
        assert not caught.value.may_be_recorded
        patient = in_background(lambda: batcher.submit(late))
        gate.is_open.set()
        assert patient.result(PATIENCE_SECONDS) == RECORDED
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [RECORDED] * 2


def test_who_gives_up_in_the_queue_leaves_nothing_behind(store_url: str) -> None:
    """The command is taken back before its turn: it is never recorded, its neighbours are."""
    with gated(store_url) as (gate, ledger, batcher):
        futures = gather(batcher, order("o1", "ben", 100, JUNE))
        with pytest.raises(TimedOutError, match="'o2' was not recorded") as caught:
            batcher.submit(command_from(order("o2", "ben", 100, JUNE)), timeout_seconds=0.05)
        futures += gather(batcher, order("o3", "ben", 100, JUNE))
        gate.is_open.set()
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [RECORDED] * 2
        assert not caught.value.may_be_recorded
        assert [row.stream for row in ledger.log.read()] == ["plan-1", "order-o1", "order-o3"]


def test_who_gives_up_too_late_is_told_so(store_url: str) -> None:
    """The transaction was under way: it is recorded all the same, and the same again is a repeat."""
    gate, fact = Gate(), command_from(plan())

    def hold(batch: Sequence[AnyInput]) -> None:
        del batch
        assert gate.is_open.wait(PATIENCE_SECONDS)

    with closing(WatchedLedger(store_url, hold)) as ledger, MicroBatcher(ledger) as batcher:
        with pytest.raises(TimedOutError, match="may have been recorded") as caught:
            batcher.submit(fact, timeout_seconds=0.2)
        assert caught.value.may_be_recorded
        gate.is_open.set()
        assert batcher.submit(fact) == REPEAT
        assert ledger.log.head() == 1


def test_a_bad_source_is_refused_before_anybody_waits(store_url: str) -> None:
    """It is the caller's mistake, seen at once."""
    with (
        closing(Ledger(store_url)) as ledger,
        MicroBatcher(ledger) as batcher,
        pytest.raises(ValueError, match="source"),
    ):
        batcher.submit(command_from(plan()), source="no/source")
