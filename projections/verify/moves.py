"""Postings of adjustments and payouts: what they move, and when it counts (S-2)."""

from __future__ import annotations

from typing import Literal, NamedTuple

MoveKind = Literal["adjustment", "reservation", "payment", "release", "return"]


class Move(NamedTuple):
    """A posting of an adjustment or a payout.

    stream    of the adjustment or the payout
    value_at  when it counts, canonical text
    minor     of an adjustment signed, else > 0
    """

    kind: MoveKind
    position: int
    stream: str
    value_at: str
    member: str
    currency: str
    minor: int

    @property
    def adjusted(self) -> int:
        """What it changes of what was adjusted, minor units."""
        return self.minor if self.kind == "adjustment" else 0

    @property
    def reserved(self) -> int:
        """What it changes of what is reserved."""
        return _RESERVED[self.kind] * self.minor

    @property
    def paid(self) -> int:
        """What it changes of what is paid."""
        return _PAID[self.kind] * self.minor


_RESERVED = {"adjustment": 0, "reservation": 1, "payment": -1, "release": -1, "return": 0}
_PAID = {"adjustment": 0, "reservation": 0, "payment": 1, "release": 0, "return": -1}
