"""What finance's decisions ask of the read models, which are not the ledger's: whoever decides brings the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from ledger.store.session import Session


class Question(NamedTuple):
    """What an approval or a new attempt asks about its members: payable(T, P) (X-1).

    as_of        T, the batch's cut-off
    at_position  P, the head of the transaction that asks
    """

    currency: str
    as_of: datetime
    at_position: int
    members: Sequence[str]


class Payable(Protocol):
    """Answers inside the transaction that decides; members it does not name have nothing."""

    def __call__(self, session: Session, question: Question, /) -> Mapping[str, int]:
        """Payable per member, minor units; may be negative."""
        ...
