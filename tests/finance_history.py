"""A year of finance in a few lines: a payout paid and one returned, a debt, a correction, a period closed too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.builders import adjustment, bind, order, plan, refund, reversal
from tests.finance import Desk, opened

MARCH, APRIL = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
END = "2025-03-01T00:00:00Z"

RECORDS = [
    plan(hold_days=10, min_payout={"GBP": 100}, binding={"ttl_days": None}),
    bind("b1", "ben", "ann", "2025-01-01T00:00:00Z"),
    bind("b2", "cat", "ben", "2025-01-01T00:00:00Z"),
    order("o1", "cat", 9_990, "2025-01-05T00:00:00Z"),
    order("o2", "ben", 12_345, "2025-01-06T00:00:00Z"),
    order("o3", "cat", 1_999, "2025-01-07T00:00:00Z", currency="JPY"),
    refund("r1", "o1", 3_333, "2025-01-10T00:00:00Z"),
    refund("r2", "o2", 45, "2025-01-20T00:00:00Z"),
    reversal("v1", "r1", "2025-01-22T00:00:00Z"),
    adjustment("a1", "ben", 250, "2025-01-23T00:00:00Z", reason="promised by phone"),
]
# Recorded once February is closed, and of it by its time.
LATE = [order("o4", "cat", 5_000, "2025-02-20T00:00:00Z"), refund("r3", "o2", 12_300, "2025-02-25T00:00:00Z")]


def live(desk: Desk) -> None:
    """What happens, in order. ann ends in debt; ben's payout comes back; batch two pays ben alone."""
    desk.clock.now = datetime(2025, 2, 1, tzinfo=UTC)
    done = [*desk.record(*RECORDS), desk.post("a1")]
    done += [desk.prepare("one", desk.clock.now), desk.approve("one"), desk.send("one", [1, 2])]
    desk.clock.now += timedelta(days=2)
    done += [
        desk.settle("one.1", "paid", (1_729, "GBP"), "bank-1"),
        desk.settle("one.2", "paid", (1_249, "GBP"), "bank-2"),
    ]
    desk.clock.now = MARCH + timedelta(days=1)
    done += [desk.close_period(MARCH), *desk.record(*LATE)]
    done.append(desk.settle("one.2", "returned", (1_249, "GBP"), "bank-3"))
    desk.clock.now = APRIL
    done += [desk.prepare("two", APRIL), desk.approve("two")]
    assert {outcome.name for outcome in done} <= {"recorded", "bound"}, done


def store_of(url: str) -> str:
    """The store itself, with that year in it."""
    with opened(url) as desk:
        live(desk)
    return url
