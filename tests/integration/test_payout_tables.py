"""The live side of payouts on both stores: at the head inside a decision, rebuilt, looked back on, reconciled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledger.errors import NotFoundError, RefusedError
from ledger.outcomes import Outcome
from ledger.payout_commands import PrepareBatch
from ledger.payouts.approving import approve
from ledger.payouts.payable import Question
from ledger.payouts.preparing import prepare
from ledger.payouts.sending import PaymentFile, send, to_send
from ledger.store.session import Session
from ledger.tree.hashing import root_of
from projections.adjustments import adjustments, freezes, frozen_now
from projections.balances import balances_at, digest
from projections.batches import PayoutFound, batch_of, batches, payout_of, payouts_in, payouts_of, steps_of
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.explanation import explain_member, explain_order
from projections.head import bring_to_head
from projections.member_books import Account
from projections.member_statements import statement_of_period
from projections.payable import BehindError, payable_at_head, payable_in_snapshot
from projections.payout_explanation import explain_payout
from projections.payouts import NotPaidOutError, propose
from projections.periods import closed_periods
from projections.rebuild import Rebuild, beside
from projections.reconciliation import AgeClass, reconcile
from projections.runner import Runner
from projections.tree import catch_up as integrate_all
from projections.view import view_at
from tests.builders import LATER, adjustment, bind, freeze, order, plan, refund, replayed, reversal
from tests.finance import Desk
from tests.payout_histories import History

pytestmark = pytest.mark.long_on_postgres

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """A day of January 2026."""
    return JANUARY + timedelta(days=number - 1)


def funded(desk: Desk, **amounts: int) -> None:
    """Members with money from adjustments, on 2 January; a plan that pays out from 1.00 on."""
    desk.clock.now = day(2)
    records = [adjustment(f"fund-{name}", name, minor, day(2).isoformat()) for name, minor in amounts.items()]
    desk.record(plan(min_payout={"GBP": 100}), *records)
    for name in amounts:
        assert desk.post(f"fund-{name}").name == "recorded"


def reserved(desk: Desk, **amounts: int) -> None:
    """Batch B1 of all of it, approved on 3 January."""
    funded(desk, **amounts)
    desk.clock.now = day(3)
    assert desk.prepare("B1", day(3)).name == "recorded"
    assert desk.approve("B1").name == "recorded"


# ---- At the head, inside a decision


def test_a_decision_counts_what_nobody_projected_yet(desk: Desk) -> None:
    """The tables are at the head of the log as the decision found it, and not a position further."""
    funded(desk, ann=300, ben=300)
    assert desk.prepare("B1", day(2)).name == "recorded"
    desk.record(adjustment("a1", "ann", -1, day(2).isoformat()))
    desk.post("a1")
    head = desk.clerk.log.head()
    with desk.clerk.log.reading() as session:
        assert checkpoint(session, NAME) < head
    assert desk.approve("B1").name == "recorded"
    with desk.clerk.log.reading() as session:
        assert checkpoint(session, NAME) == head
    desk.project()
    with desk.clerk.log.reading() as session:
        assert [(row.member, row.state) for row in payouts_in(session, batch_of(session, "B1"))] == [
            ("ann", "dropped"),
            ("ben", "reserved"),
        ]


def test_what_was_projected_in_a_transaction_that_is_rolled_back_is_not(desk: Desk) -> None:
    """The checkpoint stays, and the next runner does it."""
    funded(desk, ann=300)

    def decide_nothing() -> None:
        with desk.clerk.log.appending() as append:
            bring_to_head(append.session)
            assert checkpoint(append.session, NAME) == append.head
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        decide_nothing()
    with desk.clerk.log.reading() as session:
        assert checkpoint(session, NAME) == 0
    desk.project()
    assert_projected(desk)


def test_members_of_a_large_batch_are_asked_for_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers; on PostgreSQL the transaction plans as before afterwards."""
    funded(desk, ann=300, ben=50, cat=300)
    members = ["ann", "ben", "cat", "dan"]
    with desk.clerk.log.appending() as append:
        question = Question("GBP", day(2), append.head, members)
        singly = payable_at_head(append.session, question)
        monkeypatch.setattr("projections.payable.ASKED_SINGLY_MAX", 3)
        together = payable_at_head(append.session, question)
        assert {member: together.get(member, 0) for member in members} == singly
        assert singly == {"ann": 300, "ben": 50, "cat": 300, "dan": 0}
    assert desk.prepare("B1", day(2)).name == "recorded"
    assert desk.approve("B1").name == "recorded"


