"""What became of one input record."""

from __future__ import annotations

from typing import Literal, NamedTuple

OutcomeName = Literal["recorded", "bound", "refused", "repeat", "conflict", "invalid", "retryable"]


class Outcome(NamedTuple):
    """What became of one input record.

    name      `bound` for a granted bind, `recorded` for every other fact, `refused` for a refusal that is a fact;
              the rest recorded nothing
    reason    why not, a stable word
    message   the same for a person, where it needs more than the word
    """

    name: OutcomeName
    reason: str | None = None
    message: str | None = None

    @property
    def is_rejected(self) -> bool:
        """Whether the record goes to the rejects: nothing was recorded and it is not a repeat."""
        return self.name in {"conflict", "invalid", "retryable"}


RECORDED = Outcome("recorded")
BOUND = Outcome("bound")
REPEAT = Outcome("repeat")
