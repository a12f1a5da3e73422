"""Finance at work: one who prepares, one who approves, and money to pay out that needs no orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, TypeVar, cast

from ledger.application import Ledger
from ledger.clock import format_instant
from ledger.envelope import Event
from ledger.identity import APPROVER_ROLE
from ledger.mapper import decode_row
from ledger.outcomes import Outcome
from ledger.payout_commands import PrepareBatch, SettlePayout
from ledger.payout_events import (
    AdjustmentPosted,
    PayoutBatchApproved,
    PayoutBatchLines,
    PayoutBatchPrepared,
    PayoutFailed,
    PayoutLinesDropped,
    PayoutReturned,
    PayoutSubmitted,
)
from ledger.payouts.adjustments import approve_adjustments
from ledger.payouts.approving import Approval, approve
from ledger.payouts.payable import Question
from ledger.payouts.preparing import Draft, prepare
from ledger.payouts.sending import PaymentFile, Sent, send
from ledger.payouts.settling import settle_payouts
from ledger.rules.payout import Settled
from ledger.store.postgres import WRITER_ROLE
from ledger.store.recorder import POSITION_MAX, read_log
from ledger.store.session import Session
from tests.builders import adjustment, plan, submit
from tests.logins import login, url_of

E = TypeVar("E", bound=Event)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUT_OFF = NOW - timedelta(hours=12)
FILE = "ab" * 32
DIGEST = "cd" * 32
MINIMUM = 100


# A store's URL and the label of whoever opens it.
Seat = tuple[str, str]


@dataclass(frozen=True)
class Desk:
    """A clerk who prepares and a chief who approves, at the same store; `other` may approve as well."""

    clerk: Ledger
    chief: Ledger
    other: Ledger

    def seats(self) -> dict[str, Seat]:
        """Where each of them may be opened again, in another process."""
        people = {"clerk": self.clerk, "chief": self.chief, "other": self.other}
        return {name: (str(person.log.url), person.actor) for name, person in people.items()}

    def fund(self, amounts: Mapping[str, int], *, currency: str = "GBP", at: datetime = CUT_OFF) -> None:
        """Gives members money by adjustments."""
        head = self.clerk.log.head()
        records = [
            adjustment(f"fund-{head}-{number}", member, amount, format_instant(at), currency=currency)
            for number, (member, amount) in enumerate(amounts.items())
        ]
        submit(self.clerk, *records)
        outcomes = approve_adjustments(self.chief, [record["id"] for record in records])
        assert {outcome.name for outcome in outcomes} == {"recorded"}

    def draft(self, amounts: Mapping[str, int], at_position: int | None = None) -> Draft:
        """Lines as somebody computed them at the head."""
        position = self.clerk.log.head() if at_position is None else at_position
        payments = [(member, amount, None) for member, amount in amounts.items()]
        return Draft(payments=payments, left_out=0, at_position=position, digest=DIGEST)

    def prepare(self, batch_id: str, amounts: Mapping[str, int], **more: Any) -> Outcome:
        """The clerk prepares a batch."""
        at_position = more.pop("at_position", None)
        return prepare(self.clerk, batch_command(batch_id, **more), self.draft(amounts, at_position))

    def approve(self, batch_id: str) -> Approval:
        """The chief approves it."""
        return approve(self.chief, batch_id, payable)

    def send(self, batch_id: str, numbers: Sequence[int], *, attempt: int = 1, file: str = FILE) -> Sent:
        """The clerk sends some of its lines."""
        return send(self.clerk, batch_id, PaymentFile(attempt, file, numbers), payable)

    def settle(self, *said: SettlePayout) -> list[tuple[str, str | None]]:
        """The clerk records what the provider says."""
        return [(outcome.name, outcome.reason) for outcome in settle_payouts(self.clerk, said)]

    def reserved(self, batch_id: str, amounts: Mapping[str, int]) -> None:
        """A batch as far as its approval."""
        self.fund(amounts)
        assert self.prepare(batch_id, amounts).name == "recorded"
        assert self.approve(batch_id).outcome.name == "recorded"

    def last(self, kind: type[E]) -> E:
        """The last event of a type."""
        rows = [row for row in self.clerk.log.read() if row.topic == kind.TOPIC]
        return cast("E", decode_row(rows[-1]))

    def facts(self) -> list[tuple[str, str, int]]:
        """Type, stream and version of every event."""
        return [(row.topic, row.stream, row.version) for row in self.clerk.log.read()]


def batch_command(batch_id: str, **more: Any) -> PrepareBatch:
    """A batch in GBP up to CUT_OFF, unless said otherwise."""
    terms: dict[str, Any] = {"at": NOW, "currency": "GBP", "cut_off": CUT_OFF, **more}
    return PrepareBatch(id=batch_id, **terms)


def said(batch: str, no: int, outcome: Settled, amount: int, **more: Any) -> SettlePayout:
    """What a provider says of one payout in GBP."""
    terms: dict[str, Any] = {"currency": "GBP", "at": NOW, **more}
    return SettlePayout(batch=batch, no=no, outcome=outcome, amount=amount, **terms)


def payable(session: Session, question: Question) -> dict[str, int]:
    """What X-1 says is payable, from the log alone; here all money comes from adjustments."""
    money = _Money(question)
    for row in read_log(session, 0, question.at_position, POSITION_MAX):
        money.take(decode_row(row))
    return money.amounts


class _Money:
    """Takes events in order; credits count from their time on, all else at once."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.amounts: dict[str, int] = defaultdict(int)
        self.reserved: dict[str, dict[int, tuple[str, int]]] = defaultdict(dict)

    def take(self, event: Event) -> None:
        """One event."""
        match event:
            case AdjustmentPosted(data=data):
                if data.amount < 0 or data.value_at <= self.question.as_of:
                    self.add(data.currency, data.member, data.amount)
            case PayoutSubmitted(data=data):
                self.add(data.currency, data.member, -data.amount if data.attempt > 1 else 0)
            case PayoutFailed(data=data) | PayoutReturned(data=data):
                self.add(data.currency, data.member, data.amount)
            case _:
                self.take_of_batch(event)

    def take_of_batch(self, event: Event) -> None:
        """Lines are reserved by the approval, less those that were dropped before it."""
        match event:
            case PayoutBatchPrepared(data=data):
                self.reserved[event.stream] = {0: (data.asked.currency, 0)}
            case PayoutBatchLines(data=data):
                self.reserved[event.stream] |= {number: (member, amount) for number, member, amount, _ in data.lines}
            case PayoutLinesDropped(data=data):
                for number, _ in data.lines:
                    del self.reserved[event.stream][number]
            case PayoutBatchApproved():
                (currency, _), *lines = self.reserved[event.stream].values()
                for member, amount in lines:
                    self.add(currency, member, -amount)
            case _:
                pass

    def add(self, currency: str, member: str, amount: int) -> None:
        """Counts it if it is of the currency in question."""
        if currency == self.question.currency:
            self.amounts[member] += amount


