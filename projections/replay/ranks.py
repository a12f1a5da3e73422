"""An order of referrers, each after those it was ever bound to, so that most loop checks need no walk.

A walk up from a member only ever goes down in rank: it cannot reach a member of higher rank. Members who changed places
over time (A under B, later B under A) fit no such order; from the lowest of these on the order says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

NO_RANK = 1 << 62
"""Above every rank: of who never had a downline."""

_MOVES_PER_BINDING = 16
"""So many members may be moved, on average, for a binding; else keeping the order could cost more than walks."""


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
        self._moves_left = 0

    def bind(self, member: int, referrer: int) -> None:
        """Make room for a new binding; to be told before it is made."""
        self._moves_left += _MOVES_PER_BINDING
        if referrer not in self.of:
            self._highest += 1
            self.of[referrer] = self._highest
        if self.of.get(member, NO_RANK) < self.of[referrer] and not self._move_first(referrer, unless=member):
            self._against.add(member)
            self.uncertain = min(self.uncertain, self.of[member])

    def _move_first(self, referrer: int, *, unless: int) -> bool:
        """Move a referrer and all ever above it before everybody else; not if one is among them, or they are many."""
        moved = self._closure(referrer, unless)
        self._moves_left -= len(moved)
        if unless in moved or self._moves_left < 0:
            return False
        for member in sorted(moved, key=self.of.__getitem__, reverse=True):
            self._lowest -= 1
            self.of[member] = self._lowest
        if not self._against.isdisjoint(moved):
            self.uncertain = self._lowest
        return True

    def _closure(self, referrer: int, unless: int) -> set[int]:
        """A referrer and all ever above it, unless one is found among them or there are too many to move."""
        found = {referrer}
        waiting = [referrer]
        while waiting and unless not in found and len(found) <= self._moves_left:
            new = set(self._ever_above(waiting.pop())) - found
            found |= new
            waiting.extend(new)
        return found
