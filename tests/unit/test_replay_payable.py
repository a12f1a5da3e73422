"""Reversals, adjustments, payouts and what is payable, each worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from projections.replay.answers import LeftOut
from projections.replay.duck import Duck
from projections.replay.payable import line_of
from projections.replay.pipeline import Question
from projections.replay.roots import root_of_lines
from tests.relations import DAY, Relations

HEAD = 1_000
FIELDS = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")


def ask(relations: Relations, *, day: int, position: int = HEAD) -> Question:
    """Ask at the first instant of a day."""
    return Question(Duck(relations.connection()), as_of_us=day * DAY, at_position=position)


def shop(rate: int = 100_000, *, rounding: str = "down", hold: int = 10, names: Sequence[str] = ()) -> Relations:
    """Give ben -> ann at 10 %, 10 days on hold, least payout 20."""
    relations = Relations(("ann", "ben", *names))
    relations.plan((rate,), hold=hold, rounding=rounding)
    relations.minimum(20)
    relations.bound(2, "ben", "ann", at=1)
    return relations


def ann(relations: Relations, *, day: int, position: int = HEAD) -> tuple[int, ...]:
    """Give the amounts of ann in GBP, in the order of FIELDS."""
    lines = {(line.member, line.currency): line for line in ask(relations, day=day, position=position).balances()}
    found = lines.get(("ann", "GBP"))
    return () if found is None else tuple(getattr(found, name) for name in FIELDS)


# ---- reversals


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (5, (100, 50, 0, 50, 0, 0, 0)),
        (6, (100, 0, 0, 100, 0, 0, 0)),
        (12, (100, 0, 0, 0, 100, 0, 0)),
        (20, (100, 50, 0, 0, 50, 0, 0)),
        (25, (100, 0, 0, 0, 100, 0, 0)),
    ],
)
def test_a_reversal_restores_what_its_refund_took(day: int, expected: tuple[int, ...]) -> None:
    """Half of 1000 refunded on day 5 and given back on day 6, on hold; the same on days 20 and 25, after it (R-4)."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    relations.refund(11, 10, 500, at=5)
    relations.reversal(12, 11, at=6)
    relations.refund(13, 10, 500, at=20)
    relations.reversal(14, 13, at=25)
    assert ann(relations, day=day) == expected


def test_a_reversal_is_never_dated_before_its_refund() -> None:
    """A refund of day 8, its reversal of day 6: both count from day 8 on."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    relations.refund(11, 10, 500, at=8)
    relations.reversal(12, 11, at=6)
    assert [ann(relations, day=day)[1] for day in (7, 8)] == [0, 0]
    assert ann(relations, day=8, position=11)[1] == 50


def steps(relations: Relations, order: int, upto: int) -> list[int]:
    """What is clawed back of ann's level after each position."""
    return [ann(relations, day=90, position=position)[1] for position in range(order + 1, upto + 1)]


def test_a_clawback_where_less_stands_than_is_kept() -> None:
    """19 at 10 %: 5 and 5 refunded take 0 and 1. The first reversed gives 0 back, so 0 stands where A-2 keeps 1 of 14.

    A further refund of 1 takes nothing, and nothing is left to take by the rest of 13.
    """
    relations = shop()
    relations.order(10, "ben", 19, at=2)
    relations.refund(11, 10, 5, at=3)
    relations.refund(12, 10, 5, at=3)
    relations.reversal(13, 11, at=3)
    relations.refund(14, 10, 1, at=3)
    relations.refund(15, 10, 13, at=3)
    assert steps(relations, 10, 15) == [0, 1, 1, 1, 1]


def test_a_clawback_where_more_stands_than_is_kept() -> None:
    """29 at 10 %: 9, 1, 9 and 1 refunded take 0, 1, 0 and 1. The 1s reversed give both back: 2 stand, 1 of 11 is kept.

    A further refund of 1 takes 1, down to what is kept of 10; the rest of 10 takes the last.
    """
    relations = shop()
    relations.order(10, "ben", 29, at=2)
    for position, amount in ((11, 9), (12, 1), (13, 9), (14, 1)):
        relations.refund(position, 10, amount, at=3)
    relations.reversal(15, 12, at=3)
    relations.reversal(16, 14, at=3)
    relations.refund(17, 10, 1, at=3)
    relations.refund(18, 10, 10, at=3)
    assert steps(relations, 10, 18) == [0, 1, 1, 2, 1, 0, 1, 2]


