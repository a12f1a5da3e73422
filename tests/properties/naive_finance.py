"""A naive second opinion on reversals, adjustments and payouts: lists of postings, every answer summed up anew.

Written from the rule book and shares no code with the product; who earns what on an order it leaves to `naive.py`. Each
method is one command: it answers what the product must answer, and `facts` grows by what the product must record.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tests.properties.naive import NaiveLedger, Order, Outcome, Record, commission_minor, plus_days

ACCOUNTS: list[str] = ["expense", "pending", "available", "reserved", "paid", "house"]
ALLOWED = {
    ("submitted", "paid"),
    ("submitted", "failed"),
    ("submitted", "unknown"),
    ("unknown", "paid"),
    ("unknown", "failed"),
    ("paid", "returned"),
}
Key = tuple[str, str]
Facts = list[tuple[str, str]]


class Posting(NamedTuple):
    """S-2: an amount from one of a member's accounts to another, or to and from the house."""

    key: Key
    debit: str
    credit: str
    amount: int
    value_at: datetime


@dataclass(eq=False)
class Earned:
    """One paid level of one order; `changes` are its clawbacks (negative) and restorations, in order of position."""

    order: Order
    level: int
    key: Key
    accrual: int
    available_at: datetime
    changes: list[tuple[datetime, int]] = field(default_factory=list)

    def running(self) -> int:
        """What it holds now."""
        return self.accrual + sum(amount for _, amount in self.changes)

    def matured(self) -> int:
        """What is left of it when its hold ends."""
        return self.accrual + sum(amount for at, amount in self.changes if at < self.available_at)


@dataclass(eq=False)
class Payout:
    """A reserved line and what happened to it: (what, attempt, reference or file)."""

    key: Key
    amount: int
    value_at: datetime
    history: list[tuple[str, int, str | None]] = field(default_factory=list)

    def state(self) -> str:
        """The last word."""
        return self.history[-1][0] if self.history else "reserved"

    def attempt(self) -> int:
        """The last attempt."""
        return self.history[-1][1] if self.history else 0

    def said(self, what: str, attempt: int | None = None) -> list[str | None]:
        """References of everything of that kind, of one attempt or of all."""
        return [ref for kind, n, ref in self.history if kind == what and attempt in {None, n}]


@dataclass(eq=False)
class Batch:
    """A batch; lines are numbered from 1 in the order of members.

    known  members whose accounts it knows; nobody: whoever pays them knows otherwise
    """

    currency: str
    cut_off: datetime
    lines: list[tuple[str, int]]
    prepared_by: str
    known: frozenset[str] = frozenset()
    state: str = "prepared"
    decided_by: str = ""
    payouts: dict[int, Payout] = field(default_factory=dict)


