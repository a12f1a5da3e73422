"""What finance decided, decided again: adjustments, batches, payouts, closed periods (S-2, S-4, X-1 to X-5)."""

from __future__ import annotations

from ledger.canonical import canonical
from ledger.plan import Plans
from ledger.rules.accrual import Levels
from ledger.rules.payout import Line, Reviewer, drop_reason, review
from projections.verify.answers import Answer, Answers
from projections.verify.batches import Batch, Batches, recorded_against
from projections.verify.books import Clawback, Taker
from projections.verify.facts import Placed
from projections.verify.finance_facts import (
    Approved,
    Asked,
    Closed,
    Dropped,
    FinanceFact,
    Frozen,
    Lined,
    Posted,
    Prepared,
    Proposed,
    Question,
    Rejected,
    Reversal,
    Stepped,
)
from projections.verify.log_reader import DECISIONS
from projections.verify.moves import Move
from projections.verify.payouts import Payouts, Reserved
from projections.verify.report import Report

# Version of an adjustment's stream.
_DECIDED = 2


class Finance:
    """Takes facts of finance in order of position, and orders where figures of the past are asked for.

    payouts   all that were reserved so far
    is_asked  whether orders are to be brought here
    """

    def __init__(self, plans: Plans, exponents: dict[str, int], report: Report, taker: Taker) -> None:
        """Plans and exponents: those so far, by number and by currency; taker: gets what is moved."""
        self.is_asked = False
        self._report, self._taker, self._exponents = report, taker, exponents
        self._plans, self._frozen = plans, set[str]()
        self._answers = Answers((), plans, self._frozen)
        self._proposed: dict[str, Proposed] = {}
        self._batches = Batches(self._find, self._why_dropped)
        self.payouts = Payouts(self._find, self._payable, self._frozen.__contains__)
        self._closed_until = ""

    def placed(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...]) -> None:
        """An order, with all that later refunds take back of it."""
        self._answers.take(order, available_at, levels, clawbacks)

    def reach(self, position: int) -> None:
        """All before a position is known; to be said before what is decided there is taken."""
        self._answers.reach(position)

    def take(self, fact: FinanceFact) -> None:
        """The next fact."""
        self.reach(fact.position)
        match fact:
            case Asked():
                questions = map(Question._make, fact.questions)
                self._answers, self.is_asked = Answers(questions, self._plans, self._frozen), True
            case Frozen():
                (self._frozen.add if fact.is_frozen else self._frozen.discard)(fact.member)
            case Proposed():
                self._expect_digits(fact)
                self._proposed[fact.stream] = fact
            case Posted():
                self._decided(fact)
            case Stepped():
                self._move(self.payouts.step(fact))
            case Closed():
                self._closed(fact, self._answers.pop(fact.position))
            case Reversal():
                pass  # it came with its order
            case _:
                self._of_batch(fact)

    def end(self, last: int, size: int) -> None:
        """There are no more. last: position of the last event; size: of the log."""
        for position, message in self._batches.unfinished(last, size):
            self._report.find(DECISIONS, message, position)

    def _of_batch(self, fact: Prepared | Lined | Dropped | Approved | Rejected) -> None:
        batches = self._batches
        match fact:
            case Prepared():
                self._expect_digits(fact)
                batches.prepared(fact, self._answers.pop(fact.position))
            case Lined():
                batches.lined(fact)
            case Dropped():
                batches.dropped(fact)
            case Approved():
                if (approved := batches.approved(fact)) is not None:
                    for move in self.payouts.reserved(fact, *approved):
                        self._move(move)
            case Rejected():
                batches.rejected(fact)

    def _decided(self, fact: Posted) -> None:
        """An adjustment is posted or turned down, once (S-2, X-3)."""
        proposed = self._proposed.pop(fact.stream, None)
        if proposed is None or fact.seq != _DECIDED:
            self._find(fact, "decides about an adjustment that is not proposed, or decided already (S-2)")
        elif fact.member is not None:
            said = (fact.member, fact.currency, fact.amount_minor, fact.value_at)
            if said != (proposed.member, proposed.currency, proposed.amount_minor, proposed.at):
                self._find(fact, f"posts {said}, which is not what was proposed (S-2)")
            reviewer = Reviewer(is_preparer=fact.by == proposed.by, is_decider=False, may_approve=True)
            verdict = review("proposed", "approved", reviewer)
            if verdict is not None:
                self._find(fact, f"{recorded_against(verdict)} (X-3)")
        if fact.member is not None:
            money = (fact.member, fact.currency, fact.amount_minor)
            self._move(Move("adjustment", fact.position, fact.stream, fact.value_at, *money))

    def _closed(self, fact: Closed, answer: Answer | None) -> None:
        """A period is closed; its root was compared where the log is read (S-4)."""
        if fact.end > fact.at:
            self._find(fact, f"ends at {fact.end}, after its own time (S-4)")
        if fact.end <= self._closed_until:
            self._find(fact, f"closes what is closed up to {self._closed_until} (S-4)")
        if fact.at_position != fact.position - 1:
            self._find(fact, f"knows the log up to {fact.at_position}, not up to the event before it (S-4)")
        self._closed_until = max(self._closed_until, fact.end)
        if answer is None:
            return
        if fact.digest != answer.digest:
            self._find(fact, f"says the digest {fact.digest}; the events give {answer.digest} (S-3)")
        trial_balance = canonical(answer.trial_balance).decode()
        if fact.trial_balance != trial_balance:
            self._find(fact, f"says the trial balance {fact.trial_balance}; the events give {trial_balance} (S-2)")

    def _move(self, move: Move | None) -> None:
        if move is not None:
            self._answers.move(move)
            self._taker.move(move)

    def _why_dropped(self, batch: Batch, line: Line, is_detailed: bool) -> str | None:  # noqa: FBT001  # as called
        payable_minor, is_frozen = self._payable_to(batch, line.member), line.member in self._frozen
        return drop_reason(line, payable_minor, is_frozen=is_frozen, is_detailed=is_detailed)

    def _payable(self, reserved: Reserved) -> int:
        return self._payable_to(reserved.batch, reserved.payout.line.member)

    def _payable_to(self, batch: Batch, member: str) -> int:
        return self._answers.standings.payable(batch.prepared.currency, batch.prepared.cut_off, member)

    def _expect_digits(self, fact: Proposed | Prepared) -> None:
        if self._exponents.setdefault(fact.currency, fact.exponent) != fact.exponent:
            self._find(fact, f"has {fact.exponent} decimal digits of {fact.currency}, events before it other (G-1)")

    def _find(
        self,
        fact: Posted | Proposed | Prepared | Lined | Dropped | Approved | Rejected | Stepped | Closed,
        message: str,
    ) -> None:
        self._report.find(DECISIONS, f"{fact.stream} {message}", fact.position)
