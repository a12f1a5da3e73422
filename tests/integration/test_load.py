"""The loader: relations in DuckDB against the same worked out in plain Python from the JSON of the events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.errors import CorruptEventError, IntegrityError
from ledger.ids import stream_of
from ledger.store.recorder import LogRecorder, Recorded
from projections.archive.relations import write
from projections.replay.load import Loading
from projections.replay.source import EventSource, ParquetSource, RecorderSource, source_of
from tests.builders import bind, command_from, commands, order, plan, public_commands, refund
from tests.properties.test_generated import history
from tests.scribe import Scribe

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
BATCH = 2_000
Rows = list[tuple[Any, ...]]


def micros(text: str | None) -> int | None:
    """Microseconds since 1970 of a canonical time."""
    return None if text is None else (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


class Expected:
    """What the relations must hold, by name, members numbered as the log first names them."""

    def __init__(self, rows: Sequence[Recorded]) -> None:
        """Goes through the log once."""
        self.members: dict[str, int] = {}
        self.rows: dict[str, Rows] = {name: [] for name in KEYS if name != "member_name"}
        self._bound: dict[str, tuple[int, int]] = {}
        self._positions: dict[str, int] = {}
        for row in rows:
            event: dict[str, Any] = json.loads(row.state)
            asked: dict[str, Any] = event["data"].get("asked") or {}
            self._name(asked)
            self._name_payees(event["data"])
            self._take(row, event, asked)
        self.rows["member_name"] = [(number, name) for name, number in self.members.items()]

    def _name(self, asked: dict[str, Any]) -> None:
        roles = {"invite": ("inviter", "invitee"), "bind": ("member", "inviter"), "order": ("member",)}
        roles |= dict.fromkeys(("unbind", "adjustment", "freeze", "unfreeze"), ("member",))
        # A refund names a member too, who is nobody's concern here.
        named = roles.get(asked.get("type", ""), ())
        for name in sorted({asked[role] for role in named if asked.get(role)}, key=str.encode):
            self.members.setdefault(name, len(self.members) + 1)

    def _name_payees(self, data: dict[str, Any]) -> None:
        lines: list[list[Any]] | str = data.get("lines", [])
        # Of dropped ones only the reason is said, and of all together a hash.
        named = set[str]() if isinstance(lines, str) else {str(line[1]) for line in lines if len(line) == 4}
        for name in sorted(named | {data[role] for role in ("member",) if role in data}, key=str.encode):
            self.members.setdefault(name, len(self.members) + 1)

    def _take(self, row: Recorded, event: dict[str, Any], asked: dict[str, Any]) -> None:
        position, at, data = row.position, micros(event["occurred_at"]), event["data"]
        number = self.members.get
        self._positions[row.stream] = position
        if row.topic == "OrderPlaced":
            facts = (number(asked["member"]), asked["currency"], asked["amount"], data.get("plan"))
            self.rows["order_fact"].append((position, at, *facts, row.stream))
        elif row.topic == "OrderRefunded":
            refunded = self._positions[stream_of("order", asked["order"], event["source"])]
            self.rows["refund_fact"].append((position, at, refunded, asked["amount"], row.stream))
        elif row.topic == "RefundReversed":
            reversed_at = self._positions[stream_of("refund", asked["refund"], event["source"])]
            self.rows["reversal_fact"].append((position, at, reversed_at, row.stream))
        elif row.topic == "PlanPublished":
            self.rows["plan_term"].append(self._plan(position, asked))
            least = sorted(asked["min_payout"].items())
            self.rows["minimum_fact"] += [(position, asked["plan"], currency, minor) for currency, minor in least]
        elif not self._take_finance(row, event, data, asked):
            self._take_binding(row, event, data, asked)

    def _take_finance(self, row: Recorded, event: dict[str, Any], data: dict[str, Any], asked: dict[str, Any]) -> bool:
        position, at, number = row.position, micros(event["occurred_at"]), self.members.get
        kind = row.topic.removeprefix("Adjustment").removeprefix("PayoutBatch").removeprefix("Payout").lower()
        actor = data.get("by", {}).get("name")
        if row.topic.startswith("Adjustment"):
            said = {**asked, **data}
            facts = (number(said.get("member", "")), said.get("currency"), said.get("amount"), actor, row.stream)
            self.rows["adjustment_fact"].append((position, kind, micros(data.get("value_at")) or at, *facts))
        elif row.topic == "PayoutBatchLines":
            lines = [(position, row.stream, n, number(name), minor, more) for n, name, minor, more in data["lines"]]
            self.rows["line_fact"] += lines
        elif row.topic == "PayoutLinesDropped":
            self.rows["drop_fact"] += [(position, row.stream, *line) for line in data["lines"]]
        elif row.topic.startswith("PayoutBatch"):
            terms = (asked.get("currency"), micros(asked.get("cut_off")), data.get("at_position"), data.get("plan"))
            sums = (data.get("count"), data.get("left_out"), data.get("total"), data.get("lines"), data.get("digest"))
            self.rows["batch_fact"].append((position, kind, row.stream, at, actor, *terms, *sums))
        elif row.topic.startswith("Payout"):
            line = (data["batch"], int(event["id"].rpartition(".")[2]), data["attempt"], number(data["member"]))
            facts = (data["currency"], data["amount"], data.get("reference"), row.stream)
            self.rows["payout_fact"].append((position, kind, at, *line, *facts))
        elif row.topic in {"MemberFrozen", "MemberUnfrozen"}:
            self.rows["freeze_fact"].append(
                (position, row.topic.removeprefix("Member").lower(), number(asked["member"]))
            )
        else:
            return False
        return True

    def _plan(self, position: int, asked: dict[str, Any]) -> tuple[Any, ...]:
        rates = (*asked["rates_ppm"], 0, 0)[:3]
        terms, ttl = asked["binding"], asked["binding"]["ttl_days"]
        hold, protection = asked["hold_days"] * DAY_US, terms["protection_days"] * DAY_US
        kinds = (asked["self_purchase"], terms["policy"], protection, None if ttl is None else ttl * DAY_US)
        at = micros(asked["effective_from"])
        return (asked["plan"], position, at, *rates, asked["rounding"], hold, *kinds, terms["renewal"])

    def _take_binding(self, row: Recorded, event: dict[str, Any], data: dict[str, Any], asked: dict[str, Any]) -> None:
        position, at, number = row.position, micros(event["occurred_at"]), self.members.get
        ends = micros(data.get("ends_at"))
        if row.topic == "MemberBound":
            referrer = self.members[asked["inviter"]]
            self._bound[row.stream] = (position, referrer)
            self.rows["binding_fact"].append((position, "bound", position, number(asked["member"]), referrer, at, ends))
        elif row.topic in {"BindingReleased", "BindingRenewed"}:
            bound, referrer = self._bound[data["bind"]]
            kind = "released" if row.topic == "BindingReleased" else "renewed"
            self.rows["binding_fact"].append((position, kind, bound, number(data["member"]), referrer, at, ends))
        kind = asked.get("type")
        if kind not in {"invite", "bind", "unbind"}:
            return
        invite = asked.get("invite") and stream_of("invite", asked["invite"], event["source"])
        outcome = {"MemberInvited": "recorded", "MemberBound": "bound", "BindingReleased": "released"}.get(row.topic)
        self.rows["request_fact"].append(
            (
                position,
                kind,
                at,
                number(asked.get("invitee" if kind == "invite" else "member", "")),
                number(asked.get("inviter", "")),
                row.stream if kind == "invite" else invite,
                micros(asked.get("expires_at")),
                outcome or data["reason"],
            )
        )


KEYS = dict.fromkeys(
    (
        "order_fact",
        "refund_fact",
        "reversal_fact",
        "binding_fact",
        "request_fact",
        "plan_term",
        "adjustment_fact",
        "batch_fact",
        "payout_fact",
        "freeze_fact",
    ),
    "position",
) | {
    "minimum_fact": "position, currency",
    "line_fact": "position, number",
    "drop_fact": "position, number",
    "member_name": "member",
}


def loaded(source: EventSource, upto: int, *, range_events: int = 500_000) -> dict[str, Rows]:
    """Relations of positions 1..upto, loaded at once."""
    with duckdb.connect() as duck:
        loading = Loading(duck, range_events=range_events)
        loading.take(source, 0, upto)
        loading.finish(None)
        return relations(duck)


def relations(duck: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """All rows of all relations, sorted."""
    return {name: duck.execute(f"SELECT * FROM {name} ORDER BY {key}").fetchall() for name, key in KEYS.items()}  # noqa: S608


def loaded_in_ranges(log: LogRecorder, ends: Sequence[int], range_events: int = 37) -> dict[str, Rows]:
    """The same range by range: each knows only the log and the members of the ranges before."""
    found: dict[str, Rows] = {name: [] for name in KEYS}
    with duckdb.connect() as duck, source_of(log) as source:
        loading = Loading(duck, range_events=range_events)
        for after, upto in zip((0, *ends), ends, strict=False):
            loading.take(source, after, upto)
            loading.finish(log if after else None)
            for name, rows in relations(duck).items():
                found[name] = rows if name == "member_name" else found[name] + rows
            loading.clear()
    return found


def assert_loads(ledger: Ledger, ends: Sequence[int] = (), range_events: int = 61) -> Expected:
    """At once, in small parts, and range by range the relations are what the events say."""
    head = ledger.log.head()
    expected = Expected(list(ledger.log.read()))
    with source_of(ledger.log) as source:
        assert loaded(source, head) == expected.rows
        assert loaded(source, head, range_events=range_events) == expected.rows
    assert loaded(RecorderSource(ledger.log), head) == expected.rows
    cuts = ends or [head // 3, head // 3 + 1, head - 1, head]
    assert loaded_in_ranges(ledger.log, cuts, range_events) == expected.rows
    return expected


AT = "2024-01-0{}T00:00:00Z"
STORY: list[dict[str, Any]] = [
    plan(
        binding={"policy": "last_touch", "renewal": "on_order", "ttl_days": 30},
        rates_ppm=[1, 2],
        min_payout={"JPY": 1, "GBP": 2_000},
    ),
    plan(2, at="2024-02-01T00:00:00Z", binding={"ttl_days": None}, rates_ppm=[5], hold_days=7, rounding="half_even"),
    {"type": "invite", "id": "i", "at": AT.format(1), "inviter": "猫", "invitee": "Zoë"},
    {"type": "invite", "id": "open", "at": AT.format(1), "inviter": "Zoë", "expires_at": "2024-03-01T00:00:00.5Z"},
    bind("b1", "Zoë", "猫", AT.format(2), invite="i"),
    bind("b2", "cat", "Zoë", "0001-01-01T00:00:00Z"),
    bind("b3", "cat", "Zoë", AT.format(2), invite="open"),
    order("1", "Zoë", 5_000, AT.format(3)),
    # Taken over; then another, who is refused.
    bind("b4", "Zoë", 'quo"ted\\', AT.format(4)),
    bind("b5", "cat", "cat", AT.format(4)),
    order("2", "Zoë", 700, AT.format(5), currency="JPY"),
    refund("r1", "1", 4_000, AT.format(6)),
    refund("r2", "1", 4_000, AT.format(6)),
    {"type": "unbind", "id": "u1", "at": AT.format(7), "member": "Zoë", "reason": "asked"},
    {"type": "unbind", "id": "u2", "at": AT.format(7), "member": "nobody", "reason": "asked"},
    # Late.
    order("3", "new", 100, "2023-12-31T23:59:59.999999Z"),
    order("4", "cat", (1 << 43) - 1, AT.format(8)),
    refund("r3", "2", 1, AT.format(9), currency="JPY"),
]


def test_every_kind_of_event(ledger: Ledger) -> None:
    """Two sources with the same ids, take-overs, renewals, refusals, languages, late records, lapses; any cuts."""
    for source in ("default", "shop-2"):
        given = STORY if source == "default" else STORY[2:]
        ledger.submit(commands(given), source=source, allow_no_plan=True)
    ledger.expire(datetime(2025, 1, 1, tzinfo=UTC))
    head = ledger.log.head()
    expected = assert_loads(ledger, range(1, head + 1))
    assert {row[1] for row in expected.rows["binding_fact"]} == {"bound", "released", "renewed"}
    assert {row[7] for row in expected.rows["request_fact"]} >= {"recorded", "bound", "released", "not_bound"}
    assert any(row.topic == "BindingExpired" for row in ledger.log.read())
    assert "invite@shop-2/i" in {row[5] for row in expected.rows["request_fact"]}


def finance_story(ledger: Ledger, source: str = "default") -> None:
    """A reversal, adjustments, freezes, batches with every outcome, of one source; lines of more than one event."""
    ledger.submit(commands(STORY), source=source, allow_no_plan=True)
    scribe, day = Scribe(ledger, source), "2024-03-{:02}T00:00:00Z".format
    scribe.reversal("v1", "r1", day(1))
    scribe.adjustment("a1", "cat", -70, day(2))
    later = {"currency": "JPY", "value_at": "2024-03-01T00:00:00.000000Z"}
    scribe.adjustment("a2", "never_ordered", 70, day(2), later)
    scribe.proposal("a3", "cat", 1, day(2))
    scribe.rejected("a3", day(3))
    scribe.freeze("f1", "ice", day(3))
    lines = [(f"m{number:03}", number + 1) for number in range(260)]
    scribe.batch("b.1", [("Zoë", 5), ("cat", 6), ("猫", 7)], cut_off=day(1), at=day(4), salt="0f" * 16)
    scribe.batch("b2", lines, cut_off=day(1), at=day(4), currency="JPY")
    scribe.approve("b.1", day(5), {2: "frozen"})
    scribe.rejected("b2", day(5), "batch")
    scribe.freeze("f2", "ice", day(5), "unfreeze")
    scribe.payout("Submitted", ("b.1", 1), day(6))
    scribe.payout("Unknown", ("b.1", 1), day(6))
    scribe.payout("Failed", ("b.1", 1), day(7), reference="77")
    scribe.payout("Submitted", ("b.1", 1), day(8), 2)
    scribe.payout("Paid", ("b.1", 1), day(8), 2)
    scribe.payout("Returned", ("b.1", 1), day(9), 2)


def test_every_kind_of_finance(ledger: Ledger) -> None:
    """Reversals, adjustments, batches, payouts and freezes of two sources; any cuts."""
    for source in ("default", "shop-2"):
        finance_story(ledger, source)
    expected = assert_loads(ledger)
    assert {name for name, rows in expected.rows.items() if not rows} == set()
    assert {row[1] for row in expected.rows["payout_fact"]} == {"submitted", "unknown", "failed", "paid", "returned"}
    assert "payout@shop-2/b.1.1" in {row[-1] for row in expected.rows["payout_fact"]}
    reversed_at = expected.rows["reversal_fact"][0][0]
    assert loaded_in_ranges(ledger.log, [reversed_at - 1, reversed_at, ledger.log.head()]) == expected.rows


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_histories(ledger: Ledger, seed: int) -> None:
    """Late, early and repeated records under terms of every kind."""
    items = history(seed)
    for start in range(0, len(items), 97):
        ledger.submit(commands(items[start : start + 97]))
    assert_loads(ledger)


@pytest.mark.parametrize("range_events", [2_003, pytest.param(61, marks=pytest.mark.slow)])
def test_a_published_year(ledger: Ledger, range_events: int) -> None:
    """A real shop's stream."""
    ledger.submit([command_from(plan(binding={"ttl_days": 30}))])
    ledger.submit(public_commands())
    assert_loads(ledger, [9_000, ledger.log.head()], range_events)


