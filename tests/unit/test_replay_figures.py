"""Balances, levels, outcomes and teams of the SQL replay, worked out by hand, and ways that must not matter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from projections.replay.duck import Duck
from projections.replay.pipeline import Question
from tests.random_relations import random_relations
from tests.relations import DAY, Relations

HEAD = 1_000


def replay(relations: Relations, *, day: int, position: int = HEAD, chunk: int = 10_000, joined: int = 16) -> Question:
    """Ask at the first instant of a day."""
    engine = Duck(relations.connection())
    return Question(engine, as_of_us=day * DAY, at_position=position, chunk_positions=chunk, facts_joined=joined)


def shop() -> Relations:
    """Give cat -> ben -> ann; 10/5/2 %, hold 10 days; an order of 1000 on day 2 and one of 500 USD on day 5."""
    relations = Relations(("ben", "cat", "ann"))
    relations.plan(hold=10)
    relations.bound(2, "ben", "ann", at=1)
    relations.bound(3, "cat", "ben", at=1)
    relations.order(4, "cat", 1000, at=2)
    relations.order(6, "cat", 500, at=5, currency="USD")
    return relations


def commission_of(question: Question, member: str) -> tuple[int, ...]:
    """Earned, clawed back, pending and available of a member in GBP."""
    lines = {line.member: line for line in question.balances() if line.currency == "GBP"}
    line = lines[member]
    return line.earned, line.clawed_back, line.pending, line.available


@pytest.mark.parametrize(
    ("day", "ann"),
    [
        (11, (50, 0, 50, 0)),
        (12, (50, 0, 0, 50)),
    ],
)
def test_the_hold_ends_at_its_instant(day: int, ann: tuple[int, ...]) -> None:
    """An accrual of day 2 with 10 days of hold is pending on day 11 and available from day 12 on (A-6)."""
    assert commission_of(replay(shop(), day=day), "ann") == ann


@pytest.mark.parametrize(
    ("day", "ann"),
    [
        (7, (50, 0, 50, 0)),
        (8, (50, 25, 25, 0)),
        (13, (50, 25, 0, 25)),
        (20, (50, 50, 0, 0)),
    ],
)
def test_a_clawback_lowers_pending_and_later_available(day: int, ann: tuple[int, ...]) -> None:
    """Refunds of 500 on day 8, on hold, and of 500 on day 20, after it; at 0 the line stays (R-3, S-3)."""
    relations = shop()
    relations.refund(7, 4, 500, at=8)
    relations.refund(8, 4, 500, at=20)
    assert commission_of(replay(relations, day=day), "ann") == ann


def test_balances_are_sorted_by_bytes() -> None:
    """Capitals before small letters, two-byte letters last, currencies within (S-3)."""
    relations = Relations(("éve", "ann", "Zoe", "zed"))
    relations.plan()
    for position, referrer in enumerate(("éve", "ann", "Zoe"), start=2):
        relations.bound(position, "zed", referrer, at=position, end=position + 1)
        relations.order(position + 10, "zed", 100, at=position, currency="USD")
        relations.order(position + 20, "zed", 100, at=position)
    lines = [(line.member, line.currency) for line in replay(relations, day=30).balances()]
    assert lines == [(name, currency) for name in ("Zoe", "ann", "éve") for currency in ("GBP", "USD")]


def test_nothing_before_the_first_order() -> None:
    """Before any order there are no balances, no levels and no outcomes, at a day and at a position."""
    for question in (replay(shop(), day=1), replay(shop(), day=99, position=3), replay(shop(), day=99, position=0)):
        assert not [*question.balances(), *question.levels(), *question.outcomes()]


def test_levels_count_who_is_there() -> None:
    """Orders and base count who is on the level, paid or not; refunds by T; earners once (T-2)."""
    relations = shop()
    relations.order(8, "cat", 9, at=6)
    relations.order(9, "ann", 700, at=6)
    relations.order(10, "cat", 100, at=6, plan=None)
    relations.refund(11, 4, 100, at=7)
    relations.refund(12, 8, 9, at=7)
    relations.refund(13, 9, 700, at=7)
    relations.refund(14, 4, 100, at=8)
    assert [tuple(row) for row in replay(relations, day=7).levels()] == [
        ("GBP", 1, 2, 1009, 100, 10, 109, 1),
        ("GBP", 2, 2, 1009, 50, 5, 109, 1),
        ("GBP", 3, 0, 0, 0, 0, 0, 0),
        ("USD", 1, 1, 500, 50, 0, 0, 1),
        ("USD", 2, 1, 500, 25, 0, 0, 1),
        ("USD", 3, 0, 0, 0, 0, 0, 0),
    ]


def test_a_currency_counts_from_its_first_order() -> None:
    """Before the order in USD there is no row for it, whatever became of that order's levels."""
    relations = shop()
    relations.order(8, "ann", 700, at=6, currency="EUR", plan=None)
    assert {row.currency for row in replay(relations, day=4).levels()} == {"GBP"}
    assert {row.currency for row in replay(relations, day=6).levels()} == {"EUR", "GBP", "USD"}