def test_a_reader_is_told_when_the_tables_are_not_where_it_asks(desk: Desk) -> None:
    """It can bring them there and ask again; nothing is answered from an older position."""
    reserved(desk, ann=300)
    desk.send("B1", [1])
    desk.settle("B1.1", "failed", (300, "GBP"))
    with pytest.raises(BehindError, match="not at"):
        to_send(desk.clerk, "B1", 2, payable_in_snapshot)
    desk.project()
    assert [line.member for line in to_send(desk.clerk, "B1", 2, payable_in_snapshot).lines] == ["ann"]


def test_a_worker_and_decisions_at_the_same_time(desk: Desk) -> None:
    """Whoever comes second goes on from where the other one is; in the end the tables are what the log says."""
    funded(desk, **{f"m{number:02}": 300 + number for number in range(12)})
    stop, errors = threading.Event(), list[BaseException]()
    worker = threading.Thread(target=keep_projecting, args=(desk, stop, errors))
    worker.start()
    for number in range(8):
        desk.clock.now += timedelta(hours=1)
        money = adjustment(f"more-{number}", f"m{number:02}", 1_000, desk.clock.now.isoformat())
        desk.record(money, order(f"o{number}", "m00", 5_000, desk.clock.now.isoformat()))
        assert desk.post(f"more-{number}").name == "recorded"
        assert desk.prepare(f"B{number}", desk.clock.now).name == "recorded"
        assert desk.approve(f"B{number}").name == "recorded"
    stop.set()
    worker.join()
    assert errors == []
    desk.project()
    assert_projected(desk)


def keep_projecting(desk: Desk, stop: threading.Event, errors: list[BaseException]) -> None:
    """A worker of its own."""
    other = Desk(desk.clerk, desk.chief, desk.clock)
    try:
        while not stop.is_set():
            other.project()
    except BaseException as error:  # noqa: BLE001  # told to whoever waits
        errors.append(error)


def assert_projected(desk: Desk) -> None:
    """The tables stand at the head, and are what the log says."""
    with desk.clerk.log.reading() as session:
        assert checkpoint(session, NAME) == desk.clerk.log.head()
        assert digest(balances_at(session, LATER)) == replayed(desk.clerk).digest


# ---- Batches, payouts, what is behind them


def test_every_step_of_a_payout_is_shown_as_it_was_known_then(desk: Desk) -> None:
    """States, attempts, references and times, now and at every earlier position."""
    reserved(desk, ann=300)
    log, states, live = desk.clerk.log, list[int](), list[PayoutFound]()

    def note() -> None:
        desk.project()
        states.append(log.head())
        with log.reading() as session:
            live.append(payout_of(session, "B1.1"))

    def then(at: int, decide: Callable[[], Outcome]) -> None:
        desk.clock.now = day(at)
        assert decide().name == "recorded"
        note()

    note()
    then(4, lambda: desk.send("B1", [1]))
    then(5, lambda: desk.settle("B1.1", "unknown", (300, "GBP")))
    then(6, lambda: desk.settle("B1.1", "failed", (300, "GBP"), "F1"))
    then(7, lambda: desk.send("B1", [1], 2))
    then(8, lambda: desk.settle("B1.1", "paid", (300, "GBP"), "P2"))
    then(9, lambda: desk.settle("B1.1", "returned", (300, "GBP"), "R2"))
    for position, row in zip(states, live, strict=True):
        with view_at(log, position) as (session, _):
            assert payout_of(session, "B1.1") == row
    assert [(row.state, row.attempt, row.reference, row.since.day) for row in live] == [
        ("reserved", None, None, 3),
        ("submitted", 1, None, 4),
        ("unknown", 1, None, 5),
        ("failed", 1, "F1", 6),
        ("submitted", 2, "F1", 7),
        ("paid", 2, "P2", 8),
        ("returned", 2, "R2", 9),
    ]
    desk.project()
    with log.reading() as session:
        steps = [
            (step.kind, step.attempt, step.value_at and step.value_at.day, step.reference, bool(step.file))
            for step in steps_of(session, payout_of(session, "B1.1"))
        ]
        assert payouts_of(session, "ann") == [payout_of(session, "B1.1")]
    assert steps == [
        ("submitted", 1, None, None, True),
        ("unknown", 1, None, None, False),
        ("failed", 1, 6, "F1", False),
        ("submitted", 2, 7, None, True),
        ("paid", 2, 8, "P2", False),
        ("returned", 2, 9, "R2", False),
    ]


