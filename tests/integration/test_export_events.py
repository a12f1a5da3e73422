"""Events to look at: every form, and every way to choose some, against the same said again in Python."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.clock import parse_instant
from ledger.store.recorder import Recorded
from projections.export.events import Form, Look, write_events
from projections.export.selection import Selection
from tests.builders import bind, commands, order, refund, submit
from tests.cli_runner import Tool, desk
from tests.exports import ORIGIN, is_chosen, no_bars, parquet_rows
from tests.naive_bundle import table
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

AT = parse_instant("2026-03-01T09:30:00.123456Z")
SINCE, UNTIL = "2024-02-01T00:00:00.000000Z", "2024-05-01T00:00:00.000000Z"
COLUMNS = [
    "position",
    "stream",
    "seq",
    "type",
    "occurred_at",
    "recorded_at",
    "actor",
    "source",
    "id",
    "member",
    "referrer",
    "order",
    "bind",
    "currency",
    "amount",
    "reason",
    "plan",
    "ends_at",
    "data",
]
CHOICES: dict[str, dict[str, Any]] = {
    "all": {},
    "a member": {"members": ("m-000003",)},
    "members": {"members": ("m-000003", "m-000010", "nobody")},
    "an order": {"orders": ("order-o-000000007",)},
    "orders, refunds": {"orders": ("order-o-000000007", "order-o-000000023"), "kinds": ("OrderRefunded",)},
    "kinds": {"kinds": ("BindingExpired", "BindingRenewed", "BindingReleased")},
    "a time": {"since": SINCE, "until": UNTIL},
    "all of it": {"members": ("m-000003",), "kinds": ("OrderPlaced", "OrderRefunded"), "since": SINCE},
    "nobody": {"members": ("nobody",)},
}


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders, renewals, lapses, and ids that have to be quoted, on each engine."""
    ledger.submit(commands(history(2)))
    ledger.expire()
    submit(ledger, bind("b,1", 'a"b', "c,d", "2024-03-01T00:00:00Z"), order("#o", "猫", 1, "2024-03-01T00:00:00Z"))
    submit(
        ledger, {"type": "unbind", "id": "u\\1", "member": 'a"b', "at": "2024-03-02T00:00:00Z", "reason": "\x01\x1f\t"}
    )
    return ledger


def written(ledger: Ledger, form: Form, *, first: int = 1, last: int | None = None, **chosen: Any) -> bytes:
    """An export."""
    out = io.BytesIO()
    look = Look(first, ledger.log.head() if last is None else last, Selection(**chosen), form, ORIGIN)
    write_events(ledger.log, look, out, no_bars)
    return out.getvalue()


def wanted(rows: Sequence[Recorded], first: int, since: str = "", until: str = "~", **chosen: Any) -> list[Recorded]:
    """The rows that an export should have."""
    return [
        row
        for row in rows
        if row.position >= first
        and since <= json.loads(row.state)["occurred_at"] < until
        and is_chosen(row.state, rows, **chosen)
    ]


