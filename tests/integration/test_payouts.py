"""Payout batches from their preparation to the provider's last word, on both stores (rules X-1 to X-4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.errors import IntegrityError, NotFoundError, PositionError
from ledger.mapper import EVENT_BYTES_MAX, decode_row
from ledger.payout_events import (
    PayoutBatchApproved,
    PayoutBatchPrepared,
)
from ledger.payouts.approving import SignedApproval, approve, reject
from ledger.payouts.payable import Question
from ledger.payouts.preparing import Draft, prepare
from ledger.rules.payout import Line, approval_text, lines_hash
from ledger.store.session import Session
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import parse_note, sign_note
from tests.builders import freeze, plan, submit
from tests.payout_desk import CUT_OFF, DIGEST, NOW, Desk, batch_command, payable, said


def test_a_batch_is_prepared_approved_sent_and_paid(people: Desk) -> None:
    """Every step is an event of its own; the lines are numbered in the order of members."""
    people.reserved("b1", {"zoë": 300, "ann": 200})
    assert people.send("b1", [1, 2]).outcome.name == "recorded"
    assert people.settle(said("b1", 1, "paid", 200, reference="P1")) == [("recorded", None)]
    assert people.facts()[-6:] == [
        ("PayoutBatchPrepared", "batch-b1", 1),
        ("PayoutBatchLines", "batch-b1", 2),
        ("PayoutBatchApproved", "batch-b1", 3),
        ("PayoutSubmitted", "payout-b1.1", 1),
        ("PayoutSubmitted", "payout-b1.2", 1),
        ("PayoutPaid", "payout-b1.1", 2),
    ]
    prepared = people.last(PayoutBatchPrepared).data
    lines = [Line(1, "ann", 200), Line(2, "zoë", 300)]
    assert (prepared.count, prepared.total, prepared.lines) == (2, 500, lines_hash(lines))
    assert (prepared.plan, prepared.exponent, prepared.digest) == (1, 2, DIGEST)
    approved = people.last(PayoutBatchApproved).data
    assert (approved.count, approved.total, approved.lines) == (2, 500, prepared.lines)


# ---- Preparing


def test_preparing_again_is_a_repeat_whenever_it_is_asked(people: Desk) -> None:
    """Of the same id, currency and cut-off; what was recorded first stands, whatever was computed since."""
    people.fund({"ann": 200, "ben": 900})
    assert people.prepare("b1", {"ann": 200}).name == "recorded"
    head = people.clerk.log.head()
    again = people.prepare("b1", {"ben": 900}, at=NOW - timedelta(hours=1))
    other = people.prepare("b1", {"ann": 200}, cut_off=CUT_OFF - timedelta(hours=1))
    assert (again.name, other.name, other.reason) == ("repeat", "conflict", "other_content")
    assert "cut_off" in (other.message or "")
    assert people.clerk.log.head() == head


REFUSED_BATCHES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "cut-off after its own time": ({"cut_off": NOW + timedelta(seconds=1)}, ("refused", "cut_off_in_the_future")),
    "in the future": ({"at": NOW + timedelta(minutes=6)}, ("invalid", "in_the_future")),
    "a currency without a minimum": ({"currency": "JPY"}, ("refused", "no_minimum")),
    "before any plan": ({"cut_off": CUT_OFF.replace(year=2009)}, ("refused", "no_plan")),
    "nobody to pay": ({"amounts": {}}, ("refused", "nothing_to_pay")),
}


@pytest.mark.parametrize("name", REFUSED_BATCHES)
def test_a_batch_that_cannot_be_is_refused_and_records_nothing(people: Desk, name: str) -> None:
    """Each with its own reason."""
    more, expected = REFUSED_BATCHES[name]
    people.fund({"ann": 200})
    head = people.clerk.log.head()
    terms = {"amounts": {"ann": 200}, **more}
    outcome = people.prepare("b1", terms.pop("amounts"), **terms)
    assert (outcome.name, outcome.reason) == expected
    assert outcome.message
    assert people.clerk.log.head() == head


def test_the_plan_of_a_batch_is_one_that_its_lines_could_know(people: Desk) -> None:
    """The plan in force at the cut-off, of those recorded by P (P-3)."""
    people.fund({"ann": 200}, currency="JPY")
    position = people.clerk.log.head()
    submit(people.clerk, plan(2, effective_from="2026-01-01T00:00:00Z", min_payout={"JPY": 200}))
    assert people.prepare("b1", {"ann": 200}, currency="JPY", at_position=position).reason == "no_minimum"
    assert people.prepare("b1", {"ann": 200}, currency="JPY").name == "recorded"
    prepared = people.last(PayoutBatchPrepared).data
    assert (prepared.plan, prepared.exponent) == (2, 0)


def test_a_cut_off_may_be_the_batch_s_own_time(people: Desk) -> None:
    """X-1: not after it."""
    people.fund({"ann": 200})
    assert people.prepare("b1", {"ann": 200}, cut_off=NOW).name == "recorded"


def test_lines_are_computed_at_a_position_of_the_log(people: Desk) -> None:
    """Neither past the head nor at the beginning."""
    people.fund({"ann": 200})
    for position in (0, people.clerk.log.head() + 1):
        with pytest.raises(PositionError):
            people.prepare("b1", {"ann": 200}, at_position=position)


def test_a_batch_is_prepared_only_from_lines_that_know_the_last_one(people: Desk) -> None:
    """X-2: whatever was decided about a batch of the currency lies at or below P. Other currencies do not matter."""
    people.fund({"ann": 200})
    people.fund({"ann": 500}, currency="EUR")
    position = people.clerk.log.head()
    assert people.prepare("b1", {"ann": 200}, at_position=position).name == "recorded"
    outcome = people.prepare("b2", {"ann": 200}, at_position=position)
    assert (outcome.name, outcome.reason) == ("retryable", "newer_batch")
    assert people.prepare("b3", {"ann": 500}, at_position=position, currency="EUR").name == "recorded"
    position = people.clerk.log.head()
    assert people.approve("b1").outcome.name == "recorded"
    assert people.prepare("b2", {"ann": 200}, at_position=position).reason == "newer_batch"
    position = people.clerk.log.head()
    assert reject(people.chief, "b3", "no").name == "recorded"
    assert people.prepare("b2", {"ann": 200}, at_position=position).name == "recorded"
    assert people.prepare("b4", {"ann": 500}, at_position=position, currency="EUR").reason == "newer_batch"


@pytest.mark.parametrize("payments", [[("ann", 99, None)], [("ann", 200, None), ("ann", 300, None)]])
def test_lines_that_no_rule_gives_are_a_defect(people: Desk, payments: list[tuple[str, int, str | None]]) -> None:
    """Below the minimum, or two of one member: whoever computed them is wrong, and nothing is recorded."""
    people.fund({"ann": 500})
    head = people.clerk.log.head()
    draft = Draft(payments=payments, left_out=0, at_position=head, digest=DIGEST)
    with pytest.raises(IntegrityError):
        prepare(people.clerk, batch_command("b1"), draft)
    assert people.clerk.log.head() == head


def test_a_large_batch_fits_into_its_events(people: Desk) -> None:
    """Names as long as they can be, all their letters escaped: 250 lines or 65,535 bytes an event, no line lost."""
    amounts = {f"{number:03d}" + '"' * 125: 100 + number for number in range(600)}
    people.fund(amounts)
    details = dict.fromkeys(amounts, "de" * 32)
    payments = [(member, amount, details[member]) for member, amount in amounts.items()]
    draft = Draft(payments=payments, left_out=3, at_position=people.clerk.log.head(), digest=DIGEST, salt="0f" * 16)
    assert prepare(people.clerk, batch_command("b1"), draft).name == "recorded"
    events = [row for row in people.clerk.log.read() if row.topic == "PayoutBatchLines"]
    assert max(len(row.state) for row in events) <= EVENT_BYTES_MAX
    lines = [line for row in events for line in decode_row(row).data.model_dump()["lines"]]
    assert [line[:3] for line in lines] == [(n + 1, member, amounts[member]) for n, member in enumerate(amounts)]
    assert {line[3] for line in lines} == {"de" * 32}
    assert people.approve("b1").reserved == 600


def test_small_lines_come_250_to_an_event(people: Desk) -> None:
    """Not more, however short."""
    amounts = {f"m{number:03d}": 100 for number in range(501)}
    people.fund(amounts)
    people.prepare("b1", amounts)
    sizes = [
        len(decode_row(row).data.model_dump()["lines"])
        for row in people.clerk.log.read()
        if row.topic == "PayoutBatchLines"
    ]
    assert sizes == [250, 250, 1]


# ---- Approving


def test_nobody_approves_what_they_prepared(people: Desk) -> None:
    """X-3, also when they may approve."""
    people.fund({"ann": 200})
    draft = people.draft({"ann": 200})
    assert prepare(people.chief, batch_command("b1"), draft).name == "recorded"
    outcome = people.approve("b1").outcome
    assert (outcome.name, outcome.reason) == ("refused", "same_actor")
    assert approve(people.other, "b1", payable).outcome.name == "recorded"


def test_an_approval_is_given_once(people: Desk) -> None:
    """By the same person again a repeat, by another refused; a rejection comes too late."""
    people.reserved("b1", {"ann": 200})
    assert people.approve("b1").outcome.name == "repeat"
    assert approve(people.other, "b1", payable).outcome.reason == "approved"
    assert reject(people.other, "b1", "late").reason == "approved"


def test_a_rejection_is_final(people: Desk) -> None:
    """Also whoever prepared it may take it back; nothing is reserved, and nothing approves it any more."""
    people.fund({"ann": 200})
    people.prepare("b1", {"ann": 200})
    assert reject(people.clerk, "b1", "a typing error").name == "recorded"
    assert reject(people.clerk, "b1", "again").name == "repeat"
    assert reject(people.chief, "b1", "again").reason == "rejected"
    assert people.approve("b1").outcome.reason == "rejected"
    assert people.facts()[-1] == ("PayoutBatchRejected", "batch-b1", 3)
    people.reserved("b2", {"ann": 200})


def test_lines_that_are_no_longer_covered_are_dropped(people: Desk) -> None:
    """X-3: money that went since, and members frozen since; the rest is reserved, with a hash of its own."""
    people.fund({"ann": 200, "ben": 300, "cat": 400})
    people.prepare("b1", {"ann": 200, "ben": 300, "cat": 400})
    people.fund({"ann": -1})
    submit(people.clerk, freeze("f1", "cat", "2026-02-01T00:00:00Z"))
    approval = people.approve("b1")
    assert [(line.member, reason) for line, reason in approval.dropped] == [("ann", "not_covered"), ("cat", "frozen")]
    assert (approval.reserved, approval.total_minor) == (1, 300)
    approved = people.last(PayoutBatchApproved).data
    assert (approved.count, approved.total, approved.lines) == (1, 300, lines_hash([Line(2, "ben", 300)]))
    assert people.facts()[-2:] == [("PayoutLinesDropped", "batch-b1", 3), ("PayoutBatchApproved", "batch-b1", 4)]
    assert people.send("b1", [1, 2]).against == [(1, "unknown_payout")]
    assert people.settle(said("b1", 3, "paid", 400, reference="P")) == [("refused", "unknown_payout")]


def test_a_line_that_could_never_be_sent_is_dropped(people: Desk) -> None:
    """X-3: who has no account in a batch that has others' keeps the money, and another batch pays them."""
    people.fund({"ann": 200, "ben": 300})
    draft = people.draft({"ann": 200, "ben": 300})
    draft = replace(draft, payments=[("ann", 200, None), ("ben", 300, "ab" * 32)], salt="0f" * 16)
    assert prepare(people.clerk, batch_command("b1"), draft).name == "recorded"
    approval = people.approve("b1")
    assert [(line.member, reason) for line, reason in approval.dropped] == [("ann", "no_details")]
    assert (approval.reserved, approval.total_minor) == (1, 300)
    people.prepare("b2", {"ann": 200})
    assert people.approve("b2").reserved == 1


