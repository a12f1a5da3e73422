"""Postings of one order and of payouts: which accounts, in which order, in which period (rules S-2, S-4)."""

from __future__ import annotations

import pytest

from ledger.errors import IntegrityError
from ledger.rules.accrual import LevelOutcome
from projections.fold import Clawback, OrderOutcome
from projections.payout_changes import Approved, Dropped, Lined, Prepared, StepKind, Stepped
from projections.payout_fold import Movement, PayoutFold, Reservation, Step
from projections.periods import Calendar
from projections.postings import Posting, movement_posting, order_postings

AVAILABLE_AT = 100
LEVELS = (LevelOutcome("paid", "ann", 50), LevelOutcome("level_not_paid", "ben"), LevelOutcome("paid", "cat", 5))
NEVER = Calendar([]).period_of


def placed() -> OrderOutcome:
    """An order of position 3, dated 10, on hold until 100."""
    return OrderOutcome(3, "order-o1", 10, AVAILABLE_AT, "dan", "GBP", 500, 1, LEVELS)


def taken(position: int, value_at: int, *minors: int, reverses: str | None = None) -> Clawback:
    """What a refund took, or its reversal gave back."""
    name = "refund" if reverses is None else "reversal"
    return Clawback(f"{name}-{position}", position, placed(), value_at, 100, minors, reverses)


def shown(postings: list[Posting]) -> list[str]:
    """Postings in one line each."""
    return [
        f"{one.kind} {one.level} at {one.position}/{one.value_at_us}: {one.debit} -> {one.credit} {one.amount_minor}"
        for one in postings
    ]


def test_an_order_posts_in_one_order_whatever_was_recorded_when() -> None:
    """Accruals, clawbacks, maturities, restorations; then by cause, then by level; nothing where nothing is taken."""
    clawbacks = [
        taken(4, 20, 10, 0, 1),
        taken(5, 30, -10, 0, -1, reverses="refund-4"),
        taken(6, 100, 20, 0, 2),
        taken(7, 99, 5, 0, 0),
    ]
    assert shown(list(order_postings(placed(), clawbacks))) == [
        "accrual 1 at 3/10: expense:commission -> member:ann:pending 50",
        "accrual 3 at 3/10: expense:commission -> member:cat:pending 5",
        "clawback 1 at 4/20: member:ann:pending -> expense:commission 10",
        "clawback 3 at 4/20: member:cat:pending -> expense:commission 1",
        "clawback 1 at 6/100: member:ann:available -> expense:commission 20",
        "clawback 3 at 6/100: member:cat:available -> expense:commission 2",
        "clawback 1 at 7/99: member:ann:pending -> expense:commission 5",
        "maturity 1 at 3/100: member:ann:pending -> member:ann:available 45",
        "maturity 3 at 3/100: member:cat:pending -> member:cat:available 5",
        "restoration 1 at 5/30: expense:commission -> member:ann:pending 10",
        "restoration 3 at 5/30: expense:commission -> member:cat:pending 1",
    ]


def test_nothing_matures_where_all_was_taken_before() -> None:
    """No posting of 0."""
    kinds = [one.kind for one in order_postings(placed(), [taken(4, 20, 50, 0, 5)])]
    assert kinds == ["accrual", "accrual", "clawback", "clawback"]


def test_less_than_nothing_matures_the_other_way_round() -> None:
    """A refund dated in the hold, of what a reversal after it had given back."""
    clawbacks = [
        taken(4, 20, 50, 0, 5),
        taken(5, 200, -50, 0, -5, reverses="refund-4"),
        taken(6, 30, 50, 0, 5),
    ]
    found = shown(list(order_postings(placed(), clawbacks)))
    assert "restoration 1 at 5/200: expense:commission -> member:ann:available 50" in found
    assert "maturity 1 at 3/100: member:ann:available -> member:ann:pending 50" in found


def test_what_is_taken_after_its_period_was_closed_is_taken_from_the_maturity_apart() -> None:
    """The period of the maturity keeps what it said; the next one takes it back, at the position of the refund."""
    calendar = Calendar([(150, 5)])
    clawbacks = [taken(4, 20, 10, 0, 1), taken(6, 30, 20, 0, 2), taken(7, 40, -20, 0, -2, reverses="refund-6")]
    maturities = [one for one in order_postings(placed(), clawbacks, calendar.period_of) if one.kind == "maturity"]
    assert shown(maturities) == [
        "maturity 1 at 3/100: member:ann:pending -> member:ann:available 40",
        "maturity 3 at 3/100: member:cat:pending -> member:cat:available 4",
        "maturity 1 at 6/100: member:ann:available -> member:ann:pending 20",
        "maturity 3 at 6/100: member:cat:available -> member:cat:pending 2",
        "maturity 1 at 7/100: member:ann:pending -> member:ann:available 20",
        "maturity 3 at 7/100: member:cat:pending -> member:cat:available 2",
    ]
    assert [calendar.period_of(one.position, one.value_at_us) for one in maturities] == [
        150,
        150,
        None,
        None,
        None,
        None,
    ]
    whole = order_postings(placed(), clawbacks, NEVER)
    assert list(whole) == list(order_postings(placed(), clawbacks))


