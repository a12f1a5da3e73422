"""Random money: orders, refunds, reversals, adjustments and payouts against two stores and a naive second reading.

After every step nobody was paid twice or more than came to them, what is reserved was payable, and S-1 holds. Steps are
drawn with weights, by a seed: most histories go all the way to payments, failures, returns and debts.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ledger.application import Ledger
from ledger.clock import format_instant
from ledger.commands import command_from
from ledger.decision_check import check_decisions
from ledger.outcomes import Outcome
from ledger.payout_commands import PrepareBatch, SettlePayout
from ledger.payout_events import PAYOUT_EVENTS
from ledger.payouts.adjustments import approve_adjustments, reject_adjustments
from ledger.payouts.approving import approve, reject
from ledger.payouts.payable import Question
from ledger.payouts.preparing import Draft, prepare
from ledger.payouts.sending import PaymentFile, send
from ledger.payouts.settling import settle_payouts
from ledger.store.migrate import migrate
from ledger.store.session import Session
from projections.view import PACKAGES
from tests.builders import adjustment, bind, freeze, order, plan, refund, reversal
from tests.logins import login, url_of
from tests.postgres_server import Databases
from tests.properties.naive_finance import Batch, NaiveFinance, Payout

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 12
NOW = START + timedelta(days=DAYS)
FOREVER = datetime.max.replace(tzinfo=UTC)
MEMBERS = ("ann", "ben", "cat", "zoë")
MINIMUM = {"GBP": 50}
CLERK, CHIEF = 0, 1
# What is proposed is an input; the rest finance decides.
TOPICS = {event.TOPIC for event in PAYOUT_EVENTS} - {"AdjustmentProposed"}
# A clerk's ledger and a chief's, at one store.
Desk = tuple[Ledger, Ledger]
# Currency, cut-off, lines, the position they were computed at, and whose accounts are known.
Drafted = tuple[str, datetime, list[tuple[str, int]], int, frozenset[str]]


class Finance:
    """Each step is one command to every store and to the model; their answers must be the same.

    answers  how often each came up
    """

    def __init__(self, desks: Sequence[Desk], seed: int) -> None:
        self.desks = desks
        self.model = NaiveFinance(NOW)
        self.random = random.Random(seed)  # noqa: S311  # not a secret
        self.drafts: list[Drafted] = []
        self.last: Callable[[], None] = lambda: None
        self.head = 0
        self.answers: Counter[tuple[str, str | None]] = Counter()
        self.steps: dict[Callable[[], None], int] = {
            self.order: 6,
            self.refund: 6,
            self.reverse: 5,
            self.freeze: 2,
            self.unfreeze: 3,
            self.propose: 3,
            self.review: 4,
            self.draft: 4,
            self.prepare: 5,
            self.pay: 6,
            self.approve: 5,
            self.reject: 1,
            self.send: 3,
            self.send_what_may_go: 4,
            self.settle: 4,
            self.settle_what_is_sent: 10,
            self.repeat: 5,
        }

    def walk(self, steps: int) -> None:
        """A plan, relations and orders to begin with, and then whatever is drawn."""
        self.submit(plan(min_payout=MINIMUM, hold_days=3, binding={"ttl_days": None}, rounding="half_even"), CLERK)
        for number, (member, inviter) in enumerate(itertools.pairwise(reversed(MEMBERS))):
            self.submit(bind(f"b{number}", member, inviter, format_instant(START)), CLERK)
        for number, member in enumerate(MEMBERS):
            self.submit(order(f"o{number}", member, 9_990, format_instant(START)), CLERK)
        for step in self.random.choices(list(self.steps), list(self.steps.values()), k=steps):
            step()
            self.check()

    # ---- what is drawn

    def instant(self) -> datetime:
        """Whole and half days, so that ties and exact boundaries are common."""
        return START + timedelta(hours=12 * self.random.randint(0, 2 * DAYS))

    def text(self) -> str:
        """The same as a record has it."""
        return format_instant(self.instant())

    def few(self) -> int:
        """Few ids, so that repeats and conflicts happen."""
        return self.random.randint(1, 5)

    def who(self) -> int:
        """Mostly the clerk."""
        return CHIEF if self.random.random() < 0.2 else CLERK

    def batch(self) -> str | None:
        """A batch with payouts, if there is one."""
        names = [name for name, batch in self.model.batches.items() if batch.payouts]
        return self.random.choice(names) if names else None

    def payouts(self, *states: str) -> list[tuple[str, int, Payout]]:
        """Payouts that are in one of these states."""
        return [
            (name, number, payout)
            for name, batch in self.model.batches.items()
            for number, payout in batch.payouts.items()
            if payout.state() in states
        ]

    # ---- inputs

    def submit(self, record: dict[str, Any], who: int) -> None:
        """One record for all."""
        name, reason = self.model.apply(record, str(who))
        for desk in self.desks:
            (outcome,) = desk[who].submit([command_from(record)])
            assert outcome.name == name, (record, outcome)
            assert reason in {None, outcome.reason}, (record, outcome)
        self.answers[name, reason] += 1
        self.last = lambda: self.submit(record, who)

    def order(self) -> None:
        """Pays up to three members; small amounts just above and below the minimum."""
        amount = self.random.choice([490, 500, 1_000, 3_333, 9_990])
        self.submit(order(f"o{self.random.randint(3, 12)}", self.random.choice(MEMBERS), amount, self.text()), CLERK)

    def refund(self) -> None:
        """A part or all of an order goes back."""
        amount, of = self.random.choice([1, 490, 3_333, 6_657, 9_990]), self.random.randint(0, 8)
        self.submit(refund(f"r{self.random.randint(1, 20)}", f"o{of}", amount, self.text()), CLERK)

    def reverse(self) -> None:
        """A refund comes back."""
        of = self.random.randint(1, 20)
        self.submit(reversal(f"v{self.random.randint(1, 20)}", f"r{of}", self.text()), CLERK)

    def freeze(self) -> None:
        """Nothing more for somebody."""
        number = self.random.randint(1, 99)
        self.submit(freeze(f"f{number}", self.random.choice(MEMBERS), self.text()), CLERK)

    def unfreeze(self) -> None:
        """Somebody is as before."""
        member = self.random.choice(sorted(self.model.frozen) or MEMBERS)
        self.submit(freeze(f"f{self.random.randint(1, 99)}", member, self.text(), type="unfreeze"), CLERK)

    def propose(self) -> None:
        """Money outside of orders."""
        amount = self.random.choice([-400, -1, 60, 500])
        self.submit(adjustment(f"a{self.few()}", self.random.choice(MEMBERS), amount, self.text()), self.who())

    # ---- finance

    def compare(self, outcomes: Sequence[Outcome], expected: tuple[str, str | None]) -> None:
        """Every store answers as the model does, and records what it does."""
        for outcome in outcomes:
            assert (outcome.name, outcome.reason) == expected
        self.answers[expected] += 1
        for desk in self.desks:
            facts = [(row.topic, row.stream) for row in desk[CLERK].log.read() if row.topic in TOPICS]
            assert facts == self.model.facts
        (self.head,) = {desk[CLERK].log.head() for desk in self.desks}

    def payable(self, session: Session, question: Question) -> Mapping[str, int]:
        """By the model, asked before it knows what becomes of it."""
        assert session
        return {one: self.model.payable((one, question.currency), question.as_of) for one in question.members}

    def review(self) -> None:
        """An adjustment is posted or turned down."""
        self.reviewed(f"a{self.few()}", "rejected" if self.random.random() < 0.2 else "approved", 1 - self.who())

    def reviewed(self, name: str, wanted: str, who: int) -> None:
        """By somebody, everywhere."""
        if wanted == "approved":
            outcomes = [approve_adjustments(desk[who], [name])[0] for desk in self.desks]
        else:
            outcomes = [reject_adjustments(desk[who], [name], "no")[0] for desk in self.desks]
        self.compare(outcomes, self.model.review_adjustment(name, wanted, str(who), may_approve=True))
        self.last = lambda: self.reviewed(name, wanted, who)

    def drafted(self) -> Drafted:
        """Lines as they are computed now."""
        currency = self.random.choice(["GBP"] * 9 + ["EUR"])
        # Mostly late, so that there is something to pay; sometimes in the future.
        cut_off = self.random.choice([self.instant(), NOW, NOW, NOW - timedelta(days=1), NOW + timedelta(days=1)])
        (head,) = {desk[CLERK].log.head() for desk in self.desks}
        known = frozenset(self.random.sample(MEMBERS, self.random.choice([0, 0, 0, 2, 3])))
        return currency, cut_off, self.model.draft(currency, cut_off, MINIMUM.get(currency, 1)), head, known

    def draft(self) -> None:
        """Computed now, and perhaps used later."""
        self.drafts.append(self.drafted())

    def prepare(self) -> None:
        """A batch from an old draft."""
        if self.drafts:
            self.prepared(f"p{self.random.randint(1, 9)}", self.who(), self.random.choice(self.drafts[-2:]))

    def pay(self) -> None:
        """A batch with nothing in between, and mostly its first file."""
        name, who = f"q{len(self.model.batches)}", self.who()
        self.prepared(name, who, self.drafted())
        if name in self.model.batches:
            self.approved(name, 1 - who)
            if self.random.random() < 0.8 and self.model.batches[name].payouts:
                self.sent(name, PaymentFile(1, "a" * 64, sorted(self.model.batches[name].payouts)))

    def prepared(self, name: str, who: int, drafted: Drafted) -> None:
        """By somebody, everywhere."""
        currency, cut_off, lines, position, known = drafted
        (head,) = {desk[CLERK].log.head() for desk in self.desks}
        command = PrepareBatch(at=NOW, currency=currency, cut_off=cut_off, id=name)
        payments = [(member, amount, "ab" * 32 if member in known else None) for member, amount in lines]
        draft = Draft(payments=payments, left_out=0, at_position=position, digest="0" * 64, salt="0f" * 16)
        outcomes = [prepare(desk[who], command, draft) for desk in self.desks]
        batch = Batch(currency, cut_off, lines, str(who), known)
        expected = self.model.prepare(name, batch, at_position=position, minimum=MINIMUM.get(currency))
        self.compare(outcomes, expected)
        if expected[0] == "recorded":
            self.model.last_batch[currency] = head + 1
        self.last = lambda: self.prepared(name, who, drafted)

    def approve(self) -> None:
        """Any batch, whatever became of it."""
        if self.model.batches:
            self.approved(self.random.choice(sorted(self.model.batches)), 1 - self.who())

    def approved(self, name: str, who: int) -> None:
        """By somebody, everywhere: what is still covered is reserved, and was payable."""
        approvals = [approve(desk[who], name, self.payable) for desk in self.desks]
        expected, dropped = self.model.approve(name, str(who), may_approve=True)
        self.compare([approval.outcome for approval in approvals], expected)
        for approval in approvals:
            assert {line.number: reason for line, reason in approval.dropped} == dropped
        self.answers.update(("dropped", reason) for reason in dropped.values())
        batch = self.model.batches[name]
        if expected[0] == "recorded":
            self.model.last_batch[batch.currency] = self.head
            for payout in batch.payouts.values():
                assert self.model.payable(payout.key, batch.cut_off) >= 0
        self.last = lambda: self.approved(name, who)

    def reject(self) -> None:
        """Any batch, whatever became of it."""
        if self.model.batches:
            self.rejected(self.random.choice(sorted(self.model.batches)), self.who())

    def rejected(self, name: str, who: int) -> None:
        """By somebody, everywhere."""
        expected = self.model.reject(name, str(who))
        self.compare([reject(desk[who], name, "no") for desk in self.desks], expected)
        if expected[0] == "recorded":
            self.model.last_batch[self.model.batches[name].currency] = self.head
        self.last = lambda: self.rejected(name, who)

    def send(self) -> None:
        """Some lines of a batch, which may or may not go out."""
        if name := self.batch():
            numbers = self.random.sample(range(1, len(MEMBERS) + 1), self.random.randint(0, 3))
            self.sent(name, PaymentFile(self.random.choice([1, 1, 2, 3]), self.random.choice("ab") * 64, numbers))

    def send_what_may_go(self) -> None:
        """What was never sent, or failed, as its next attempt; whether it is still covered will be seen."""
        if waiting := self.payouts("reserved", "failed"):
            name, number, payout = self.random.choice(waiting)
            self.sent(name, PaymentFile(payout.attempt() + 1, "c" * 64, [number]))

    def sent(self, name: str, file: PaymentFile) -> None:
        """A file, everywhere."""
        attempt, sha256, numbers = file
        answers = [send(desk[CLERK], name, file, self.payable) for desk in self.desks]
        expected, against = self.model.send(name, attempt, sha256, list(numbers))
        for answer in answers:
            assert dict(answer.against) == against
            assert answer.outcome.reason in {*against.values(), None if numbers else "unknown_payout"}
        self.compare([answer.outcome._replace(reason=None) for answer in answers], (expected, None))
        self.answers.update(("sent", reason) for reason in against.values())
        self.last = lambda: self.sent(name, file)

    def settle(self) -> None:
        """What a provider says, true or not."""
        if name := self.batch():
            number = self.random.randint(1, len(MEMBERS))
            payout = self.model.batches[name].payouts.get(number)
            wrong = self.random.random() < 0.1
            row = self.said(payout, self.random.choice([None, f"P{self.few()}", f"{name}/{number}/1"]))
            row |= {"attempt": self.random.choice([None, 1, 2])}
            row |= {"amount": row["amount"] + wrong, "currency": self.random.choice(["GBP"] * 9 + ["EUR"])}
            self.settled(name, number, row)

    def settle_what_is_sent(self) -> None:
        """Of one that somebody can say something about, with a reference of its own or with none."""
        if on_their_way := self.payouts("submitted", "submitted", "unknown", "paid"):
            name, number, payout = self.random.choice(on_their_way)
            own = f"{name}/{number}/{payout.attempt()}"
            self.settled(name, number, self.said(payout, self.random.choice([own, own, None])))

    def said(self, payout: Payout | None, reference: str | None) -> dict[str, Any]:
        """A row; a payment has a reference."""
        outcome = self.random.choice(["paid", "paid", "failed", "failed", "unknown", "returned"])
        reference = reference or (f"X{self.random.random()}" if outcome == "paid" else None)
        amount, currency = (1, "GBP") if payout is None else (payout.amount, payout.key[1])
        terms = {"outcome": outcome, "reference": reference, "attempt": None, "at": self.instant()}
        return {**terms, "amount": amount, "currency": currency}

    def settled(self, name: str, number: int, row: dict[str, Any]) -> None:
        """A row, everywhere."""
        said = SettlePayout.model_validate({"batch": name, "no": number, **row})
        outcomes = [settle_payouts(desk[CLERK], [said])[0] for desk in self.desks]
        self.compare(outcomes, self.model.settle(name, number, row))
        self.last = lambda: self.settled(name, number, row)

    def repeat(self) -> None:
        """The last command once more."""
        self.last()

    # ---- what must always be so

    def check(self) -> None:
        """Of the model, which the stores agree with."""
        for batch in self.model.batches.values():
            for payout in batch.payouts.values():
                paid = len(payout.said("paid"))
                assert 0 <= paid - len(payout.said("returned")) <= paid <= 1
        # Nothing an order keeps is negative, or more than it earned.
        assert all(0 <= one.running() <= one.accrual for one in self.model.earned)
        for key in {posting.key for posting in self.model.postings}:
            for as_of in (START + timedelta(days=3), NOW, FOREVER):
                balance = self.model.balance(key, as_of)
                came = -balance["expense"] - balance["house"]
                assert came == sum(balance[name] for name in ("pending", "available", "reserved", "paid"))
            assert balance["reserved"] >= 0
            assert balance["paid"] >= 0
            assert balance["paid"] + balance["reserved"] <= self.model.gross(key)


def in_memory() -> Desk:
    """A store that lives as long as its connections."""
    url = f"sqlite:///file:{uuid4().hex}?mode=memory&cache=shared"
    desk = (Ledger(url, actor="clerk", clock=lambda: NOW), Ledger(url, actor="chief", clock=lambda: NOW))
    with desk[CLERK].log.reading():
        pass
    migrate(url, PACKAGES)
    return desk


@pytest.fixture
def desks(postgres_server: Databases, postgres_url: str) -> Iterator[list[Desk]]:
    """An empty ledger in memory and one in PostgreSQL, each for two who may approve."""
    role = "IN ROLE refledger_writer, refledger_approver"
    with ExitStack() as stack:
        roles = [stack.enter_context(login(postgres_server.address, role)) for _ in (CLERK, CHIEF)]
        clerk, chief = (Ledger(url_of(postgres_url, name), actor="finance", clock=lambda: NOW) for name in roles)
        opened = [in_memory(), (clerk, chief)]
        for ledger in itertools.chain.from_iterable(opened):
            stack.enter_context(closing(ledger))
        yield opened


@pytest.mark.parametrize("seed", range(4))
def test_stores_and_the_model_agree_about_money(desks: list[Desk], seed: int) -> None:
    """Same answers and same facts, whatever the commands; what is kept beside the log is what the log says."""
    finance = Finance(desks, seed)
    finance.walk(120)
    assert {"PayoutPaid", "PayoutFailed", "PayoutLinesDropped"} & {topic for topic, _ in finance.model.facts}
    for desk in desks:
        assert list(check_decisions(desk[CLERK].log, lambda _: None)) == []


@pytest.mark.slow
def test_the_store_and_the_model_agree_about_money_for_long() -> None:
    """Over many more and longer histories; every kind of answer comes up."""
    answers: Counter[tuple[str, str | None]] = Counter()
    for seed in range(1_000, 1_200):
        desk = in_memory()
        with closing(desk[CLERK]), closing(desk[CHIEF]):
            finance = Finance([desk], seed)
            finance.walk(200)
            answers += finance.answers
            assert list(check_decisions(desk[CLERK].log, lambda _: None)) == []
    assert {reason for _, reason in answers} >= EVERY_REASON


EVERY_REASON = {
    "already_reversed",
    "approved",
    "before_refund",
    "cut_off_in_the_future",
    "exceeds_paid",
    "failed",
    "frozen",
    "newer_batch",
    "no_details",
    "no_minimum",
    "not_covered",
    "nothing_left",
    "nothing_to_pay",
    "other_amount",
    "other_attempt",
    "other_content",
    "other_currency",
    "other_file",
    "other_outcome",
    "other_reference",
    "paid",
    "reference_of_another",
    "refund_refused",
    "rejected",
    "reserved",
    "returned",
    "same_actor",
    "submitted",
    "unknown",
    "unknown_payout",
    "which_attempt",
}
