"""Refunds of an order of which some were reversed, decided again: each takes of what others gave back (R-4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ledger.plan import PlanTerms
from ledger.rules.accrual import Levels
from ledger.rules.refund import PaidOrder, Refunded, clawback_from, refuse_reversal
from projections.verify.books import Clawback
from projections.verify.facts import Placed, Refund
from projections.verify.finance_facts import REVERSAL, Reversal

# Decides about one refund, after those before it.
Decide = Callable[[Refund, PaidOrder, Refunded], None]


def has_reversals(steps: Sequence[Sequence[Any]]) -> bool:
    """Whether there is a reversal among what became of an order."""
    return any([step[0] == REVERSAL for step in steps])


class ReversedOrder:
    """An order while its refunds and their reversals are gone through, in order of position.

    clawbacks  what was taken so far, and given back
    """

    def __init__(self, order: Placed, paid: PaidOrder, levels: Levels, plan: PlanTerms | None) -> None:
        self.clawbacks: list[Clawback] = []
        self._order, self._paid, self._levels, self._plan = order, paid, levels, plan
        self._running = [outcome.commission_minor for outcome in levels]
        self._before = Refunded()
        # By the refund's stream: the refund, and what it took if it was recorded.
        self._refunds: dict[str, tuple[Refund, Clawback | None]] = {}
        self._reversed: set[str] = set()

    def refund(self, refund: Refund, decide: Decide) -> None:
        """The next refund."""
        decide(refund, self._paid, self._before)
        taken = None
        if refund.reason is None:
            self._before = self._before.plus(refund.amount_minor, refund.line)
            left_minor = self._order.amount_minor - self._before.total_minor
            minor = clawback_from(self._running, left_minor, levels=self._levels, plan=self._plan)
            at = max(refund.at, self._order.at)
            taken = Clawback(refund.position, at, refund.amount_minor, minor)
            self._take(taken)
        self._refunds[refund.stream] = refund, taken

    def reversal(self, reversal: Reversal) -> str | None:
        """The next reversal; what is wrong with it, in words."""
        if reversal.refund not in self._refunds:
            return f"reverses {reversal.refund}, which is not after its order (R-4)"
        refund, taken = self._refunds[reversal.refund]
        reason = refuse_reversal(
            datetime.fromisoformat(reversal.at),
            datetime.fromisoformat(refund.at),
            is_refused=taken is None,
            is_reversed=reversal.refund in self._reversed,
        )
        if reversal.reason is None and taken is not None:
            self._reversed.add(reversal.refund)
            self._before = self._before.plus(-refund.amount_minor, refund.line)
            given_back = tuple([-minor for minor in taken.minor])
            at = max(reversal.at, taken.value_at)
            self._take(Clawback(reversal.position, at, -taken.amount_minor, given_back))
        if reason == reversal.reason:
            return None
        recorded, decided = reversal.reason or "reversed", reason or "reversed"
        return f"is recorded as {recorded}; by the rules it is {decided} (R-4)"

    def _take(self, clawback: Clawback) -> None:
        self.clawbacks.append(clawback)
        self._running = [held - minor for held, minor in zip(self._running, clawback.minor, strict=True)]