def test_a_reversal_between_refunds_of_other_times() -> None:
    """The order of positions decides what is taken, its time only from when on it counts (R-2, R-3).

    100 at 10 %: 31 of day 5 takes 4, 33 of day 3 takes 3, then the first is reversed on day 9, 36 of day 4 takes 4.
    """
    relations = shop()
    relations.order(10, "ben", 100, at=2)
    relations.refund(11, 10, 31, at=5)
    relations.refund(12, 10, 33, at=3)
    relations.reversal(13, 11, at=9)
    relations.refund(14, 10, 36, at=4)
    # Kept of 69, 36: 6, 3. After the reversal 7 stand; of 100 - 33 - 36 = 31 3 are kept: 4 are taken.
    assert [ann(relations, day=day)[1] for day in (2, 3, 4, 5, 9)] == [0, 3, 7, 11, 7]


def test_levels_are_net_of_reversals() -> None:
    """Refunds and clawbacks of a level less what was reversed by T; an order counts once (T-2)."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    relations.refund(11, 10, 500, at=5)
    relations.refund(12, 10, 200, at=5)
    relations.reversal(13, 11, at=6)
    levels = [tuple(next(ask(relations, day=day).levels())) for day in (5, 6)]
    assert levels == [("GBP", 1, 1, 1000, 100, 70, 700, 1), ("GBP", 1, 1, 1000, 100, 20, 200, 1)]
    assert dict(ask(relations, day=6).outcomes()) == {"paid": 1, "not_bound": 1, "chain_ended": 1}


# ---- adjustments and payouts


def test_adjustments_count_from_their_date() -> None:
    """One of 70 from day 5, one of -100 from day 8 on; a line that comes to nothing stays (S-3)."""
    relations = shop()
    relations.adjustment(10, "ann", 70, at=5)
    relations.adjustment(12, "ann", -100, at=8)
    relations.adjustment(14, "ann", 30, at=9)
    assert ann(relations, day=4) == ()
    adjusted = [ann(relations, day=day) for day in (5, 8, 9)]
    assert adjusted == [(0, 0, 70, 0, 70, 0, 0), (0, 0, -30, 0, -30, 0, 0), (0, 0, 0, 0, 0, 0, 0)]
    assert ann(relations, day=9, position=13)[2] == -30


def paid_out() -> Relations:
    """Give ann 100 from day 12 on, a line of 80 reserved on day 15."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    batch = relations.batch(20, [("ann", 80)], cut_off=13, known=19)
    relations.approved(30, batch, at=15)
    return relations


@pytest.mark.parametrize(
    ("kinds", "amounts"),
    [
        ((), (20, 80, 0)),
        (("submitted",), (20, 80, 0)),
        (("submitted", "unknown"), (20, 80, 0)),
        (("submitted", "paid"), (20, 0, 80)),
        (("submitted", "failed"), (100, 0, 0)),
        (("submitted", "unknown", "failed"), (100, 0, 0)),
        (("submitted", "failed", "submitted"), (20, 80, 0)),
        (("submitted", "failed", "submitted", "paid"), (20, 0, 80)),
        (("submitted", "paid", "returned"), (100, 0, 0)),
    ],
)
def test_a_payout_moves_its_line(kinds: Sequence[str], amounts: tuple[int, ...]) -> None:
    """Available, reserved and paid after each way a payout can go (S-2, X-4); a line that was dropped moves nothing."""
    relations = paid_out()
    attempt = 0
    for position, kind in enumerate(kinds, start=40):
        attempt += kind == "submitted"
        relations.payout(position, kind, ("batch-b20", 1), at=20, attempt=attempt)
    assert ann(relations, day=20) == (100, 0, 0, 0, *amounts)
    assert ann(relations, day=14) == (100, 0, 0, 0, 100, 0, 0)
    assert ann(relations, day=20, position=29) == (100, 0, 0, 0, 100, 0, 0)


