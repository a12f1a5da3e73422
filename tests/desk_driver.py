"""A ledger with finance at work, as scenarios see it: the clock shows the time of each line."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

from ledger.clock import parse_instant
from ledger.outcomes import Outcome
from ledger.rules.payout import Settled
from projections.batches import batch_of, payout_of, payouts_in
from projections.checkpoint import CheckpointMovedError
from projections.payable import payable
from projections.payout_explanation import explain_payout
from projections.payouts import propose
from projections.periods import closed_periods
from projections.view import view_at
from tests.finance import Desk
from tests.ledger_driver import LedgerDriver
from tests.scenarios.steps import Decide

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


class DeskDriver(LedgerDriver):
    """Drives a desk; each line is a transaction of its own."""

    def __init__(self, desk: Desk) -> None:
        """The clock only ever goes forward."""
        super().__init__(desk.clerk)
        self._desk = desk
        desk.clock.now = LONG_AGO

    def apply(self, record: dict[str, Any]) -> tuple[str, str | None]:
        """Submits one record, at its own time or later."""
        with suppress(ValueError):
            self._is_now(parse_instant(record.get("at")))
        return super().apply(record)

    def expire(self, as_of: datetime) -> None:
        """Records lapses."""
        self._is_now(as_of)
        super().expire(as_of)

    def project(self) -> None:
        """As a worker does: a decision may have brought the tables further than it knows."""
        while True:
            with suppress(CheckpointMovedError):
                return super().project()

    def decide(self, step: Decide) -> tuple[str, str | None]:
        """What finance decides, and what becomes of it."""
        self._is_now(step.at)
        outcome = self._decide(step)
        return outcome.name, outcome.reason

    def payable(self, member: str, currency: str, cut_off: datetime) -> int:
        """What could be paid out, asked for alone and with everyone."""
        self.project()
        with self.ledger.log.reading() as session:
            everyone, alone = payable(session, currency, cut_off), payable(session, currency, cut_off, [member])
        assert alone[member] == everyone.get(member, 0)
        return alone[member]

    def batch_lines(self, batch: str) -> list[tuple[str, int]]:
        """The lines as prepared."""
        self.project()
        with self.ledger.log.reading() as session:
            return [(row.member, row.amount_minor) for row in payouts_in(session, batch_of(session, batch))]

    def left_out(self, batch: str, member: str) -> str | None:
        """Why there is nothing for a member, worked out again at the batch's own (T, P) (X-5)."""
        self.project()
        with self.ledger.log.reading() as session:
            found = batch_of(session, batch)
        with view_at(self.ledger.log, found.at_position) as (session, _):
            proposal = propose(session, self.ledger.log, found.currency, found.cut_off)
        assert (proposal.digest, len(proposal.left_out)) == (found.digest, found.left_out)
        return next((row.reason for row in proposal.left_out if row.member == member), None)

    def payout_state(self, payout: str) -> str:
        """Where it stands."""
        self.project()
        with self.ledger.log.reading() as session:
            return payout_of(session, payout).state

    def payout_parts(self, payout: str) -> tuple[int, list[tuple[str, str, int]]]:
        """What it is made of; together that is what it pays."""
        self.project()
        with self.ledger.log.reading() as session:
            found = explain_payout(session, self.ledger.log, payout)
        assert found.prepared_minor == found.payout.amount_minor
        return found.carried_minor, [(one.kind, one.stream, one.payable_minor) for one in found.contributions]

    def closed(self, end: datetime, currency: str) -> dict[str, int]:
        """The trial balance of a closed period."""
        self.project()
        with self.ledger.log.reading() as session:
            period = next(row for row in closed_periods(session) if row.end == end)
        return json.loads(period.trial_balance)[currency]

    def _decide(self, step: Decide) -> Outcome:  # noqa: PLR0911  one return per verb
        more = cast("dict[str, Any]", step.more)
        batch, _, number = step.about.rpartition(".")
        match step.verb:
            case "prepare":
                known = more["accounts"].split(",") if "accounts" in more else ()
                cut_off, currency = more.get("cut_off", step.at), more.get("currency", "GBP")
                return self._desk.prepare(step.about, cut_off, currency, known)
            case "approve":
                return self._desk.approve(step.about)
            case "reject":
                return self._desk.reject(step.about)
            case "send":
                return self._desk.send(batch, [int(number)], more.get("attempt", 1))
            case "post":
                return self._desk.post(step.about)
            case "decline":
                return self._desk.decline(step.about)
            case "close":
                return self._desk.close_period(datetime.fromisoformat(step.about))
            case _:
                money = (more["amount"], more.get("currency", "GBP"))
                return self._desk.settle(step.about, cast("Settled", step.verb), money, more.get("reference"))

    def _is_now(self, at: datetime) -> None:
        self._desk.clock.now = max(self._desk.clock.now, at)
