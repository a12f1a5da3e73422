"""Who was bound to whom, and when, as decided so far; and whether one more binding would close a loop.

A request earlier than a member's latest binding or release is late (B-6, B-8), so a member's bindings are made in order
of time and never overlap; only the latest of them may still change. Empty ones, released at the instant they began, are
kept while they are the latest and forgotten after.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

NO_END = 1 << 62
"""The end, in microseconds, of what has none: later than any time that can be written."""

_Piece = tuple[int, int, int]


class Terms(NamedTuple):
    """One plan: a row of `plan_term` (P-1). Times are microseconds since 1970, shares parts per million.

    plan               its number
    position           in the log
    effective_from_us  in force from then on (P-3)
    rate_1_ppm ...     0 where absent
    rounding           down | half_up | half_even
    hold_us            A-6
    self_purchase      none | as_level_1
    policy             first_touch | last_touch (B-2)
    protection_us      >= 0 (B-2)
    ttl_us             how long a binding lives; None: without end (B-3)
    renewal            none | on_order (B-5)
    """

    plan: int
    position: int
    effective_from_us: int
    rate_1_ppm: int
    rate_2_ppm: int
    rate_3_ppm: int
    rounding: str
    hold_us: int
    self_purchase: str
    policy: str
    protection_us: int
    ttl_us: int | None
    renewal: str


class Binding(NamedTuple):
    """A member's binding, in force on [bound_at_us, ends_at_us): microseconds since 1970 (B-3).

    bind      position of the request that made it: its identity
    terms     the plan at bound_at (P-4)
    released  ended by an unbind or a take-over, which no order undoes
    """

    bind: int
    referrer: int
    bound_at_us: int
    ends_at_us: int
    terms: Terms
    released: bool


class Timeline:
    """The bindings of all members.

    latest     by member; what may still change
    earlier    by member, in order of time; final
    referrers  members that ever had a downline
    """

    def __init__(self) -> None:
        self.latest: dict[int, Binding] = {}
        self.earlier: dict[int, list[Binding]] = {}
        self.referrers: set[int] = set()

    def bind(self, member: int, binding: Binding) -> None:
        """Add a binding that begins when the member's latest one is over, or later."""
        before = self.latest.get(member)
        if before is not None and before.bound_at_us < before.ends_at_us:
            self.earlier.setdefault(member, []).append(before)
        self.latest[member] = binding
        self.referrers.add(binding.referrer)

    def in_force(self, member: int, at_us: int) -> Binding | None:
        """The member's binding in force at an instant (B-3)."""
        latest = self.latest.get(member)
        if latest is None or latest.bound_at_us <= at_us:
            return latest if latest is not None and at_us < latest.ends_at_us else None
        for binding in reversed(self.earlier.get(member, ())):
            if binding.bound_at_us <= at_us:
                return binding if at_us < binding.ends_at_us else None
        return None

    def closes_loop(self, member: int, referrer: int, start_us: int, end_us: int) -> bool:
        """Whether at some instant of [start_us, end_us) the referrer is the member or below it, at any depth (B-6).

        Walks up from the referrer and keeps of the interval what each edge has in common with it. Where a member had
        several bindings the interval falls into pieces, which share no instant. They end: no loop was closed before.
        """
        if member not in self.referrers:
            return False
        pieces = [(referrer, start_us, end_us)]
        while pieces:
            piece = pieces.pop()
            if piece[0] == member:
                return True
            pieces.extend(self._above(*piece))
        return False

    def _above(self, member: int, start_us: int, end_us: int) -> Iterator[_Piece]:
        """The referrers that a member has during an interval, each with the part of it that is theirs."""
        latest = self.latest.get(member)
        if latest is None:
            return
        bindings = (latest,) if latest.bound_at_us <= start_us else (latest, *reversed(self.earlier.get(member, ())))
        for binding in bindings:
            if binding.ends_at_us <= start_us:
                return
            piece_start_us = max(start_us, binding.bound_at_us)
            piece_end_us = min(end_us, binding.ends_at_us)
            if piece_start_us < piece_end_us:
                yield binding.referrer, piece_start_us, piece_end_us