@pytest.mark.parametrize("first", [1, 400])
def test_choices(fed: Ledger, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """Conditions that must all be met; orders of before the range are known; however the log is cut for reading."""
    monkeypatch.setattr("projections.export.events.RANGE_EVENTS", 150)
    rows = list(fed.log.read(upto=1_000))
    for choice, chosen in CHOICES.items():
        expected = wanted(rows, first, **chosen)
        assert (choice == "nobody") == (not expected) or first > 1, choice
        found = written(fed, "jsonl", first=first, last=1_000, **chosen)
        assert found == b"".join(row.state + b"\n" for row in expected), choice


def test_table(fed: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row each, `data` word for word; Parquet has the same rows, typed."""
    rows = [flat(row) for row in fed.log.read()]
    found = written(fed, "csv")
    assert found == table([COLUMNS, *rows])
    (tmp_path / "out.parquet").write_bytes(written(fed, "parquet"))
    types, typed = parquet_rows(tmp_path / "out.parquet")
    assert [list(row) for row in typed] == rows
    times = {"occurred_at", "recorded_at", "ends_at"}
    integers = {"position", "seq", "amount", "plan"}
    kinds = dict.fromkeys(times, "TIMESTAMP WITH TIME ZONE") | dict.fromkeys(integers, "BIGINT")
    assert types == [f"{name} {kinds.get(name, 'VARCHAR')}" for name in COLUMNS]
    monkeypatch.setattr("projections.export.events.RANGE_EVENTS", 150)
    assert written(fed, "csv") == found


def flat(row: Recorded) -> list[Any]:
    """The columns of an event."""
    event = json.loads(row.state)
    data, asked = event["data"], event["data"].get("asked", {})
    followed = {
        "OrderPlaced": event["stream"],
        "OrderRefunded": f"order-{asked.get('order')}",
        "RefundRefused": f"order-{asked.get('order')}",
        "BindingRenewed": f"order-{event['id']}",
    }
    cells = {
        "position": row.position,
        "member": asked.get("member") or data.get("member") or asked.get("invitee"),
        "referrer": asked.get("inviter") or data.get("referrer"),
        "order": followed.get(event["type"]),
        "bind": event["stream"] if event["type"] == "MemberBound" else data.get("bind"),
        "currency": asked.get("currency"),
        "amount": asked.get("amount"),
        "reason": data.get("reason", data.get("cause")),
        "plan": data.get("plan") or asked.get("plan"),
        "ends_at": data.get("ends_at"),
        "data": json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    }
    return [cells.get(name, event.get(name)) for name in COLUMNS]


def test_cloud_events(fed: Ledger) -> None:
    """Every attribute that CloudEvents 1.0 asks for, the stored event word for word, the position in order."""
    rows = list(fed.log.read())
    lines = written(fed, "cloudevents").splitlines()
    seen: set[str] = set()
    for row, line in zip(rows, lines, strict=True):
        event, stored = json.loads(line), json.loads(row.state)
        assert line.endswith(b',"data":' + row.state + b"}")
        assert event == {
            "specversion": "1.0",
            "id": f"{row.stream}/{row.version}",
            "source": ORIGIN,
            "type": f"refledger.{row.topic}",
            "subject": row.stream,
            "time": stored["occurred_at"],
            "sequence": f"{row.position:019}",
            "datacontenttype": "application/json",
            "data": stored,
        }
        seen.add(event["id"])
    assert len(seen) == len(rows)


def test_stores_make_the_same_bytes(sqlite_url: str, postgres_url: str) -> None:
    """Every form."""
    found: list[list[bytes]] = []
    for url in (sqlite_url, postgres_url):
        with closing(Ledger(url, actor="test", clock=lambda: AT)) as ledger:
            ledger.submit(commands(item for item in history(1) if item["at"] < "2026"))
            found.append([written(ledger, form) for form in ("jsonl", "csv", "parquet", "cloudevents")])
    assert found[0] == found[1]


# ---- the command


def test_form_is_the_files_ending(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """Or what was said; - is standard output; an old file is replaced by a whole one."""
    tool = desk(store_url, tmp_path)
    for name, form in {
        "a.jsonl": "jsonl",
        "a.csv": "csv",
        "a.parquet": "parquet",
        "a.cloudevents": "cloudevents",
    }.items():
        (tool.folder / name).write_bytes(b"old")
        said = tool("export", "events", "-o", name, "--kind", "orderplaced", "--from", "10", "--origin", ORIGIN)
        expected = written(fed, form, first=10, kinds=("OrderPlaced",))  # pyright: ignore[reportArgumentType]
        assert (tool.folder / name).read_bytes() == expected
        assert said.err == f"{len(wanted(list(fed.log.read()), 10, kinds=('OrderPlaced',)))} events in {name}\n"
    said = tool("export", "events", "-o", "-", "--since", "2024-02-01", "--until", "2024-05-01", "--tz", "UTC")
    assert said.out.encode() == written(fed, "jsonl", since=SINCE, until=UNTIL)
    said = tool("export", "events", "-o", "x.jsonl", "--format", "csv", "--order", "#o")
    assert (tool.folder / "x.jsonl").read_bytes() == written(fed, "csv", orders=("order-#o",))


def test_orders_of_a_source(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """The same id of two sources is two orders."""
    given = commands([order("o1", "ben", 5, "2024-01-01T00:00:00Z"), refund("r1", "o1", 2, "2024-01-02T00:00:00Z")])
    ledger.submit(given, allow_no_plan=True)
    ledger.submit(given, source="shop", allow_no_plan=True)
    tool = desk(store_url, tmp_path)
    for source, positions in {"default": ["1", "2"], "shop": ["3", "4"]}.items():
        said = tool("export", "events", "-o", "-", "--format", "csv", "--order", "o1", "--source", source)
        assert [row["position"] for row in said.rows("csv")] == positions


def test_empty_log(store_url: str, tmp_path: Path) -> None:
    """A table of nothing has its columns; nothing is not an error."""
    tool = desk(store_url, tmp_path)
    assert tool("export", "events", "-o", "-").out == ""
    assert tool("export", "events", "-o", "-", "--format", "csv").out == ",".join(COLUMNS) + "\n"
    tool("export", "events", "-o", "out.parquet")
    assert parquet_rows(tool.folder / "out.parquet")[1] == []


@pytest.mark.usefixtures("fed")
def test_what_is_refused(store_url: str, tmp_path: Path) -> None:
    """Before there is a file: no form, more than there is, nothing."""
    tool = desk(store_url, tmp_path)
    tool("export", "events", "-o", "out.txt", status=2)
    tool("export", "events", "-o", "out.csv", "--to", "9999", status=4)
    tool("export", "events", "-o", "out.csv", "--from", "9", "--to", "8", status=4)
    assert list(tool.folder.iterdir()) == []


@pytest.mark.usefixtures("fed")
def test_parquet_is_not_for_terminals(store_url: str, tmp_path: Path) -> None:
    """It is binary."""
    said = desk(store_url, tmp_path).on_terminal("export", "events", "-o", "-", "--format", "parquet", status=2)
    assert "name a file" in said


@pytest.mark.usefixtures("fed")
def test_reader_that_has_enough(store_url: str, tmp_path: Path) -> None:
    """`| head -1` is no error."""
    tool: Tool = desk(store_url, tmp_path)
    process = tool.start("export", "events", "-o", "-", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'{"actor":')
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
