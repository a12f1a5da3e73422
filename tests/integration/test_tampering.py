"""Rows changed behind the ledger's back are found by replay and by the projection, not silently worked around."""

import pytest

from ledger.application import Ledger
from ledger.errors import IntegrityError
from projections.runner import Runner
from tests.builders import bind, order, plan, replayed, submit
from tests.forger import Forger

pytestmark = pytest.mark.long_on_postgres

CHANGES = {
    "an order under another type": "UPDATE event SET topic = 'MemberInvited' WHERE position = 3",
    "an order that counts as derived": "UPDATE event SET topic = 'BindingExpired' WHERE position = 3",
    "an order under another stream": "UPDATE event SET stream = 'order-o9' WHERE position = 3",
    "an order under another version": "UPDATE event SET version = 7 WHERE position = 3",
    "an event less in the middle": "DELETE FROM event WHERE position = 3",
    "an event less at the beginning": "DELETE FROM event WHERE position = 1",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_is_found(ledger: Ledger, store_url: str, change: str) -> None:
    """Replay and projection stop with an error that says where; neither answers with other figures."""
    submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    submit(ledger, order("o1", "ben", 1_000, "2026-01-02T00:00:00Z"), order("o2", "ben", 5, "2026-01-03T00:00:00Z"))
    Forger(store_url).run(CHANGES[change])
    with pytest.raises(IntegrityError):
        replayed(ledger)
    with pytest.raises(IntegrityError):
        Runner(ledger.log).catch_up()
