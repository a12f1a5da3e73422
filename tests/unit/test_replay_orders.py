"""What the SQL replay says of each order and level, worked out by hand from the rule book."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from projections.replay.duck import Duck
from projections.replay.pipeline import Question
from tests.relations import DAY, LATE, Relations

NOBODY = None
CHAIN = ("ann", "ben", "cat", "dan", "eve")


def replay(relations: Relations, *, day: int = LATE // DAY, position: int = 1_000, chunk: int = 10_000) -> Question:
    """Ask at the end of a day's first instant."""
    engine = Duck(relations.connection())
    return Question(engine, as_of_us=day * DAY, at_position=position, chunk_positions=chunk)


def levels_of(
    relations: Relations, order: int, *, day: int = LATE // DAY, position: int = 1_000
) -> list[tuple[str | None, str, int, int]]:
    """Beneficiary, reason, commission and clawback of an order's three levels."""
    return [row[2:] for row in replay(relations, day=day, position=position).order_levels([order])]


def chain(*, rates: Sequence[int] = (100_000, 50_000, 20_000), rounding: str = "down", own: bool = False) -> Relations:
    """Give a chain eve -> dan -> cat -> ben -> ann, bound on day 1 without end at positions 2 to 5."""
    relations = Relations(CHAIN)
    relations.plan(rates, rounding=rounding, own=own)
    for position, (member, referrer) in enumerate(zip(CHAIN[1:], CHAIN, strict=False), start=2):
        relations.bound(position, member, referrer, at=1)
    return relations


def test_three_levels_are_paid() -> None:
    """99.99 at 10/5/2 %: 9.99, 4.99, 1.99; the fourth ancestor gets nothing (A-1, A-2)."""
    relations = chain()
    relations.order(10, "eve", 9999, at=2)
    assert levels_of(relations, 10) == [("dan", "paid", 999, 0), ("cat", "paid", 499, 0), ("ben", "paid", 199, 0)]


def test_no_plan_on_all_three() -> None:
    """An order that no plan was in force for says so on every level, whatever the chain (A-3)."""
    relations = chain()
    relations.order(10, "eve", 9999, at=2, plan=None)
    assert levels_of(relations, 10) == [(NOBODY, "no_plan", 0, 0)] * 3


@pytest.mark.parametrize(
    ("buyer", "expected"),
    [
        ("ann", ["not_bound", "chain_ended", "chain_ended"]),
        ("ben", ["paid", "not_bound", "chain_ended"]),
        ("cat", ["paid", "paid", "not_bound"]),
    ],
)
def test_where_the_chain_ends(buyer: str, expected: list[str]) -> None:
    """The first missing edge has its own reason, the levels above it none of their own (A-3)."""
    relations = chain()
    relations.order(10, buyer, 9999, at=2)
    assert [row[1] for row in levels_of(relations, 10)] == expected


def test_a_missing_edge_comes_before_the_rate() -> None:
    """A level without a rate above the end of the chain is chain_ended, and a missing edge itself not_bound (A-3)."""
    relations = chain(rates=())
    relations.order(10, "ben", 9999, at=2)
    assert [row[:2] for row in levels_of(relations, 10)] == [
        ("ann", "level_not_paid"),
        (NOBODY, "not_bound"),
        (NOBODY, "chain_ended"),
    ]


def test_a_zero_rate_keeps_its_slot() -> None:
    """10/0/2 %: the second level is not paid, the third gets the third rate (A-4)."""
    relations = chain(rates=(100_000, 0, 20_000))
    relations.order(10, "eve", 10_000, at=2)
    assert levels_of(relations, 10) == [
        ("dan", "paid", 1000, 0),
        ("cat", "level_not_paid", 0, 0),
        ("ben", "paid", 200, 0),
    ]


def test_what_rounds_to_zero() -> None:
    """9 at 10 % is 0: nothing was earned, and that is not a rate of 0 (A-3)."""
    relations = chain(rates=(100_000, 0))
    relations.order(10, "eve", 9, at=2)
    assert [row[1] for row in levels_of(relations, 10)] == ["rounds_to_zero", "level_not_paid", "level_not_paid"]


@pytest.mark.parametrize(
    ("rounding", "amount", "commission"),
    [
        ("down", 25, 2),
        ("down", 29, 2),
        ("half_up", 24, 2),
        ("half_up", 25, 3),
        ("half_up", 35, 4),
        ("half_even", 24, 2),
        ("half_even", 25, 2),
        ("half_even", 26, 3),
        ("half_even", 35, 4),
        ("half_even", 5, 0),
        ("half_up", 5, 1),
    ],
)
def test_rounding_at_and_beside_the_half(rounding: str, amount: int, commission: int) -> None:
    """10 % of an amount, rounded as the plan says (A-2)."""
    relations = chain(rates=(100_000,), rounding=rounding)
    relations.order(10, "ben", amount, at=2)
    assert levels_of(relations, 10)[0][2] == commission


