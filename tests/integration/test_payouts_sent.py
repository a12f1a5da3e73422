"""Reserved payouts go out and come back as what the provider says, on both stores (rule X-4)."""

from __future__ import annotations

from datetime import timedelta

from ledger.payout_events import PayoutFailed, PayoutPaid
from ledger.payouts.sending import to_send
from tests.builders import freeze, submit
from tests.payout_desk import FILE, NOW, Desk, payable, said

RECORDED = ("recorded", None)
REPEAT = ("repeat", None)
OTHER_FILE = "ef" * 32


# ---- Sending


def test_a_payment_file_is_recorded_once(people: Desk) -> None:
    """The same again is a repeat, another file of the same lines a conflict; one line that may not go stops all."""
    people.reserved("b1", {"ann": 200, "ben": 300})
    assert people.send("b1", [2]).outcome.name == "recorded"
    assert people.send("b1", [2]).outcome.name == "repeat"
    answer = people.send("b1", [1, 2], file=OTHER_FILE)
    assert (answer.outcome.name, answer.outcome.reason, answer.against) == (
        "conflict",
        "other_file",
        [(2, "other_file")],
    )
    assert people.send("b1", []).outcome.reason == "unknown_payout"
    assert people.send("b1", [1, 1]).outcome.reason == "unknown_payout"
    # The rest of a file that was recorded in part.
    assert people.send("b1", [1, 2]).outcome.name == "recorded"
    assert people.facts()[-1] == ("PayoutSubmitted", "payout-b1.1", 1)
    assert [fact for fact in people.facts() if fact[0] == "PayoutSubmitted"][:1] == [
        ("PayoutSubmitted", "payout-b1.2", 1)
    ]


def test_a_failed_payout_is_sent_again(people: Desk) -> None:
    """As the next attempt, in another file; the first file again is still a repeat."""
    people.reserved("b1", {"ann": 200})
    people.send("b1", [1])
    assert people.settle(said("b1", 1, "failed", 200, reason="account closed")) == [RECORDED]
    assert people.send("b1", [1]).outcome.name == "repeat"
    assert people.send("b1", [1], attempt=3, file=OTHER_FILE).against == [(1, "other_attempt")]
    assert people.send("b1", [1], attempt=2, file=OTHER_FILE).outcome.name == "recorded"
    assert people.settle(said("b1", 1, "paid", 200, reference="P2")) == [RECORDED]
    paid = people.last(PayoutPaid).data
    assert (paid.attempt, paid.reference, paid.batch, paid.member) == (2, "P2", "batch-b1", "ann")


def test_a_new_attempt_must_be_covered(people: Desk) -> None:
    """After the failure the money was the member's: another batch took it, or they are frozen."""
    people.reserved("b1", {"ann": 200, "ben": 200, "cat": 200})
    people.send("b1", [1, 2, 3])
    people.settle(*[said("b1", no, "failed", 200) for no in (1, 2, 3)])
    people.prepare("b2", {"ann": 200})
    assert people.approve("b2").reserved == 1
    submit(people.clerk, freeze("f1", "ben", "2026-02-02T00:00:00Z"))
    found = to_send(people.clerk, "b1", 2, payable)
    assert [line.number for line in found.lines] == [3]
    assert [(line.number, reason) for line, reason in found.held_back] == [(1, "not_covered"), (2, "frozen")]
    answer = people.send("b1", [1, 2, 3], attempt=2, file=OTHER_FILE)
    assert answer.against == [(1, "not_covered"), (2, "frozen")]
    assert people.send("b1", [3], attempt=2, file=OTHER_FILE).outcome.name == "recorded"


def test_what_a_file_may_hold(people: Desk) -> None:
    """Never sent lines for the first attempt, failed ones for the next; what went out is named with its file."""
    people.reserved("b1", {"ann": 200, "ben": 200, "cat": 200})
    assert [line.member for line in to_send(people.clerk, "b1", 1, payable).lines] == ["ann", "ben", "cat"]
    people.send("b1", [1, 3])
    people.settle(said("b1", 1, "failed", 200))
    first, second = to_send(people.clerk, "b1", 1, payable), to_send(people.clerk, "b1", 2, payable)
    assert [line.member for line in first.lines] == ["ben"]
    assert [(line.member, file) for line, file in first.sent] == [("ann", FILE), ("cat", FILE)]
    assert ([line.member for line in second.lines], second.sent, second.held_back) == (["ann"], [], [])


