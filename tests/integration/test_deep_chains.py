"""A chain of 10,000 referrers, each under the next: a loop is found at any depth, and a bind below it stays cheap."""

from collections.abc import Iterable

import pytest

from ledger.application import Ledger
from ledger.decisions import DecisionState
from ledger.store.session import Row
from tests.builders import bind, commands, plan

pytestmark = pytest.mark.long_on_postgres

DEPTH = 10_000
AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def chain(ledger: Ledger) -> Ledger:
    """Member 1 is under member 0, 2 under 1, and so on, for ever."""
    binds = [bind(f"b{number}", f"m{number}", f"m{number - 1}", AT) for number in range(1, DEPTH + 1)]
    outcomes = ledger.submit(commands([plan(binding={"ttl_days": None}), *binds]))
    assert {outcome.name for outcome in outcomes[1:]} == {"bound"}
    return ledger


def test_a_loop_is_found_at_any_depth(chain: Ledger) -> None:
    """The first of the chain may not be bound to the last, to one in the middle or to its own; but to a stranger."""
    asked = [bind(f"c{number}", "m0", f"m{number}", AT) for number in (DEPTH, DEPTH // 2, 1)]
    found = chain.submit(commands([*asked, bind("c", "m0", "stranger", AT)]))
    assert [outcome.reason for outcome in found] == ["would_close_loop"] * 3 + [None]


def test_who_has_nobody_below_walks_no_chain(chain: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer under the last of the chain is bound without a look at those above."""
    asked: list[Row] = []

    def take(state: DecisionState, rows: Iterable[Row]) -> None:
        del state
        asked.extend(rows)

    monkeypatch.setattr(DecisionState, "_take_bindings", take)
    found = chain.submit(commands([bind("c", "newcomer", f"m{DEPTH}", AT)]))
    assert found[0].name == "bound"
    assert asked == []
