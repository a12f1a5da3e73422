"""The decision tables of reversals, freezes, batches and references: damage is named, and mended from the log."""

from __future__ import annotations

from typing import LiteralString

import pytest

from ledger.decision_check import check_decisions, mend_decisions
from ledger.errors import IntegrityError
from ledger.findings import Finding
from ledger.payouts.approving import reject
from tests.builders import freeze, order, refund, reversal, submit
from tests.integration.test_append_only import connected
from tests.payout_desk import Desk, said, staffed_desk

AT = "2026-02-01T00:00:00Z"

# A change of a row, what it is about, and what is wrong with it.
DAMAGE: dict[str, tuple[LiteralString, str, str]] = {
    "a lost reversal": ("DELETE FROM decision_reversal", "refund-r1 at position", "is missing"),
    "a moved reversal": ("UPDATE decision_reversal SET position = 999", "refund-r1 at position", "is missing"),
    "a refund that was not given back": (
        "DELETE FROM decision_refund WHERE amount_minor < 0",
        "order-o1",
        "is missing",
    ),
    "a lost freeze": ("DELETE FROM decision_freeze WHERE is_frozen = 1", "ann at position", "is missing"),
    "a thawed freeze": (
        "UPDATE decision_freeze SET is_frozen = 0 WHERE is_frozen = 1",
        "ann at position",
        "is_frozen is 0 instead of 1",
    ),
    "a lost batch": ("DELETE FROM decision_batch WHERE batch = 'batch-b2' AND currency = 'EUR'", "EUR", "is missing"),
    "another batch": (
        "UPDATE decision_batch SET batch = 'batch-b9' WHERE currency = 'EUR'",
        "EUR at position",
        "batch is batch-b9 instead of batch-b2",
    ),
    "a batch nobody prepared": ("INSERT INTO decision_batch VALUES ('GBP', 999, 'batch-b9')", "GBP", "is there, but"),
    "a lost reference": ("DELETE FROM decision_reference WHERE reference = 'P1'", "P1 at position", "is missing"),
    "a reference of another": (
        "UPDATE decision_reference SET payout = 'payout-b1.2' WHERE reference = 'P1'",
        "P1 at position",
        "payout is payout-b1.2 instead of payout-b1.1",
    ),
}

EMPTIED: list[LiteralString] = [
    "DELETE FROM decision_refund",
    "DELETE FROM decision_reversal",
    "DELETE FROM decision_freeze",
    "DELETE FROM decision_batch",
    "DELETE FROM decision_reference",
]


def fill(people: Desk) -> None:
    """Something in every table."""
    submit(people.clerk, order("o1", "zoë", 1_000, AT), refund("r1", "o1", 10, AT), reversal("v1", "r1", AT))
    submit(people.clerk, freeze("f1", "ann", AT), freeze("f2", "ann", AT, type="unfreeze"))
    people.reserved("b1", {"ann": 200, "ben": 300})
    people.fund({"ann": 200}, currency="EUR")
    people.prepare("b2", {"ann": 200}, currency="EUR")
    people.send("b1", [1, 2])
    people.settle(said("b1", 1, "paid", 200, reference="P1"), said("b1", 2, "failed", 300, reference="F1"))


def findings(people: Desk) -> list[Finding]:
    """What the control finds."""
    return list(check_decisions(people.clerk.log, lambda _: None))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_table_is_named_and_mended(people: Desk, store_url: str, damage: str) -> None:
    """Each damage is found where it is; afterwards nothing is."""
    statement, subject, message = DAMAGE[damage]
    fill(people)
    assert findings(people) == []
    with connected(store_url) as connection:
        connection.execute(statement)
    found = findings(people)
    assert any(subject in finding.subject and message in finding.message for finding in found)
    assert mend_decisions(store_url, lambda _: None) == len(found)
    assert findings(people) == []


def test_everything_comes_back_from_the_log(people: Desk, store_url: str) -> None:
    """Emptied tables are filled again, and decide as before."""
    fill(people)
    with connected(store_url) as connection:
        for statement in EMPTIED:
            connection.execute(statement)
    mend_decisions(store_url, lambda _: None)
    assert submit(people.clerk, reversal("v2", "r1", AT))[0].reason == "already_reversed"
    assert submit(people.clerk, refund("r2", "o1", 1_001, AT))[0].reason == "exceeds_paid"
    assert people.prepare("b3", {"ann": 200}, at_position=1).reason == "newer_batch"
    assert reject(people.chief, "b2", "no").name == "recorded"
    assert people.settle(said("b1", 2, "failed", 300, reference="P1")) == [("conflict", "reference_of_another")]


@pytest.mark.parametrize(
    ("stream", "topic", "message"),
    [("reversal-v9", "RefundReversed", "no refund before it"), ("batch-b9", "PayoutBatchRejected", "was not prepared")],
)
def test_a_log_that_refers_to_nothing_is_no_log_of_ours(store_url: str, stream: str, topic: str, message: str) -> None:
    """A second reversal, a batch out of nowhere: the control cannot go on, and says where."""
    with staffed_desk(store_url) as people:
        fill(people)
        people.prepare("b8", {"ann": 200})
        reject(people.clerk, "b8", "no")
        state = next(row.state for row in people.clerk.log.read() if row.topic == topic)
        state = state.replace(b'"v1"', b'"v9"').replace(b"reversal-v1", b"reversal-v9")
        state = state.replace(b'"b8"', b'"b9"').replace(b"batch-b8", b"batch-b9").replace(b'"seq":3', b'"seq":1')
        with people.clerk.log.appending() as append:
            append.append([(stream, 1, topic, state)], append.recorded_at(people.clerk.now()))
        with pytest.raises(IntegrityError, match=message):
            findings(people)
