"""An order of referrers, each after those it was ever bound to, so that most loop checks need no walk.

A walk up from a member only ever goes down in rank: it cannot reach a member of higher rank. Members who changed places
over time (A under B, later B under A) fit no such order; from the lowest of these on the order says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

NO_RANK = 1 << 62
"""Above every rank: of who never had a downline."""

_MOVED_MAX = 100
"""Most members to move for one binding: what a walk would cost, more or less."""


class Ranks:
    """Ranks of all who ever had a downline.

    of         by member
    uncertain  from this rank on a walk upwards may lead anywhere
    """

    def __init__(self, ever_above: Callable[[int], Iterable[int]]) -> None:
        """`ever_above`: the referrers that a member ever had."""
        self._ever_above = ever_above
        self.of: dict[int, int] = {}
        self.uncertain = NO_RANK
        self._against: set[int] = set()
        self._lowest = self._highest = 0

    def bind(self, member: int, referrer: int) -> None:
        """Make room for a new binding; to be told before it is made."""
        if referrer not in self.of:
            self._highest += 1
            self.of[referrer] = self._highest
        if self.of.get(member, NO_RANK) < self.of[referrer] and not self._move_first(referrer, unless=member):
            self._against.add(member)
            self.uncertain = min(self.uncertain, self.of[member])

    def _move_first(self, referrer: int, *, unless: int) -> bool:
        """Move a referrer and all ever above it before everybody else; nobody if one is among them or they are many."""
        moved = [referrer]
        seen = {referrer}
        for member in moved:
            for above in self._ever_above(member):
                if above not in seen:
                    seen.add(above)
                    moved.append(above)
            if unless in seen or len(moved) > _MOVED_MAX:
                return False
        for member in sorted(moved, key=self.of.__getitem__, reverse=True):
            self._lowest -= 1
            self.of[member] = self._lowest
        if not self._against.isdisjoint(moved):
            self.uncertain = self._lowest
        return True