def test_outcomes_count_orders_and_levels() -> None:
    """Two orders by cat and one by ann by day 6 (A-3)."""
    relations = shop()
    relations.order(8, "ann", 700, at=6)
    relations.order(9, "ann", 700, at=7)
    outcomes = dict(replay(relations, day=6).outcomes())
    assert outcomes == {"paid": 4, "not_bound": 3, "chain_ended": 2}


def test_levels_and_outcomes_count_an_order_with_split_refunds_once() -> None:
    """A refund dated later between two others neither doubles the order nor its commission."""
    relations = shop()
    for position, day in ((7, 3), (8, 20), (9, 3)):
        relations.refund(position, 4, 100, at=day)
    question = replay(relations, day=4)
    assert [tuple(row) for row in question.levels()][:2] == [
        ("GBP", 1, 1, 1000, 100, 20, 200, 1),
        ("GBP", 2, 1, 1000, 50, 10, 200, 1),
    ]
    assert dict(question.outcomes()) == {"paid": 2, "not_bound": 1}


def test_the_team_three_levels_down_and_up() -> None:
    """Everybody within three steps, at T and by P, with who is between (T-1)."""
    names = ("a", "b", "c", "d", "e", "f", "g", "h")
    relations = Relations(names)
    for position, (member, referrer) in enumerate(zip(names[1:], names, strict=False), start=2):
        relations.bound(position, member, referrer, at=position, end=50)
    number = relations.number("d")
    team = [tuple(row) for row in replay(relations, day=20).team(number)]
    assert team == [
        ("down", 1, "e", "d"),
        ("down", 2, "f", "e"),
        ("down", 3, "g", "f"),
        ("up", 1, "c", "d"),
        ("up", 2, "b", "c"),
        ("up", 3, "a", "b"),
    ]
    assert [row.name for row in replay(relations, day=6).team(number)] == ["e", "f", "c", "b", "a"]
    assert [row.name for row in replay(relations, day=20, position=5).team(number)] == ["e", "c", "b", "a"]
    assert [row.name for row in replay(relations, day=20, position=6).team(number)] == ["e", "f", "c", "b", "a"]
    assert not list(replay(relations, day=50).team(number))


def test_the_team_after_a_take_over() -> None:
    """A late question sees the older binding before the take-over, the newer from its instant on."""
    relations = Relations(("ann", "ben", "cat"))
    relations.bound(2, "ben", "ann", at=1, end=30)
    relations.released(3, 2, ("ben", "ann"), at=10)
    relations.bound(4, "ben", "cat", at=10, end=40)
    ben = relations.number("ben")
    assert [row.name for row in replay(relations, day=9).team(ben)] == ["ann"]
    assert [row.name for row in replay(relations, day=10).team(ben)] == ["cat"]
    assert [row.name for row in replay(relations, day=10, position=2).team(ben)] == ["ann"]


@pytest.mark.parametrize("seed", range(6))
def test_chunks_and_ways_of_looking_up_do_not_matter(seed: int) -> None:
    """One chunk or many, joined or climbed: the same figures and the same levels of every order."""
    relations = random_relations(random.Random(seed))  # noqa: S311  # no secret
    ways: list[Callable[[], Question]] = [
        lambda: replay(relations, day=40),
        lambda: replay(relations, day=40, chunk=250),
        lambda: replay(relations, day=40, joined=0),
        lambda: replay(relations, day=40, chunk=100, joined=3),
    ]
    answers = [[*(way := make()).balances(), *way.levels(), *way.outcomes(), *way.order_levels()] for make in ways]
    assert len(answers[0]) > 100
    for answer in answers[1:]:
        assert answer == answers[0]


def test_a_member_with_very_many_facts() -> None:
    """A buyer with 100,000 renewals who is the referrer of 200,000 more orders: the work does not multiply.

    Joined it would be 30 thousand million pairs. Each order comes just within the end that the one before it gave.
    """
    count, minute = 100_000, 60_000_000
    relations = Relations(("ann", "ben", "cat"))
    relations.plan()
    relations.bound(2, "ben", "ann", at=0, end=1)
    relations.bound(3, "cat", "ben", at=0)
    connection = relations.connection()
    connection.execute(
        f"INSERT INTO order_fact SELECT 10 + 4 * i, i * {minute}, 2, 'GBP', 1000, 1 FROM range({count}) AS r (i)"  # noqa: S608
    )
    for offset in (2, 3):
        connection.execute(
            f"INSERT INTO order_fact SELECT 10 + {offset} + 4 * i, i * {minute}, 3, 'GBP', 1000, 1"  # noqa: S608
            f" FROM range({count}) AS r (i)"
        )
    connection.execute(
        f"INSERT INTO binding_fact SELECT 11 + 4 * i, 'renewed', 2, 2, 1, i * {minute}, i * {minute} + {DAY}"  # noqa: S608
        f" FROM range({count}) AS r (i)"
    )
    started = time.process_time()
    question = Question(Duck(connection), as_of_us=count * minute, at_position=10 + 4 * count)
    assert dict(question.outcomes()) == {"paid": 5 * count, "not_bound": 3 * count, "chain_ended": count}
    assert time.process_time() - started < 30
