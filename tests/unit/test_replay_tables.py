"""Every row behind the figures of the SQL replay: outcomes of orders, postings and teams."""

from __future__ import annotations

import random

import pytest

from projections.replay.duck import Duck
from projections.replay.pipeline import Question
from tests.random_relations import random_relations
from tests.relations import DAY, Relations

HEAD = 1_000
TABLES = ("balance", "order_outcome", "posting", "team_row")
POSTING = (
    "SELECT order_position, kind, position, level, value_us, member, amount_minor, is_on_hold"
    " FROM posting ORDER BY 1, 2, 3, 4"
)
TEAM = "SELECT member, bind, bound_us, ends_us, referrer_1, referrer_2, referrer_3 FROM team_row ORDER BY 1"


def rows(relations: Relations, select: str, *, day: int, position: int = HEAD) -> list[tuple[object, ...]]:
    """Rows of a table as of the first instant of a day; times in days."""
    engine = Duck(relations.connection())
    Question(engine, as_of_us=day * DAY, at_position=position).tabulate()
    return list(engine.rows(select.replace("value_us", f"value_us // {DAY} AS value_day")))


def shop() -> Relations:
    """Give cat -> ben -> ann; 10/5/2 %, hold 10 days; an order of 1000 on day 2, refunds on days 8, 12, 15 and 11."""
    relations = Relations(("ben", "cat", "ann"))
    relations.plan(hold=10)
    relations.bound(2, "ben", "ann", at=1)
    relations.bound(3, "cat", "ben", at=1, end=30)
    relations.order(4, "cat", 1000, at=2)
    for position, (amount, day) in enumerate([(500, 8), (100, 12), (195, 15), (5, 11)], start=5):
        relations.refund(position, 4, amount, at=day)
    return relations


def test_postings_of_an_order() -> None:
    """A clawback on hold, one at the instant the hold ends, one after it, one of nothing recorded late (S-2, R-3)."""
    ben, ann = 1, 3
    found = rows(shop(), POSTING, day=20)
    assert found == [
        # Accruals: 10 % and 5 % of 1000; nobody stands on level 3.
        (4, 1, 4, 1, 2, ben, 100, 0),
        (4, 1, 4, 2, 2, ann, 50, 0),
        # Kept of 500 is 50 and 25, of 400 40 and 20, of 205 20 and 10, of 200 20 and 10.
        (4, 2, 5, 1, 8, ben, 50, 1),
        (4, 2, 5, 2, 8, ann, 25, 1),
        (4, 2, 6, 1, 12, ben, 10, 0),
        (4, 2, 6, 2, 12, ann, 5, 0),
        (4, 2, 7, 1, 15, ben, 20, 0),
        (4, 2, 7, 2, 15, ann, 10, 0),
        # What is left of the accrual when the hold ends.
        (4, 3, 4, 1, 12, ben, 50, 0),
        (4, 3, 4, 2, 12, ann, 25, 0),
    ]


@pytest.mark.parametrize(
    ("day", "position", "expected"),
    [
        (1, HEAD, []),
        (2, HEAD, [(1, 100)]),
        (11, HEAD, [(1, 100), (2, 50)]),
        (12, HEAD, [(1, 100), (2, 50), (2, 10), (3, 50)]),
        # What was not known by then does not count, whatever its time.
        (20, 5, [(1, 100), (2, 50), (3, 50)]),
    ],
)
def test_postings_are_dated(day: int, position: int, expected: list[tuple[int, int]]) -> None:
    """Those by T, of refunds that were known."""
    select = "SELECT kind, amount_minor FROM posting WHERE level = 1 ORDER BY kind, position"
    assert rows(shop(), select, day=day, position=position) == expected


def test_outcome_of_an_order() -> None:
    """A row with what was refunded by T, and for each level who, why, how much, and how much was taken back."""
    select = (
        "SELECT position, refunded_minor, reason_1, beneficiary_1, commission_1, clawback_1, reason_2, beneficiary_2,"
        " commission_2, clawback_2, reason_3, beneficiary_3, commission_3, clawback_3 FROM order_outcome"
    )
    not_bound = (4, None, 0, 0)
    assert rows(shop(), select, day=20) == [(4, 800, 0, 1, 100, 80, 0, 3, 50, 40, *not_bound)]
    # The refund of day 15 is still to come, that of 11 is recorded after it.
    assert rows(shop(), select, day=14) == [(4, 605, 0, 1, 100, 60, 0, 3, 50, 30, *not_bound)]


def test_team_rows() -> None:
    """Everybody who is bound at T, until when, and by which fact, with two referrers more where they are there."""
    never = (1 << 63) - 1
    ben, cat, ann = 1, 2, 3
    assert rows(shop(), TEAM, day=29) == [
        (ben, 2, DAY, never, ann, None, None),
        (cat, 3, DAY, 30 * DAY, ben, ann, None),
    ]
    assert rows(shop(), TEAM, day=30) == [(ben, 2, DAY, never, ann, None, None)]


@pytest.mark.parametrize("seed", range(4))
def test_ways_do_not_matter(seed: int) -> None:
    """One chunk or many, joined or climbed: the same rows; and the figures are those that there are without rows."""
    relations = random_relations(random.Random(seed))  # noqa: S311  # no secret
    found: list[object] = []
    for chunk, joined in ((10_000, 16), (100, 3)):
        engine = Duck(relations.connection())
        question = Question(engine, as_of_us=40 * DAY, at_position=HEAD, chunk_positions=chunk, facts_joined=joined)
        before = [*question.balances(), *question.levels(), *question.outcomes()]
        question.tabulate()
        assert [*question.balances(), *question.levels(), *question.outcomes()] == before
        found.append([list(engine.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4")) for name in TABLES])  # noqa: S608
    assert found[0] == found[1]
