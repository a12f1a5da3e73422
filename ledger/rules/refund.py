"""Which refunds are taken, what they take back, and what their reversal gives back (rules R-1 to R-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger.plan import PlanTerms
from ledger.rules.accrual import Levels, kept

RefundRefusal = Literal["wrong_currency", "wrong_member", "unknown_line", "before_order", "exceeds_paid"]
ReversalRefusal = Literal["refund_refused", "already_reversed", "before_refund"]


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """What a refund needs to know of its order. `lines`: what was paid per line number, minor units."""

    member: str
    currency: str
    amount_minor: int
    occurred_at: datetime
    lines: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund as asked. `line` and `member` are None where the request names none."""

    occurred_at: datetime
    amount_minor: int
    currency: str
    line: int | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Refunded:
    """What went back before, reversed refunds left out: of the whole order, and by the refunds that named a line."""

    total_minor: int = 0
    by_line: Mapping[int, int] | None = None

    def of_line(self, line: int) -> int:
        """Refunds that named this line, minor units."""
        return 0 if self.by_line is None else self.by_line.get(line, 0)

    def plus(self, amount_minor: int, line: int | None) -> Refunded:
        """The same with one refund more; with a negative amount, less one that was reversed."""
        by_line = dict(self.by_line or {})
        if line is not None:
            by_line[line] = by_line.get(line, 0) + amount_minor
        return Refunded(self.total_minor + amount_minor, by_line)


def refuse_refund(request: RefundRequest, order: PaidOrder, before: Refunded) -> RefundRefusal | None:
    """The first reason against a refund, or None (R-1)."""
    if request.currency != order.currency:
        return "wrong_currency"
    if request.member is not None and request.member != order.member:
        return "wrong_member"
    if request.line is not None and request.line not in order.lines:
        return "unknown_line"
    if request.occurred_at < order.occurred_at:
        return "before_order"
    exceeds_order = before.total_minor + request.amount_minor > order.amount_minor
    exceeds_line = (
        request.line is not None and before.of_line(request.line) + request.amount_minor > order.lines[request.line]
    )
    return "exceeds_paid" if exceeds_order or exceeds_line else None


def clawback(
    *, paid_minor: int, refunded_before_minor: int, amount_minor: int, levels: Levels, plan: PlanTerms | None
) -> tuple[int, ...]:
    """What a refund takes back from each level: kept before it less kept after it (R-2).

    Returns:
        Minor units per level 1..3, each >= 0.
    """
    left = paid_minor - refunded_before_minor
    before = kept(left, levels, plan)
    after = kept(left - amount_minor, levels, plan)
    return tuple([was - now for was, now in zip(before, after, strict=True)])


def clawback_from(
    running: Sequence[int], left_minor: int, *, levels: Levels, plan: PlanTerms | None
) -> tuple[int, ...]:
    """What a refund takes back from each level, where refunds before it may have been reversed.

    A reversal gives back what its refund took, which depends on the refunds of that time. So a level may hold less than
    A-2 of what is left now; then nothing is taken, never a negative amount. A full refund takes all.

    Args:
        running: what each level holds: its accrual less clawbacks plus restorations, in order of position.
        left_minor: what was paid less every refund not reversed so far, this one included.
        levels: the order's outcomes.
        plan: the order's plan.

    Returns:
        Minor units per level 1..3, 0 <= clawback <= running.

    Source: rules R-2, R-4.
    """
    may_keep = kept(left_minor, levels, plan)
    return tuple([max(0, held - rest) for held, rest in zip(running, may_keep, strict=True)])


def refuse_reversal(
    at: datetime, refund_at: datetime, *, is_refused: bool, is_reversed: bool
) -> ReversalRefusal | None:
    """The first reason against a reversal of a recorded refund, or None (R-4).

    Args:
        at: when the refund was reversed.
        refund_at: when it happened.
        is_refused: the refund itself was refused, so it took nothing.
        is_reversed: another reversal gave it back.
    """
    if is_refused:
        return "refund_refused"
    if is_reversed:
        return "already_reversed"
    return "before_refund" if at < refund_at else None
