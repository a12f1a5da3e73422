"""Payouts, adjustments and reversals on random histories: live tables, replay and naive books agree at any (T, P)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest

from ledger.clock import to_micros
from ledger.rules.payout import lines_hash
from ledger.store.session import Session
from projections.balances import Balance, balances_at, digest
from projections.batches import BatchFound, batches, payouts_in
from projections.member_books import Account
from projections.member_statements import Statement, statement_between, statement_of_period
from projections.payable import payable
from projections.payout_explanation import explain_payout
from projections.payouts import propose
from projections.periods import (
    booked,
    calendar_of,
    closed_periods,
    last_instant,
    trial_balance,
    trial_balance_of_postings,
)
from projections.postings import every_posting, postings
from projections.rebuild import beside
from projections.reconciliation import reconcile
from projections.runner import Runner
from projections.view import view_at
from tests.builders import replayed
from tests.finance import Desk
from tests.naive_books import Entry, NaiveBooks
from tests.payout_histories import HALF_DAY, MEMBERS, START, History, seeds

pytestmark = pytest.mark.long_on_postgres

CODES = ("EUR", "GBP")
STEPS = 250


def naive_of(desk: Desk) -> NaiveBooks:
    """The second opinion on all of the log."""
    return NaiveBooks(row.state for row in desk.clerk.log.read())


def some_instant(history: History) -> datetime:
    """A half day of the history, or a microsecond before it."""
    before = timedelta(microseconds=history.random.choice((0, 0, 1)))
    return START + history.random.randint(0, 2 * STEPS) * HALF_DAY / 2 - before


def amounts(balances: list[Balance]) -> dict[tuple[str, str], dict[str, int]]:
    """Balances as naive books have them."""
    rows = [asdict(balance) for balance in balances]
    return {(row.pop("member"), row.pop("currency")): row for row in rows}


# ---- Balances, payable, postings


@pytest.mark.parametrize("seed", seeds(0, 3))
def test_balances_are_the_same_three_ways_at_any_time_and_position(desk: Desk, store_url: str, seed: int) -> None:
    """And both sides of S-1 are equal, the trial balance is 0, as often as anything is looked at."""
    history = History(desk, seed)
    history.go(STEPS)
    naive, position, head = naive_of(desk), 0, desk.clerk.log.head()
    with closing(beside(store_url)) as room:
        room.make()
        runner = Runner(desk.clerk.log, room.store, batch_size=7)
        while position < head:
            position = min(head, position + history.random.randint(1, 25))
            runner.catch_up(position)
            as_of = some_instant(history)
            with room.store.reading() as session:
                live = balances_at(session, as_of)
                one = balances_at(session, as_of, [history.random.choice(MEMBERS)])
            assert amounts(live) == naive.balances(as_of, position), (as_of, position)
            assert [row for row in live if row.member in {balance.member for balance in one}] == one
            assert digest(live) == naive.digest(as_of, position)
            found = replayed(desk.clerk, as_of, position)
            assert (found.digest, found.balances) == (digest(live), live)
            assert_balanced(live)
        room.drop()


def assert_balanced(live: list[Balance]) -> None:
    """S-1 and S-2."""
    for row in live:
        came, lies = row.earned - row.clawed_back + row.adjusted, row.pending + row.available + row.reserved + row.paid
        assert came == lies
        assert min(row.earned, row.clawed_back) >= 0
    assert all(sum(classes.values()) == 0 for classes in trial_balance(live).values())


@pytest.mark.parametrize("seed", seeds(3, 5))
def test_payable_is_the_same_set_wise_and_one_by_one(desk: Desk, store_url: str, seed: int) -> None:
    """As the naive books say; and never more than is available, unless something was released later than that (X-1)."""
    history = History(desk, seed)
    history.go(STEPS)
    naive, position, head = naive_of(desk), 0, desk.clerk.log.head()
    with closing(beside(store_url)) as room:
        room.make()
        runner = Runner(desk.clerk.log, room.store)
        while position < head:
            position = min(head, position + history.random.randint(10, 40))
            runner.catch_up(position)
            cut_off, currency = some_instant(history), history.random.choice(CODES)
            at = cut_off + history.random.randint(0, 9) * HALF_DAY
            with room.store.reading() as session:
                everyone = payable(session, currency, cut_off)
                singly = payable(session, currency, cut_off, MEMBERS)
                available = {row.member: row.available for row in balances_at(session, at) if row.currency == currency}
            assert everyone == naive.payable(currency, cut_off, position), (cut_off, position)
            assert singly == {member: everyone.get(member, 0) for member in MEMBERS}
            backs = [e.value_at for e in naive.postings(position) if e.kind in {"release", "return"}]
            if all(back <= at for back in backs):
                assert all(minor <= max(0, available.get(member, 0)) for member, minor in everyone.items() if minor > 0)
        room.drop()


@pytest.mark.parametrize("seed", range(5, 8))
def test_postings_are_those_of_the_naive_books_in_the_same_order(sqlite_desk: Desk, seed: int) -> None:
    """And add up to the balances."""
    history = History(sqlite_desk, seed)
    history.go(STEPS)
    naive, rows = naive_of(sqlite_desk), list(sqlite_desk.clerk.log.read())
    for _ in range(10):
        position, as_of = history.random.randint(1, len(rows)), some_instant(history)
        found = [(*one[:3], *one[4:5], *one[6:]) for one in every_posting(rows[:position])]
        assert found == [(*one[1:5], *one[6:]) for one in naive.postings(position)]
        live = replayed(sqlite_desk.clerk, as_of, position).balances
        assert trial_balance_of_postings(postings(rows[:position], as_of)) == trial_balance(live)


# ---- Batches


@pytest.mark.parametrize("seed", seeds(8, 10))
def test_batches_can_be_worked_out_again_and_explained(desk: Desk, seed: int) -> None:
    """At its own (T, P) each has the same lines, digest and left out (X-5); what it is made of makes the amount."""
    history = History(desk, seed)
    history.go(STEPS)
    naive, log = naive_of(desk), desk.clerk.log
    desk.project()
    with log.reading() as session:
        found = batches(session)
        lines = {batch.id: payouts_in(session, batch) for batch in found}
        explained = [explain_payout(session, log, row.id) for rows in lines.values() for row in rows]
        assert reconcile(session, desk.clock.now).findings == []
    assert all(one.prepared_minor == one.payout.amount_minor for one in explained)
    assert any(one.previous for one in explained)
    assert any(one.kind == "release" for row in explained for one in row.contributions)
    for batch in found:
        expected = naive.payable(batch.currency, batch.cut_off, batch.at_position)
        assert all(row.amount_minor == expected[row.member] for row in lines[batch.id])
        assert sum(row.amount_minor for row in lines[batch.id]) == batch.total_minor
        with view_at(log, batch.at_position) as (view, _):
            again = propose(view, log, batch.currency, batch.cut_off)
        details = {row.member: row.details for row in lines[batch.id] if row.details is not None}
        assert (lines_hash(again.detailed(details)), again.digest) == (batch.lines_hash, batch.digest)
        assert (len(again.left_out), again.total_minor, again.plan.plan) == (
            batch.left_out,
            batch.total_minor,
            batch.plan,
        )
        left = {row.member: row.reason for row in again.left_out}
        assert left == why_left_out(naive, batch, {row.member for row in lines[batch.id]})


def why_left_out(naive: NaiveBooks, batch: BatchFound, paid: set[str]) -> dict[str, str]:
    """X-1, from the naive books."""
    frozen: set[str] = set()
    for event in naive.events[: batch.at_position]:
        if event["type"] in {"MemberFrozen", "MemberUnfrozen"}:
            frozen.discard(event["data"]["asked"]["member"])
            if event["type"] == "MemberFrozen":
                frozen.add(event["data"]["asked"]["member"])
    payable_minor = naive.payable(batch.currency, batch.cut_off, batch.at_position)
    reasons: dict[str, str] = {}
    for (member, currency), row in naive.balances(batch.cut_off, batch.at_position).items():
        if currency != batch.currency or member in paid or not (row["pending"] or row["available"] or row["reserved"]):
            continue
        minor = payable_minor.get(member, 0)
        applies = {
            "frozen": member in frozen,
            "debt": minor < 0,
            "below_minimum": minor > 0,
            "reserved": row["reserved"] > 0,
            "on_hold": row["pending"] > 0,
        }
        reasons[member] = next((reason for reason, is_so in applies.items() if is_so), "debt")
    return reasons


# ---- Statements and periods


@pytest.mark.parametrize("seed", seeds(10, 12))
def test_statements_go_from_one_balance_to_the_next(desk: Desk, seed: int) -> None:
    """Between any two instants; the lines add up to what changed."""
    history = History(desk, seed)
    history.go(STEPS)
    desk.project()
    with desk.clerk.log.reading() as session:
        for _ in range(25):
            account = Account(history.random.choice(MEMBERS), history.random.choice(CODES))
            start, end = sorted((some_instant(history), some_instant(history)))
            found = statement_between(session, desk.clerk.log, account, start, end)
            assert found.opening == balance_of(session, account, last_instant(start))
            assert found.closing == balance_of(session, account, last_instant(end))
            assert_adds_up(found)
            whole = statement_between(session, desk.clerk.log, account, None, end)
            assert (whole.opening, whole.closing) == (Balance(**account._asdict()), found.closing)
            assert whole.lines[len(whole.lines) - len(found.lines) :] == found.lines


def balance_of(session: Session, account: Account, as_of: datetime) -> Balance:
    """The live balance, of zeros where there is none."""
    rows = balances_at(session, as_of, [account.member])
    return next((row for row in rows if row.currency == account.currency), Balance(**account._asdict()))


def assert_adds_up(found: Statement) -> None:
    """Opening and lines make the closing balance."""
    for part in ("pending", "available", "reserved"):
        changes = sum(getattr(line, f"{part}_minor") for line in found.lines)
        assert getattr(found.opening, part) + changes == getattr(found.closing, part)


@pytest.mark.parametrize("seed", seeds(12, 14))
def test_closed_periods_never_change(desk: Desk, seed: int) -> None:
    """Statements and postings of a closed period are the same after every step; they sum up to what the close says."""
    history, log = History(desk, seed), desk.clerk.log
    closed: dict[datetime, tuple[list[object], list[Statement]]] = {}
    for _ in range(10):
        history.go(STEPS // 10)
        desk.project()
        with log.reading() as session:
            for period in closed_periods(session):
                now = list(of_period(desk, session, period.end)), list(statements(desk, session, period.end))
                assert closed.setdefault(period.end, now) == now, period.end
    assert len(closed) >= 2
    with log.reading() as session:
        assert_books_of_periods(desk, session)
        for member in MEMBERS:
            account, now = Account(member, "GBP"), desk.clock.now
            still_open = statement_of_period(session, log, account, None, now)
            assert (still_open.start, still_open.end) == (max(closed), None)
            assert still_open.closing == balance_of(session, account, now)
            assert_adds_up(still_open)


def of_period(desk: Desk, session: Session, end: datetime) -> Iterator[object]:
    """The postings of one closed period."""
    rows = booked(desk.clerk.log.read(), calendar_of(session))
    return (row for row in rows if row.period_us == to_micros(end))


def statements(desk: Desk, session: Session, end: datetime) -> Iterator[Statement]:
    """Everybody's statement of a closed period, whatever the position they are asked at."""
    for member in MEMBERS:
        found = statement_of_period(session, desk.clerk.log, Account(member, "GBP"), end, START)
        assert_adds_up(found)
        yield replace(found, at_position=0)


def assert_books_of_periods(desk: Desk, session: Session) -> None:
    """What each period's postings come to, with those before it, is what its close says, and the naive books."""
    log, naive, calendar = desk.clerk.log, naive_of(desk), calendar_of(session)
    rows = list(booked(log.read(), calendar))
    late = 0
    for period in closed_periods(session):
        end, at_position = period.end, period.at_position
        said = json.loads(period.trial_balance)
        micros = to_micros(end)
        known = [row.posting for row in rows if row.period_us is not None and row.period_us <= micros]
        assert trial_balance_of_postings(known) == said
        expected = naive.trial_balance(at_position, before(end))
        assert {code: {name: minor for name, minor in row.items() if minor} for code, row in said.items()} == {
            code: {name: minor for name, minor in row.items() if minor} for code, row in expected.items()
        }
        assert replayed(desk.clerk, last_instant(end), at_position).digest == period.digest
        late += sum(1 for row in rows if row.belongs_us == micros != row.period_us)
    assert late > 0


def before(end: datetime) -> Callable[[Entry], bool]:
    """Whether an entry of the naive books counts before an instant."""
    return lambda entry: entry.value_at < end
