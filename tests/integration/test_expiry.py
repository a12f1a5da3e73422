"""Lapses are recorded exactly once, by the worker or by the writer, whatever the ids (B-3, B-4)."""

import pytest

from ledger.application import Ledger
from ledger.clock import parse_instant
from ledger.errors import RefusedError
from ledger.events import BindingExpired
from ledger.mapper import decode
from tests.builders import LATER, bind, plan, submit

pytestmark = pytest.mark.long_on_postgres

LONGEST = "é" * 64
SPRING = parse_instant("2026-04-01T00:00:00Z")


def lapses(ledger: Ledger) -> list[BindingExpired]:
    """Every lapse recorded, in order."""
    rows = [decode(row.topic, row.state) for row in ledger.log.read() if row.topic == "BindingExpired"]
    return [row for row in rows if isinstance(row, BindingExpired)]


def test_a_lapse_is_recorded_once(ledger: Ledger) -> None:
    """At its end, not before; a second run of the worker, and the member's next bind, add nothing."""
    submit(ledger, plan(binding={"ttl_days": 30}), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    end = parse_instant("2026-01-31T00:00:00Z")
    assert ledger.expire(parse_instant("2026-01-30T23:59:59.999999Z")) == 0
    assert (ledger.expire(end), ledger.expire(SPRING)) == (1, 0)
    submit(ledger, bind("b2", "ben", "ann", "2026-02-01T00:00:00Z"))
    assert [event.occurred_at for event in lapses(ledger)] == [end]


def test_the_writer_records_a_lapse_before_the_next_bind(ledger: Ledger) -> None:
    """Right before it, with the lapse's own time; the worker then finds nothing of it to do."""
    submit(ledger, plan(binding={"ttl_days": 30}), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    submit(ledger, bind("b2", "ben", "cat", "2026-03-01T00:00:00Z"))
    assert [row.topic for row in ledger.log.read()][-2:] == ["BindingExpired", "MemberBound"]
    assert ledger.expire(parse_instant("2026-03-15T00:00:00Z")) == 0


def test_the_longest_ids_of_another_source_lapse_too(ledger: Ledger) -> None:
    """Ids of 128 bytes, a source's name in the stream: worker and writer record the lapse under the bind's own id."""
    submit(ledger, plan(binding={"ttl_days": 30}))
    for number, member in enumerate(("ben", "cat")):
        first = bind(f"{LONGEST[1:]}{number}{number}", member, LONGEST, "2026-01-01T00:00:00Z")
        assert submit(ledger, first, source="a-shop")[0].name == "bound"
    submit(ledger, bind("next", "cat", "ann", "2026-03-01T00:00:00Z"))
    assert ledger.expire(parse_instant("2026-03-15T00:00:00Z")) == 1
    assert {(event.id, event.source) for event in lapses(ledger)} == {
        (f"{LONGEST[1:]}00", "a-shop"),
        (f"{LONGEST[1:]}11", "a-shop"),
    }


def test_lapses_are_recorded_in_batches(ledger: Ledger) -> None:
    """The oldest first, at most as many as asked for; the next batch goes on behind them."""
    submit(ledger, plan(binding={"ttl_days": 30}))
    for number in (3, 1, 2):
        submit(ledger, bind(f"b{number}", f"m{number}", "ann", f"2026-01-0{number}T00:00:00Z"))
    assert [ledger.expire_batch(2, SPRING) for _ in range(3)] == [2, 1, 0]
    assert [event.id for event in lapses(ledger)] == ["b1", "b2", "b3"]


def test_nothing_lapses_in_the_future(ledger: Ledger) -> None:
    """An as-of that has not come yet is refused."""
    with pytest.raises(RefusedError, match="future"):
        ledger.expire(LATER)