# ---- Settling


def test_each_row_is_decided_by_itself(people: Desk) -> None:
    """One call, all kinds of answers; within it later rows know of earlier ones."""
    people.reserved("b1", {"ann": 200, "ben": 300, "cat": 400, "dan": 500})
    people.send("b1", [1, 2, 3])
    assert people.settle(
        said("b1", 1, "paid", 200, reference="P1"),
        said("b1", 1, "paid", 200, reference="P1"),
        said("b1", 1, "paid", 200, reference="P9"),
        said("b1", 2, "paid", 300, reference="P1"),
        said("b1", 2, "paid", 301, reference="P2"),
        said("b1", 2, "paid", 300, reference="P2", currency="EUR"),
        said("b1", 2, "paid", 300, reference="P2", at=NOW + timedelta(minutes=6)),
        said("b1", 2, "unknown", 300, reference="seen"),
        said("b1", 2, "unknown", 300),
        said("b1", 2, "paid", 300, reference="P2"),
        said("b1", 2, "returned", 300, reference="P2"),
        said("b1", 2, "failed", 300),
        said("b1", 4, "paid", 500, reference="P4"),
        said("b1", 5, "paid", 500, reference="P5"),
        said("b2", 1, "paid", 500, reference="P6"),
    ) == [
        RECORDED,
        REPEAT,
        ("conflict", "other_reference"),
        ("conflict", "reference_of_another"),
        ("conflict", "other_amount"),
        ("conflict", "other_currency"),
        ("invalid", "in_the_future"),
        RECORDED,
        REPEAT,
        RECORDED,
        RECORDED,
        ("refused", "returned"),
        ("refused", "reserved"),
        ("refused", "unknown_payout"),
        ("refused", "unknown_payout"),
    ]


def test_a_settlement_file_fed_again_changes_nothing(people: Desk) -> None:
    """Whatever happened since: repeats, all of it."""
    people.reserved("b1", {"ann": 200, "ben": 300})
    people.send("b1", [1, 2])
    file = [said("b1", 1, "paid", 200, reference="P1"), said("b1", 2, "failed", 300, reference="F2", reason="closed")]
    assert people.settle(*file) == [RECORDED, RECORDED]
    people.settle(said("b1", 1, "returned", 200, reference="R1"))
    people.send("b1", [2], attempt=2, file=OTHER_FILE)
    head = people.clerk.log.head()
    assert people.settle(*file) == [REPEAT, REPEAT]
    assert people.clerk.log.head() == head
    assert people.last(PayoutFailed).data.reason == "closed"


def test_a_reference_belongs_to_one_payout_for_ever(people: Desk) -> None:
    """Also in another batch, much later."""
    people.reserved("b1", {"ann": 200})
    people.reserved("b2", {"ann": 200})
    people.send("b1", [1])
    people.send("b2", [1], file=OTHER_FILE)
    assert people.settle(said("b1", 1, "paid", 200, reference="P1")) == [RECORDED]
    assert people.settle(said("b2", 1, "paid", 200, reference="P1")) == [("conflict", "reference_of_another")]
    assert people.settle(said("b2", 1, "failed", 200, reference="P1")) == [("conflict", "reference_of_another")]


def test_an_ambiguous_failure_asks_for_its_attempt(people: Desk) -> None:
    """An old file without references must not release money that is on its way."""
    people.reserved("b1", {"ann": 200})
    people.send("b1", [1])
    old = said("b1", 1, "failed", 200)
    assert people.settle(old) == [RECORDED]
    people.send("b1", [1], attempt=2, file=OTHER_FILE)
    assert people.settle(old, said("b1", 1, "failed", 200, attempt=1)) == [("refused", "which_attempt"), REPEAT]
    assert people.settle(said("b1", 1, "failed", 200, attempt=2)) == [RECORDED]


def test_a_returned_payment_is_paid_by_the_next_batch(people: Desk) -> None:
    """It is available again, and its own payout is final."""
    people.reserved("b1", {"ann": 200})
    people.send("b1", [1])
    people.settle(said("b1", 1, "paid", 200, reference="P1"), said("b1", 1, "returned", 200, reason="recalled"))
    assert people.send("b1", [1], attempt=2, file=OTHER_FILE).against == [(1, "returned")]
    people.prepare("b2", {"ann": 200})
    assert people.approve("b2").reserved == 1