def test_batches_say_what_was_prepared_decided_and_is_left(desk: Desk) -> None:
    """Of one currency or all; approved, rejected and waiting."""
    reserved(desk, ann=300, ben=400)
    desk.record(adjustment("a1", "cat", 700, day(3).isoformat()))
    desk.post("a1")
    desk.clock.now = day(4)
    assert desk.prepare("B2", day(3)).name == "recorded"
    assert desk.reject("B2").name == "recorded"
    assert desk.prepare("B3", day(4)).name == "recorded"
    desk.send("B1", [1])
    desk.project()
    with desk.clerk.log.reading() as session:
        one, two, three = batches(session, "GBP")
        assert batches(session, "EUR") == []
        assert [batch_of(session, name) for name in ("B1", "B2", "B3")] == [one, two, three]
    assert (one.state, one.lines, one.total_minor, one.reserved_lines, one.reserved_minor) == (
        "approved",
        2,
        700,
        2,
        700,
    )
    assert {state: (row.payouts, row.total_minor) for state, row in one.by_state.items()} == {
        "submitted": (1, 300),
        "reserved": (1, 400),
    }
    assert (two.state, two.decided_reason, two.reserved_minor) == ("rejected", "not now", None)
    assert (three.state, three.cut_off, three.decided_at, three.left_out) == ("prepared", day(4), None, 2)
    assert {"rejected", "prepared"} == {*two.by_state, *three.by_state}


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    """Batches, payouts and periods by wrong names, of another source, or at an earlier position."""
    reserved(desk, ann=300)
    desk.project()
    log = desk.clerk.log
    with log.reading() as session:
        for name in ("B1", "B1.2", "B1.01", "B1.x", "B2.1", ".1", f"B1.{'9' * 30}"):
            with pytest.raises(NotFoundError):
                payout_of(session, name)
        with pytest.raises(NotFoundError):
            batch_of(session, "B1", "shop")
        with pytest.raises(NotFoundError):
            explain_payout(session, log, "B1.1", "shop")
        with pytest.raises(NotFoundError, match="no period"):
            statement_of_period(session, log, Account("ann", "GBP"), day(2), day(3))
    with view_at(log, 2) as (session, _), pytest.raises(NotFoundError):
        batch_of(session, "B1")


def test_a_batch_of_another_source_has_its_own_names(desk: Desk) -> None:
    """The same id twice: each is found by its source, and its payouts too."""
    reserved(desk, ann=300, ben=300)
    desk.record(adjustment("a1", "cat", 700, day(3).isoformat()))
    desk.post("a1")
    desk.project()
    with desk.clerk.log.reading() as session:
        draft = propose(session, desk.clerk.log, "GBP", day(3)).draft({"cat": "c" * 64}, "5" * 32)
    command = PrepareBatch(at=desk.clock.now, currency="GBP", cut_off=day(3), id="B1")
    assert prepare(desk.clerk, command, draft, source="shop").name == "recorded"
    assert approve(desk.chief, "B1", payable_at_head, source="shop").outcome.name == "recorded"
    sent = send(desk.clerk, "B1", PaymentFile(1, "ab" * 32, [1]), payable_at_head, source="shop")
    assert sent.outcome.name == "recorded"
    desk.project()
    with desk.clerk.log.reading() as session:
        mine, theirs = payout_of(session, "B1.1"), payout_of(session, "B1.1", "shop")
        assert (mine.member, mine.state, theirs.member, theirs.state) == ("ann", "reserved", "cat", "submitted")
        assert (theirs.details, batch_of(session, "B1", "shop").salt) == ("c" * 64, "5" * 32)
        parts = explain_payout(session, desk.clerk.log, "B1.1", "shop").contributions
        assert [(part.kind, part.stream) for part in parts] == [("adjustment", "adjustment-a1")]


