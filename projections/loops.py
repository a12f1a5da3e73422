"""Loops among bindings: instants at which somebody is their own referrer's referrer, at any depth (B-6).

Nothing here asks the rules. First whoever stands on no circle of bindings is left out, whenever these were in force;
what remains, of most logs nothing or little, is played through in order of time.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple


class Interval(NamedTuple):
    """A binding between two members, in force on [from_us, until_us). bind: position of its MemberBound."""

    from_us: int
    until_us: int
    bind: int
    member: int
    referrer: int


class Loop(NamedTuple):
    """A loop, from the instant at which it closes.

    members  from the one whose binding closes it, each bound to the next, the last to the first
    binds    positions of these bindings, in the same order
    """

    from_us: int
    members: tuple[int, ...]
    binds: tuple[int, ...]


def on_circles(edges: Iterable[tuple[int, int]], members: int) -> list[int]:
    """Who stands on a circle of bindings, or between two, if all are taken together whenever they were in force.

    Args:
        edges: a referrer and a member each.
        members: their numbers are 1 to this one.
    """
    referrers, bound = array("q"), array("q")
    for referrer, member in edges:
        referrers.append(referrer)
        bound.append(member)
    # There is nobody of number 0.
    gone = bytearray([1]) + bytearray(members)
    # Whoever has nobody above is on no circle; nor, without those, is whoever has nobody above then. The same below.
    _peel(referrers, bound, gone)
    if not all(gone):
        _peel(bound, referrers, gone)
    return [member for member, is_gone in enumerate(gone) if not is_gone]


def _peel(sources: array[int], targets: array[int], gone: bytearray) -> None:
    """Marks as gone whoever no edge leads to, and again without their edges, until nobody is left or all are led to."""
    starts, led = array("q", bytes(8 * (len(gone) + 1))), array("q", bytes(8 * len(gone)))
    for source, target in zip(sources, targets, strict=True):
        if not gone[source] and not gone[target]:
            starts[source] += 1
            led[target] += 1
    # From counts to where each source's targets end; filled from behind, they become where these start.
    starts = array("q", accumulate(starts))
    ends = array("q", bytes(8 * starts[-1]))
    for source, target in zip(sources, targets, strict=True):
        if not gone[source] and not gone[target]:
            starts[source] -= 1
            ends[starts[source]] = target
    free = [number for number, count in enumerate(led) if not count and not gone[number]]
    while free:
        source = free.pop()
        gone[source] = 1
        for target in ends[starts[source] : starts[source + 1]]:
            led[target] -= 1
            if not led[target]:
                free.append(target)


def loops(intervals: Iterable[Interval]) -> Iterator[Loop]:
    """Every loop that a binding closes when it comes into force, in order of time.

    A binding that closes one is left out of what follows, so that each loop is another.

    Args:
        intervals: by from_us.
    """
    bound: defaultdict[int, dict[int, int]] = defaultdict(dict)
    below: Counter[int] = Counter()
    over: list[tuple[int, int, int]] = []
    for from_us, until_us, bind, member, referrer in intervals:
        # What ends at an instant is no longer in force at it (G-3).
        while over and over[0][0] <= from_us:
            _, ended, of = heapq.heappop(over)
            below[bound[of].pop(ended)] -= 1
        # Most come in with nobody below them, and close no loop whoever is above.
        path = _path(bound, referrer, member) if below[member] or member == referrer else None
        if path is not None:
            yield Loop(from_us, (member, *[step for step, _ in path]), (bind, *[step for _, step in path]))
            continue
        bound[member][bind] = referrer
        below[referrer] += 1
        heapq.heappush(over, (until_us, bind, member))


def _path(bound: dict[int, dict[int, int]], start: int, end: int) -> list[tuple[int, int]] | None:
    """Members from one up to another, the last left out, each with its binding; None: the other is not above."""
    came: dict[int, tuple[int, int] | None] = {start: None}
    waiting = [start]
    while waiting:
        member = waiting.pop()
        if member == end:
            return _back(came, end)
        for bind, referrer in bound.get(member, {}).items():
            if referrer not in came:
                came[referrer] = member, bind
                waiting.append(referrer)
    return None


def _back(came: dict[int, tuple[int, int] | None], end: int) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = []
    step = came[end]
    while step is not None:
        path.append(step)
        step = came[step[0]]
    return path[::-1]
