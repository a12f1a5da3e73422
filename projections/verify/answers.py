"""What a batch or a period must say, worked out when the log's position that it knows is reached (X-1, X-5, S-4)."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ledger.clock import parse_instant
from ledger.plan import Plans, PlanTerms
from ledger.rules.accrual import Levels
from ledger.rules.payout import Standing, is_paid, why_left_out
from projections.verify.books import Balance, Clawback, digest_of
from projections.verify.facts import Placed
from projections.verify.finance_facts import Question
from projections.verify.moves import Move
from projections.verify.standings import Standings

_NEVER = 1 << 62

# By currency, then class of accounts: credits less debits, minor units.
TrialBalance = dict[str, dict[str, int]]


class Answer(NamedTuple):
    """What the events up to P give, as of T.

    digest         of all balances (S-3)
    plan           in force, of those known
    lines          member and amount, in order; none if the currency has no minimum
    left_out       how many members with a balance have no line
    trial_balance  of a period
    """

    digest: str
    plan: PlanTerms | None
    lines: Sequence[tuple[str, int]]
    left_out: int
    trial_balance: TrialBalance


class Answers:
    """Takes what performing the log gives, in order of position, and answers each question at its P.

    Refunds come with their orders, and wait here for their own positions.
    """

    def __init__(self, questions: Iterable[Question], plans: Plans, frozen: AbstractSet[str]) -> None:
        """Plans: those so far; frozen: members who are, so far; somebody else adds to both."""
        self._questions = deque(questions)
        self._plans, self._frozen = plans, frozen
        self.standings = Standings(sorted({question.as_of for question in self._questions}))
        self._waiting: list[tuple[int, str, str, Levels, Clawback]] = []
        self._answers: dict[int, Answer] = {}
        self._next = 0
        self._look()

    def reach(self, position: int) -> None:
        """Everything before a position is known: what is asked about earlier ones is answered."""
        while self._next < position:
            # What is at P itself is known at P.
            if self._waiting and self._waiting[0][0] == self._next:
                _, currency, available_at, levels, clawback = heapq.heappop(self._waiting)
                self.standings.take_back(currency, available_at, levels, clawback)
            else:
                question = self._questions.popleft()
                self._answers[question.position] = self._answer(question)
            self._look()

    def take(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...]) -> None:
        """The next order, with all that later refunds take back of it."""
        self.reach(order.position)
        self.standings.take(order, available_at, levels)
        for clawback in clawbacks:
            heapq.heappush(self._waiting, (clawback.position, order.currency, available_at, levels, clawback))
        self._look()

    def move(self, move: Move) -> None:
        """What an adjustment or a payout moves."""
        self.standings.move(move)

    def pop(self, position: int) -> Answer | None:
        """The answer to the question of an event; None: it asked none that comes before it."""
        return self._answers.pop(position, None)

    def _look(self) -> None:
        """Where something is to be done next."""
        waiting = self._waiting[0][0] if self._waiting else _NEVER
        asked = self._questions[0].at_position if self._questions else _NEVER
        self._next = min(waiting, asked)

    def _answer(self, question: Question) -> Answer:
        balances = list(self.standings.balances(question.as_of))
        digest = digest_of(balance for balance, _ in balances)
        if not question.currency:
            return Answer(digest, None, (), 0, _trial_balance(balance for balance, _ in balances))
        plan = self._plans.in_force(parse_instant(question.as_of))
        minimum_minor = None if plan is None else plan.min_payout.get(question.currency)
        if minimum_minor is None:
            return Answer(digest, plan, (), 0, {})
        lines, left_out = list[tuple[str, int]](), 0
        for member, standing in self._standings(balances, question.currency):
            if is_paid(standing, minimum_minor):
                lines.append((member, standing.payable_minor))
            elif why_left_out(standing) is not None:
                left_out += 1
        return Answer(digest, plan, lines, left_out, {})

    def _standings(self, balances: Iterable[tuple[Balance, int]], currency: str) -> Iterator[tuple[str, Standing]]:
        for balance, payable_minor in balances:
            if balance.currency == currency:
                money = (payable_minor, balance.pending, balance.available, balance.reserved)
                yield balance.member, Standing(*money, is_frozen=balance.member in self._frozen)


def _trial_balance(balances: Iterable[Balance]) -> TrialBalance:
    """Balances of everyone by class of accounts, those of the house beside them (S-2)."""
    sums: TrialBalance = {}
    for balance in balances:
        classes = {
            "expense:commission": balance.clawed_back - balance.earned,
            "house:adjustment": -balance.adjusted,
            "house:payout": balance.paid,
            "members:available": balance.available,
            "members:pending": balance.pending,
            "members:reserved": balance.reserved,
        }
        total = sums.setdefault(balance.currency, dict.fromkeys(classes, 0))
        for name, minor in classes.items():
            total[name] += minor
    return sums
