"""The tables of a bundle against each other, and against the replay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.tree.hashing import RootBuilder
from projections.figures import Replay
from projections.replay_python import replay
from tests.builders import commands, plan, public_commands, submit
from tests.exports import exported, rows_of
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

SEPTEMBER = datetime(2024, 9, 1, tzinfo=UTC)


@pytest.fixture
def sqlite_ledger(sqlite_url: str) -> Iterator[Ledger]:
    """An empty ledger in a file, for what no store has a part in."""
    with closing(Ledger(sqlite_url, actor="test")) as ledger:
        yield ledger


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders, on each engine."""
    ledger.submit(commands(history(2)))
    ledger.expire()
    return ledger


def test_postings_are_the_balances(fed: Ledger, tmp_path: Path) -> None:
    """Credits less debits of a member's accounts are its balance; over all accounts they are 0 in each currency."""
    for number, as_of in enumerate((datetime(2024, 3, 1, tzinfo=UTC), SEPTEMBER, None)):
        found = exported(fed.log, tmp_path / f"out{number}", as_of=as_of)
        accounts, totals = Counter[tuple[str, str]](), Counter[str]()
        for row in rows_of(found, "postings"):
            for side, sign in (("debit", -1), ("credit", 1)):
                accounts[row[side], row["currency"]] += sign * int(row["amount"])
                totals[row["currency"]] += sign * int(row["amount"])
        balances = rows_of(found, "balances")
        for row in balances:
            for account in ("pending", "available"):
                assert accounts.pop((f"member:{row['member']}:{account}", row["currency"]), 0) == int(row[account])
        assert {account for account, _ in accounts} == {"expense:commission"}
        assert set(totals.values()) == {0}
        root = RootBuilder()
        for row in balances:
            numbers = {name: int(value) for name, value in row.items() if name not in {"member", "currency"}}
            line = {"member": row["member"], "currency": row["currency"], **numbers}
            root.add(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
        assert root.root().hex() == json.loads(found["manifest.json"])["digest"]


def test_outcomes_are_the_postings(fed: Ledger, tmp_path: Path) -> None:
    """Commission less clawbacks of an order's levels is what was kept; one row for each order by T."""
    found = exported(fed.log, tmp_path / "out", as_of=SEPTEMBER)
    kept = Counter[tuple[str, str]]()
    for row in rows_of(found, "postings"):
        kept[row["order"], row["level"]] += {"accrual": 1, "clawback": -1, "maturity": 0}[row["kind"]] * int(
            row["amount"]
        )
    outcomes = rows_of(found, "outcomes")
    for row in outcomes:
        for level in "123":
            assert kept.pop((row["order"], level), 0) == int(row[f"kept_{level}"])
            assert (row[f"outcome_{level}"] == "paid") == (int(row[f"commission_{level}"]) > 0)
    assert not kept
    events = [json.loads(line) for line in found["events.jsonl"].splitlines()]
    orders = [
        event
        for event in events
        if event["type"] == "OrderPlaced" and event["occurred_at"] <= "2024-09-01T00:00:00.000000Z"
    ]
    assert [row["order"] for row in outcomes] == [event["stream"] for event in orders]


def test_public_stream_as_a_bundle(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """A real year of a shop: totals, levels, outcomes, digest and content root are those of the replay."""
    submit(sqlite_ledger, plan())
    given = public_commands()
    for start in range(0, len(given), 5_000):
        sqlite_ledger.submit(given[start : start + 5_000])
    as_of = datetime(2011, 11, 30, tzinfo=UTC)
    found = exported(sqlite_ledger.log, tmp_path / "out", as_of=as_of)
    expected = replay(sqlite_ledger.log.read(), as_of)
    assert_is_naive_manifest(found, expected)
    assert found["events.jsonl"] == b"".join(row.state + b"\n" for row in sqlite_ledger.log.read())
    assert len(rows_of(found, "balances")) == len(expected.balances)


def assert_is_naive_manifest(found: dict[str, bytes], expected: Replay) -> None:
    """The figures of a manifest are those of a replay."""
    manifest = json.loads(found["manifest.json"])
    assert manifest["digest"] == expected.digest
    assert manifest["content_root"] == expected.content_root
    assert manifest["outcomes"] == expected.outcomes
    totals = {currency: row["earned"] for currency, row in manifest["totals"].items()}
    assert totals == {currency: row.earned for currency, row in expected.totals.items()}
    for currency, levels in expected.levels.items():
        for level, row in levels.items():
            assert manifest["levels"][currency][str(level)]["commission_minor"] == row.commission_minor
