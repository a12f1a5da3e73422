"""The log performed again from position 1: every decision, the levels of every order, what every refund takes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from ledger.clock import format_instant, parse_instant
from ledger.rules.accrual import Levels, accrue
from ledger.rules.refund import PaidOrder, Refunded, RefundRequest, clawback, refuse_refund
from projections.verify.books import Clawback, Taker
from projections.verify.facts import (
    Bind,
    Expired,
    Fact,
    Invited,
    OtherFact,
    Placed,
    Published,
    Refund,
    Renewed,
    TakenOver,
    Unbind,
)
from projections.verify.finance import Finance
from projections.verify.finance_facts import REVERSAL, Reversal
from projections.verify.log_reader import DECISIONS
from projections.verify.relations import Due, Relations
from projections.verify.report import Report, explained
from projections.verify.reversals import ReversedOrder, has_reversals
from projections.verify.terms import PublishedPlans


class Performance:
    """Takes facts in order of position and performs them again.

    taker  gets every order, and all that finance moves
    """

    def __init__(self, report: Report, taker: Taker) -> None:
        self._report, self._take_order = report, taker.take
        self._published = PublishedPlans(report, DECISIONS)
        self._plans = self._published.plans
        self.relations = Relations(self._plans, report)
        self._exponents: dict[str, int] = {}
        self.finance = Finance(self._plans, self._exponents, report, taker)
        report.begin(DECISIONS)

    def take(self, batch: list[Fact]) -> None:
        """The next facts."""
        relations = self.relations
        for fact in batch:
            due, relations.due = relations.due, None
            # What is due is due at once, and from a bind or a renewal; not all positions come here.
            if due is not None and (fact.position != due.position + 1 or not isinstance(fact, Bind | Renewed)):
                relations.expect_nothing_due(due)
                due = None
            try:
                if isinstance(fact, Placed):
                    self._placed(fact)
                else:
                    self._other(fact, due)
            except Exception as error:  # noqa: BLE001  # evidence may be made to provoke any error
                self._report.find(DECISIONS, f"cannot be performed again: {explained(error)}", fact.position)

    def end(self, last: int, size: int) -> None:
        """There are no more: nothing is still due. An export may end between an order and what it renews.

        Args:
            last: position of the last event.
            size: of the log.
        """
        due = self.relations.due
        if due is not None and (due.position < last or last == size):
            self.relations.expect_nothing_due(due)
        self.finance.end(last, size)

    def _other(self, fact: OtherFact, due: Due | None) -> None:
        relations = self.relations
        match fact:
            case Invited():
                relations.invited(fact)
            case Bind():
                relations.bind(fact, due)
            case Expired():
                relations.expired(fact)
            case Unbind():
                relations.unbind(fact)
            case TakenOver():
                relations.taken_over(fact)
            case Renewed():
                relations.renewed(fact, due)
            case Published():
                self.finance.reach(fact.position)
                self._published.take(fact)
            case Refund():
                pass  # it came with its order
            case _:
                self.finance.take(fact)

    def _placed(self, order: Placed) -> None:
        """An order: its plan, its levels, what it renews, and all that refunds take back of it (P-3, A-*, B-5, R-*)."""
        at = datetime.fromisoformat(order.at)
        plan = self._plans.in_force(at)
        if (None if plan is None else plan.plan) != order.plan:
            decided = "no plan" if plan is None else f"plan {plan.plan}"
            self._find(order, f"is recorded under plan {order.plan}; by the rules it is {decided} (P-3)")
            plan = None if order.plan is None else self._plans[order.plan]
        if self._exponents.setdefault(order.currency, order.exponent) != order.exponent:
            self._find(order, f"has {order.exponent} decimal digits of {order.currency}, orders before it other (G-1)")
        levels = accrue(order.member, at, order.amount_minor, plan, self.relations.history_of)
        if self._published.renews:
            self.relations.placed(order, at)
        clawbacks = self._clawbacks(order, at, levels) if order.refunds else ()
        available_at = "" if plan is None else _after_hold(order.at[:10], plan.hold_days) + order.at[10:]
        self._take_order(order, available_at, levels, clawbacks)
        if self.finance.is_asked:
            self.finance.placed(order, available_at, levels, clawbacks)

    def _clawbacks(self, order: Placed, at: datetime, levels: Levels) -> tuple[Clawback, ...]:
        """Every refund of an order decided again, in order of position, and what those recorded take back."""
        lines = dict(order.lines) if order.lines else {1: order.amount_minor}
        paid = PaidOrder(order.member, order.currency, order.amount_minor, at, lines)
        plan = None if order.plan is None else self._plans[order.plan]
        if has_reversals(order.refunds):
            return self._restored(order, ReversedOrder(order, paid, levels, plan))
        before = Refunded()
        taken: list[Clawback] = []
        for refund in map(Refund._make, order.refunds):
            self._decide(refund, paid, before)
            if refund.reason is not None:
                continue
            minor = clawback(
                paid_minor=order.amount_minor,
                refunded_before_minor=before.total_minor,
                amount_minor=refund.amount_minor,
                levels=levels,
                plan=plan,
            )
            taken.append(Clawback(refund.position, max(refund.at, order.at), refund.amount_minor, minor))
            before = before.plus(refund.amount_minor, refund.line)
        return tuple(taken)

    def _restored(self, order: Placed, going: ReversedOrder) -> tuple[Clawback, ...]:
        """As `_clawbacks`, of an order with refunds that were reversed (R-4)."""
        for step in order.refunds:
            if step[0] == REVERSAL:
                reversal = Reversal._make(step)
                if (message := going.reversal(reversal)) is not None:
                    self._find(reversal, message)
            else:
                going.refund(Refund._make(step), self._decide)
        return tuple(going.clawbacks)

    def _decide(self, refund: Refund, paid: PaidOrder, before: Refunded) -> None:
        at = datetime.fromisoformat(refund.at)
        request = RefundRequest(at, refund.amount_minor, refund.currency, refund.line, refund.member)
        reason = refuse_refund(request, paid, before)
        if reason != refund.reason:
            recorded, decided = refund.reason or "taken", reason or "taken"
            self._find(refund, f"is recorded as {recorded}; by the rules it is {decided} (R-1)")

    def _find(self, fact: Placed | Refund | Reversal, message: str) -> None:
        self._report.find(DECISIONS, f"{fact.stream} {message}", fact.position)


@lru_cache(maxsize=10_000)
def _after_hold(day: str, hold_days: int) -> str:
    """The day on which what an order of this day earned matures: a hold is of whole days of 86,400 s (A-6)."""
    return format_instant(parse_instant(f"{day}T00:00:00Z") + timedelta(days=hold_days))[:10]
