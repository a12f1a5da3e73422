"""The generator of histories: the same bytes everywhere, the promised mix, and every oddity a ledger must survive."""

import datetime as dt
import hashlib
import json
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

import pytest

from cli.history import Shape, lines, records

Record = dict[str, Any]
SHAPE = Shape(members=625, orders=5000)
DAY = dt.timedelta(days=1)
GOLDEN = "57d1a79b0199a83d0f4764dae3332b54a7391fa5ef7c6d46690cb94d79338d69"


@dataclass
class Told:
    """What a naive ledger makes of a history: how often each outcome came up, and the bindings it ended with.

    bindings  member -> [referrer, bound_at, ends_at, protection], oldest first
    depth     the longest chain of bindings in force at once
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    plans: list[Record] = field(default_factory=list)
    known: dict[tuple[str, str], Record] = field(default_factory=dict)
    bindings: defaultdict[str, list[list[Any]]] = field(default_factory=lambda: defaultdict(list))
    refunded: Counter[str] = field(default_factory=Counter)
    depth: int = 0

    def plan(self, at: dt.datetime) -> Record:
        """The plan in force (P-3)."""
        return [plan for plan in self.plans if time(plan, "effective_from") <= at][-1]["binding"]

    def upline(self, member: str, at: dt.datetime) -> list[str]:
        """Referrers in force, nearest first."""
        found: list[str] = []
        while current := [binding for binding in self.bindings[member] if binding[1] <= at < binding[2]]:
            member = current[-1][0]
            found.append(member)
        return found


def time(record: Record, key: str = "at") -> dt.datetime:
    """A time of a record."""
    return dt.datetime.fromisoformat(record[key])


def refusal(told: Told, bind: Record) -> str:
    """Why a bind is refused, first reason first (B-6), or nothing."""
    at, member, inviter = time(bind), bind["member"], bind["inviter"]
    invite = told.known.get(("invite", bind.get("invite", "")))
    referrer, bound_at, ends_at, protection = (told.bindings[member] or [["", SHAPE.start, SHAPE.start, 0]])[-1]
    first_touch = told.plan(at)["policy"] == "first_touch"
    reasons = {
        "self_referral": member == inviter,
        "unknown_invite": "invite" in bind and (invite is None or time(invite) > at),
        "invite_expired": invite and "expires_at" in invite and time(invite, "expires_at") <= at,
        "late_binding": referrer and at < bound_at,
        "already_bound": at < ends_at and (first_touch or referrer == inviter),
        "protected": at < min(ends_at, bound_at + protection * DAY),
        "would_close_loop": member in told.upline(inviter, at),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def bind(told: Told, record: Record) -> str:
    """Record a bind and say what became of it."""
    if reason := refusal(told, record):
        return reason
    at, plan = time(record), told.plan(time(record))
    earlier = told.bindings[record["member"]]
    outcome = "bound"
    if earlier:
        returned = "taken_over" if at < earlier[-1][2] else "bound_again"
        outcome = f"{returned}_{'same' if earlier[-1][0] == record['inviter'] else 'other'}"
        earlier[-1][2] = min(at, earlier[-1][2])
    earlier.append([record["inviter"], at, at + plan["ttl_days"] * DAY, plan["protection_days"]])
    told.depth = max(told.depth, len(told.upline(record["member"], at)))
    return outcome


def unbind(told: Told, record: Record) -> str:
    """End the binding in force, if there is one."""
    if not told.upline(record["member"], time(record)):
        return "not_bound"
    told.bindings[record["member"]][-1][2] = time(record)
    return "released"


def refund(told: Told, record: Record) -> str:
    """Take money back unless more would go back than came in (R-1)."""
    order = told.known[("order", record["order"])]
    assert (record["member"], record["currency"]) == (order["member"], order["currency"])
    assert time(order) <= time(record) <= time(order) + 126 * DAY
    assert record.get("line", 1) <= len(order["lines"])
    if told.refunded[record["order"]] + record["amount"] > order["amount"]:
        return "exceeds_paid"
    told.refunded[record["order"]] += record["amount"]
    return "refunded"


def tell(history: Iterator[Record]) -> Told:
    """Run a history through the naive ledger."""
    told, decide = Told(), {"bind": bind, "unbind": unbind, "refund": refund}
    for record in history:
        key = (record["type"], record["id"])
        if key in told.known:
            assert told.known[key] == record, "an id that means two things"
            told.outcomes[f"repeat_{record['type']}"] += 1
            continue
        if record["type"] == "refund" and ("order", record["order"]) not in told.known:
            told.outcomes["unknown_order"] += 1
            continue
        told.known[key] = record
        if record["type"] == "plan":
            told.plans.append(record)
        outcome = decide[record["type"]](told, record) if record["type"] in decide else record["type"]
        told.outcomes[outcome] += 1
    return told


@pytest.fixture(scope="module")
def told() -> Told:
    """A year of 5,000 orders, told once."""
    return tell(records(SHAPE))


def orders_of(told: Told) -> list[Record]:
    """The orders, in order of arrival."""
    return [record for (kind, _), record in told.known.items() if kind == "order"]


def test_the_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    """A fixed hash: a change of Python, platform or generator that moves one byte shows here."""
    assert hashlib.sha256(b"".join(lines(SHAPE))).hexdigest() == GOLDEN


def test_another_seed_gives_another_history() -> None:
    """The seed reaches orders and members alike."""
    one, two = list(records(SHAPE)), list(records(replace(SHAPE, seed=2)))
    for kind in ("order", "bind", "refund"):
        assert [r for r in one if r["type"] == kind][:50] != [r for r in two if r["type"] == kind][:50]


def test_lines_are_the_records_as_compact_json() -> None:
    """Byte for byte what json.dumps writes, keys in the same order."""
    for line, record in zip(lines(SHAPE), records(SHAPE), strict=True):
        assert line == json.dumps(record, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("orders", [1, 2, 1023, 1024, 1025, 4000])
@pytest.mark.parametrize("members", [1, 7, 500, 3000])
def test_orders_are_exact_and_ascending(members: int, orders: int) -> None:
    """Any shape has its orders, numbered without gaps, and tells without a contradiction."""
    found = orders_of(tell(records(Shape(members=members, orders=orders))))
    assert [order["id"] for order in found] == [f"o-{number:09d}" for number in range(1, orders + 1)]


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_mix_of_records(seed: int) -> None:
    """With a member to eight orders: orders 60-65 %, refunds 12-18 %, binds 10-15 %, invites 8-12 %."""
    kinds = Counter(record["type"] for record in records(Shape(members=2500, orders=20_000, seed=seed)))
    share = {kind: count * 100 // kinds.total() for kind, count in kinds.items()}
    assert 60 <= share["order"] < 65
    assert 12 <= share["refund"] < 18
    assert 10 <= share["bind"] < 15
    assert 8 <= share["invite"] < 12
    assert kinds["plan"] == 2


@pytest.mark.parametrize("seed", range(1, 5))
def test_every_oddity_occurs(seed: int) -> None:
    """5,000 orders are enough to meet everything that can go wrong."""
    told = tell(records(replace(SHAPE, seed=seed)))
    expected = (
        "already_bound protected self_referral would_close_loop invite_expired bound_again_same bound_again_other "
        "taken_over_other released exceeds_paid unknown_order repeat_order"
    )
    assert [outcome for outcome in expected.split() if not told.outcomes[outcome]] == []
    assert sum(count for outcome, count in told.outcomes.items() if outcome.startswith("repeat_")) > 3


def test_binds_come_with_and_without_invites_and_some_invites_stay_unanswered(told: Told) -> None:
    """Also invites that expire and open links."""
    invites = {ident: record for (kind, ident), record in told.known.items() if kind == "invite"}
    binds = [record for (kind, _), record in told.known.items() if kind == "bind"]
    answered = {record["invite"] for record in binds if "invite" in record}
    assert answered <= set(invites)
    assert len(invites) // 2 < len(answered) < len(invites) * 9 // 10
    assert sum("invite" not in record for record in binds) > 50
    assert sum("expires_at" in invite for invite in invites.values()) > 50
    assert sum("invitee" not in invite for invite in invites.values()) > 10


def test_few_members_have_very_many_referrals_and_chains_run_deep(told: Told) -> None:
    """A power law of direct referrals; more than ten levels in force at once."""
    direct = sorted(Counter(b[0][0] for b in told.bindings.values() if b).values(), reverse=True)
    assert direct[0] > 5 * direct[10]
    assert direct[len(direct) // 2] <= 2
    assert told.depth > 10


def test_lines_sum_to_the_amount_and_carriage_is_in_it(told: Told) -> None:
    """One or two lines, each above 0; carriage is a line of its own."""
    for order in orders_of(told):
        amounts = [line["amount"] for line in order["lines"]]
        assert sum(amounts) == order["amount"]
        assert min(amounts) > 0
        assert [line["n"] for line in order["lines"]] == list(range(1, len(amounts) + 1))
        assert order.get("carriage", amounts[-1]) == amounts[-1]
    assert {len(order["lines"]) for order in orders_of(told)} == {1, 2}
    assert 0.1 < sum("carriage" in order for order in orders_of(told)) / SHAPE.orders < 0.2


def test_amounts_are_skewed_and_buyers_come_again(told: Told) -> None:
    """The mean lies well above the median; a tenth of the buyers places a third of the orders or more."""
    amounts = sorted(order["amount"] for order in orders_of(told))
    assert 2_500 < amounts[len(amounts) // 2] < 5_000
    assert sum(amounts) / len(amounts) > 1.3 * amounts[len(amounts) // 2]
    buyers = sorted(Counter(order["member"] for order in orders_of(told)).values(), reverse=True)
    assert sum(buyers[: len(buyers) // 10]) > SHAPE.orders // 3


def test_refunds_are_partial_full_split_and_late(told: Told) -> None:
    """By line and without one, whole orders in one and in three parts, soon and after months."""
    refunds: defaultdict[str, list[Record]] = defaultdict(list)
    for (kind, _), record in told.known.items():
        if kind == "refund":
            refunds[record["order"]].append(record)
    paid = {order["id"]: order for order in orders_of(told)}
    whole = [ident for ident, amount in told.refunded.items() if amount == paid[ident]["amount"]]
    ages = [time(r) - time(paid[ident]) for ident, group in refunds.items() for r in group]
    assert {len(refunds[ident]) for ident in whole} >= {1, 2, 3}
    assert sum(told.refunded[ident] < paid[ident]["amount"] for ident in refunds) > 100
    assert sum("line" in r for group in refunds.values() for r in group) > 100
    assert min(ages) < DAY
    assert 100 * DAY < max(ages) < 126 * DAY


def test_time_mostly_ascends_and_nothing_lies_outside() -> None:
    """Fewer than 1 % of the records are older than the one before, some by days; none before the start or too late."""
    times = [time(record) for record in records(SHAPE)]
    steps = [after - before for before, after in pairwise(times)]
    late = [step for step in steps if step < dt.timedelta(0)]
    assert 10 < len(late) < len(times) // 100
    assert min(late) < -DAY
    assert SHAPE.start <= min(times)
    assert max(times) < SHAPE.start + (SHAPE.days + 150) * DAY


def test_a_plan_is_in_force_from_the_first_record_and_changes_in_time() -> None:
    """The second plan is on record before it takes effect, so replay and live use the same one."""
    history: list[Record] = list(records(SHAPE))
    first, second = (record for record in history if record["type"] == "plan")
    change = time(second, "effective_from")
    assert history[0] == first
    assert time(first, "effective_from") == SHAPE.start
    assert (change - SHAPE.start) // DAY == SHAPE.days * 2 // 3
    assert all(time(record) < change for record in history[: history.index(second)])
    assert first["rates_ppm"] != second["rates_ppm"]
    assert (first["binding"]["policy"], second["binding"]["policy"]) == ("first_touch", "last_touch")


@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_history(count: int) -> None:
    """Twice the records, the same peak; the first run only fills the cache of times."""
    peaks: list[int] = []
    for size in (2_000, count, count * 2):
        tracemalloc.start()
        assert sum(1 for _ in lines(Shape(members=size // 13, orders=size * 5 // 8))) > size * 9 // 10
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] * 1.1
    assert peaks[2] < 2_000_000


def test_a_hundred_million_orders_start_at_once() -> None:
    """Nothing is built ahead, and the ids keep their order."""
    shape = Shape(members=12_500_000, orders=100_000_000)
    found = {str(record["id"]) for record in islice(records(shape), 1000) if record["type"] == "order"}
    assert sorted(found) == [f"o-{number:09d}" for number in range(1, len(found) + 1)]
    assert len(found) > 500


def test_no_shares_no_surprises() -> None:
    """With the three shares at 0 there is nothing to reject, nothing twice and nothing late."""
    shape = replace(SHAPE, late_share_ppm=0, repeat_share_ppm=0, retry_share_ppm=0)
    history = list(records(shape))
    times = [time(record) for record in history if record["type"] != "plan"]
    assert times == sorted(times)
    assert len({(record["type"], record["id"]) for record in history}) == len(history)
    assert not tell(iter(history)).outcomes["unknown_order"]


def test_shape_of_lines_currencies_and_terms() -> None:
    """Many lines, two currencies, other terms and another zone all reach the records."""
    start = dt.datetime(2023, 3, 1, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    shape = Shape(orders=500, lines_max=5, currencies=("EUR", "SEK"), start=start, days=200, ttl_days=30, hold_days=14)
    told = tell(records(shape))
    orders = orders_of(told)
    assert {len(order["lines"]) for order in orders} == {1, 2, 3, 4, 5}
    assert {order["currency"] for order in orders} == {"EUR", "SEK"}
    assert all(sum(line["amount"] for line in order["lines"]) == order["amount"] for order in orders)
    assert told.plans[0]["at"] == "2023-03-01T00:30:00Z"
    assert (told.plans[0]["binding"]["ttl_days"], told.plans[0]["hold_days"]) == (30, 14)
    assert told.plans[0]["min_payout"] == {"EUR": 2000, "SEK": 2000}


@pytest.mark.parametrize(
    "change",
    [
        {"orders": 0},
        {"members": 0},
        {"seed": -1},
        {"days": 36_501},
        {"lines_max": 51},
        {"currencies": ()},
        {"late_share_ppm": -1},
        {"late_share_ppm": 999_999},
        {"start": dt.datetime(2024, 1, 1)},  # noqa: DTZ001  the point of the test
    ],
)
def test_impossible_shapes_are_refused(change: dict[str, Any]) -> None:
    """Before the first record, not in the middle of a file."""
    with pytest.raises(ValueError, match="out of range"):
        Shape(**change)
