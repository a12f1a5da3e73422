"""A real year of a shop against an independent oracle, under four expiry policies, on both stores."""

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from ledger.application import Ledger
from tests.builders import LATER, command_from, data_file, live_digest, plan, public_commands, replayed

POLICIES = {"never": None, "30d": 30, "90d": 90, "180d": 180}
MARKS = {"never": pytest.mark.slow, "30d": (), "90d": pytest.mark.slow, "180d": pytest.mark.slow}
OURS = {"rebound": "bound"}


@cache
def _oracle() -> list[dict[str, str]]:
    with gzip.open(data_file("public", "bind_oracle.csv.gz"), "rt") as rows:
        return list(csv.DictReader(rows))


@pytest.mark.parametrize("policy", [pytest.param(policy, marks=MARKS[policy]) for policy in POLICIES])
def test_public_stream_gives_the_oracles_figures(ledger: Ledger, policy: str) -> None:
    """Every bind's outcome, and orders, base, commission, refunds and payees of every level."""
    expected: dict[str, Any] = json.loads(data_file("public", "report.json").read_text())["by_expiry_policy"][policy]
    ledger.submit([command_from(plan(binding={"ttl_days": POLICIES[policy]}))])
    outcomes = [
        (command, outcome)
        for start in range(0, len(public_commands()), 5_000)
        for command, outcome in zip(
            public_commands()[start : start + 5_000],
            ledger.submit(public_commands()[start : start + 5_000]),
            strict=True,
        )
    ]

    column = f"expiry_{policy}"
    binds = {command.id: outcome for command, outcome in outcomes if command.kind == "bind"}
    assert len(binds) == len(_oracle())
    for row in _oracle():
        outcome = binds[row["bind"]]
        assert (outcome.reason or outcome.name) == OURS.get(row[column], row[column]), row["bind"]
    others = Counter(outcome.name for command, outcome in outcomes if command.kind != "bind")
    assert others == {"recorded": 13_229 + 18_521 + 7_609}

    found = replayed(ledger)
    levels = [found.levels["GBP"][level] for level in (1, 2, 3)]
    assert [level.orders for level in levels] == expected["orders_with_level"]
    assert [level.base_minor for level in levels] == expected["order_base_pence"]
    assert [level.commission_minor for level in levels] == expected["commission_10_5_2_floor_per_order_pence"]
    assert [level.refund_base_minor for level in levels] == expected["refund_base_pence"]
    payees = {balance.member for balance in found.balances if balance.earned}
    assert len(payees) == expected["distinct_payees"]
    earned = {balance.member: balance.earned for balance in found.balances}
    top = sorted(earned.items(), key=lambda item: -item[1])[: len(expected["top_payees_pence"])]
    assert [list(item) for item in top] == expected["top_payees_pence"]

    for as_of in (datetime(2011, 11, 30, tzinfo=UTC), LATER):
        assert live_digest(ledger, as_of) == replayed(ledger, as_of).digest
