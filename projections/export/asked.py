"""What a bundle is asked to prove."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from ledger.tree.checkpoint import Policy, TreeHead, verify_head
from ledger.tree.keys import SignerKey
from projections.export.selection import Selection
from projections.runner import Progress

# Shows how far something is: a label, and how much there is to do.
Bars = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A tree head that was verified, and the checkpoint that says it, byte for byte."""

    raw: bytes
    head: TreeHead

    @classmethod
    def verified(cls, raw: bytes, key: SignerKey) -> SignedHead:
        """A checkpoint that the log's own key has signed.

        Raises:
            MalformedEvidenceError: it is none.
            UnverifiedError: it is of another log, or somebody else signed it.
        """
        policy = Policy(origin=key.name, log_keys=(key.verifier,))
        return cls(raw, verify_head(raw, policy).head)


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
