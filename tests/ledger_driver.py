"""The ledger as scenarios and models see it: one record in, one outcome out; questions answered by the live tables."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from ledger.application import Ledger
from ledger.commands import command_from
from ledger.errors import InvalidRecordError, NoPlanError
from projections.balances import Balance, balances_at
from projections.explanation import explain_order
from projections.runner import Runner
from projections.team import downline, upline
from tests.builders import LATER

LEVELS = 3


class LedgerDriver:
    """Drives one ledger; each `apply` is a transaction of its own."""

    def __init__(self, ledger: Ledger) -> None:
        """The runner lives as long as the driver, as a worker's does."""
        self.ledger = ledger
        self._runner = Runner(ledger.log)
        self._allow_no_plan = False

    def allow_no_plan(self) -> None:
        """From here on orders without a plan are recorded."""
        self._allow_no_plan = True

    def apply(self, record: dict[str, Any]) -> tuple[str, str | None]:
        """Submits one record: its outcome and reason."""
        try:
            command = command_from(record)
            outcome = self.ledger.submit([command], allow_no_plan=self._allow_no_plan)[0]
        except InvalidRecordError as error:
            return "invalid", error.reason
        except NoPlanError:
            return "stopped", "no_plan"
        return outcome.name, outcome.reason

    def expire(self, as_of: datetime) -> None:
        """Records lapses."""
        self.ledger.expire(as_of)

    def project(self) -> None:
        """Brings the live tables to the head."""
        self._runner.catch_up()

    def balances(self, as_of: datetime) -> list[Balance]:
        """Everyone's balance, live."""
        self.project()
        with self.ledger.log.reading() as session:
            return balances_at(session, as_of)

    def balance(self, member: str, currency: str, as_of: datetime) -> dict[str, int] | None:
        """One balance, or None."""
        self.project()
        with self.ledger.log.reading() as session:
            found = [row for row in balances_at(session, as_of, [member]) if row.currency == currency]
        amounts = [asdict(row) for row in found]
        return {key: value for key, value in amounts[0].items() if isinstance(value, int)} if amounts else None

    def outcomes(self, order_id: str) -> list[tuple[str, str | None, int]]:
        """The three levels of an order."""
        self.project()
        with self.ledger.log.reading() as session:
            found = explain_order(session, self.ledger.log, order_id, "default", LATER)
        return [(row.outcome.reason, row.outcome.beneficiary, row.outcome.commission_minor) for row in found.levels]

    def upline(self, member: str, as_of: datetime) -> list[str]:
        """Referrers, nearest first."""
        self.project()
        with self.ledger.log.reading() as session:
            return [edge.referrer for edge in upline(session, member, as_of, LEVELS)]

    def downline(self, member: str, as_of: datetime) -> list[set[str]]:
        """Members of levels 1 to 3."""
        self.project()
        teams: list[set[str]] = [set() for _ in range(LEVELS)]
        with self.ledger.log.reading() as session:
            for edge in downline(session, member, as_of, LEVELS):
                teams[edge.level - 1].add(edge.member)
        return teams
