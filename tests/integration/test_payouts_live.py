"""x."""

from datetime import UTC, datetime
from projections.balances import balances_at
from tests.builders import bind, order, plan, refund, reversal, adjustment, freeze, replayed
from tests.finance import Desk
from projections.batches import batches, payouts_in, steps_of
from projections.balances import digest


def test_story(desk: Desk) -> None:
    """x."""
    desk.clock.now = datetime(2026, 6, 1, tzinfo=UTC)
    print(
        desk.record(
            plan(hold_days=30, min_payout={"GBP": 50}),
            bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
            order("o1", "ben", 10000, "2026-01-02T00:00:00Z"),
            refund("r1", "o1", 5000, "2026-01-03T00:00:00Z"),
            reversal("v1", "r1", "2026-03-01T00:00:00Z"),
            adjustment("a1", "ann", -100, "2026-02-01T00:00:00Z"),
            adjustment("a2", "zoe", 70, "2026-02-01T00:00:00Z"),
            freeze("f1", "zoe", "2026-02-01T00:00:00Z"),
        )
    )
    print(desk.post("a1"), desk.post("a2"))
    print(desk.prepare("B1", desk.clock.now))
    print(desk.approve("B1"), desk.send("B1", [1]), desk.settle("B1.1", "paid", (900, "GBP"), "ref1"))
    print(desk.close_period(datetime(2026, 5, 1, tzinfo=UTC)))
    desk.project()
    with desk.clerk.log.reading() as session:
        live = balances_at(session, desk.clock.now)
        print(live)
        print(batches(session))
        for p in payouts_in(session, batches(session)[0]):
            print(p, steps_of(session, p))
    assert digest(live) == replayed(desk.clerk, desk.clock.now).digest