def test_nothing_is_proposed_without_a_plan_or_a_minimum(desk: Desk) -> None:
    """The reason is a word, and it is known before anything is computed."""
    desk.record(plan(effective_from="2026-01-02T00:00:00Z", min_payout={"GBP": 100}))
    desk.project()
    for cut_off, currency, code in ((day(1), "GBP", "no_plan"), (day(2), "EUR", "no_minimum")):
        with desk.clerk.log.reading() as session, pytest.raises(NotPaidOutError) as raised:
            propose(session, desk.clerk.log, currency, cut_off)
        assert (raised.value.code, isinstance(raised.value, RefusedError)) == (code, True)


def test_the_plan_of_a_batch_is_the_one_known_at_its_position(desk: Desk) -> None:
    """A plan recorded later, in force from an earlier instant, does not lower the minimum of what was computed."""
    funded(desk, ann=300, ben=60)
    desk.project()
    position = desk.clerk.log.head()
    desk.record(plan(2, effective_from=day(2).isoformat(), min_payout={"GBP": 50}))
    desk.project()
    paid: list[list[str]] = []
    for at_position in (position, None):
        with view_at(desk.clerk.log, at_position) as (session, _):
            paid.append([line.member for line in propose(session, desk.clerk.log, "GBP", day(2)).lines])
    assert paid == [["ann"], ["ann", "ben"]]


def test_explanations_show_reversals_adjustments_payouts_and_freezes(desk: Desk) -> None:
    """An order's refund and what was given back; all that a member's balance is made of."""
    desk.clock.now = day(20)
    desk.record(
        plan(hold_days=1, min_payout={"GBP": 100}),
        bind("b1", "ben", "ann", day(1).isoformat()),
        order("o1", "ben", 10_000, day(2).isoformat()),
        refund("r1", "o1", 4_000, day(5).isoformat()),
        reversal("v1", "r1", day(6).isoformat()),
        adjustment("a1", "ann", -50, day(7).isoformat()),
        adjustment("a2", "zoe", 5, day(7).isoformat()),
        freeze("f1", "zoe", day(8).isoformat()),
        freeze("u1", "zoe", day(9).isoformat(), type="unfreeze"),
        freeze("f2", "ann", day(9).isoformat()),
    )
    desk.post("a1")
    desk.project()
    log = desk.clerk.log
    with log.reading() as session:
        shown = explain_order(session, log, "o1", "default", LATER)
        ann, zoe = explain_member(session, "ann", LATER), explain_member(session, "zoe", LATER)
        assert [row.member for row in frozen_now(session)] == ["ann"]
        assert len(freezes(session)) == 3
        assert [(row.id, row.state, row.decided_by is not None) for row in adjustments(session)] == [
            ("a1", "posted", True),
            ("a2", "proposed", False),
        ]
    assert [(row.refund, row.reverses, row.amount_minor, row.left_minor) for row in shown.refunds] == [
        ("refund-r1", None, 4_000, 6_000),
        ("reversal-v1", "refund-r1", -4_000, 10_000),
    ]
    assert [row.kept_minor for row in shown.levels] == [1_000, 0, 0]
    assert [row.clawed_back_minor for row in ann.accruals] == [0]
    assert ([row.id for row in ann.adjustments], ann.payouts) == (["a1"], [])
    assert [row.is_frozen for row in zoe.freezes] == [True, False]
    assert (zoe.balances, [row.id for row in zoe.adjustments]) == ([], ["a2"])


# ---- Reconciled