def test_a_dropped_line_moves_nothing() -> None:
    """Reserved is what was not dropped at the approval (X-3)."""
    relations = shop(names=("cat",))
    relations.adjustment(10, "ann", 50, at=2)
    relations.adjustment(12, "cat", 60, at=2)
    batch = relations.batch(20, [("ann", 50), ("cat", 60)], cut_off=3, known=19)
    relations.approved(30, batch, at=4, dropped={1: "frozen"})
    lines = {line.member: (line.available, line.reserved) for line in ask(relations, day=9).balances()}
    assert lines == {"ann": (50, 0), "cat": (0, 60)}


def test_time_never_runs_backwards_within_a_payout() -> None:
    """Reserved on day 15, paid by a file of day 13, returned on day 12: all from day 15 on."""
    relations = paid_out()
    relations.payout(40, "submitted", ("batch-b20", 1), at=14)
    relations.payout(41, "paid", ("batch-b20", 1), at=13)
    assert [ann(relations, day=day)[4:] for day in (13, 14, 15)] == [(100, 0, 0), (100, 0, 0), (20, 0, 80)]
    relations.payout(42, "returned", ("batch-b20", 1), at=12)
    assert [ann(relations, day=day)[4:] for day in (14, 15)] == [(100, 0, 0), (100, 0, 0)]


# ---- payable


def payable(relations: Relations, *, day: int, position: int = HEAD, currency: str = "GBP") -> dict[str, int | str]:
    """Give who is paid how much, or why not."""
    found = ask(relations, day=day, position=position).payable(currency)
    return {line.member: line.amount_minor for line in found.lines} | {row.member: row.reason for row in found.left_out}


def test_credits_count_by_their_date_and_debits_at_once() -> None:
    """As of day 13, what is recorded later about later days: only what takes something counts (X-1)."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    relations.refund(20, 10, 400, at=30)
    relations.reversal(22, 20, at=31)
    relations.adjustment(24, "ann", 500, at=30)
    relations.adjustment(26, "ann", -15, at=30)
    by_position = [payable(relations, day=13, position=position)["ann"] for position in (10, 20, 22, 24, 26)]
    assert by_position == [100, 60, 60, 60, 45]
    assert payable(relations, day=31)["ann"] == 100 + 500 - 15


def test_a_refund_within_the_hold_is_no_debit() -> None:
    """Of an order that matures after the cut-off: a refund before that lowers what matures, one after it is a debit."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    relations.order(12, "ben", 2000, at=10)
    relations.refund(20, 12, 500, at=18)
    assert payable(relations, day=15) == {"ann": 100}
    relations.refund(21, 12, 500, at=20)
    assert payable(relations, day=15) == {"ann": 50}
    relations.refund(22, 10, 1000, at=21)
    assert payable(relations, day=15) == {"ann": "debt"}


def test_an_order_after_the_cut_off_can_take_but_not_give() -> None:
    """Ordered, matured and refunded all after it: the refund is a debit all the same."""
    relations = shop()
    relations.order(10, "ben", 1000, at=2)
    relations.order(12, "ben", 700, at=16)
    assert payable(relations, day=15) == {"ann": 100}
    relations.refund(20, 12, 300, at=30)
    assert payable(relations, day=15) == {"ann": 70}


def test_what_is_reserved_is_not_payable_again() -> None:
    """From its approval on, also as of a day before; failed or returned it is payable again, as of any day."""
    relations = paid_out()
    assert [payable(relations, day=13, position=position) for position in (29, 30)] == [{"ann": 100}, {"ann": 20}]
    relations.payout(40, "submitted", ("batch-b20", 1), at=16)
    relations.payout(41, "failed", ("batch-b20", 1), at=17)
    assert payable(relations, day=13) == {"ann": 100}
    relations.payout(42, "submitted", ("batch-b20", 1), at=18, attempt=2)
    relations.payout(43, "paid", ("batch-b20", 1), at=19, attempt=2)
    assert payable(relations, day=13) == payable(relations, day=99) == {"ann": 20}
    relations.payout(44, "returned", ("batch-b20", 1), at=20, attempt=2)
    assert payable(relations, day=13) == payable(relations, day=99) == {"ann": 100}


