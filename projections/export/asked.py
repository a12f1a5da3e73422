"""What a bundle is asked to prove."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ledger.tree.checkpoint import Policy, TreeHead, verify_head
from ledger.tree.keys import VerifierKey
from projections.export.selection import Selection
from projections.runner import Progress

# Shows how far something is: a label, and how much there is to do.
Bars = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A tree head that was verified, and the checkpoint that says it, word for word."""

    raw: bytes
    head: TreeHead

    @classmethod
    def verified(cls, raw: bytes, key: VerifierKey) -> Self:
        """A checkpoint signed by this key of the log.

        Raises:
            MalformedEvidenceError: it is none.
            UnverifiedError: it is of another log, or somebody else signed it.
        """
        return cls(raw, verify_head(raw, Policy(key.name, (key,))).head)


@dataclass(frozen=True, slots=True)
class Asked:
    """One bundle.

    head         of the tree that everything is proven against
    first, last  the positions it holds, 1 <= first <= last <= the head's size
    previous     an earlier head that this one goes on from
    as_of        T of the tables; None: recorded_at of the event at `last`
    shown        which events are shown, the others by their hashes alone; None: all of them
    """

    head: SignedHead
    first: int
    last: int
    previous: SignedHead | None = None
    as_of: datetime | None = None
    shown: Selection | None = None
