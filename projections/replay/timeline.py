"""Who was bound to whom, and when, as decided so far; and whether one more binding would close a loop.

A request earlier than a member's latest binding or release is late (B-6, B-8), so a member's bindings are made in order
of time and never overlap; only the latest of them may still change. Empty ones, released at the instant they began, are
kept while they are the latest and forgotten after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from projections.replay.ranks import NO_RANK, Ranks

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

    latest   by member; what may still change
    earlier  by member, in order of time; final
    """

    def __init__(self) -> None:
        self.latest: dict[int, Binding] = {}
        self.earlier: dict[int, list[Binding]] = {}
        self._ranks = Ranks(self._ever_above)

    def bind(self, member: int, binding: Binding) -> None:
        """Add a binding that begins when the member's latest one is over, or later."""
        self._ranks.bind(member, binding.referrer)
        before = self.latest.get(member)
        if before is not None and before.bound_at_us < before.ends_at_us:
            self.earlier.setdefault(member, []).append(before)
        self.latest[member] = binding

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
        """Whether at some instant of [start_us, end_us) the referrer is below the member, at any depth (B-6).

        Walks up from the referrer and keeps of the interval what each edge has in common with it. Where a member had
        several bindings the interval falls into pieces, which share no instant. They end: no loop was closed before.
        """
        ranks = self._ranks.of
        if member not in ranks:
            return False
        lowest = min(ranks[member], self._ranks.uncertain)
        if ranks.get(referrer, NO_RANK) < lowest:
            return False
        pieces = [(referrer, start_us, end_us)]
        while pieces:
            for piece in self._above(*pieces.pop()):
                if piece[0] == member:
                    return True
                if ranks[piece[0]] >= lowest:
                    pieces.append(piece)
        return False

    def _ever_above(self, member: int) -> Iterator[int]:
        """The referrers of all bindings a member ever had."""
        if member in self.latest:
            yield self.latest[member].referrer
        for binding in self.earlier.get(member, ()):
            yield binding.referrer

    def _above(self, member: int, start_us: int, end_us: int) -> Sequence[_Piece]:
        """The referrers that a member has during an interval, each with the part of it that is theirs."""
        latest = self.latest.get(member)
        if latest is None or latest.ends_at_us <= start_us:
            return ()
        if latest.bound_at_us <= start_us:
            return ((latest.referrer, start_us, min(end_us, latest.ends_at_us)),)
        pieces: list[_Piece] = []
        for _, referrer, bound_at_us, ends_at_us, _, _ in (latest, *reversed(self.earlier.get(member, ()))):
            if ends_at_us <= start_us:
                break
            if max(start_us, bound_at_us) < min(end_us, ends_at_us):
                pieces.append((referrer, max(start_us, bound_at_us), min(end_us, ends_at_us)))
        return pieces
