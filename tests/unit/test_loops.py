"""Loops among bindings are found at their instant, whatever else is in force, and only where there are any."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from projections.loops import Interval, Loop, loops, on_circles

MEMBERS = 8


def found(*intervals: tuple[int, int, int, int]) -> list[Loop]:
    """Loops among bindings given as start, end, member, referrer; their positions are 1, 2, ..."""
    rows = [
        Interval(start, end, bind, member, referrer)
        for bind, (start, end, member, referrer) in enumerate(intervals, start=1)
    ]
    return list(loops(sorted(rows, key=lambda row: (row.from_us, row.bind))))


def test_a_loop_closes_with_its_last_binding() -> None:
    """3 under 2, 2 under 1, then 1 under 3: from 30 on, with the positions of all three bindings."""
    assert found((10, 99, 3, 2), (20, 99, 2, 1), (30, 99, 1, 3)) == [Loop(30, (1, 3, 2), (3, 1, 2))]


def test_whoever_is_bound_to_themselves_is_a_loop() -> None:
    """Of one."""
    assert found((10, 99, 1, 1)) == [Loop(10, (1,), (1,))]


def test_bindings_that_never_meet_are_no_loop() -> None:
    """2 under 1 until 50, 1 under 2 from 50 on: an interval does not hold at its end."""
    assert found((10, 50, 2, 1), (50, 99, 1, 2)) == []
    assert found((10, 51, 2, 1), (50, 99, 1, 2)) == [Loop(50, (1, 2), (2, 1))]


def test_after_a_loop_the_next_one_is_found() -> None:
    """The binding that closed the first is left out; the second is another."""
    assert [loop.from_us for loop in found((1, 9, 2, 1), (2, 9, 1, 2), (3, 9, 4, 3), (4, 9, 3, 4))] == [2, 4]


def test_a_member_with_two_referrers_is_looked_at_both_ways() -> None:
    """2 is bound to 1 and to 3 at the same time; 3 under 2 closes a loop by the second."""
    assert found((1, 9, 2, 1), (2, 9, 2, 3), (3, 9, 3, 2)) == [Loop(3, (3, 2), (3, 2))]


def test_a_long_chain_is_walked_without_recursion() -> None:
    """100,000 members one under the other, closed at the top."""
    chain = [(number, 1 << 40, number, number - 1) for number in range(2, 100_001)]
    (loop,) = found(*chain, (200_000, 1 << 40, 1, 100_000))
    assert len(loop.members) == len(set(loop.binds)) == 100_000


def test_who_stands_on_no_circle_is_left_out() -> None:
    """2, 3, 4 go round; 1 is above them, 5 and 6 below, 7 and 8 elsewhere."""
    edges = [(2, 3), (3, 4), (4, 2), (1, 2), (4, 5), (5, 6), (7, 8)]
    assert on_circles(edges, MEMBERS) == [2, 3, 4]
    assert on_circles(edges[1:], MEMBERS) == []
    assert on_circles([], MEMBERS) == []


def test_who_stands_between_two_circles_stays() -> None:
    """5 is below one circle and above another."""
    assert on_circles([(1, 2), (2, 1), (2, 5), (5, 3), (3, 4), (4, 3)], MEMBERS) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(200))
def test_loops_are_those_of_every_instant_looked_at(seed: int) -> None:
    """Random bindings: a loop is found if and only if some instant has one, whoever is left out before."""
    random = Random(seed)  # noqa: S311  # not a secret
    rows = sorted(
        Interval(start := random.randrange(20), start + random.randrange(1, 8), bind, *random.sample(range(1, 7), 2))
        for bind in range(1, random.randrange(3, 9))
    )
    circles = set(on_circles([(row.referrer, row.member) for row in rows], MEMBERS))
    kept = [row for row in rows if row.member in circles and row.referrer in circles]
    closing = {loop.binds[0] for loop in loops(kept)}
    assert closing == {row.bind for row in rows if _closes(rows, row, closing)}
    for loop in loops(kept):
        by_bind = {row.bind: row for row in rows}
        assert all(by_bind[bind].from_us <= loop.from_us < by_bind[bind].until_us for bind in loop.binds)
        circle = [*loop.members, loop.members[0]]
        assert [(by_bind[bind].member, by_bind[bind].referrer) for bind in loop.binds] == list(pairwise(circle))


def _closes(rows: list[Interval], new: Interval, left_out: set[int]) -> bool:
    """Whether a member is above itself when its binding begins, by those that came before and are in force."""
    before = rows[: rows.index(new)]
    in_force = [row for row in before if row.from_us <= new.from_us < row.until_us and row.bind not in left_out]
    above = {new.referrer}
    for _ in range(MEMBERS):
        above |= {row.referrer for row in in_force if row.member in above}
    return new.member in above