def test_parquet_files_load_like_the_store(sqlite_url: str, tmp_path: Path) -> None:
    """Stored events in several files, in any order of them."""
    with closing(Ledger(sqlite_url)) as ledger:
        ledger.submit(commands(list(records(Shape(members=50, orders=300)))))
        head = ledger.log.head()
        expected = Expected(list(ledger.log.read())).rows
        with duckdb.connect() as duck, source_of(ledger.log) as source:
            for name, after, upto in (("b", 0, 100), ("a", 100, head)):
                source.fill(duck, name, after, upto)
                write(duck, f"SELECT * FROM {name}", tmp_path / f"{name}.parquet")  # noqa: S608
    files = ParquetSource([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")])
    assert loaded(files, head, range_events=90) == expected
    with pytest.raises(IntegrityError, match="gap"):
        loaded(ParquetSource([str(tmp_path / "a.parquet")]), head)


def test_log_that_is_none_is_refused(sqlite_url: str) -> None:
    """A gap, an event of another type than its column says, a fact without what it refers to."""
    with closing(Ledger(sqlite_url)) as ledger:
        ledger.submit(commands([plan(), bind("b", "ben", "ann", AT.format(1)), order("o", "ben", 5, AT.format(2))]))
        ledger.submit(commands([refund("r", "o", 5, AT.format(3))]))
        with source_of(ledger.log) as source, duckdb.connect() as duck:
            with pytest.raises(IntegrityError, match="gap"):
                loaded(source, 5)
            loading = Loading(duck)
            loading.take(source, 3, 4)
            with pytest.raises(IntegrityError, match="position 4 refers to"):
                loading.finish(None)
            duck.execute("CREATE TABLE wrong AS SELECT * FROM (SELECT 1 AS position, '' AS stream, 1 AS version)")
        source = _Renamed(ledger.log)
        with pytest.raises(CorruptEventError, match="position 2 is no OrderPlaced"):
            loaded(source, 4)


class _Renamed(RecorderSource):
    """A log whose second event lies under another topic."""

    def fill(self, duck: duckdb.DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        """Fills the table, and changes it."""
        super().fill(duck, table, after, upto)
        duck.execute(f"UPDATE {table} SET topic = 'OrderPlaced' WHERE position = 2")  # noqa: S608
