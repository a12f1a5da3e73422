"""Adjustments: proposed like any input, and posted only when somebody else approves (rules S-2, X-3)."""

from __future__ import annotations

from ledger.clock import parse_instant
from ledger.outcomes import Outcome
from ledger.payout_events import AdjustmentPosted, AdjustmentProposed, AdjustmentRejected
from ledger.payouts.adjustments import approve_adjustments, reject_adjustments
from tests.builders import adjustment, submit
from tests.payout_desk import NOW, Desk

AT = "2026-02-01T00:00:00Z"


def propose(people: Desk, *ids: str) -> None:
    """The clerk proposes to give ann 2.50 each."""
    outcomes = submit(people.clerk, *[adjustment(one, "ann", 250, AT) for one in ids])
    assert {outcome.name for outcome in outcomes} == {"recorded"}


def reasons(outcomes: list[Outcome]) -> list[str]:
    """Reason of each, or its name."""
    return [outcome.reason or outcome.name for outcome in outcomes]


def test_a_proposal_says_who_made_it(people: Desk) -> None:
    """And the digits of its currency; again it is a repeat, with another amount a conflict (G-6)."""
    outcomes = submit(
        people.clerk,
        adjustment("a1", "ann", -5, AT, currency="KWD"),
        adjustment("a1", "ann", -5, AT, currency="KWD"),
        adjustment("a1", "ann", 5, AT, currency="KWD"),
    )
    assert [outcome.name for outcome in outcomes] == ["recorded", "repeat", "conflict"]
    proposed = people.last(AdjustmentProposed)
    assert (proposed.data.exponent, proposed.data.asked.amount, proposed.stream) == (3, -5, "adjustment-a1")
    assert proposed.data.by.authenticated == (people.clerk.actor == "finance")


def test_an_adjustment_is_approved_by_another(people: Desk) -> None:
    """Posted now, counting from its own time."""
    propose(people, "a1")
    assert reasons(approve_adjustments(people.chief, ["a1"])) == ["recorded"]
    posted = people.last(AdjustmentPosted)
    assert (posted.data.amount, posted.data.currency, posted.data.member) == (250, "GBP", "ann")
    assert (posted.occurred_at, posted.data.value_at) == (NOW, parse_instant(AT))
    assert (posted.stream, posted.seq, posted.id) == ("adjustment-a1", 2, "a1")


def test_nobody_approves_what_they_proposed(people: Desk) -> None:
    """Nothing is recorded; another approver may."""
    submit(people.chief, adjustment("a1", "ann", 250, AT))
    head = people.chief.log.head()
    assert reasons(approve_adjustments(people.chief, ["a1"])) == ["same_actor"]
    assert people.chief.log.head() == head
    assert reasons(approve_adjustments(people.other, ["a1"])) == ["recorded"]


def test_many_at_once_are_decided_one_by_one(people: Desk) -> None:
    """In one transaction; what was decided in it counts for what follows."""
    propose(people, "a1", "a2", "a3")
    assert reasons(reject_adjustments(people.other, ["a2"], "no receipt")) == ["recorded"]
    outcomes = approve_adjustments(people.chief, ["a1", "a9", "a2", "a3", "a1"])
    assert reasons(outcomes) == ["recorded", "unknown_adjustment", "rejected", "recorded", "repeat"]
    assert people.facts()[-2:] == [("AdjustmentPosted", "adjustment-a1", 2), ("AdjustmentPosted", "adjustment-a3", 2)]


def test_what_is_decided_is_decided(people: Desk) -> None:
    """By the same person again a repeat, by another refused, and never turned round."""
    propose(people, "a1", "a2")
    approve_adjustments(people.chief, ["a1"])
    assert reasons(approve_adjustments(people.chief, ["a1"])) == ["repeat"]
    assert reasons(approve_adjustments(people.other, ["a1"])) == ["approved"]
    assert reasons(reject_adjustments(people.chief, ["a1"], "late")) == ["approved"]
    # Whoever proposed it may take it back.
    assert reasons(reject_adjustments(people.clerk, ["a2"], "a typing error")) == ["recorded"]
    assert people.last(AdjustmentRejected).data.reason == "a typing error"
    assert reasons(reject_adjustments(people.clerk, ["a2"], "again")) == ["repeat"]
    assert reasons(approve_adjustments(people.chief, ["a2"])) == ["rejected"]


def test_sources_are_apart(people: Desk) -> None:
    """The same id of another source is another adjustment."""
    submit(people.clerk, adjustment("a1", "ann", 250, AT), source="old-mall")
    assert reasons(approve_adjustments(people.chief, ["a1"])) == ["unknown_adjustment"]
    assert reasons(approve_adjustments(people.chief, ["a1"], source="old-mall")) == ["recorded"]
    assert people.last(AdjustmentPosted).stream == "adjustment@old-mall/a1"
