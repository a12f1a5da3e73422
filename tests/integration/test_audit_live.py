"""`audit` compares every balance and every row of the live tables with what the second engine makes of the log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.application import Ledger
from projections.runner import Runner
from tests.builders import bind, order, plan, refund, submit
from tests.cli_runner import Tool, desk
from tests.forger import Forger

pytestmark = pytest.mark.long_on_postgres


@pytest.fixture
def tool(ledger: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """The command on a ledger with an order of three levels at 5, its refund at 6, and one of one level at 7."""
    submit(
        ledger,
        plan(binding={"renewal": "on_order"}),
        bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
        bind("b2", "cat", "ben", "2026-01-02T00:00:00Z"),
        bind("b3", "dan", "cat", "2026-01-03T00:00:00Z"),
        order("o1", "dan", 10_000, "2026-01-03T00:00:00Z"),
        refund("r1", "o1", 1_000, "2026-01-06T00:00:00Z"),
        order("o2", "ben", 5_000, "2026-01-01T00:00:00Z"),
        {"type": "unbind", "id": "u1", "member": "cat", "at": "2026-01-08T00:00:00Z", "reason": "asked"},
    )
    ledger.expire(datetime(2026, 10, 1, tzinfo=UTC))
    Runner(ledger.log).catch_up()
    return desk(store_url, tmp_path)


def found(tool: Tool, *controls: str) -> list[dict[str, Any]]:
    """What an audit finds, which must be found by exactly these controls."""
    results = tool.json("audit", status=3 if controls else 0)
    assert [result["control"] for result in results if result["result"] != "pass"] == list(controls)
    return [finding for result in results for finding in result["findings"]]


# A statement, the subject and the positions of one finding, and words of it.
DAMAGE: dict[str, tuple[str, str, list[int], str]] = {
    "a balance": (
        "UPDATE balance SET earned_minor = earned_minor + 1 WHERE member = 'ann'",
        "balance of ann in GBP",
        [],
        "is earned=701 clawed_back=20 adjusted=0 pending=0 available=681 reserved=0 paid=0 instead of earned=700",
    ),
    "a balance less": ("DELETE FROM balance WHERE member = 'ann'", "balance of ann in GBP", [], "is none instead of"),
    "a balance more": (
        "INSERT INTO balance (member, currency, earned_minor, clawed_back_minor) VALUES ('eve', 'GBP', 5, 0)",
        "balance of eve in GBP",
        [],
        "instead of none",
    ),
    "an amount": (
        "UPDATE order_outcome SET amount_minor = 1 WHERE position = 5",
        "order_outcome order-o1 at position 5",
        [5],
        "amount_minor is 1 instead of 10000",
    ),
    "another earner, and no sum moves": (
        "UPDATE order_outcome SET member_3 = 'eve' WHERE position = 5",
        "order_outcome order-o1 at position 5",
        [5],
        "member_3 is eve instead of ann",
    ),
    "two levels swapped": (
        "UPDATE order_outcome SET member_1 = member_2, member_2 = member_1 WHERE position = 5",
        "order_outcome order-o1 at position 5",
        [5],
        "member_1 is ben instead of cat, member_2 is cat instead of ben",
    ),
    "a reason": (
        "UPDATE order_outcome SET reason_2 = 'released' WHERE position = 7",
        "order_outcome order-o2 at position 7",
        [7],
        "reason_2 is released instead of not_bound",
    ),
    "a hold": (
        "UPDATE order_outcome SET available_at_us = 0 WHERE position = 7",
        "order_outcome order-o2 at position 7",
        [7],
        "available_at_us is 1970-01-01T00:00:00.000000Z instead of 2026-01-31",
    ),
    "an order without its plan": (
        "UPDATE order_outcome SET plan = NULL WHERE position = 7",
        "order_outcome order-o2 at position 7",
        [7],
        "plan is nothing instead of 1",
    ),
    "an order less": (
        "DELETE FROM order_outcome WHERE position = 7",
        "order_outcome order-o2 at position 7",
        [7],
        "is missing",
    ),
    "an order more": (
        (
            "INSERT INTO order_outcome SELECT 99, 'order-o9', occurred_at_us, available_at_us, member, currency,"
            " amount_minor, plan, member_1, reason_1, commission_1, member_2, reason_2, commission_2, member_3,"
            " reason_3, commission_3 FROM order_outcome WHERE position = 7"
        ),
        "order_outcome order-o9 at position 99",
        [99],
        "is there, but the log says nothing of it",
    ),
    "an order of the future": (
        "UPDATE order_outcome SET occurred_at_us = 9000000000000000 WHERE position = 7",
        "order_outcome order-o2 at position 7",
        [7],
        "is missing",
    ),
    "a clawback": (
        "UPDATE order_refund SET clawback_1 = 0 WHERE position = 6",
        "order_refund refund-r1 at position 6",
        [5, 6],
        "clawback_1 is 0 instead of 100",
    ),
    "when a refund counts": (
        "UPDATE order_refund SET value_at_us = 0 WHERE position = 6",
        "order_refund refund-r1 at position 6",
        [5, 6],
        "value_at_us is 1970-01-01T00:00:00.000000Z instead of 2026-01-06",
    ),
    "a refund of another order": (
        "UPDATE order_refund SET order_position = 7 WHERE position = 6",
        "order_refund refund-r1 at position 6",
        [7, 6],
        "is there, but the log says nothing of it",
    ),
    "a refund less": ("DELETE FROM order_refund", "order_refund refund-r1 at position 6", [5, 6], "is missing"),
    "a referrer": (
        "UPDATE team_binding SET referrer = 'eve' WHERE position = 2",
        "team_binding bind-b1 at position 2",
        [2],
        "referrer is eve instead of ann",
    ),
    "an end": (
        "UPDATE team_binding SET ends_at_us = NULL WHERE position = 2",
        "team_binding bind-b1 at position 2",
        [2],
        "ends_at_us is nothing instead of 2026-04-01",
    ),
    "a release": (
        "UPDATE team_binding SET released_at_us = NULL WHERE position = 3",
        "team_binding bind-b2 at position 3",
        [3],
        "released_at_us is nothing instead of 2026-01-08",
    ),
    "a binding less": (
        "DELETE FROM team_binding WHERE position = 4",
        "team_binding bind-b3 at position 4",
        [4],
        "is missing",
    ),
    "a binding more": (
        "INSERT INTO team_binding VALUES ('zoe', 98, 'bind-b9', 'ann', 0, NULL, 1, NULL)",
        "team_binding bind-b9 at position 98",
        [98],
        "is there, but the log says nothing of it",
    ),
    "a list less": (
        "DELETE FROM member_order WHERE member = 'cat'",
        "member_order of cat",
        [5],
        "does not list the order",
    ),
    "an order more in a list": (
        "UPDATE member_order SET positions = positions || ',7' WHERE member = 'cat'",
        "member_order of cat",
        [7],
        "lists the order, which does not concern them",
    ),
    "a list that is over early": (
        "UPDATE member_order SET until_us = 5 WHERE member = 'cat'",
        "member_order of cat",
        [5],
        "lists the order as over before it is",
    ),
    "a checkpoint beyond the log": (
        "UPDATE checkpoint SET position = 1000 WHERE projection = 'commissions'",
        "checkpoint of commissions",
        [],
        "is 1000, but the log ends at",
    ),
    "a checkpoint before what is there": (
        "UPDATE checkpoint SET position = 6 WHERE projection = 'commissions'",
        "order_outcome order-o2 at position 7",
        [7],
        "is there, but the log says nothing of it",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_row_is_named(tool: Tool, store_url: str, damage: str) -> None:
    """By what it is about, what is wrong with it, and the events behind it."""
    statement, subject, positions, message = DAMAGE[damage]
    Forger(store_url).run(statement)
    (finding,) = [
        one for one in found(tool, "projection") if (one["subject"], one["positions"]) == (subject, positions)
    ]
    assert message in finding["finding"]


def test_a_balance_below_nothing_does_not_add_up(tool: Tool, store_url: str) -> None:
    """Earned and clawed back are never negative (S-1)."""
    Forger(store_url).run("UPDATE balance SET clawed_back_minor = -5 WHERE member = 'ann'")
    invariant, _ = found(tool, "invariants", "projection")
    assert invariant["subject"] == "live balance of ann in GBP"
    assert invariant["finding"].startswith("does not add up: earned=700 clawed_back=-5")


def test_a_list_that_cannot_be_read_is_a_finding(tool: Tool, store_url: str) -> None:
    """Not an error that nobody thought of."""
    Forger(store_url).run("UPDATE member_order SET positions = 'x' WHERE member = 'cat'")
    (finding,) = found(tool, "projection")
    assert "cannot be followed" in finding["finding"]


def test_a_rebuild_mends_what_is_damaged(tool: Tool, store_url: str) -> None:
    """All at once; afterwards every control passes."""
    assert found(tool) == []
    Forger(store_url).run(
        *[DAMAGE[name][0] for name in ("a balance", "an amount", "a refund less", "a referrer", "a list less")]
    )
    assert len(found(tool, "projection")) >= 5
    tool("worker", "rebuild", "commissions", "--replace")
    assert found(tool) == []


def test_a_balance_that_differs_is_shown_with_the_orders_behind_it(tool: Tool, store_url: str) -> None:
    """Position 7 paid ann otherwise; of a sum alone that is wrong the orders agree."""
    Forger(store_url).run("UPDATE balance SET earned_minor = earned_minor + 1 WHERE member = 'ann'")
    (finding,) = found(tool, "projection")
    assert (finding["finding"].endswith("its orders agree"), finding["positions"]) == (True, [])
    Forger(store_url).run("UPDATE order_outcome SET commission_1 = commission_1 + 1 WHERE position = 7")
    balance, row = found(tool, "projection")
    assert (balance["subject"], balance["positions"]) == ("balance of ann in GBP", [7])
    assert balance["finding"].endswith("orders that differ: 1")
    assert row["subject"] == "order_outcome order-o2 at position 7"


def test_live_tables_behind_the_log_are_no_finding(ledger: Ledger, tool: Tool) -> None:
    """They are looked at where they stand, not where they will be: also between an order and what it renews."""
    projected = ledger.log.head()
    submit(ledger, order("o5", "ben", 500, "2026-01-09T00:00:00Z"), refund("r5", "o5", 1, "2026-01-09T00:00:00Z"))
    head = ledger.log.head()
    assert found(tool) == []
    assert f"{head - projected} events before the head" in tool("audit").err
    for upto in range(projected + 1, head + 1):
        Runner(ledger.log).catch_up(upto)
        assert found(tool) == []
