"""The control `periods`: nothing is found of a period that was closed right, and each wrong figure is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.clock import parse_instant, system_clock
from ledger.outcomes import RECORDED
from ledger.payout_commands import ClosePeriod
from ledger.payouts.periods import close_period
from projections.books import opened_books
from projections.period_check import check_periods
from projections.periods import figures_at_head
from projections.tree import catch_up
from tests.builders import bind, commands, order, plan, refund
from tests.scribe import Scribe

pytestmark = pytest.mark.long_on_postgres

JANUARY, FEBRUARY, AT = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
RECORDS: list[dict[str, Any]] = [
    plan(hold_days=7),
    bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
    order("o1", "ben", 100_000, "2026-01-03T00:00:00Z"),
    # At the very end of January, so of February.
    order("o2", "ben", 30_000, JANUARY),
]


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with two months of orders, and an adjustment."""
    ledger.submit(commands(RECORDS))
    Scribe(ledger).adjustment("a1", "ann", -300, "2026-01-05T00:00:00Z")
    return ledger


def findings(ledger: Ledger) -> list[str]:
    """What the control finds, in words."""
    with opened_books(ledger.log, system_clock()) as books:
        return [f"{found.subject}: {found.message}" for found in check_periods(books, lambda _: None)]


def right(ledger: Ledger, end: datetime) -> dict[str, Any]:
    """The figures of a period that is closed at the head."""
    catch_up(ledger.log)
    with ledger.log.writing() as session:
        return asdict(figures_at_head(session, end, ledger.log.head())) | {"at_position": ledger.log.head()}


def test_periods_closed_right(fed: Ledger) -> None:
    """One after the other; what is recorded later of a closed period changes none of its figures."""
    assert findings(fed) == []
    for end, late in ((JANUARY, "r1"), (FEBRUARY, "r2")):
        catch_up(fed.log)
        command = ClosePeriod.model_validate({"at": system_clock(), "end": end, "type": "period"})
        assert close_period(fed, command, figures_at_head) == RECORDED
        fed.submit(commands([refund(late, "o1", 1_000, "2026-01-04T00:00:00Z")]))
        assert findings(fed) == []


ZEROS = "0" * 64
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "digest": ({"digest": ZEROS}, f"says the digest {ZEROS}; the events give "),
    "root": ({"root": ZEROS}, f"says the root {ZEROS}; the events give "),
    "balance": ({"trial_balance": {}}, "says the trial balance {}; the events give {'GBP': {"),
    "position": ({"at_position": 3}, "knows the log up to 3, not up to the event before it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_figure_is_found(fed: Ledger, name: str) -> None:
    """It, and no other."""
    otherwise, message = WRONG[name]
    Scribe(fed).close(JANUARY, AT, right(fed, parse_instant(JANUARY)) | otherwise)
    (found,) = findings(fed)
    assert found.startswith(f"period-2026-02-01T00:00:00.000000Z: {message}")


@pytest.mark.parametrize("ends", [(FEBRUARY, JANUARY), ("2026-03-02T00:00:00.000001Z",)])
def test_a_period_that_cannot_be_closed(fed: Ledger, ends: tuple[str, ...]) -> None:
    """One before the last, and one that is not over."""
    for end in ends:
        Scribe(fed).close(end, AT, right(fed, parse_instant(end)))
    (found,) = findings(fed)
    assert found.endswith("closes what is closed already, or what is still to come")