def test_who_was_unfrozen_is_paid(people: Desk) -> None:
    """The last of the two counts, by position, whatever its time."""
    people.fund({"ann": 200})
    people.prepare("b1", {"ann": 200})
    submit(people.clerk, freeze("f1", "ann", "2026-02-02T00:00:00Z"))
    submit(people.clerk, freeze("f1", "ann", "2026-02-01T00:00:00Z", type="unfreeze"))
    assert people.approve("b1").reserved == 1


def test_an_approval_of_nothing_is_refused(people: Desk) -> None:
    """All lines dropped: nothing is recorded, and the batch waits for its rejection."""
    people.fund({"ann": 200})
    people.prepare("b1", {"ann": 200})
    people.fund({"ann": -200})
    head = people.clerk.log.head()
    approval = people.approve("b1")
    assert (approval.outcome.reason, len(approval.dropped)) == ("nothing_left", 1)
    assert people.clerk.log.head() == head


def test_two_batches_of_the_same_money_pay_it_once(people: Desk) -> None:
    """Preparing reserves nothing, so the second approval finds it gone."""
    people.fund({"ann": 200, "ben": 200})
    people.prepare("b1", {"ann": 200})
    people.prepare("b2", {"ann": 200, "ben": 200})
    assert people.approve("b1").reserved == 1
    assert [line.member for line, _ in people.approve("b2").dropped] == ["ann"]


