"""Two people at one ledger and the clock on their wall: what finance does, in one line each."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ledger.application import Ledger
from ledger.identity import APPROVER_ROLE
from ledger.outcomes import Outcome
from ledger.payout_commands import ClosePeriod, PrepareBatch, SettlePayout
from ledger.payouts.adjustments import approve_adjustments, reject_adjustments
from ledger.payouts.approving import approve, reject
from ledger.payouts.periods import close_period
from ledger.payouts.preparing import prepare
from ledger.payouts.sending import PaymentFile, send
from ledger.payouts.settling import settle_payouts
from ledger.rules.payout import Settled
from ledger.store.postgres import WRITER_ROLE
from projections.checkpoint import CheckpointMovedError
from projections.payable import payable_at_head
from projections.payouts import NotPaidOutError, propose
from projections.periods import figures_at_head
from projections.runner import Runner
from tests.builders import submit
from tests.logins import login, url_of


@dataclass
class Clock:
    """Shows what it is set to."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now


@dataclass
class Desk:
    """What the clerk prepares and sends, the chief approves."""

    clerk: Ledger
    chief: Ledger
    clock: Clock
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        """One worker for as long as the desk stands."""
        self.runner = Runner(self.clerk.log)

    def project(self) -> None:
        """The worker is at the head; decisions may have brought its tables further than it knows."""
        while True:
            with suppress(CheckpointMovedError):
                self.runner.catch_up()
                return

    def record(self, *records: dict[str, Any]) -> list[Outcome]:
        """Input records, one batch."""
        return submit(self.clerk, *records, allow_no_plan=True)

    def prepare(self, batch_id: str, cut_off: datetime, currency: str = "GBP", known: Collection[str] = ()) -> Outcome:
        """A batch of what is payable now; known: members of whom there are details."""
        self.project()
        command = PrepareBatch(at=self.clock.now, currency=currency, cut_off=cut_off, id=batch_id)
        try:
            with self.clerk.log.reading() as session:
                proposal = propose(session, self.clerk.log, currency, cut_off)
        except NotPaidOutError as error:
            return Outcome("refused", error.code)
        details = {member: sha256(member.encode()).hexdigest() for member in known}
        return prepare(self.clerk, command, proposal.draft(details, "0f" * 16 if known else None))

    def approve(self, batch_id: str) -> Outcome:
        """The chief reserves what is still covered."""
        return approve(self.chief, batch_id, payable_at_head).outcome

    def reject(self, batch_id: str) -> Outcome:
        """The chief does not."""
        return reject(self.chief, batch_id, "not now")

    def send(self, batch_id: str, numbers: Sequence[int], attempt: int = 1) -> Outcome:
        """Payouts go out in a file."""
        name = sha256(f"{batch_id} {attempt} {list(numbers)}".encode()).hexdigest()
        return send(self.clerk, batch_id, PaymentFile(attempt, name, numbers), payable_at_head).outcome

    def settle(self, payout: str, outcome: Settled, money: tuple[int, str], reference: str | None = None) -> Outcome:
        """What the provider says of one payout."""
        batch_id, _, number = payout.rpartition(".")
        said = SettlePayout(
            amount=money[0],
            at=self.clock.now,
            batch=batch_id,
            currency=money[1],
            no=int(number),
            outcome=outcome,
            reason="" if outcome == "paid" else "the bank said so",
            reference=reference,
        )
        return settle_payouts(self.clerk, [said])[0]

    def post(self, adjustment_id: str) -> Outcome:
        """The chief approves an adjustment."""
        return approve_adjustments(self.chief, [adjustment_id])[0]

    def decline(self, adjustment_id: str) -> Outcome:
        """The chief does not."""
        return reject_adjustments(self.chief, [adjustment_id], "no reason to")[0]

    def close_period(self, end: datetime) -> Outcome:
        """The books up to an instant."""
        command = ClosePeriod.model_validate({"at": self.clock.now, "end": end, "type": "period"})
        return close_period(self.clerk, command, figures_at_head)


@contextmanager
def opened(url: str) -> Generator[Desk]:
    """A desk at a store: labels on SQLite; on PostgreSQL whoever approves has a login of their own."""
    clock = Clock()
    with ExitStack() as stack:
        other = url
        if not url.startswith("sqlite"):
            other = url_of(url, stack.enter_context(login(url, f"IN ROLE {WRITER_ROLE}, {APPROVER_ROLE}")))
        clerk, chief = Ledger(url, actor="clerk", clock=clock), Ledger(other, actor="chief", clock=clock)
        with closing(clerk), closing(chief):
            yield Desk(clerk, chief, clock)
