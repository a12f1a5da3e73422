"""Who is paid, and what may follow what: every state of a batch and of a payout with everything that may be said."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import pytest

from ledger.rules.payout import (
    AFTER,
    Conflict,
    Fact,
    LeftOut,
    Line,
    Payout,
    PayoutState,
    Refused,
    Reviewer,
    ReviewState,
    Settled,
    Settlement,
    Standing,
    Verdict,
    approval_text,
    drop_reason,
    has_details,
    is_paid,
    lines_hash,
    numbered,
    review,
    settle,
    submit,
    why_left_out,
)

FILE, OTHER_FILE = "ab" * 32, "cd" * 32
LINE = Line(7, "ann", 500)

# ---- lines


@pytest.mark.parametrize(
    ("standing", "paid", "left_out"),
    [
        # payable, pending, available, reserved, frozen
        (Standing(100, 0, 100, 0), True, "below_minimum"),
        (Standing(99, 0, 99, 0), False, "below_minimum"),
        (Standing(100, 5, 100, 7), True, "below_minimum"),
        (Standing(100, 0, 100, 0, is_frozen=True), False, "frozen"),
        (Standing(-1, 0, -1, 0), False, "debt"),
        (Standing(-1, 500, 3, 9), False, "debt"),
        (Standing(-1, 500, 3, 9, is_frozen=True), False, "frozen"),
        (Standing(0, 500, 0, 9), False, "reserved"),
        (Standing(0, 500, 0, 0), False, "on_hold"),
        (Standing(0, 500, -5, 0), False, "on_hold"),
        (Standing(0, -5, 5, 0), False, "debt"),
        (Standing(0, 0, 0, 0), False, None),
        (Standing(0, 0, 0, 0, is_frozen=True), False, None),
    ],
)
def test_who_has_a_line_and_why_the_others_have_none(standing: Standing, paid: bool, left_out: LeftOut | None) -> None:
    """The minimum is enough, a frozen member has nothing, and reasons come in their order; no balance, no mention."""
    assert is_paid(standing, 100) == paid
    assert why_left_out(standing) == left_out


def test_a_minimum_of_nothing_still_pays_nobody_nothing() -> None:
    """A line is more than 0."""
    assert not is_paid(Standing(0, 0, 0, 0), 0)
    assert is_paid(Standing(1, 0, 1, 0), 0)


def test_lines_are_numbered_in_the_order_of_members_bytewise() -> None:
    """Upper case before lower, ASCII before the rest: as S-3 sorts, on every machine."""
    lines = numbered([("zoë", 3, None), ("ann", 1, "d" * 64), ("Zed", 2, None), ("émile", 4, None)])
    assert lines == [Line(1, "Zed", 2), Line(2, "ann", 1, "d" * 64), Line(3, "zoë", 3), Line(4, "émile", 4)]


def test_hash_of_lines_is_a_tree_over_canonical_json() -> None:
    """Anyone can compute it: RFC 6962 over the lines, details left out where there are none."""
    first = b'{"amount":1,"member":"ann","no":1}'
    second = '{"amount":2,"details":"dd","member":"zoë","no":2}'.encode()
    leaves = [hashlib.sha256(b"\0" + line).digest() for line in (first, second)]
    expected = hashlib.sha256(b"\1" + b"".join(leaves)).hexdigest()
    assert lines_hash([Line(1, "ann", 1), Line(2, "zoë", 2, "dd")]) == expected
    assert lines_hash([]) == hashlib.sha256().hexdigest()


@pytest.mark.parametrize(
    ("payable_minor", "is_frozen", "reason"),
    [
        (500, False, None),
        (501, False, None),
        (499, False, "not_covered"),
        (500, True, "frozen"),
        (-1, True, "not_covered"),
    ],
)
def test_line_is_dropped_when_it_is_no_longer_covered(payable_minor: int, is_frozen: bool, reason: str | None) -> None:
    """X-3: all of it must be payable still, and the member not frozen."""
    assert drop_reason(LINE, payable_minor, is_frozen=is_frozen) == reason


@pytest.mark.parametrize(
    ("payable_minor", "is_frozen", "details", "is_detailed", "reason"),
    [
        (500, False, None, True, "no_details"),
        (500, False, "dd" * 32, True, None),
        (500, False, None, False, None),
        (500, True, None, True, "frozen"),
        (499, False, None, True, "not_covered"),
    ],
)
def test_line_is_dropped_where_it_could_never_be_sent(
    payable_minor: int, is_frozen: bool, details: str | None, is_detailed: bool, reason: str | None
) -> None:
    """The batch says of others where they are paid; a batch that says it of nobody is of people who know otherwise."""
    line = LINE._replace(details=details)
    assert drop_reason(line, payable_minor, is_frozen=is_frozen, is_detailed=is_detailed) == reason
    assert has_details([LINE, line]) == (details is not None)


def test_text_that_approvers_sign() -> None:
    """Word for word: what they sign must be readable without the ledger."""
    text = approval_text("2026-02", lines="ab" * 32, count=2, total_minor=5000, currency="GBP")
    assert text == f"refledger.approval/v1\n2026-02\n{'ab' * 32}\n2 5000 GBP\n"


# ---- batches and adjustments

REVIEWERS = [Reviewer(*flags) for flags in itertools.product([False, True], repeat=3)]
OPEN: list[ReviewState] = ["prepared", "proposed"]
DECIDED: list[ReviewState] = ["approved", "rejected"]


@pytest.mark.parametrize("reviewer", REVIEWERS)
@pytest.mark.parametrize("state", OPEN)
def test_open_is_approved_by_another_approver_and_rejected_by_anybody(state: ReviewState, reviewer: Reviewer) -> None:
    """Who may not approve is told so before who may not approve this one."""
    expected: Verdict = None
    if not reviewer.may_approve:
        expected = Refused("not_an_approver")
    elif reviewer.is_preparer:
        expected = Refused("same_actor")
    assert review(state, "approved", reviewer) == expected
    assert review(state, "rejected", reviewer) is None


@pytest.mark.parametrize("reviewer", REVIEWERS)
@pytest.mark.parametrize("state", DECIDED)
def test_decided_is_decided(state: ReviewState, reviewer: Reviewer) -> None:
    """Whoever decided it repeats themselves; all else is refused with the state it is in."""
    for wanted in ("approved", "rejected"):
        is_repeat = state == wanted and reviewer.is_decider
        assert review(state, wanted, reviewer) == ("repeat" if is_repeat else Refused(state))


# ---- payouts

# How a payout of one attempt comes into each state.
PATHS: dict[PayoutState, list[Fact]] = {
    "reserved": [],
    "submitted": [Fact("submitted", 1, FILE)],
    "paid": [Fact("submitted", 1, FILE), Fact("paid", 1, "P1")],
    "failed": [Fact("submitted", 1, FILE), Fact("failed", 1)],
    "unknown": [Fact("submitted", 1, FILE), Fact("unknown", 1)],
    "returned": [Fact("submitted", 1, FILE), Fact("paid", 1, "P1"), Fact("returned", 1, "R1")],
}
# What is new in each state, whoever says it. Written down a second time, from X-4.
NEW = {
    ("submitted", "paid"),
    ("submitted", "failed"),
    ("submitted", "unknown"),
    ("unknown", "paid"),
    ("unknown", "failed"),
    ("paid", "returned"),
}
OUTCOMES: tuple[Settled, ...] = ("paid", "failed", "returned", "unknown")
STATES: list[PayoutState] = list(PATHS)


def in_state(state: PayoutState, attempts: int = 1) -> Payout:
    """A payout in a state, after attempts that failed."""
    failed = [fact for n in range(1, attempts) for fact in (Fact("submitted", n, f"{n}" * 64), Fact("failed", n))]
    last = [fact._replace(attempt=attempts) for fact in PATHS[state]]
    return Payout(LINE, "GBP", (*failed, *last))


def said(outcome: Settled, reference: str | None = None, attempt: int | None = None, **other: Any) -> Settlement:
    """What a provider says of LINE."""
    return Settlement(outcome, 500, "GBP", reference, attempt)._replace(**other)


def settled(payout: Payout, what: Settlement, *, another: bool = False) -> Verdict:
    """The verdict."""
    return settle(payout, what, is_reference_of_another=another)


def test_states_are_those_the_rule_book_has() -> None:
    """Every state has a way out or is final."""
    assert set(AFTER) == set(PATHS)
    assert {(state, after) for state, afters in AFTER.items() for after in afters - {"submitted"}} == NEW


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("attempt", [None, 1])
@pytest.mark.parametrize("state", STATES)
def test_every_state_and_every_outcome(state: PayoutState, outcome: Settled, attempt: int | None) -> None:
    """With a reference nobody has seen: new, a conflict with the same outcome, or refused with the state it is in."""
    verdict = settled(in_state(state), said(outcome, "NEW", attempt))
    happened = {fact.state for fact in PATHS[state]}
    if (state, outcome) in NEW:
        assert verdict is None
    elif outcome in happened:
        assert verdict == Conflict("other_reference")
    else:
        assert verdict == Refused(state)


@pytest.mark.parametrize("attempt", [None, 1])
@pytest.mark.parametrize("state", STATES)
def test_what_was_said_before_is_a_repeat_whatever_happened_since(state: PayoutState, attempt: int | None) -> None:
    """An old settlement file, fed again after a return, changes nothing."""
    payout = in_state(state)
    for fact in payout.facts:
        if fact.state != "reserved" and fact.state != "submitted":  # noqa: PLR1714  # narrows the type
            assert settled(payout, said(fact.state, fact.reference, attempt)) == "repeat"


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", STATES)
def test_what_speaks_of_another_payment_is_a_conflict(state: PayoutState, outcome: Settled) -> None:
    """Another amount, another currency, a reference of another payout: never recorded, in any state."""
    payout = in_state(state)
    assert settled(payout, said(outcome, "P1", amount_minor=499)) == Conflict("other_amount")
    assert settled(payout, said(outcome, "P1", currency="EUR")) == Conflict("other_currency")
    assert settled(payout, said(outcome, "P1"), another=True) == Conflict("reference_of_another")


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", [state for state in STATES if state != "reserved"])
def test_what_is_said_of_an_earlier_attempt_moves_nothing(state: PayoutState, outcome: Settled) -> None:
    """That one failed, and is told apart by its number."""
    payout = in_state(state, attempts=3)
    expected = "repeat" if outcome == "failed" else Conflict("other_outcome")
    assert settled(payout, said(outcome, None, attempt=1)) == expected
    with_reference = Conflict("other_reference" if outcome == "failed" else "other_outcome")
    assert settled(payout, said(outcome, "NEW", attempt=2)) == with_reference


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", STATES)
def test_what_is_said_of_an_attempt_nobody_made_is_refused(state: PayoutState, outcome: Settled) -> None:
    """Never sent so often."""
    verdict = settled(in_state(state), said(outcome, "NEW", attempt=9))
    assert verdict == Refused("other_attempt" if (state, outcome) in NEW else state)


def test_failure_without_reference_or_attempt_after_a_failed_attempt_is_ambiguous() -> None:
    """It may be the old file once more; recorded, it would release money that is on its way."""
    payout = in_state("submitted", attempts=2)
    assert settled(payout, said("failed")) == Refused("which_attempt")
    assert settled(payout, said("failed", attempt=1)) == "repeat"
    assert settled(payout, said("failed", attempt=2)) is None
    assert settled(payout, said("failed", "F2")) is None
    assert settled(payout, said("unknown")) is None
    assert settled(in_state("failed", attempts=2), said("failed")) == "repeat"


def test_failure_with_the_reference_of_an_earlier_attempt_is_that_one_again() -> None:
    """A reference tells attempts apart."""
    facts = (Fact("submitted", 1, FILE), Fact("failed", 1, "F1"), Fact("submitted", 2, OTHER_FILE))
    assert settled(Payout(LINE, "GBP", facts), said("failed", "F1")) == "repeat"
    assert settled(Payout(LINE, "GBP", facts), said("failed", "F1", attempt=2)) is None


def sent(payout: Payout, attempt: int, file: str = OTHER_FILE, *, payable: int = 500, frozen: bool = False) -> Verdict:
    """Whether it may go out."""
    return submit(payout, attempt, file, payable, is_frozen=frozen)


@pytest.mark.parametrize("attempt", [1, 2, 3])
@pytest.mark.parametrize("state", STATES)
def test_every_state_and_every_submission(state: PayoutState, attempt: int) -> None:
    """The next attempt after a failure, the first of what was never sent; nothing else."""
    verdict = sent(in_state(state), attempt)
    if (state, attempt) in {("reserved", 1), ("failed", 2)}:
        assert verdict is None
    elif attempt == 1:
        assert verdict == Conflict("other_file")
    else:
        assert verdict == Refused("other_attempt" if state in {"reserved", "failed"} else state)


@pytest.mark.parametrize("state", [state for state in STATES if state != "reserved"])
def test_the_same_file_again_is_a_repeat(state: PayoutState) -> None:
    """Whatever became of it since."""
    assert sent(in_state(state), 1, FILE) == "repeat"


def test_a_new_attempt_must_be_covered() -> None:
    """After a failure the money is the member's again: it may be gone, they may be frozen. A first one is reserved."""
    failed = in_state("failed")
    assert sent(failed, 2, payable=499) == Refused("not_covered")
    assert sent(failed, 2, frozen=True) == Refused("frozen")
    assert sent(in_state("reserved"), 1, payable=-9, frozen=True) is None