def test_an_approval_asks_about_the_cut_off_and_the_head(people: Desk) -> None:
    """What came since counts, what is credited after the cut-off does not."""
    asked: list[Question] = []

    def noting(session: Session, question: Question) -> dict[str, int]:
        asked.append(question)
        return payable(session, question)

    people.fund({"ann": 100})
    people.fund({"ann": 100}, at=CUT_OFF + timedelta(seconds=1))
    people.prepare("b1", {"ann": 200})
    assert approve(people.chief, "b1", noting).outcome.reason == "nothing_left"
    assert asked == [Question("GBP", CUT_OFF, people.clerk.log.head(), ["ann"])]


def test_batches_nobody_prepared_are_not_found(people: Desk) -> None:
    """Neither approved nor rejected nor sent; sources are apart."""
    people.reserved("b1", {"ann": 200})
    with pytest.raises(NotFoundError):
        approve(people.chief, "b1", payable, source="shop")
    with pytest.raises(NotFoundError):
        reject(people.chief, "b2", "no")
    people.prepare("b2", {"ann": 200})
    with pytest.raises(NotFoundError, match="prepared"):
        people.send("b2", [1])


def test_a_signed_approval_is_kept_word_for_word(people: Desk) -> None:
    """Over what was prepared; another text, another key or a damaged signature is refused."""
    people.fund({"ann": 200})
    people.prepare("b1", {"ann": 200})
    lines = lines_hash([Line(1, "ann", 200)])
    text = approval_text("b1", lines=lines, count=1, total_minor=200, currency="GBP")
    key = SignerKey("chief.example", Kind.NOTE, b"1" * 32)
    other = SignerKey("chief.example", Kind.NOTE, b"2" * 32)
    wrong = [
        SignedApproval(sign_note(text.replace("200 GBP", "201 GBP"), key), key.verifier),
        SignedApproval(sign_note(text, key), other.verifier),
    ]
    for signed in wrong:
        assert approve(people.chief, "b1", payable, signed=signed).outcome.reason == "wrong_signature"
    note = sign_note(text, key)
    assert approve(people.chief, "b1", payable, signed=SignedApproval(note, key.verifier)).reserved == 1
    approved = people.last(PayoutBatchApproved).data
    assert approved.signed is not None
    assert approved.signed.key == str(key.verifier)
    rebuilt = f"{text}\n\N{EM DASH} {key.name} {approved.signed.signature}\n"
    assert parse_note(rebuilt.encode()) == note
