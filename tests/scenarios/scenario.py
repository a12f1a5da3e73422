"""Plain-text scenarios: `parse` reads one, `check` runs one against a driver.

The format is on one page in README.md beside this file. Nothing here knows a rule: every expected answer is written in
the scenario, worked out by hand from the rule book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tests.scenarios.parser import parse
from tests.scenarios.steps import (
    AllowNoPlan,
    Decide,
    ExpectBalance,
    ExpectClosed,
    ExpectDownline,
    ExpectLeftOut,
    ExpectLines,
    ExpectNoBalance,
    ExpectOutcome,
    ExpectParts,
    ExpectPayable,
    ExpectPayout,
    ExpectUpline,
    Expire,
    Input,
    ScenarioSyntaxError,
    Step,
)

__all__ = ["Driver", "ScenarioMismatch", "ScenarioSyntaxError", "check", "parse"]

LEVELS = 3


class ScenarioMismatch(Exception):  # noqa: N818  a finding about the ledger, not an error of the scenario
    """The driver answered otherwise than the scenario says. The message starts with file:line."""


class Driver(Protocol):
    """What a scenario runs against.

    Each `apply` is an ingest of its own, in the order of the file, at a clock later than every time in the file.
    """

    def allow_no_plan(self) -> None:
        """From here on `apply` ingests as with `--allow-no-plan` (rule P-5)."""

    def apply(self, record: dict[str, object]) -> tuple[str, str | None]:
        """Ingest one input record: its outcome (one of OUTCOMES) and reason."""
        ...

    def expire(self, as_of: datetime) -> None:
        """Record every binding that lapsed by `as_of`."""

    def balance(self, member: str, currency: str, as_of: datetime) -> dict[str, int] | None:
        """The amounts of rule S-1 by name, or None: no line of rule S-3 for this member and currency."""
        ...

    def outcomes(self, order_id: str) -> list[tuple[str, str | None, int]]:
        """Levels 1..3 of an order: (`paid` or the reason, the member on it if any, the commission before refunds)."""
        ...

    def decide(self, step: Decide) -> tuple[str, str | None]:
        """Finance does something: its outcome (one of OUTCOMES) and reason."""
        ...

    def payable(self, member: str, currency: str, cut_off: datetime) -> int:
        """What could be paid out to a member at a cut-off (rule X-1)."""
        ...

    def batch_lines(self, batch: str) -> list[tuple[str, int]]:
        """Member and amount of each line as prepared, in order."""
        ...

    def left_out(self, batch: str, member: str) -> str | None:
        """Why a batch has nothing for a member with a balance (rule X-1)."""
        ...

    def payout_state(self, payout: str) -> str:
        """Where a payout `<batch>.<no>` stands (rule X-4)."""
        ...

    def payout_parts(self, payout: str) -> tuple[int, list[tuple[str, str, int]]]:
        """What a payout was prepared with: carried from the payout before, then kind, stream and amount."""
        ...

    def closed(self, end: datetime, currency: str) -> dict[str, int]:
        """The trial balance of a closed period (rule S-4)."""
        ...

    def upline(self, member: str, as_of: datetime) -> list[str]:
        """At most three members, nearest first (rule T-1)."""
        ...

    def downline(self, member: str, as_of: datetime) -> list[set[str]]:
        """The members of levels 1..3 (rule T-1); trailing empty levels may be left out."""
        ...


def check(path: Path, driver: Driver) -> None:
    """Run one scenario against a driver. Raises ScenarioMismatch at the first answer that differs."""
    for step in parse(path):
        expected, actual = _answers(step, driver)
        if expected != actual:
            where = step.where
            raise ScenarioMismatch(
                f"{where.file}:{where.line}: {where.text}\n  expected: {expected}\n  actual:   {actual}"
            )


def _answers(step: Step, driver: Driver) -> tuple[object, object]:  # noqa: C901, PLR0911, PLR0912  one case per kind of step
    """What the scenario expects at this step and what the driver answers, in one shape."""
    match step:
        case Input():
            outcome, reason = driver.apply(dict(step.record))
            compared = step.reason is not None or outcome != step.outcome
            return (step.outcome, step.reason), (outcome, reason if compared else None)
        case Decide():
            outcome, reason = driver.decide(step)
            compared = step.reason is not None or outcome != step.outcome
            return (step.outcome, step.reason), (outcome, reason if compared else None)
        case AllowNoPlan():
            return None, driver.allow_no_plan()
        case Expire():
            return None, driver.expire(step.as_of)
        case ExpectBalance():
            return _balance_answers(step, driver.balance(step.member, step.currency, step.as_of))
        case ExpectNoBalance():
            return None, driver.balance(step.member, step.currency, step.as_of)
        case ExpectOutcome():
            return _outcome_answers(step, driver.outcomes(step.order))
        case ExpectUpline():
            return list(step.members), driver.upline(step.member, step.as_of)
        case ExpectDownline():
            teams = [sorted(team) for team in driver.downline(step.member, step.as_of)]
            return sorted(step.members), [*teams, [], [], []][step.level - 1]
        case ExpectPayable():
            return step.amount_minor, driver.payable(step.member, step.currency, step.as_of)
        case ExpectLines():
            return list(step.lines), driver.batch_lines(step.batch)
        case ExpectLeftOut():
            return step.reason, driver.left_out(step.batch, step.member)
        case ExpectPayout():
            return step.state, driver.payout_state(step.payout)
        case ExpectParts():
            return (step.carried_minor, list(step.parts)), driver.payout_parts(step.payout)
        case ExpectClosed():
            found = driver.closed(step.end, step.currency)
            return {**step.classes, "sum": 0}, {
                **{name: found.get(name) for name in step.classes},
                "sum": sum(found.values()),
            }


def _balance_answers(step: ExpectBalance, balance: Mapping[str, int] | None) -> tuple[object, object]:
    """The amounts named, and both sides of the identity of rule S-1."""
    if balance is None:
        return dict(step.amounts), dict.fromkeys(step.amounts, 0)
    came = balance.get("earned", 0) - balance.get("clawed_back", 0) + balance.get("adjusted", 0)
    lies = sum(balance.get(part, 0) for part in ("pending", "available", "reserved", "paid"))
    answered = {kind: balance.get(kind) for kind in step.amounts}
    both_sides = "pending + available + reserved + paid"
    return {**step.amounts, both_sides: came}, {**answered, both_sides: lies}


def _outcome_answers(step: ExpectOutcome, levels: Sequence[tuple[str, str | None, int]]) -> tuple[object, object]:
    """All three levels must be there; the member counts where the scenario names one."""
    if len(levels) != LEVELS:
        return f"{LEVELS} levels", list(levels)
    outcome, member, commission_minor = levels[step.level - 1]
    expected = (step.outcome, step.member, step.commission_minor)
    return expected, (outcome, member if step.member else None, commission_minor)
