"""Periods are closed one after the other, at the head, and never again (rule S-4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.errors import IntegrityError
from ledger.outcomes import Outcome
from ledger.payout_commands import ClosePeriod
from ledger.payout_events import PeriodClosed
from ledger.payouts.periods import PeriodFigures, close_period
from ledger.store.session import Session
from tests.payout_desk import NOW, Desk

MARCH = NOW.replace(day=1, hour=0)
FEBRUARY = MARCH - timedelta(days=28)
BALANCED = {"GBP": {"members:pending": 0, "expense:commission": -500, "members:available": 500}, "EUR": {}}


def figures(session: Session, end: datetime, at_position: int, /) -> PeriodFigures:
    """What somebody computed there; the root is of the head, in place of the tree."""
    assert session
    return PeriodFigures(f"{end:%Y%m%d}".zfill(64), f"{at_position:064x}", BALANCED)


def asked(end: datetime, **more: Any) -> ClosePeriod:
    """The close of a period, asked for at NOW unless said otherwise."""
    return ClosePeriod.model_validate({"at": NOW, "end": end, **more})


def close(ledger: Ledger, end: datetime, **more: Any) -> Outcome:
    """Closes a period."""
    return close_period(ledger, asked(end, **more), figures)


def test_a_period_is_closed_at_the_head(people: Desk) -> None:
    """With the figures of that head, and the trial balance in one order of keys."""
    head = people.clerk.log.head()
    assert close(people.clerk, MARCH).name == "recorded"
    closed = people.last(PeriodClosed)
    assert (closed.stream, closed.id) == ("period-2026-03-01T00:00:00.000000Z", "period-2026-03-01T00:00:00.000000Z")
    assert (closed.data.at_position, closed.data.digest[-8:], int(closed.data.root, 16)) == (head, "20260301", head)
    assert list(closed.data.trial_balance) == ["EUR", "GBP"]
    assert list(closed.data.trial_balance["GBP"]) == sorted(BALANCED["GBP"])


def test_closing_again_is_a_repeat_whenever_it_is_asked(people: Desk) -> None:
    """Under another id a conflict; nothing is computed again."""
    close(people.clerk, MARCH)
    head = people.clerk.log.head()
    assert close(people.clerk, MARCH, at=NOW - timedelta(hours=1)).name == "repeat"
    assert close(people.clerk, MARCH, id="march").reason == "other_content"
    assert people.clerk.log.head() == head


def test_closed_is_closed(people: Desk) -> None:
    """A period ends after the last one; the first ends where it likes."""
    assert close(people.clerk, FEBRUARY).name == "recorded"
    assert close(people.clerk, FEBRUARY - timedelta(days=1)).reason == "period_closed"
    assert close(people.chief, MARCH).name == "recorded"
    assert close(people.clerk, MARCH - timedelta(days=1)).reason == "period_closed"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"end": NOW + timedelta(seconds=1)}, ("refused", "end_in_the_future")),
        ({"end": NOW, "at": NOW + timedelta(minutes=6)}, ("invalid", "in_the_future")),
    ],
)
def test_a_period_ends_in_the_past(people: Desk, more: dict[str, Any], expected: tuple[str, str]) -> None:
    """What is still to come cannot be closed."""
    outcome = close(people.clerk, **more)
    assert (outcome.name, outcome.reason) == expected


def test_an_empty_ledger_has_no_period(ledger: Ledger) -> None:
    """There is no position to compute anything at."""
    assert close(ledger, MARCH).reason == "nothing_recorded"


def test_books_that_do_not_balance_are_not_closed(people: Desk) -> None:
    """S-2: the trial balance is zero, or nothing may go on."""

    def unbalanced(session: Session, end: datetime, at_position: int, /) -> PeriodFigures:
        return replace(figures(session, end, at_position), trial_balance={"GBP": {"house:payout": 1}})

    with pytest.raises(IntegrityError, match="GBP"):
        close_period(people.clerk, asked(MARCH), unbalanced)