def seated(seat: Seat, now: datetime = NOW) -> Ledger:
    """A ledger at which it is always `now`."""
    url, actor = seat
    return Ledger(url, actor=actor, clock=lambda: now)


@contextmanager
def staffed_desk(url: str) -> Generator[Desk]:
    """People at a store in which a plan with minimums is in force."""
    with desk(url) as people:
        submit(people.clerk, plan(min_payout={"GBP": MINIMUM, "EUR": MINIMUM}))
        yield people


@contextmanager
def desk(url: str, now: datetime = NOW) -> Generator[Desk]:
    """People at a store: labels on SQLite, logins on PostgreSQL. For them it is always `now`."""
    if url.startswith("sqlite"):
        with _opened([(url, "clerk"), (url, "chief"), (url, "other")], now) as opened:
            yield opened
        return
    writer: LiteralString = f"IN ROLE {WRITER_ROLE}"
    approver: LiteralString = f"IN ROLE {WRITER_ROLE}, {APPROVER_ROLE}"
    with (
        login(url, writer) as clerk,
        login(url, approver) as chief,
        login(url, approver) as other,
        _opened([(url_of(url, name), "finance") for name in (clerk, chief, other)], now) as opened,
    ):
        yield opened


@contextmanager
def _opened(people: Sequence[Seat], now: datetime) -> Generator[Desk]:
    ledgers = [seated(seat, now) for seat in people]
    with closing(ledgers[0]), closing(ledgers[1]), closing(ledgers[2]):
        yield Desk(*ledgers)
