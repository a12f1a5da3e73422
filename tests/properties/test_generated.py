"""Generated histories, with terms of every kind, against the naive model: same outcomes, same digests."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from tests.builders import LATER, commands, live_digest, replayed
from tests.properties.naive import NaiveLedger

QUESTIONS = [datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 10, 5, 12, tzinfo=UTC), LATER]
COMPARED = {"refused", "retryable"}
BATCH = 97


def history(seed: int) -> list[dict[str, Any]]:
    """Half a thousand orders with many late, early and repeated records, under terms drawn from the seed."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    shape = Shape(
        members=60 + seed * 10,
        orders=500,
        seed=seed,
        days=300,
        ttl_days=20 + seed * 10,
        late_share_ppm=60_000,
        retry_share_ppm=30_000,
        repeat_share_ppm=30_000,
        currencies=("GBP", "EUR"),
    )
    items = list(records(shape))
    for item in items:
        if item["type"] == "plan":
            item["binding"] |= {
                "renewal": chance.choice(["none", "on_order"]),
                "policy": chance.choice(["first_touch", "last_touch"]),
                "protection_days": chance.choice([0, 5, 14]),
            }
            item["rounding"] = chance.choice(["down", "half_up", "half_even"])
            item["self_purchase"] = chance.choice(["none", "as_level_1"])
    return items


@pytest.mark.parametrize("seed", range(1, 5))
def test_generated_history_agrees_with_the_model(ledger: Ledger, seed: int) -> None:
    """Every outcome, and the digest live, replayed and modelled at several times."""
    items = history(seed)
    model = NaiveLedger()
    expected = [model.apply(dict(item)) for item in items]
    outcomes = [
        outcome
        for start in range(0, len(items), BATCH)
        for outcome in ledger.submit(commands(items[start : start + BATCH]))
    ]
    for item, (name, reason), outcome in zip(items, expected, outcomes, strict=True):
        found = (outcome.name, outcome.reason if name in COMPARED else None)
        assert found == (name, reason if name in COMPARED else None), item
    for as_of in QUESTIONS:
        assert live_digest(ledger, as_of) == replayed(ledger, as_of).digest == model.digest(as_of)
