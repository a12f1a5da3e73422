"""A real year of a shop, paid out month by month: failures, retries, returns, late refunds, and books that hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from ledger.ids import stream_of
from ledger.payout_commands import SettlePayout
from ledger.payouts.settling import settle_payouts
from projections.agreement import Means, check_agreed, check_recorded
from projections.balances import Balance, balances_at
from projections.batches import batch_of, batches, payouts_in
from projections.payouts import propose
from projections.postings import every_posting
from projections.reconciliation import reconcile
from projections.verify.trust import Trust
from projections.view import view_at
from tests.builders import command_from, plan, public_commands, replayed
from tests.evidence import verified
from tests.exports import KEY, exported
from tests.finance import Desk, opened

pytestmark = pytest.mark.long_on_postgres

MINIMUM = 2_000
MONTH_ENDS = [datetime(2011, month, 1, tzinfo=UTC) for month in range(1, 13)] + [datetime(2012, 1, 1, tzinfo=UTC)]
FAILED_OF_A_HUNDRED = 2


@pytest.fixture
def people(store_url: str) -> Iterator[Desk]:
    """Finance at an empty ledger."""
    with opened(store_url) as desk:
        yield desk


def test_a_year_paid_month_by_month(people: Desk, tmp_path: Path) -> None:
    """Nobody is paid twice or more than earned; debts are netted; every batch comes out the same again, offline too."""
    chance = Random(2011)  # noqa: S311  # no secret
    people.clock.now = datetime(2010, 12, 1, tzinfo=UTC)
    terms = plan(min_payout={"GBP": MINIMUM}, hold_days=30, at="2010-01-01T00:00:00Z")
    people.clerk.submit([command_from(terms)])
    commands, fed = public_commands(), 0
    returned: set[str] = set()
    for month, end in enumerate(MONTH_ENDS):
        upto = next((index for index in range(fed, len(commands)) if commands[index].at >= end), len(commands))
        for start in range(fed, upto, 5_000):
            people.clock.now = max(people.clock.now, end)
            people.clerk.submit(commands[start : min(upto, start + 5_000)])
        fed = upto
        people.clock.now = end + timedelta(days=1)
        pay(people, f"m{month:02d}", end, chance, returned)
        check_books(people)
    assert fed == len(commands)
    check_the_year(people, returned)
    check_the_bundle(people, tmp_path / "year")


def check_the_bundle(people: Desk, folder: Path) -> None:
    """What an auditor gets, who has neither the store nor the engine that made the tables."""
    assert people.close_period(datetime(2011, 7, 1, tzinfo=UTC)).name == "recorded"
    exported(people.clerk.log, folder, as_of=people.clock.now)
    found = verified(folder, trust=Trust((KEY.verifier,)))
    assert found.report.findings == []
    assert found.verdict == {"integrity": "ok", "re-performed": "yes"}
    rows = (folder / "tables" / "payouts.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 1_000


def pay(people: Desk, batch_id: str, cut_off: datetime, chance: Random, returned: set[str]) -> None:
    """One month: prepared, approved, sent, settled with failures, sent again, and now and then sent back."""
    outcome = people.prepare(batch_id, cut_off)
    if outcome.reason == "nothing_to_pay":
        return
    assert outcome.name == "recorded"
    assert people.prepare(batch_id, cut_off).name == "repeat"
    assert people.approve(batch_id).name == "recorded"
    people.project()
    with people.clerk.log.reading() as session:
        lines = payouts_in(session, batch_of(session, batch_id))
    assert people.send(batch_id, [line.number for line in lines]).name == "recorded"
    people.clock.now += timedelta(days=1)
    failed = {line.number for line in lines if chance.randrange(100) < FAILED_OF_A_HUNDRED}
    said = [
        SettlePayout(
            amount=line.amount_minor,
            at=people.clock.now,
            batch=batch_id,
            currency="GBP",
            no=line.number,
            outcome="failed" if line.number in failed else "paid",
            reason="no such account" if line.number in failed else "",
            reference=None if line.number in failed else f"TX-{line.id}",
        )
        for line in lines
    ]
    assert {outcome.name for outcome in settle_payouts(people.clerk, said)} == {"recorded"}
    assert {outcome.name for outcome in settle_payouts(people.clerk, said)} == {"repeat"}
    amounts = {line.number: line.amount_minor for line in lines}
    for number in sorted(failed):
        # A refund may have come in meanwhile: then the line stays failed, and the next batch pays what is left.
        if people.send(batch_id, [number], attempt=2).name == "recorded":
            paid = people.settle(f"{batch_id}.{number}", "paid", (amounts[number], "GBP"), f"TX2-{batch_id}.{number}")
            assert paid.name == "recorded"
    back = chance.choice([line for line in lines if line.number not in failed])
    reference = f"TX-{back.id}"
    assert people.settle(back.id, "returned", (back.amount_minor, "GBP"), reference).name == "recorded"
    returned.add(stream_of("payout", back.id))


def check_books(people: Desk) -> None:
    """S-1 for everyone, nothing reserved is left over, and nobody has more than what they earned."""
    people.project()
    with people.clerk.log.reading() as session:
        balances = balances_at(session, people.clock.now)
        found = reconcile(session, people.clock.now)
    assert found.findings == []
    for row in balances:
        assert row.earned - row.clawed_back + row.adjusted == row.pending + row.available + row.reserved + row.paid
        assert row.reserved >= 0
        assert 0 <= row.paid <= row.earned
    assert sum(row.paid for row in balances) == sum(row.paid_minor for row in found.batches)


def check_the_year(people: Desk, returned: set[str]) -> None:
    """Debts came about and were netted; batches, replay and postings agree."""
    people.project()
    with people.clerk.log.reading() as session:
        prepared = batches(session)
        balances = balances_at(session, people.clock.now)
        states = Counter(payout.state for batch in prepared for payout in payouts_in(session, batch))
    assert len(prepared) >= 11
    assert states["returned"] == len(returned)
    assert states["paid"] > 1_000
    assert replayed(people.clerk, people.clock.now).balances == balances
    for batch in (prepared[0], prepared[len(prepared) // 2], prepared[-1]):
        with view_at(people.clerk.log, batch.at_position) as (session, _):
            proposal = propose(session, people.clerk.log, batch.currency, batch.cut_off)
        check_agreed(people.clerk.log, proposal, Means())
        with people.clerk.log.reading() as session:
            check_recorded(batch, payouts_in(session, batch), proposal)
    accounts: Counter[str] = Counter()
    for posting in every_posting(people.clerk.log.read()):
        if posting.value_at_us <= people.clock.now.timestamp() * 1_000_000:
            accounts[posting.debit] -= posting.amount_minor
            accounts[posting.credit] += posting.amount_minor
    assert sum(accounts.values()) == 0
    assert accounts["house:payout"] == sum(row.paid for row in balances)
    check_debts(people, balances, accounts)


def check_debts(people: Desk, balances: list[Balance], accounts: Counter[str]) -> None:
    """Some orders were refunded after they were paid out: who has not earned it back since is in debt."""
    for row in balances:
        assert accounts[f"member:{row.member}:available"] == row.available
        assert accounts[f"member:{row.member}:reserved"] == row.reserved == 0
    kinds = Counter(posting.kind for posting in every_posting(people.clerk.log.read()))
    assert kinds["release"] > 0
    in_debt = [row for row in balances if row.available < 0]
    assert in_debt
    assert all(row.paid > 0 for row in in_debt)