@pytest.mark.parametrize("rounding", ["down", "half_up", "half_even"])
def test_the_largest_amount_at_the_largest_rates(rounding: str) -> None:
    """(2^43 - 1) at 100 %, 99.9999 % and 0.0001 % is exact in 64 bits (G-1, A-2)."""
    amount = 2**43 - 1
    relations = chain(rates=(1_000_000, 999_999, 1), rounding=rounding)
    relations.order(10, "eve", amount, at=2)
    half = 0 if rounding == "down" else 500_000
    expected = [(amount * rate + half) // 1_000_000 for rate in (1_000_000, 999_999, 1)]
    assert [row[2] for row in levels_of(relations, 10)] == expected


def test_the_buyer_takes_level_1() -> None:
    """Under as_level_1 the buyer, the referrer and that one's referrer take the three levels (A-5)."""
    relations = chain(own=True)
    relations.order(10, "eve", 1000, at=2)
    assert levels_of(relations, 10) == [("eve", "paid", 100, 0), ("dan", "paid", 50, 0), ("cat", "paid", 20, 0)]


def test_the_buyer_takes_level_1_without_a_referrer() -> None:
    """Under as_level_1 the missing edge of a buyer without a referrer is on level 2 (A-3, A-5)."""
    relations = chain(own=True)
    relations.order(10, "ann", 1000, at=2)
    assert levels_of(relations, 10) == [
        ("ann", "paid", 100, 0),
        (NOBODY, "not_bound", 0, 0),
        (NOBODY, "chain_ended", 0, 0),
    ]


def test_a_loop_pays_nobody_twice() -> None:
    """Where ann and ben are bound to each other the buyer is self and the second visit a repeat (A-3, A-5)."""
    relations = Relations(("ann", "ben"))
    relations.plan()
    relations.bound(2, "ann", "ben", at=1)
    relations.bound(3, "ben", "ann", at=1)
    relations.order(10, "ann", 1000, at=2)
    assert [row[:2] for row in levels_of(relations, 10)] == [("ben", "paid"), ("ann", "self"), ("ben", "repeat")]


def test_a_loop_under_as_level_1() -> None:
    """The buyer on level 1 is in the upline already when the loop comes back to it (A-3, A-5)."""
    relations = Relations(("ann", "ben"))
    relations.plan(own=True)
    relations.bound(2, "ann", "ben", at=1)
    relations.bound(3, "ben", "ann", at=1)
    relations.order(10, "ann", 1000, at=2)
    assert [row[:2] for row in levels_of(relations, 10)] == [("ann", "paid"), ("ben", "paid"), ("ann", "repeat")]


@pytest.mark.parametrize(("day", "reason"), [(0, "not_bound"), (1, "paid"), (30, "paid"), (31, "expired")])
def test_a_binding_holds_from_its_start_until_its_end(day: int, reason: str) -> None:
    """Bound from day 1 to day 31: the start is in, the end is out (G-3, B-3)."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=1, end=31)
    relations.order(10, "ben", 1000, at=day)
    assert levels_of(relations, 10)[0][1] == reason


@pytest.mark.parametrize(("day", "reason"), [(4, "paid"), (5, "released"), (31, "released")])
def test_a_release_ends_a_binding_for_good(day: int, reason: str) -> None:
    """Released on day 5 is released also after the end it would have had (A-3, B-8)."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=1, end=31)
    relations.released(3, 2, ("ben", "ann"), at=5)
    relations.order(10, "ben", 1000, at=day)
    assert levels_of(relations, 10)[0][1] == reason


@pytest.mark.parametrize(
    ("position", "day", "expected"),
    [
        (10, 6, ("ann", "paid")),  # the take-over of day 5 is recorded later
        (22, 6, ("cat", "paid")),
        (22, 5, ("cat", "paid")),  # at its instant the new binding holds
        (22, 4, ("ann", "paid")),  # a late order sees the older binding
        (10, 0, (NOBODY, "not_bound")),
        (22, 0, (NOBODY, "not_bound")),
        (22, 41, (NOBODY, "expired")),
        (10, 41, (NOBODY, "expired")),
    ],
)
@pytest.mark.parametrize("release", [20, 21])
def test_a_take_over_seen_by_position_and_time(
    position: int, day: int, expected: tuple[str | None, str], release: int
) -> None:
    """What an order sees is recorded below it, and valid at its instant; the release may share the bind's position."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=1, end=31)
    relations.released(release, 2, ("ben", "ann"), at=5)
    relations.bound(21, "ben", "cat", at=5, end=35)
    relations.order(position, "ben", 1000, at=day)
    assert levels_of(relations, position)[0][:2] == expected


def test_the_reason_is_that_of_the_latest_binding() -> None:
    """Lapsed, then bound again and released: released from then on, expired for orders of the time between (A-3)."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=1, end=10)
    relations.bound(3, "ben", "cat", at=20, end=30)
    relations.released(4, 3, ("ben", "cat"), at=20)
    for position, day in ((10, 10), (11, 19), (12, 20)):
        relations.order(position, "ben", 1000, at=day)
    reasons = [levels_of(relations, position)[0][1] for position in (10, 11, 12)]
    assert reasons == ["expired", "expired", "released"]


def test_bindings_of_one_instant() -> None:
    """Bound, released and bound again at one instant: the position says which one holds."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=5, end=30)
    relations.released(4, 2, ("ben", "ann"), at=5)
    relations.bound(6, "ben", "cat", at=5, end=30)
    for position in (3, 5, 7):
        relations.order(position, "ben", 1000, at=5)
    seen = [levels_of(relations, position)[0][:2] for position in (3, 5, 7)]
    assert seen == [("ann", "paid"), (NOBODY, "released"), ("cat", "paid")]


def test_a_renewal_holds_for_orders_above_it() -> None:
    """Bound to day 10, renewed by the order at position 4 to day 20: orders below see the old end (A-1, B-5)."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=1, end=10)
    relations.order(3, "ben", 1000, at=15)
    relations.order(4, "ben", 1000, at=9)
    relations.renewed(4, 2, ("ben", "ann"), at=9, end=20)
    relations.order(5, "ben", 1000, at=15)
    relations.order(6, "ben", 1000, at=20)
    reasons = [levels_of(relations, position)[0][1] for position in (3, 4, 5, 6)]
    assert reasons == ["expired", "paid", "paid", "expired"]


def test_a_renewal_after_a_release_revives_nothing() -> None:
    """A release ends a binding whatever is recorded of it later (B-3)."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "ben", "ann", at=1, end=10)
    relations.released(3, 2, ("ben", "ann"), at=5)
    relations.renewed(4, 2, ("ben", "ann"), at=4, end=20)
    relations.order(5, "ben", 1000, at=6)
    assert levels_of(relations, 5)[0][1] == "released"


def test_each_level_is_read_at_the_order_and_its_position() -> None:
    """The referrer's own binding counts as recorded below the order and valid at its instant (A-1)."""
    relations = Relations(CHAIN)
    relations.plan()
    relations.bound(2, "cat", "ben", at=1)
    relations.order(3, "cat", 1000, at=9)
    relations.bound(4, "ben", "ann", at=5, end=10)
    for position, day in ((5, 4), (6, 9), (7, 10)):
        relations.order(position, "cat", 1000, at=day)
    reasons = [levels_of(relations, position)[1][1] for position in (3, 5, 6, 7)]
    assert reasons == ["not_bound", "not_bound", "paid", "expired"]


def test_refunds_take_back_by_difference() -> None:
    """99.90 at 10/5/2 % less 33.33, 33.33 and 33.24: every level ends at 0, what is kept never depends on the split."""
    relations = chain()
    relations.order(10, "eve", 9990, at=2)
    for position, amount in ((11, 3333), (12, 3333), (13, 3324)):
        relations.refund(position, 10, amount, at=3)
    by_position = [[row[3] for row in levels_of(relations, 10, position=position)] for position in (10, 11, 12, 13)]
    # Kept at 9990, 6657, 3324, 0: 999, 665, 332, 0; 499, 332, 166, 0; 199, 133, 66, 0.
    assert by_position == [[0, 0, 0], [334, 167, 66], [667, 333, 133], [999, 499, 199]]


@pytest.mark.parametrize(("day", "clawback"), [(2, 0), (3, 3), (4, 6), (5, 10)])
def test_a_refund_recorded_out_of_time_order(day: int, clawback: int) -> None:
    """Each clawback is fixed in order of position, and counts from its refund's time (R-2, R-3).

    100 at 10 %, down: refunds of 31 (day 5), 33 (day 3), 36 (day 4) at rising positions. Kept 10, 6, 3, 0: clawbacks 4
    on day 5, 3 on day 3, 3 on day 4.
    """
    relations = chain(rates=(100_000,))
    relations.order(10, "eve", 100, at=2)
    for position, amount, refund_day in ((11, 31, 5), (12, 33, 3), (13, 36, 4)):
        relations.refund(position, 10, amount, at=refund_day)
    assert levels_of(relations, 10, day=day)[0][3] == clawback


def test_runs_of_refunds_between_later_ones() -> None:
    """Four refunds of 25 at 10 % half_even, dated 3, 9, 3, 3: by day 3 the first and the last two count, each once."""
    relations = chain(rates=(100_000,), rounding="half_even")
    relations.order(10, "eve", 100, at=2)
    for position, day in ((11, 3), (12, 9), (13, 3), (14, 3)):
        relations.refund(position, 10, 25, at=day)
    # Kept at 100, 75, 50, 25, 0: 10, 8 (7.5), 5, 2 (2.5), 0.
    assert levels_of(relations, 10, day=3)[0][2:] == (10, 2 + 3 + 2)
    assert levels_of(relations, 10, day=9)[0][2:] == (10, 10)