@pytest.mark.parametrize(
    ("kind", "changes", "accounts"),
    [
        ("adjustment", (70, 0, 0), ("house:adjustment", "member:ann:available")),
        ("adjustment", (-70, 0, 0), ("member:ann:available", "house:adjustment")),
        ("reservation", (0, 70, 0), ("member:ann:available", "member:ann:reserved")),
        ("payment", (0, -70, 70), ("member:ann:reserved", "house:payout")),
        ("release", (0, -70, 0), ("member:ann:reserved", "member:ann:available")),
        ("return", (0, 0, -70), ("house:payout", "member:ann:available")),
    ],
)
def test_each_movement_goes_between_its_own_two_accounts(
    kind: str, changes: tuple[int, int, int], accounts: tuple[str, str]
) -> None:
    """The amount is above 0, whichever way it goes."""
    movement = Movement(kind, 9, "ann", "GBP", 50, *changes)  # pyright: ignore[reportArgumentType]  # of this file
    posting = movement_posting("payout-b1.1", movement)
    assert posting == Posting("payout-b1.1", kind, None, "payout-b1.1", 9, 50, *accounts, "GBP", 70)  # pyright: ignore[reportArgumentType]


# ---- Periods


@pytest.mark.parametrize(
    ("position", "value_at", "period", "belongs"),
    [
        (1, 0, 100, 100),
        (1, 99, 100, 100),
        (1, 100, 200, 200),  # half open: its first instant is of the next
        (10, 50, 100, 100),  # the last position that the close knew
        (11, 50, 200, 100),
        (11, 150, 200, 200),
        (21, 50, None, 100),
        (1, 200, None, None),
    ],
)
def test_a_posting_is_booked_in_the_first_open_period_that_does_not_end_before_it(
    position: int, value_at: int, period: int | None, belongs: int | None
) -> None:
    """Two periods, closed at positions 10 and 20."""
    calendar = Calendar([(200, 20), (100, 10)])
    assert (calendar.period_of(position, value_at), calendar.containing(value_at)) == (period, belongs)
    assert (calendar.before(100), calendar.before(200), calendar.before(None)) == (None, 100, 200)
    assert (calendar.has(100), calendar.has(150)) == (True, False)


def test_without_periods_everything_is_open() -> None:
    """Nothing is closed, nothing comes before."""
    calendar = Calendar([])
    assert (calendar.period_of(1, 0), calendar.containing(0), calendar.before(None)) == (None, None, None)


# ---- The fold of payouts


def step(position: int, kind: StepKind, at: int, *, attempt: int = 1, number: int = 1) -> Stepped:
    """What happened to a payout of 70 to ann."""
    money = ("ann", "GBP", 70)
    return Stepped(position, "batch-b1", number, kind, *money, attempt, at, "clerk", None, None, None)


def approved() -> PayoutFold:
    """A batch of three lines, one of them dropped, reserved at 40."""
    fold = PayoutFold()
    answer = ("d" * 64, "e" * 64, None, "clerk")
    fold.apply(Prepared(1, "batch-b1", "GBP", 30, 30, 1, 1, 3, 210, 0, *answer))
    fold.apply(Lined(2, "batch-b1", ((1, "ann", 70, None), (2, "ben", 70, None))))
    fold.apply(Lined(3, "batch-b1", ((3, "cat", 70, None),)))
    fold.apply(Dropped(4, "batch-b1", ((2, "frozen"),)))
    reserved = fold.apply(Approved(5, "batch-b1", 40, "chief", 2, 140, "f" * 64))
    assert isinstance(reserved, Reservation)
    assert [(one.member, one.reserved_minor, one.value_at_us) for one in reserved.movements()] == [
        ("ann", 70, 40),
        ("cat", 70, 40),
    ]
    return fold


def posted(fold: PayoutFold, *steps: Stepped) -> list[tuple[str, int] | None]:
    """Kind and time of what each step posts."""
    found: list[tuple[str, int] | None] = []
    for one in steps:
        fact = fold.apply(one)
        assert isinstance(fact, Step)
        found.append(None if fact.movement is None else (fact.movement.kind, fact.movement.value_at_us))
    return found


def test_time_never_runs_backwards_within_a_payout() -> None:
    """Each posting counts at its own time or at that of the one before, whichever is later; others have their own."""
    fold = approved()
    steps = (
        step(6, "submitted", 10),
        step(7, "unknown", 90),
        step(8, "failed", 20),
        step(9, "submitted", 60, attempt=2),
        step(10, "paid", 50, attempt=2),
        step(11, "returned", 70, attempt=2),
        step(12, "paid", 10, number=3),
    )
    assert posted(fold, *steps) == [
        None,
        None,
        ("release", 40),
        ("reservation", 60),
        ("payment", 60),
        ("return", 70),
        ("payment", 40),
    ]


@pytest.mark.parametrize("change", [step(2, "paid", 10), Dropped(2, "batch-b1", ((1, "frozen"),))])
def test_events_of_a_batch_that_is_not_before_them_are_no_log_of_ours(change: Stepped | Dropped) -> None:
    """Nothing is made up for them."""
    with pytest.raises(IntegrityError, match="is not before it"):
        PayoutFold().apply(change)


def test_a_payout_of_a_batch_that_was_not_approved_is_no_log_of_ours() -> None:
    """Its lines were never reserved."""
    fold = PayoutFold()
    fold.apply(Prepared(1, "batch-b1", "GBP", 30, 30, 1, 1, 1, 70, 0, "d" * 64, "e" * 64, None, "clerk"))
    with pytest.raises(IntegrityError, match="was not approved"):
        fold.apply(step(2, "submitted", 10))