def test_what_is_open_is_shown_by_age(desk: Desk) -> None:
    """Reserved, sent and unknown are open; paid, failed and returned are not."""
    reserved(desk, ann=100, ben=200, cat=300, dan=400, eve=500)
    desk.send("B1", [1, 2, 3, 4])
    desk.clock.now = day(5)
    desk.settle("B1.1", "paid", (100, "GBP"), "P1")
    desk.settle("B1.2", "failed", (200, "GBP"))
    desk.clock.now = day(9)
    desk.settle("B1.3", "unknown", (300, "GBP"))
    desk.project()
    with desk.clerk.log.reading() as session:
        found = reconcile(session, day(10))
    assert found.findings == []
    assert [(row.payout.id, row.payout.state, row.age.days) for row in found.open] == [
        ("B1.4", "submitted", 7),
        ("B1.5", "reserved", 7),
        ("B1.3", "unknown", 1),
    ]
    assert {key: (row.payouts, row.total_minor) for key, row in found.ages.items()} == {
        AgeClass("GBP", "submitted", 7): (1, 400),
        AgeClass("GBP", "reserved", 7): (1, 500),
        AgeClass("GBP", "unknown", 1): (1, 300),
    }
    (batch,) = found.batches
    sides = (batch.approved_minor, batch.open_minor, batch.paid_minor, batch.failed_minor, batch.returned_minor)
    assert (sides, tuple(batch.posted), batch.is_settled) == ((1_500, 1_200, 100, 200, 0), (1_200, 100), False)
    with desk.clerk.log.reading() as session:
        old = reconcile(session, day(10) + timedelta(days=40))
    assert {key.days for key in old.ages} == {None}


