"""Ways of tampering with the log, really done with all rights and triggers off, and the control that finds each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger.application import Ledger
from ledger.decision_check import mend_decisions
from projections.runner import Runner
from projections.tree import catch_up
from tests.builders import bind, order, plan, refund, submit
from tests.cli_runner import Tool, desk
from tests.forger import (
    Deed,
    Envelope,
    Forger,
    binding,
    doubling,
    editing,
    lapsing,
    overwriting,
    refunding,
    refusing,
    renewing,
    replacing,
    running,
    setting,
    swapping,
)

pytestmark = pytest.mark.long_on_postgres

HEAD = 15


@pytest.fixture
def tool(ledger: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """The command on a ledger whose positions the tests below name, projected to its head, 15."""
    submit(
        ledger,
        plan(),
        bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
        bind("b2", "cat", "ben", "2026-01-02T00:00:00Z"),
        order("o1", "cat", 10_000, "2026-01-05T00:00:00Z", lines=[_line(1, 6_000), _line(2, 4_000)]),
        refund("r1", "o1", 1_000, "2026-01-06T00:00:00Z", line=2),
        order("o2", "ben", 5_000, "2026-01-07T00:00:00Z"),
        bind("b3", "dan", "cat", "2026-01-08T00:00:00Z"),
        order("o3", "dan", 8_000, "2026-01-09T00:00:00Z"),
        plan(2, at="2026-02-01T00:00:00Z", rates_ppm=[200_000], binding={"ttl_days": 30}),
    )
    submit(
        ledger,
        order("o4", "dan", 7_000, "2026-02-02T00:00:00Z"),
        bind("b4", "eve", "dan", "2026-02-03T00:00:00Z"),
        # Lapsed on 5 March: the bind records it, at 12, before itself, at 13.
        bind("b5", "eve", "ann", "2026-04-01T00:00:00Z"),
        {"type": "unbind", "id": "u1", "member": "eve", "at": "2026-04-02T00:00:00Z", "reason": "asked"},
    )
    # b1 on 1 April, at 15; b2 and b3 lapse later, and nobody records that.
    ledger.expire(datetime(2026, 4, 1, tzinfo=UTC))
    assert ledger.log.head() == HEAD
    Runner(ledger.log).catch_up()
    return desk(store_url, tmp_path)


def _line(number: int, amount: int) -> dict[str, Any]:
    return {"n": number, "sku": "s", "qty": 1, "amount": amount}


def findings(tool: Tool) -> dict[str, list[dict[str, Any]]]:
    """What the controls find that find anything."""
    results = tool.json("audit", status=(0, 3))
    return {result["control"]: result["findings"] for result in results if result["findings"]}


class Forgery(NamedTuple):
    """Something done to the log.

    do         to it
    control    that must find it
    positions  that the finding names
    message    words of the finding
    others     controls that find something too
    """

    do: Deed
    control: str
    positions: list[int]
    message: str
    others: frozenset[str] = frozenset()


def others(*names: str) -> frozenset[str]:
    """Controls, by name."""
    return frozenset(names)


# The relations cannot be made: an event is missing, or cannot be read, or refers to what is not before it.
UNREADABLE = others("bindings", "expiries", "invariants", "payouts", "projection")


def _cheaper(event: Envelope) -> None:
    event["data"]["asked"] |= {"amount": 500, "lines": [_line(1, 200), _line(2, 300)]}


def _lasting(days: int) -> Callable[[Envelope], None]:
    def change(event: Envelope) -> None:
        event["data"]["asked"]["binding"]["ttl_days"] = days

    return change


FORGERIES: dict[str, Forgery] = {
    # ---- What is stored
    "an amount, and not its hash": Forgery(
        overwriting(6, "amount", 9_999), "events", [6], "content hash", others("projection")
    ),
    "an amount that its lines do not come to": Forgery(
        editing(4, setting("amount", 9_999)), "events", [4], "lines sum to", others("projection")
    ),
    "an amount, and its hash": Forgery(
        editing(6, setting("amount", 9_999)),
        "projection",
        [6],
        "amount_minor is 5000 instead of 9999, commission_1 is 500 instead of 999",
    ),
    "a buyer, and the hash": Forgery(
        editing(6, setting("member", "eve")), "projection", [6], "member is ben instead of eve"
    ),
    "another id": Forgery(editing(6, setting("id", "o9")), "events", [6], "id, stream or occurred_at"),
    "another time": Forgery(
        editing(6, setting("at", "2026-01-07T00:00:01.000000Z")),
        "events",
        [6],
        "id, stream or occurred_at",
    ),
    "bytes that are no text": Forgery(
        replacing(6, b"default", b"defa\xfflt"), "events", [6], "not an envelope", UNREADABLE
    ),
    "bytes that are no JSON": Forgery(
        replacing(6, b'"data":{', b'"data":{,'), "events", [6], "not an envelope", UNREADABLE
    ),
    "an event that lacks something": Forgery(
        replacing(6, b'"currency":"GBP",', b""), "events", [6], "not valid", UNREADABLE
    ),
    "a key twice": Forgery(
        replacing(6, b'"v":1}', b'"v":1,"v":1}'),
        "events",
        [6],
        "canonical",
        UNREADABLE,
    ),
    # ---- The columns beside it
    "a type": Forgery(
        running("UPDATE event SET topic = 'RefundRefused' WHERE position = 6"), "events", [6], "not valid", UNREADABLE
    ),
    "a stream": Forgery(
        running("UPDATE event SET stream = 'order-o9' WHERE position = 6"),
        "events",
        [6],
        "lie under order-o9",
        others("projection"),
    ),
    "a version": Forgery(
        running("UPDATE event SET version = 2 WHERE position = 6"),
        "positions",
        [6],
        "version 2 follows version 0",
        others("events"),
    ),
    "a time of recording": Forgery(
        running("UPDATE event SET recorded_at_us = recorded_at_us - 3600000000 WHERE position = 6"),
        "recorded_at",
        [5, 6],
        "before the event before it",
        others("events"),
    ),
    "a time of recording that no calendar has": Forgery(
        running("UPDATE event SET recorded_at_us = 9000000000000000000 WHERE position = 15"),
        "events",
        [15],
        "its row says 9000000000000000000 microseconds",
    ),
    # ---- Rows as a whole
    "a row less": Forgery(
        running("DELETE FROM event WHERE position = 6"),
        "positions",
        [7],
        "follows position 5",
        others("decisions") | UNREADABLE,
    ),
    "the tail cut off": Forgery(
        running("DELETE FROM event WHERE position > 13"),
        "projection",
        [],
        "is 15, but the log ends at 13",
        others("decisions"),
    ),
    "two orders swapped": Forgery(swapping(6, 8), "projection", [6], "order_stream is order-o2 instead of order-o3"),
    "two binds swapped": Forgery(swapping(2, 3), "decisions", [2], "is missing", others("projection")),
    "two batches swapped": Forgery(
        swapping(8, 10), "recorded_at", [8, 9], "before the event before it", others("invariants", "projection")
    ),
    "a row twice": Forgery(doubling(6, "order-o9"), "events", [16], "id, stream or occurred_at"),
    "a bind twice": Forgery(
        doubling(7, "bind-b9", id="b9"),
        "invariants",
        [7, 16],
        "is in force until 2026-04-08",
        others("events", "decisions", "bindings"),
    ),
    # ---- Bindings
    "two referrers at a time": Forgery(
        binding("dan", "ann", "2026-02-01T00:00:00.000000Z"),
        "invariants",
        [7, 16],
        "begins at 2026-02-01T00:00:00.000000Z, but the one at position 7 is in force until 2026-04-08",
        others("decisions", "bindings"),
    ),
    "a loop": Forgery(
        binding("ann", "dan", "2026-02-01T00:00:00.000000Z"),
        "invariants",
        [2, 3, 7, 16],
        "closes at 2026-02-01T00:00:00.000000Z: ann, dan, cat, ben",
        others("decisions", "bindings"),
    ),
    "a member under themselves": Forgery(
        binding("zoe", "zoe", "2026-02-01T00:00:00.000000Z"),
        "invariants",
        [16],
        "closes at 2026-02-01T00:00:00.000000Z: zoe",
        others("decisions", "bindings"),
    ),
    "a longer binding": Forgery(
        editing(3, setting(".ends_at", "2026-05-02T00:00:00.000000Z")),
        "bindings",
        [3],
        "an end at 2026-05-02T00:00:00.000000Z; the rules say an end at 2026-04-02T00:00:00.000000Z",
        others("decisions", "projection"),
    ),
    "a renewal": Forgery(
        renewing("2026-06-01T00:00:00.000000Z"), "bindings", [3], "an end at 2026-06-01", others("decisions")
    ),
    "a renewal that shortens": Forgery(
        renewing("2026-02-01T00:00:00.000000Z"), "bindings", [3], "an end at 2026-02-01", others("decisions")
    ),
    "a refusal that was none": Forgery(
        refusing("zoe", "ann", "already_bound"),
        "bindings",
        [16],
        "was recorded as already_bound; the rules say bound",
    ),
    # ---- Lapses
    "a lapse of no binding": Forgery(
        lapsing("bind-x9", "dan", "cat", "2026-04-08T00:00:00.000000Z"),
        "expiries",
        [16],
        "names bind-x9, which is no binding before it",
        others("decisions"),
    ),
    "a lapse of somebody else's": Forgery(
        lapsing("bind-b3", "dan", "ann", "2026-04-08T00:00:00.000000Z"),
        "expiries",
        [7, 16],
        "names bind-b3, which bound somebody else, or to somebody else",
        others("decisions"),
    ),
    "a lapse of what was released": Forgery(
        lapsing("bind-b5", "eve", "ann", "2026-05-01T00:00:00.000000Z"),
        "expiries",
        [13, 16],
        "names bind-b5, which was released at 2026-04-02T00:00:00.000000Z",
        others("decisions"),
    ),
    "a lapse at another instant": Forgery(
        lapsing("bind-b3", "dan", "cat", "2026-03-08T00:00:00.000000Z"),
        "expiries",
        [7, 16],
        "lapsed at 2026-03-08T00:00:00.000000Z; it lapses at 2026-04-08T00:00:00.000000Z",
        others("decisions"),
    ),
    "a lapse twice": Forgery(
        lapsing("bind-b1", "ben", "ann", "2026-04-01T00:00:00.000000Z", "expiry-again"),
        "expiries",
        [15, 16],
        "says that bind-b1 lapsed at 2026-04-01T00:00:00.000000Z, once more",
    ),
    "a lapse in another stream": Forgery(
        lapsing("bind-b3", "dan", "cat", "2026-04-08T00:00:00.000000Z", "expiry-2026-04-08-bind-b3"),
        "expiries",
        [7, 16],
        "lies in stream expiry-2026-04-08-bind-b3",
        others("decisions"),
    ),
    "a lapse that is gone": Forgery(
        editing(12, setting(".bind", "bind-b3")),
        "expiries",
        [11, 13],
        "lapsed at 2026-03-05T00:00:00.000000Z, and eve was bound again with no record of that before",
        others("decisions"),
    ),
    # ---- Refunds
    "more refunded than paid": Forgery(
        refunding(5_001),
        "invariants",
        [6, 16],
        "exceeds_paid: 0 + 5001 of 5000 paid for the order",
        others("decisions"),
    ),
    "so much refunded that less than nothing is kept": Forgery(
        refunding(9_000), "invariants", [6, 16], "earned 500 and lost 900 of it", others("decisions")
    ),
    "more refunded than paid for a line": Forgery(
        refunding(3_001, order="o1", line=2),
        "invariants",
        [4, 16],
        "exceeds_paid: 1000 + 3001 of 4000 paid for line 2",
        others("decisions"),
    ),
    "a line that there is not": Forgery(
        refunding(1, order="o1", line=3), "invariants", [4, 16], "the rules say unknown_line", others("decisions")
    ),
    "a second line of an order without lines": Forgery(
        refunding(1, line=2), "invariants", [6, 16], "the rules say unknown_line", others("decisions")
    ),
    "another currency": Forgery(
        refunding(1, currency="EUR"), "invariants", [6, 16], "the rules say wrong_currency", others("decisions")
    ),
    "another buyer": Forgery(
        refunding(1, member="ann"), "invariants", [6, 16], "the rules say wrong_member", others("decisions")
    ),
    "a refund before its order": Forgery(
        refunding(1, at="2026-01-06T23:59:59.999999Z"),
        "invariants",
        [6, 16],
        "the rules say before_order",
        others("decisions"),
    ),
    "a smaller payment": Forgery(
        editing(4, _cheaper),
        "invariants",
        [4, 5],
        "0 + 1000 of 500 paid for the order",
        others("projection"),
    ),
    # ---- Plans
    "other rates in retrospect": Forgery(
        editing(9, setting("rates_ppm", [100_000])),
        "projection",
        [10],
        "commission_1 is 1400 instead of 700",
    ),
    "another beginning in retrospect": Forgery(
        editing(9, setting("effective_from", "2026-02-02T00:00:00.000001Z")),
        "invariants",
        [10],
        "was recorded under plan 2; in force was plan 1",
    ),
    "an earlier beginning than the plan before": Forgery(
        editing(1, setting("effective_from", "2026-02-01T00:00:00.000000Z")),
        "invariants",
        [9],
        "takes effect no later than the plan before it",
        others("bindings", "projection"),
    ),
    "longer bindings in retrospect": Forgery(
        editing(9, _lasting(60)),
        "bindings",
        [11],
        "an end at 2026-03-05T00:00:00.000000Z; the rules say an end at 2026-04-04T00:00:00.000000Z",
    ),
    "an order under another plan": Forgery(
        editing(10, setting(".plan", 1)),
        "invariants",
        [10],
        "was recorded under plan 1; in force was plan 2",
        others("projection"),
    ),
    "a binding under another plan": Forgery(
        editing(11, setting(".plan", 1)),
        "invariants",
        [11],
        "was recorded under plan 1; in force was plan 2",
        others("decisions", "projection"),
    ),
}


def test_the_ledger_before_is_in_order(tool: Tool) -> None:
    """Nothing is found before anything is done."""
    assert findings(tool) == {}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_at_its_position(tool: Tool, store_url: str, name: str) -> None:
    """By the control that guards it, in these words; what else finds something is said beside it."""
    forgery = FORGERIES[name]
    forgery.do(Forger(store_url))
    found = findings(tool)
    assert found.keys() == forgery.others | {forgery.control}, found
    told = [(finding["positions"], finding["finding"]) for finding in found[forgery.control]]
    assert any(positions == forgery.positions and forgery.message in message for positions, message in told), told


# ---- What is left when all traces are removed

PERFECT = ("an amount, and its hash", "two orders swapped", "the tail cut off", "other rates in retrospect")


@pytest.mark.parametrize("name", PERFECT)
def test_a_log_forged_as_a_whole_is_one_that_could_have_been(
    ledger: Ledger, tool: Tool, store_url: str, name: str
) -> None:
    """No rule is broken: when the rest is made anew the tiles tell, and then only hashes kept elsewhere."""
    catch_up(ledger.log)
    FORGERIES[name].do(Forger(store_url))
    assert findings(tool).keys() > {"tree"}
    mend_decisions(store_url, lambda _: None)
    tool("worker", "rebuild", "commissions", "--replace")
    assert findings(tool).keys() == {"tree"}
    tool("worker", "rebuild", "tree")
    assert findings(tool) == {}
