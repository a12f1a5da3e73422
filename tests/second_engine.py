"""The second engine held against the first: every figure, every level of every order, every decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ledger.application import Ledger
from ledger.clock import to_micros
from projections.changes import read_changes
from projections.figures import Replay
from projections.fold import Fold, OrderOutcome
from projections.replay.session import Session, replaying
from tests.builders import replayed

OrderLevels = dict[int, list[tuple[str | None, str, int]]]


def assert_same_figures(ledger: Ledger, as_of: datetime, at_position: int | None = None) -> Replay:
    """All figures at (T, P), as recorded and with every binding decided again; every level of every order."""
    position = ledger.log.head() if at_position is None else at_position
    expected = replayed(ledger, as_of, position)
    with replaying(ledger.log, position) as second:
        _assert_same(second, expected)
        assert second.decide_again() == []
        assert list(second.bindings_otherwise()) == []
        _assert_same(second, expected)
        assert order_levels(second, as_of) == order_levels_of_the_fold(ledger, as_of, position)
    return expected


def _assert_same(second: Session, expected: Replay) -> None:
    found = second.answer(expected.as_of)
    comparable = replace(found, engine=expected.engine, seconds=expected.seconds, balances=expected.balances)
    assert comparable == expected
    assert list(second.balances(expected.as_of)) == list(expected.balances)


def order_levels(second: Session, as_of: datetime) -> OrderLevels:
    """Who is on each level of each order by T, why, and the commission; by the order's position."""
    levels: OrderLevels = {}
    for row in second.order_levels(as_of):
        levels.setdefault(row.order_position, []).append((row.beneficiary, row.reason, row.commission_minor))
    return levels


def order_levels_of_the_fold(ledger: Ledger, as_of: datetime, position: int) -> OrderLevels:
    """The same from the first engine."""
    fold = Fold()
    facts = [fold.apply(change) for change in read_changes(ledger.log.read(upto=position))]
    return {
        order.position: [(level.beneficiary, level.reason, level.commission_minor) for level in order.levels]
        for order in facts
        if isinstance(order, OrderOutcome) and order.occurred_at_us <= to_micros(as_of)
    }