def test_why_somebody_is_left_out() -> None:
    """The first reason that applies: frozen, debt, below the minimum, reserved, on hold."""
    names = ("cold", "debtor", "few", "held", "later", "nought", "warm")
    relations = shop(names=names)
    for position, (member, amount) in enumerate({"cold": -5, "debtor": -5, "few": 19, "warm": 20}.items(), start=2):
        relations.adjustment(2 * position, member, amount, at=1)
    relations.bound(30, "few", "later", at=1)
    relations.order(31, "few", 1000, at=9)
    relations.adjustment(41, "held", 70, at=1)
    relations.adjustment(43, "nought", 70, at=1)
    relations.adjustment(45, "nought", -70, at=1)
    batch = relations.batch(50, [("held", 70)], cut_off=2, known=49)
    relations.approved(60, batch, at=3)
    for position, member, kind in ((70, "cold", "frozen"), (71, "warm", "frozen"), (72, "warm", "unfrozen")):
        relations.frozen(position, member, kind)
    expected = {"cold": "frozen", "debtor": "debt", "few": "below_minimum", "held": "reserved", "later": "on_hold"}
    assert payable(relations, day=10) == {**expected, "warm": 20}
    assert payable(relations, day=10, position=71)["warm"] == "frozen"
    rows = ask(relations, day=10).payable("GBP").left_out
    assert rows[3:] == [LeftOut("held", "reserved", 0, 0, 0, 70), LeftOut("later", "on_hold", 0, 100, 0, 0)]


def test_lines_stand_in_the_order_of_bytes() -> None:
    """Capitals before small letters, two-byte letters last; the hash is over them in that order."""
    relations = shop(names=("éve", "Zoe", "zed"))
    for position, member in enumerate(("éve", "ann", "Zoe", "zed"), start=5):
        relations.adjustment(2 * position, member, 20 + position, at=1)
    lines = ask(relations, day=2).payable("GBP").lines
    assert [tuple(line) for line in lines] == [("Zoe", 27), ("ann", 26), ("zed", 28), ("éve", 25)]


def test_the_least_payout_is_that_of_the_plan_in_force() -> None:
    """At T, among plans of positions up to P (X-1, P-3); a currency without one is not paid out."""
    relations = shop()
    relations.rows["plan_term"].append((2, 30, 20 * DAY, *relations.rows["plan_term"][0][3:]))
    relations.minimum(71, plan=2)
    relations.minimum(1, plan=1, currency="USD")
    relations.adjustment(10, "ann", 70, at=1)
    relations.adjustment(12, "ann", 70, at=1, currency="USD")
    assert payable(relations, day=19) == {"ann": 70}
    assert payable(relations, day=20) == {"ann": "below_minimum"}
    assert payable(relations, day=20, position=29) == {"ann": 70}
    assert payable(relations, day=19, currency="USD") == {"ann": 70}
    for day, currency, plan in ((20, "USD", 2), (19, "EUR", 1), (-1, "GBP", None)):
        found = ask(relations, day=day).payable(currency)
        assert (found.plan, found.minimum_minor, found.lines, found.left_out) == (plan, None, [], [])


def test_the_hash_of_lines_is_that_of_their_canonical_json() -> None:
    """Keys in order, quotes escaped, details only where there are any; of nothing it is that of nothing."""
    details = "ab" * 32
    assert line_of(1, 'a"\\é', 5) == '{"amount":5,"member":"a\\"\\\\é","no":1}'
    assert line_of(12, "ann", 7, details) == f'{{"amount":7,"details":"{details}","member":"ann","no":12}}'
    assert root_of_lines([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
