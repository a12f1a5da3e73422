"""Which refunds are taken, and what they take back (rules R-1 to R-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ledger.plan import PlanTerms
from ledger.rules.accrual import Levels, kept

RefundRefusal = Literal["wrong_currency", "wrong_member", "unknown_line", "before_order", "exceeds_paid"]


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
    """What went back before: of the whole order, and by the refunds that named a line."""

    total_minor: int = 0
    by_line: Mapping[int, int] | None = None

    def of_line(self, line: int) -> int:
        """Refunds that named this line, minor units."""
        return 0 if self.by_line is None else self.by_line.get(line, 0)

    def plus(self, amount_minor: int, line: int | None) -> Refunded:
        """The same with one refund more."""
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
    *, running_minor: Sequence[int], left_minor: int, levels: Levels, plan: PlanTerms | None
) -> tuple[int, ...]:
    """What a refund takes back from each level: what it had until then less what it keeps of what is left (R-2).

    Args:
        running_minor: per level, the accrual less clawbacks plus restorations so far, in order of position.
        left_minor: of what was paid, less every refund not reversed so far, this one included.

    Returns:
        Minor units per level 1..3, each >= 0: after a reversal a level may have less than it keeps by itself.
    """
    after = kept(left_minor, levels, plan)
    return tuple([max(0, was - now) for was, now in zip(running_minor, after, strict=True)])