@dataclass
class NaiveFinance:
    """The books, in memory."""

    now: datetime
    ledger: NaiveLedger = field(default_factory=NaiveLedger)
    earned: list[Earned] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    taken: dict[str, list[tuple[Earned, int, datetime]]] = field(default_factory=dict)
    contents: dict[Key, Record] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    adjustments: dict[str, tuple[str, str]] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    references: dict[str, tuple[str, int]] = field(default_factory=dict)
    last_batch: dict[str, int] = field(default_factory=dict)
    facts: Facts = field(default_factory=list)

    # ---- inputs

    def apply(self, record: Record, by: str) -> Outcome:
        """One input record; R-4 and X-1 here, the rest in `naive.py`."""
        own: dict[str, Callable[[Record], Outcome]] = {
            "reversal": self._reversal,
            "freeze": self._freeze,
            "unfreeze": self._freeze,
            "adjustment": lambda record: self._propose(record, by),
        }
        if record["type"] not in own:
            return self._apply_order(record)
        before = self.contents.get((record["type"], record["id"]))
        if before is not None:
            return ("repeat", None) if before == record else ("conflict", "other_content")
        outcome = own[record["type"]](record)
        if outcome[0] != "retryable":
            self.contents[record["type"], record["id"]] = record
        return outcome

    def _apply_order(self, record: Record) -> Outcome:
        outcome = self.ledger.apply(record)
        if outcome[0] != "recorded":
            return outcome
        if record["type"] == "order":
            self._accrue(self.ledger.orders[-1])
        elif record["type"] == "refund":
            self._claw_back(record)
        return outcome

    def _accrue(self, order: Order) -> None:
        available_at = plus_days(order.record["at"], order.plan["hold_days"])
        for level, (outcome, member, minor) in enumerate(order.outcomes, start=1):
            if outcome == "paid" and member is not None:
                key = (member, order.record["currency"])
                self.earned.append(Earned(order, level, key, minor, available_at))
                self._post(key, "expense", "pending", minor, order.record["at"])

    def _claw_back(self, record: Record) -> None:
        """R-2 where earlier refunds may have been reversed: never more than a level holds, all for a full refund."""
        refunded = next(o for o in self.ledger.orders if o.record["id"] == record["order"])
        left = refunded.record["amount"] - sum(refund["amount"] for _, refund in refunded.refunds)
        value_at = datetime.fromisoformat(record["at"])
        self.taken[record["id"]] = []
        for earned in (one for one in self.earned if one.order is refunded):
            amount = max(0, earned.running() - commission_minor(refunded.plan, earned.level, left))
            self._change(earned, -amount, value_at)
            self.taken[record["id"]].append((earned, amount, value_at))

    def _change(self, earned: Earned, amount: int, value_at: datetime) -> None:
        """R-3: on hold it moves pending, later available."""
        earned.changes.append((value_at, amount))
        account = "pending" if value_at < earned.available_at else "available"
        debit, credit = (account, "expense") if amount < 0 else ("expense", account)
        self._post(earned.key, debit, credit, abs(amount), value_at)

    def _reversal(self, record: Record) -> Outcome:
        """R-4: exactly what was taken comes back, and the refund no longer counts (R-1)."""
        known = self.ledger.contents.get(("default", "refund", record["refund"]))
        if known is None:
            return "retryable", "unknown_refund"
        at = datetime.fromisoformat(record["at"])
        if record["refund"] not in self.taken:
            return "refused", "refund_refused"
        if record["refund"] in self.reversed:
            return "refused", "already_reversed"
        if at < known["at"]:
            return "refused", "before_refund"
        self.reversed.add(record["refund"])
        for earned, amount, value_at in self.taken[record["refund"]]:
            self._change(earned, amount, max(at, value_at))
        for order in self.ledger.orders:
            order.refunds[:] = [(n, refund) for n, refund in order.refunds if refund["id"] != record["refund"]]
        return "recorded", None

    def _freeze(self, record: Record) -> Outcome:
        if record["type"] == "freeze":
            self.frozen.add(record["member"])
        else:
            self.frozen.discard(record["member"])
        return "recorded", None

    # ---- adjustments

    def _propose(self, record: Record, by: str) -> Outcome:
        self.adjustments[record["id"]] = ("proposed", by)
        return "recorded", None

    def review_adjustment(self, adjustment: str, wanted: str, by: str, *, may_approve: bool) -> Outcome:
        """X-3 for adjustments: another one approves; anybody rejects."""
        if adjustment not in self.adjustments:
            return "refused", "unknown_adjustment"
        state, who = self.adjustments[adjustment]
        outcome = reviewed(state, wanted, by, proposed_by=who, decided_by=who, may_approve=may_approve)
        if outcome[0] == "recorded":
            self.adjustments[adjustment] = (wanted, by)
            topic = "AdjustmentPosted" if wanted == "approved" else "AdjustmentRejected"
            self.facts.append((topic, f"adjustment-{adjustment}"))
            if wanted == "approved":
                record = self.contents["adjustment", adjustment]
                key, amount = (record["member"], record["currency"]), record["amount"]
                debit, credit = ("house", "available") if amount > 0 else ("available", "house")
                self._post(key, debit, credit, abs(amount), datetime.fromisoformat(record["at"]))
        return outcome

    # ---- batches

    def draft(self, currency: str, cut_off: datetime, minimum: int) -> list[tuple[str, int]]:
        """X-1: everybody with enough that is payable, and not frozen, in the order of their names."""
        members = sorted({key[0] for key in self._keys() if key[1] == currency} - self.frozen, key=str.encode)
        amounts = [(member, self.payable((member, currency), cut_off)) for member in members]
        return [(member, amount) for member, amount in amounts if amount > 0 and amount >= minimum]

    def prepare(self, name: str, batch: Batch, *, at_position: int, minimum: int | None) -> Outcome:
        """X-2, X-3."""
        if (before := self.batches.get(name)) is not None:
            same = (before.currency, before.cut_off) == (batch.currency, batch.cut_off)
            return ("repeat", None) if same else ("conflict", "other_content")
        if batch.cut_off > self.now:
            return "refused", "cut_off_in_the_future"
        if self.last_batch.get(batch.currency, 0) > at_position:
            return "retryable", "newer_batch"
        if minimum is None:
            return "refused", "no_minimum"
        if not batch.lines:
            return "refused", "nothing_to_pay"
        self.batches[name] = batch
        self.facts += [("PayoutBatchPrepared", f"batch-{name}"), ("PayoutBatchLines", f"batch-{name}")]
        return "recorded", None

    def approve(self, name: str, by: str, *, may_approve: bool) -> tuple[Outcome, dict[int, str]]:
        """X-3: what is still payable, with all recorded since, is reserved; lines dropped, by number, and why."""
        batch = self.batches[name]
        terms = {"proposed_by": batch.prepared_by, "decided_by": batch.decided_by}
        outcome = reviewed(batch.state, "approved", by, **terms, may_approve=may_approve)
        if outcome[0] != "recorded":
            return outcome, {}
        dropped = {
            number: reason
            for number, (member, amount) in enumerate(batch.lines, start=1)
            if (reason := self._why_dropped(batch, member, amount))
        }
        if len(dropped) == len(batch.lines):
            return ("refused", "nothing_left"), dropped
        batch.state, batch.decided_by = "approved", by
        for number, (member, amount) in enumerate(batch.lines, start=1):
            if number not in dropped:
                key = (member, batch.currency)
                batch.payouts[number] = Payout(key, amount, self.now)
                self._post(key, "available", "reserved", amount, self.now)
        self.facts += [("PayoutLinesDropped", f"batch-{name}")] * bool(dropped) + [
            ("PayoutBatchApproved", f"batch-{name}")
        ]
        return outcome, dropped

    def _why_dropped(self, batch: Batch, member: str, amount: int) -> str:
        if self.payable((member, batch.currency), batch.cut_off) < amount:
            return "not_covered"
        if member in self.frozen:
            return "frozen"
        is_known = not any(name in batch.known for name, _ in batch.lines) or member in batch.known
        return "" if is_known else "no_details"

    def reject(self, name: str, by: str) -> Outcome:
        """X-3: nothing was reserved, so nothing is released."""
        batch = self.batches[name]
        terms = {"proposed_by": batch.prepared_by, "decided_by": batch.decided_by}
        outcome = reviewed(batch.state, "rejected", by, **terms, may_approve=False)
        if outcome[0] == "recorded":
            batch.state, batch.decided_by = "rejected", by
            self.facts.append(("PayoutBatchRejected", f"batch-{name}"))
        return outcome

    # ---- payouts

    def send(self, name: str, attempt: int, file: str, numbers: list[int]) -> tuple[str, dict[int, str]]:
        """X-4: one line that may not go stops all; its reason by number."""
        batch = self.batches[name]
        lost = {number: "unknown_payout" for number in numbers if number not in batch.payouts}
        if lost or not numbers:
            return "refused", lost
        answers = {number: self._may_go(batch, batch.payouts[number], attempt, file) for number in numbers}
        against = {number: answer for number, answer in answers.items() if answer not in {"new", "repeat"}}
        if against:
            return "conflict" if "other_file" in against.values() else "refused", against
        new = sorted(number for number, answer in answers.items() if answer == "new")
        for number in new:
            payout = batch.payouts[number]
            payout.history.append(("submitted", attempt, file))
            self.facts.append(("PayoutSubmitted", f"payout-{name}.{number}"))
            if attempt > 1:
                self._move(payout, "available", "reserved", self.now)
        return "recorded" if new else "repeat", {}

    def _may_go(self, batch: Batch, payout: Payout, attempt: int, file: str) -> str:
        if before := payout.said("submitted", attempt):
            return "repeat" if before == [file] else "other_file"
        if payout.state() not in {"reserved", "failed"}:
            return payout.state()
        if attempt != payout.attempt() + 1:
            return "other_attempt"
        if attempt > 1 and self.payable(payout.key, batch.cut_off) < payout.amount:
            return "not_covered"
        return "frozen" if attempt > 1 and payout.key[0] in self.frozen else "new"

    def settle(self, name: str, number: int, row: Record) -> Outcome:
        """X-4, one row: outcome, amount, currency, reference, attempt, at."""
        payout = self.batches[name].payouts.get(number) if name in self.batches else None
        if payout is None:
            return "refused", "unknown_payout"
        contradictions = {
            "other_amount": row["amount"] != payout.amount,
            "other_currency": row["currency"] != payout.key[1],
            "reference_of_another": self.references.get(row["reference"], (name, number)) != (name, number),
        }
        for reason, holds in contradictions.items():
            if holds:
                return "conflict", reason
        reference = None if row["outcome"] == "unknown" else row["reference"]
        answer = self._judge(payout, row["outcome"], row["attempt"], reference)
        if answer[0] == "recorded":
            self._settled(payout, row["outcome"], reference, row["at"])
            self.facts.append((f"Payout{row['outcome'].capitalize()}", f"payout-{name}.{number}"))
            if reference is not None:
                self.references[reference] = (name, number)
        return answer

    def _judge(self, payout: Payout, outcome: str, attempt: int | None, reference: str | None) -> Outcome:
        """Recorded, or the first reason why not."""
        if attempt is None and reference is not None and reference in payout.said(outcome):
            return "repeat", None
        if before := payout.said(outcome, attempt or payout.attempt()):
            return ("repeat", None) if before == [reference] else ("conflict", "other_reference")
        if attempt is not None and attempt < payout.attempt():
            return "conflict", "other_outcome"
        refusals = {
            payout.state(): (payout.state(), outcome) not in ALLOWED,
            "other_attempt": attempt is not None and attempt > payout.attempt(),
            "which_attempt": attempt is None and reference is None and bool(payout.said(outcome)),
        }
        reason = next((reason for reason, holds in refusals.items() if holds), None)
        return ("refused", reason) if reason else ("recorded", None)

    def _settled(self, payout: Payout, outcome: str, reference: str | None, at: datetime) -> None:
        payout.history.append((outcome, payout.attempt(), reference))
        moves = {"paid": ("reserved", "paid"), "failed": ("reserved", "available"), "returned": ("paid", "available")}
        if outcome in moves:
            self._move(payout, *moves[outcome], at)

    def _move(self, payout: Payout, debit: str, credit: str, at: datetime) -> None:
        """Time never runs backwards within a payout."""
        payout.value_at = max(payout.value_at, at)
        self._post(payout.key, debit, credit, payout.amount, payout.value_at)

    # ---- questions

    def payable(self, key: Key, as_of: datetime) -> int:
        """X-1: credits by as_of, less every debit whatever its time; what was released counts at once."""
        total = 0
        for earned in (one for one in self.earned if one.key == key):
            late = [(at, amount) for at, amount in earned.changes if at >= earned.available_at]
            total += earned.matured() if earned.available_at <= as_of else 0
            total += sum(amount for at, amount in late if amount < 0 or at <= as_of)
        for posting in (one for one in self.postings if one.key == key):
            if posting.debit == "house":
                total += posting.amount if posting.value_at <= as_of else 0
            elif posting.debit in {"reserved", "paid"} and posting.credit == "available":
                total += posting.amount
            elif posting.debit == "available" and posting.credit in {"house", "reserved"}:
                total -= posting.amount
        return total

    def balance(self, key: Key, as_of: datetime) -> dict[str, int]:
        """S-1 from the postings by as_of, maturities included; `earned` and the rest from their own postings."""
        balance: dict[str, int] = dict.fromkeys(ACCOUNTS, 0)
        for posting in [*self.postings, *self._maturities(as_of)]:
            if posting.key == key and posting.value_at <= as_of:
                balance[posting.debit] -= posting.amount
                balance[posting.credit] += posting.amount
        return balance

    def gross(self, key: Key) -> int:
        """All that ever came to a member: what orders earned, and what was given."""
        given = sum(one.amount for one in self.postings if one.key == key and one.debit == "house")
        return given + sum(one.accrual for one in self.earned if one.key == key)

    def _maturities(self, as_of: datetime) -> list[Posting]:
        """S-2: what is left of an accrual when its hold ends."""
        return [
            Posting(one.key, "pending", "available", one.matured(), one.available_at)
            for one in self.earned
            if one.available_at <= as_of
        ]

    def _keys(self) -> set[Key]:
        return {posting.key for posting in self.postings}

    def _post(self, key: Key, debit: str, credit: str, amount: int, value_at: datetime) -> None:
        if amount:
            self.postings.append(Posting(key, debit, credit, amount, value_at))


def reviewed(state: str, wanted: str, by: str, *, proposed_by: str, decided_by: str, may_approve: bool) -> Outcome:
    """X-3: what is open is decided once; whoever decided it repeats themselves."""
    if state == wanted and by == decided_by:
        return "repeat", None
    if state in {"approved", "rejected"}:
        return "refused", state
    if wanted == "approved" and not may_approve:
        return "refused", "not_an_approver"
    if wanted == "approved" and by == proposed_by:
        return "refused", "same_actor"
    return "recorded", None
