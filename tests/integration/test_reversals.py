"""Reversals and freezes come in like all inputs: decided by position, once, also within a batch (R-1, R-4, X-1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.application import Ledger
from ledger.commands import command_from
from ledger.decision_check import check_decisions
from ledger.inputs import input_of
from ledger.outcomes import Outcome
from ledger.payouts.state import frozen_of
from tests.builders import freeze, order, plan, refund, reversal, submit

MAY = "2026-05-01T00:00:00Z"
JUNE = "2026-06-01T00:00:00Z"
JULY = "2026-07-01T00:00:00Z"
LINES = [{"n": 1, "sku": "a", "qty": 1, "amount": 400}, {"n": 2, "sku": "b", "qty": 1, "amount": 600}]


@pytest.fixture
def shop(ledger: Ledger) -> Iterator[Ledger]:
    """A plan and an order of 10.00 in two lines; at the end the decision tables are what the log says."""
    submit(ledger, plan(), order("o1", "ben", 1_000, MAY, lines=LINES))
    yield ledger
    assert list(check_decisions(ledger.log, lambda _: None)) == []


def answers(outcomes: list[Outcome]) -> list[str]:
    """Reason of each, or its name."""
    return [outcome.reason or outcome.name for outcome in outcomes]


@pytest.mark.parametrize("together", [True, False])
def test_a_reversed_refund_no_longer_counts(shop: Ledger, together: bool) -> None:
    """R-1: neither for the order nor for the line, whether they come in one batch or one by one."""
    records = [
        refund("r1", "o1", 400, JUNE, line=1),
        refund("r2", "o1", 1, JUNE, line=1),
        refund("r3", "o1", 600, JUNE),
        refund("r4", "o1", 1, JUNE),
        reversal("v1", "r1", JULY),
        refund("r5", "o1", 401, JUNE, line=1),
        refund("r6", "o1", 400, JUNE, line=1),
        refund("r7", "o1", 1, JUNE),
        reversal("v3", "r3", JULY),
        refund("r8", "o1", 601, JUNE),
        refund("r9", "o1", 600, JUNE),
    ]
    batches = [records] if together else [[record] for record in records]
    outcomes = [outcome for batch in batches for outcome in submit(shop, *batch)]
    assert answers(outcomes) == [
        "recorded",
        "exceeds_paid",
        "recorded",
        "exceeds_paid",
        "recorded",
        "exceeds_paid",
        "recorded",
        "exceeds_paid",
        "recorded",
        "exceeds_paid",
        "recorded",
    ]


@pytest.mark.parametrize("together", [True, False])
def test_the_first_reason_against_a_reversal(shop: Ledger, together: bool) -> None:
    """Of a refused refund; of one that was reversed; from before the refund; the same instant is fine."""
    records = [
        refund("r1", "o1", 1_001, JUNE),
        refund("r2", "o1", 100, JUNE),
        refund("r3", "o1", 100, JUNE),
        reversal("v1", "r1", MAY),
        reversal("v2", "r2", MAY),
        reversal("v3", "r2", JUNE),
        reversal("v4", "r2", MAY),
        reversal("v5", "r9", JULY),
        refund("r9", "o1", 100, JUNE),
        reversal("v5", "r9", JULY),
    ]
    batches = [records] if together else [[record] for record in records]
    outcomes = [outcome for batch in batches for outcome in submit(shop, *batch)]
    assert answers(outcomes) == [
        "exceeds_paid",
        "recorded",
        "recorded",
        "refund_refused",
        "before_refund",
        "recorded",
        "already_reversed",
        "unknown_refund",
        "recorded",
        "recorded",
    ]
    assert [outcome.name for outcome in outcomes[3:8]] == ["refused", "refused", "recorded", "refused", "retryable"]


def test_a_reversal_is_final_for_its_id(shop: Ledger) -> None:
    """G-6: again it is a repeat, also when it was refused; with other content a conflict."""
    submit(shop, refund("r1", "o1", 100, JUNE), refund("r2", "o1", 100, JUNE))
    submit(shop, reversal("v1", "r1", JULY), reversal("v2", "r1", JULY))
    outcomes = submit(
        shop,
        reversal("v1", "r1", JULY),
        reversal("v2", "r1", JULY),
        reversal("v1", "r2", JULY),
        reversal("v1", "r1", JULY, reason="chargeback won"),
    )
    assert answers(outcomes) == ["repeat", "repeat", "other_content", "other_content"]


def test_a_reversal_is_of_its_own_source(shop: Ledger) -> None:
    """Ids are unique per source: another source's refund of the same id is another refund."""
    submit(shop, refund("r1", "o1", 100, JUNE))
    assert answers(submit(shop, reversal("v1", "r1", JULY), source="mall")) == ["unknown_refund"]
    submit(shop, order("o1", "ben", 50, MAY), refund("r1", "o1", 50, JUNE), source="mall")
    assert answers(submit(shop, reversal("v1", "r1", JULY), source="mall")) == ["recorded"]
    assert answers(submit(shop, reversal("v1", "r1", JULY))) == ["recorded"]


def test_an_interrupted_run_rejects_again_what_it_rejected(shop: Ledger) -> None:
    """A reversal that came before its refund is not decided anew when the file is fed again."""
    asked = input_of(command_from(reversal("v1", "r1", JULY)), "default")
    submit(shop, refund("r1", "o1", 100, JUNE))
    (outcome,) = shop.review([asked], source="default")
    assert (outcome.name, outcome.reason) == ("retryable", "unknown_refund")


def test_a_rehearsed_reversal_leaves_nothing(shop: Ledger) -> None:
    """A dry run decides it, and records it not."""
    submit(shop, refund("r1", "o1", 1_000, JUNE))
    asked = input_of(command_from(reversal("v1", "r1", JULY)), "default")
    with shop.rehearsing() as rehearsal:
        assert answers(rehearsal.record([asked], source="default")) == ["recorded"]
    assert answers(submit(shop, refund("r2", "o1", 1, JULY))) == ["exceeds_paid"]


def test_the_last_freeze_counts_by_position(shop: Ledger) -> None:
    """Whatever the times say; a second freeze is a second fact."""
    submit(shop, freeze("f1", "ann", JULY), freeze("f1", "ben", MAY, type="unfreeze"), freeze("f2", "cat", MAY))
    submit(shop, freeze("f3", "cat", JUNE), freeze("f4", "ann", MAY, type="unfreeze"))
    assert answers(submit(shop, freeze("f1", "ann", JULY), freeze("f1", "ann", MAY))) == ["repeat", "other_content"]
    with shop.log.writing() as session:
        assert frozen_of(session, ["ann", "ben", "cat", "dan"]) == {"cat"}
    submit(shop, freeze("f5", "ann", MAY))
    with shop.log.writing() as session:
        assert frozen_of(session, ["ann"]) == {"ann"}
