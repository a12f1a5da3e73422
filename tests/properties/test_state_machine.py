"""Random commands against three stores and a naive model that was written from the rule book alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ledger.application import Ledger
from ledger.clock import format_instant
from ledger.decision_check import check_decisions
from ledger.store.migrate import migrate
from projections.replay.session import replaying
from projections.view import PACKAGES
from tests.builders import bind, commands, order, plan, refund, replayed
from tests.ledger_driver import LedgerDriver
from tests.postgres_server import Databases
from tests.properties.naive import NaiveLedger
from tests.second_engine import assert_same_figures

START = datetime(2026, 1, 1, tzinfo=UTC)
MEMBERS = ("ann", "ben", "cat", "dan", "eve", "zoë")
DAYS = 24
HEALTH_CHECKS: list[HealthCheck] = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
OpenStores = Callable[[], list[Ledger]]

members = st.sampled_from(MEMBERS)
numbers = st.integers(1, 12)
_HALF_DAY = (12).__mul__
_BESIDE = st.sampled_from([0, 0, 0, -1, 1])
# Whole and half days make ties and exact boundaries common; a microsecond beside them finds the closed end.
instants = st.builds(timedelta, hours=st.integers(0, 2 * DAYS).map(_HALF_DAY), microseconds=_BESIDE).map(START.__add__)
texts = instants.map(format_instant)
amounts = st.sampled_from([0, 1, 9, 10, 50, 99, 1_000, 9_990, 12_345])
plans: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "rates_ppm": st.sampled_from(
            [[100_000, 50_000, 20_000], [100_000, 0, 30_000], [150_000], [], [333_333, 50_000, 1]]
        ),
        "hold_days": st.sampled_from([1, 3, 7]),
        "rounding": st.sampled_from(["down", "half_up", "half_even"]),
        "self_purchase": st.sampled_from(["none", "none", "as_level_1"]),
        "binding": st.fixed_dictionaries(
            {
                "policy": st.sampled_from(["first_touch", "last_touch"]),
                "ttl_days": st.sampled_from([None, 1, 3, 5, 5]),
                "protection_days": st.sampled_from([0, 1, 2]),
                "renewal": st.sampled_from(["none", "on_order"]),
            }
        ),
    }
)


class Stores(RuleBasedStateMachine):
    """Feeds the same records, in the same batches, to every store and to the model."""

    def __init__(self, open_stores: OpenStores) -> None:
        super().__init__()
        self.ledgers = open_stores()
        self.drivers = [LedgerDriver(ledger) for ledger in self.ledgers]
        self.model = NaiveLedger()
        self.waiting: list[dict[str, Any]] = []
        # Position of the log after so many records.
        self.known: dict[int, int] = {0: 0}

    @initialize(terms=plans)
    def publish_first(self, terms: dict[str, Any]) -> None:
        """Something is in force from the beginning."""
        self.waiting.append(plan(1, **terms))

    @rule(terms=plans, number=st.integers(1, 4), at=texts)
    def publish(self, terms: dict[str, Any], number: int, at: str) -> None:
        """Next, repeated, missing numbers; also with an effective_from out of order."""
        self.waiting.append(plan(number, effective_from=at, **terms))

    @rule(number=numbers, inviter=members, invitee=st.none() | members, at=texts, expires=st.none() | texts)
    def invite(self, number: int, inviter: str, invitee: str | None, at: str, expires: str | None) -> None:
        """Invites of few ids, so that repeats and conflicts happen."""
        record = {"type": "invite", "id": f"i{number}", "inviter": inviter, "at": at}
        optional = {"invitee": invitee, "expires_at": expires}
        self.waiting.append(record | {key: value for key, value in optional.items() if value is not None})

    @rule(number=st.integers(1, 60), member=members, inviter=members, at=texts, invite=st.none() | numbers)
    def bind(self, number: int, member: str, inviter: str, at: str, invite: int | None) -> None:
        """Binds in any order of time."""
        answered = {} if invite is None else {"invite": f"i{invite}"}
        self.waiting.append(bind(f"b{number}", member, inviter, at, **answered))

    @rule(number=st.integers(1, 20), member=members, at=texts)
    def unbind(self, number: int, member: str, at: str) -> None:
        """Unbinds, early and late."""
        self.waiting.append({"type": "unbind", "id": f"u{number}", "member": member, "at": at, "reason": "asked"})

    @rule(number=st.integers(1, 40), member=members, amount=amounts, at=texts, split=st.booleans())
    def order(self, number: int, member: str, amount: int, at: str, split: bool) -> None:
        """Orders of one line or of two."""
        half = amount // 2
        lines = [
            {"n": 1, "sku": "a", "qty": 1, "amount": half},
            {"n": 5, "sku": "b", "qty": 1, "amount": amount - half},
        ]
        currency = "EUR" if number % 5 == 0 else "GBP"
        self.waiting.append(
            order(f"o{number}", member, amount, at, currency=currency, **({"lines": lines} if split else {}))
        )

    @rule(
        number=st.integers(1, 40),
        of=st.integers(1, 40),
        amount=st.sampled_from([1, 5, 33, 500, 3_333, 9_990]),
        at=texts,
        line=st.sampled_from([None, None, 1, 5]),
        member=st.none() | members,
    )
    def refund(self, number: int, of: int, amount: int, at: str, line: int | None, member: str | None) -> None:
        """Refunds that fit and refunds that do not."""
        named = {key: value for key, value in (("line", line), ("member", member)) if value is not None}
        currency = "EUR" if of % 5 == 0 else "GBP"
        self.waiting.append(refund(f"r{number}", f"o{of}", amount, at, currency=currency, **named))

    @precondition(lambda self: self.waiting)
    @rule()
    def record(self) -> None:
        """One batch for every store; the model takes its records one by one."""
        expected = [self.model.apply(record) for record in self.waiting]
        for ledger in self.ledgers:
            outcomes = ledger.submit(commands(self.waiting))
            found = [(outcome.name, outcome.reason) for outcome in outcomes]
            for record, (name, reason), model in zip(self.waiting, found, expected, strict=True):
                compared = (name, reason if name in {"refused", "retryable"} else None)
                assert compared == (model[0], model[1] if model[0] in {"refused", "retryable"} else None), record
        self.waiting = []
        self.known[self.model.applied] = self.ledgers[0].log.head()

    @rule(as_of=instants)
    def expire(self, as_of: datetime) -> None:
        """A record of lapses changes no answer."""
        counts = {ledger.expire(as_of) for ledger in self.ledgers}
        assert len(counts) == 1
        self.known[self.model.applied] = self.ledgers[0].log.head()

    @precondition(lambda self: not self.waiting)
    @rule(as_of=instants | st.just(START + timedelta(days=400)), data=st.data())
    def ask(self, as_of: datetime, data: st.DataObject) -> None:
        """Balances, digests, levels and teams agree, now and as they were known earlier."""
        self.agree(as_of)
        upto = data.draw(st.sampled_from(sorted(self.known)))
        for ledger in self.ledgers:
            assert replayed(ledger, as_of, self.known[upto]).digest == self.model.digest(as_of, upto)

    @precondition(lambda self: not self.waiting)
    @rule(as_of=instants | st.just(START + timedelta(days=400)), store=st.integers(0, 2), data=st.data())
    def ask_the_second_engine(self, as_of: datetime, store: int, data: st.DataObject) -> None:
        """Every figure, decision and team is the same to the formulation in SQL, whatever it reads the log from."""
        ledger = self.ledgers[store]
        upto = data.draw(st.sampled_from(sorted(self.known)))
        assert_same_figures(ledger, as_of, self.known[upto])
        with replaying(ledger.log, ledger.log.head()) as second:
            for member in MEMBERS:
                team = second.team(as_of, member)
                assert [row.name for row in team if row.direction == "up"] == self.model.upline(member, as_of)
                below = [{row.name for row in team if (row.direction, row.level) == ("down", n)} for n in (1, 2, 3)]
                assert below == self.model.downline(member, as_of)

    def agree(self, as_of: datetime) -> None:
        """Every store answers as the model does."""
        balances = self.model.balances(as_of)
        orders = [stored.record["id"] for stored in self.model.orders]
        for driver in self.drivers:
            found = {(row.member, row.currency): asdict(row) for row in driver.balances(as_of)}
            assert {key: {name: row[name] for name in balances[key]} for key, row in found.items()} == balances
            assert replayed(driver.ledger, as_of).digest == self.model.digest(as_of)
            for order_id in orders:
                assert driver.outcomes(order_id) == self.model.outcomes(order_id), order_id
            for member in MEMBERS:
                assert driver.upline(member, as_of) == self.model.upline(member, as_of)
                assert driver.downline(member, as_of) == self.model.downline(member, as_of)

    def teardown(self) -> None:
        """At the end everything is recorded and asked once more; equal input gave equal logs."""
        if self.waiting:
            self.record()
        for as_of in (START + timedelta(days=DAYS // 2), START + timedelta(days=400)):
            self.agree(as_of)
        roots = {replayed(ledger).content_root for ledger in self.ledgers}
        assert len(roots) == 1
        for ledger in self.ledgers:
            assert list(check_decisions(ledger.log, lambda _: None)) == []
            ledger.close()


def in_memory() -> Ledger:
    """A store that lives as long as its connection."""
    url = f"sqlite:///file:{uuid4().hex}?mode=memory&cache=shared"
    ledger = Ledger(url, actor="test", clock=clock)
    with ledger.log.reading():
        pass
    migrate(url, PACKAGES)
    return ledger


def clock() -> datetime:
    """All stores record at the same time, so that their bytes are the same."""
    return START + timedelta(days=DAYS)


@pytest.fixture
def open_stores(
    tmp_path: Path, sqlite_template: bytes, postgres_server: Databases, postgres_template: str
) -> OpenStores:
    """Opens an empty ledger in memory, in an SQLite file and in PostgreSQL."""
    counter = itertools.count()

    def opened() -> list[Ledger]:
        path = tmp_path / f"{next(counter)}.db"
        path.write_bytes(sqlite_template)
        database = postgres_server.create_database(f"machine_{uuid4().hex}", template=postgres_template)
        urls = [f"sqlite:///{path}", database]
        return [in_memory(), *(Ledger(url, actor="test", clock=clock) for url in urls)]

    return opened


def _run(open_stores: OpenStores, *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", partial(Stores, open_stores)),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=HEALTH_CHECKS,
            print_blob=True,
        ),
    )


def test_three_stores_and_the_model_agree(open_stores: OpenStores) -> None:
    """Same outcomes, balances, levels, teams and digests, whatever the commands and batches."""
    _run(open_stores, examples=15, steps=30)


@pytest.mark.slow
def test_three_stores_and_the_model_agree_for_long(open_stores: OpenStores) -> None:
    """The same over many more and longer histories."""
    _run(open_stores, examples=400, steps=60)