DAMAGES = {
    "UPDATE payout SET state = 'paid' WHERE no = 2": ("batch B1, ledger", "accounts in GBP"),
    "UPDATE payout SET amount_minor = 1 WHERE no = 2": ("batch B1, payouts",),
    "UPDATE balance SET reserved_minor = reserved_minor + 1 WHERE member = 'ben'": ("accounts in GBP",),
    "UPDATE payout_step SET paid_minor = 99 WHERE paid_minor > 0": ("batch B1, ledger",),
    "DELETE FROM payout WHERE no = 2": ("batch B1, payouts", "accounts in GBP"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_sides_that_differ_are_found(desk: Desk, store_url: str, damage: str) -> None:
    """Each of the three against the others."""
    reserved(desk, ann=100, ben=200)
    desk.send("B1", [1, 2])
    desk.settle("B1.1", "paid", (100, "GBP"), "P1")
    desk.project()
    changed(desk, store_url, damage)
    with desk.clerk.log.reading() as session:
        places = {finding.subject for finding in reconcile(session, day(9)).findings}
    assert set(DAMAGES[damage]) <= places


def changed(desk: Desk, url: str, statement: str) -> None:
    """Changes live tables behind the ledger's back."""
    if url.startswith("sqlite"):
        with desk.clerk.log.writing() as session:
            session._cursor.execute(statement)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        return
    with psycopg.connect(url) as server:
        server.execute(statement.encode())


# ---- Rebuilt


@pytest.mark.parametrize(
    "damage",
    [
        None,
        "UPDATE balance SET adjusted_minor = adjusted_minor + 1 WHERE member = 'ann'",
        "UPDATE balance SET movements = movements + 1 WHERE member = 'ann'",
        "UPDATE adjustment SET state = 'posted' WHERE state = 'rejected'",
        "UPDATE member_freeze SET is_frozen = 1 - is_frozen",
        "UPDATE payout_batch SET total_minor = total_minor + 1",
        "UPDATE payout SET amount_minor = amount_minor + 1",
        "DELETE FROM payout_step",
        "UPDATE period_close SET at_position = at_position + 1",
        "UPDATE order_refund SET reverses = NULL",
    ],
)
def test_a_rebuild_covers_every_table(desk: Desk, store_url: str, damage: str | None) -> None:
    """The same events make the same rows, however they are cut into batches; what differs is found and put right."""
    history = History(desk, 0)
    history.go(200)
    desk.project()
    if damage is not None:
        changed(desk, store_url, damage)
    with closing(beside(store_url)) as room:
        rebuild = Rebuild(desk.clerk.log, room)
        rebuild.fill()
        assert rebuild.compare(LATER).is_equal == (damage is None)
        rebuild.swap(None, lambda _: None)
    desk.project()
    assert_projected(desk)
    with closing(beside(store_url)) as room:
        again = Rebuild(desk.clerk.log, room)
        again.fill()
        assert again.compare(LATER).is_equal
        room.drop()


def test_the_log_read_ahead_by_another_process_gives_the_same(
    desk: Desk, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of change crosses the pipe as it is."""
    History(desk, 1).go(200)
    monkeypatch.setattr("projections.runner.EVENTS_MIN", 10)
    monkeypatch.setattr("projections.runner.PIECE_SIZE", 10)
    desk.project()
    with closing(beside(store_url)) as room:
        room.make()
        runner = Runner(desk.clerk.log, room.store, batch_size=50)
        assert runner.step() == 50
        assert runner._ahead is not None  # pyright: ignore[reportPrivateUsage]
        runner.catch_up()
        with room.comparing() as (session, _):
            assert tables(session) == tables_of(desk)
        room.drop()


def tables(session: Session) -> list[object]:
    """What the tables of payouts say."""
    found = batches(session)
    rows = [payouts_in(session, batch) for batch in found]
    steps = [steps_of(session, row) for payouts in rows for row in payouts]
    return [found, rows, steps, adjustments(session), freezes(session), closed_periods(session)]


def tables_of(desk: Desk) -> list[object]:
    """Those of the live ones."""
    with desk.clerk.log.reading() as session:
        return tables(session)


# ---- Periods


@pytest.mark.parametrize("is_integrated", [True, False])
def test_a_close_has_the_root_of_the_log_and_the_digest_of_its_end(desk: Desk, *, is_integrated: bool) -> None:
    """Whether the tree is kept up or not; what is dated at the very end is of the next period."""
    desk.clock.now = day(20)
    desk.record(
        plan(hold_days=3),
        bind("b1", "ben", "ann", day(1).isoformat()),
        order("o1", "ben", 10_000, day(2).isoformat()),
        order("o2", "ben", 20_000, day(10).isoformat()),
    )
    if is_integrated:
        integrate_all(desk.clerk.log)
        desk.record(order("o3", "ben", 70, day(3).isoformat()))
    assert desk.close_period(day(10)).name == "recorded"
    desk.project()
    with desk.clerk.log.reading() as session:
        (period,) = closed_periods(session)
    states = [row.state for row in desk.clerk.log.read(upto=period.at_position)]
    assert period.root == root_of(states).hex()
    assert (period.at_position, period.end) == (desk.clerk.log.head() - 1, day(10))
    before = replayed(desk.clerk, day(10) - timedelta(microseconds=1), period.at_position)
    assert (period.digest, [row.earned for row in before.balances]) == (
        before.digest,
        [1_007 if is_integrated else 1_000],
    )


def test_a_late_fact_stands_on_the_statement_of_the_open_period(desk: Desk) -> None:
    """With the period it belongs to; what it takes of a maturity that was closed is a line of its own."""
    desk.clock.now = day(12)
    desk.record(
        plan(hold_days=3), bind("b1", "ben", "ann", day(1).isoformat()), order("o1", "ben", 10_000, day(2).isoformat())
    )
    assert desk.close_period(day(10)).name == "recorded"
    desk.record(refund("r1", "o1", 4_000, day(3).isoformat()), order("o2", "ben", 90, day(11).isoformat()))
    desk.project()
    account, log = Account("ann", "GBP"), desk.clerk.log
    with log.reading() as session:
        closed, still_open = (statement_of_period(session, log, account, end, day(12)) for end in (day(10), None))
    assert [(line.posting.kind, line.balance_minor) for line in closed.lines] == [("accrual", 1_000), ("maturity", 0)]
    assert (closed.closing.available, still_open.opening) == (1_000, closed.closing)
    late = [
        (line.posting.kind, line.posting.stream, line.pending_minor, line.available_minor, line.belongs_end)
        for line in still_open.lines
    ]
    assert late == [
        ("clawback", "refund-r1", -400, 0, day(10)),
        ("maturity", "order-o1", 400, -400, day(10)),
        ("accrual", "order-o2", 9, 0, None),
    ]
    (commission,) = {line.earned for line in closed.lines}
    assert commission is not None
    assert (commission.level, commission.rate_ppm, commission.base_minor, commission.remainder_ppm) == (
        1,
        100_000,
        10_000,
        0,
    )
    assert (still_open.closing.pending, still_open.closing.available) == (9, 600)
