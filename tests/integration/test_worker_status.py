"""What workers say of themselves: `worker status`, metrics and health over HTTP, the log."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from unittest import mock

import psycopg
import pytest

from cli.serving import INSTALL, Pages, parse_address
from projections.duty import Lag
from projections.status import Standing, State
from tests.builders import order, plan
from tests.cli_runner import Tool, desk
from tests.logins import reader_url
from tests.worker_process import (
    base_of,
    fetched,
    fill,
    metrics_of,
    tamper,
    wait_for_head,
    wait_until,
    wait_until_done,
    working,
)

pytestmark = pytest.mark.long_on_postgres

COMMISSIONS = ("--projections", "commissions")


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on an empty store of each engine."""
    return desk(store_url, tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only: for what no store has a part in."""
    return desk(sqlite_url, tmp_path)


# ---- worker status


def test_status_of_a_running_worker(tool: Tool) -> None:
    """Who keeps what since when, at which rate, as a table and as JSON; stopped is stopped."""
    fill(tool, 1_000)
    with working(tool) as worker:
        wait_until_done(tool)
        wait_until(lambda: tool.json("worker", "status")[0]["rate"] > 0, "a rate")
        rows = tool.json("worker", "status")
        table = tool("worker", "status", "--format", "table").out.splitlines()
        assert worker.stop() == 0
    assert [row["projection"] for row in rows] == ["commissions", "tree", "expiry"]
    for row in rows:
        assert (row["state"], row["reason"]) == ("running", None)
        assert row["owner"].endswith(f":{worker.process.pid}")
        assert row["since"] <= row["seen_at"]
    assert rows[0]["position"] == rows[0]["head"]
    assert rows[2]["position"] is None
    headings = "projection position head lag events lag seconds rate owner state reason"
    assert " ".join(table[0].split()) == headings
    assert [row["state"] for row in tool.json("worker", "status")] == ["stopped"] * 3
    assert [row["rate"] for row in tool.json("worker", "status")] == [0] * 3


def test_a_silent_worker_is_stale(tool: Tool) -> None:
    """Killed and not followed, it is seen for a while longer, and then no more as running."""
    with working(tool, *COMMISSIONS) as worker:
        worker.wait_for("leader")
        wait_until(lambda: tool.json("worker", "status")[0]["state"] == "running", "the row")
        worker.kill()
    assert tool.json("worker", "status")[0]["state"] == "running"
    age(tool.url)
    (row,) = tool.json("worker", "status", *COMMISSIONS)
    assert (row["state"], row["rate"]) == ("stale", 0)
    assert row["owner"].endswith(f":{worker.process.pid}")


def age(url: str) -> None:
    """Lets every worker have said nothing for eleven seconds."""
    statement = "UPDATE projection_status SET seen_at_us = seen_at_us - 11000000"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as store, store:
            store.execute(statement)
    else:
        with psycopg.connect(url) as store:
            store.execute(statement)


def test_lag_is_the_age_of_the_first_event_that_is_missing(tool: Tool) -> None:
    """In seconds since it was recorded; at the head 0. Not enough to be behind: --max-lag counts events."""
    tool.feed(plan(), *(order(f"o{number}", "ben", 100, "2024-01-02T00:00:00Z") for number in range(3)))
    tool("worker", "run", "--once")
    assert tool.json("worker", "status")[0]["lag_seconds"] == 0
    tool.feed(order("o9", "ben", 100, "2024-01-02T00:00:00Z"))
    tamper(tool.url, "UPDATE event SET recorded_at_us = recorded_at_us - 3600000000 WHERE position = 5")
    (row, *_) = tool.json("worker", "status", "--max-lag", "1")
    assert row["lag_events"] == 1
    assert row["lag_seconds"] in range(3_600, 3_660)
    tool("worker", "status", "--max-lag", "0", status=7)


def test_who_may_only_read_sees_the_status(postgres_url: str, tmp_path: Path) -> None:
    """`worker status` needs no rights but SELECT."""
    tool = desk(postgres_url, tmp_path)
    fill(tool, 50)
    tool("worker", "run", "--once")
    with reader_url(postgres_url) as url:
        assert [row["state"] for row in Tool(url, tool.folder).json("worker", "status")] == ["stopped"] * 3


# ---- metrics and health


def test_metrics_say_what_was_done(tool: Tool) -> None:
    """Counters, gauges and batch times of all projections, readable by Prometheus' own parser."""
    every = ("commissions", "tree", "expiry")
    with working(tool, "--metrics", "127.0.0.1:0") as worker:
        base = base_of(worker)
        fill(tool, 500)
        head = wait_until_done(tool)
        wait_until(
            lambda: {metrics_of(base).get(("refledger_head", name)) for name in every} == {head}, "a measurement"
        )
        found = metrics_of(base)
        assert worker.stop() == 0
    assert found["refledger_events_projected_total", "commissions"] == head
    assert found["refledger_events_projected_total", "expiry"] > 0
    assert found["refledger_batches_total", "commissions"] == found["refledger_batch_seconds_count", "commissions"] > 0
    assert (
        found["refledger_batch_seconds_bucket", "commissions"] == found["refledger_batch_seconds_count", "commissions"]
    )
    assert found["refledger_batch_seconds_sum", "commissions"] > 0
    assert ("refledger_position", "expiry") not in found
    assert found["refledger_position", "commissions"] == found["refledger_position", "tree"] == head
    for projection in every:
        assert found["refledger_head", projection] == head
        assert found["refledger_leader", projection] == 1
        for name in ("lag_events", "lag_seconds", "failures_total", "restarts_total", "failed"):
            assert found[f"refledger_{name}", projection] == 0


def test_a_stand_by_is_ready_and_no_leader(tool: Tool) -> None:
    """It measures the lag as well, and says that it does not lead."""
    with working(tool, *COMMISSIONS) as leader:
        leader.wait_for("leader")
        with working(tool, *COMMISSIONS, "--metrics", "127.0.0.1:0", "--max-lag", "0") as standby:
            standby.wait_for("standby")
            base = base_of(standby)
            wait_until(lambda: fetched(f"{base}/health/ready")[0] == 200, "a measurement")
            assert metrics_of(base)["refledger_leader", "commissions"] == 0
            assert standby.stop() == 0


def test_health(tool: Tool) -> None:
    """Alive in any case; ready until a projection fails; other paths are not there."""
    fill(tool, 300)
    with tool.ledger() as ledger:
        bad = next(row.position for row in ledger.log.read(after=100) if row.topic == "OrderPlaced")
    tamper(tool.url, f"UPDATE event SET stream = 'order-' || stream WHERE position = {bad}")  # noqa: S608
    with working(tool, "--metrics", "127.0.0.1:0") as worker:
        base = base_of(worker)
        worker.wait_for("failed")
        wait_until(lambda: fetched(f"{base}/health/ready")[0] == 503, "the failure")
        status, text = fetched(f"{base}/health/ready")
        assert fetched(f"{base}/health/live")[0] == 200
        assert fetched(f"{base}/anything")[0] == 404
        assert metrics_of(base)["refledger_failed", "commissions"] == 1
        assert worker.stop() == 3
    document = json.loads(text)
    assert (status, document["status"]) == (503, "not ready")
    assert [one["state"] for one in document["projections"]] == ["failed", "running", "running"]
    assert document["projections"][0]["reason"]


@pytest.mark.parametrize(
    ("state", "lag", "max_lag", "expected"),
    [
        ("running", 0, None, 200),
        ("running", None, None, 200),
        ("running", None, 5, 503),
        ("running", 5, 5, 200),
        ("running", 6, 5, 503),
        ("standby", 5, 5, 200),
        ("standby", 6, 5, 503),
        ("starting", 0, None, 503),
        ("backoff", 0, None, 503),
        ("failed", 0, None, 503),
    ],
)
def test_when_a_worker_is_ready(state: State, lag: int | None, max_lag: int | None, expected: int) -> None:
    """It leads or stands by, and its lag is measured and no more than --max-lag, where that is given."""
    standing = Standing("commissions", state=state, lag=None if lag is None else Lag(1, 1, lag, 0.0))
    assert Pages([standing], max_lag).answer("/health/ready")[0] == expected


def test_metrics_without_the_package(sqlite: Tool) -> None:
    """Status 2, and what to install."""
    with mock.patch.dict(sys.modules, {"prometheus_client": None}):
        assert INSTALL in sqlite("worker", "run", "--metrics", "127.0.0.1:0", status=2).err


def test_metrics_addresses(sqlite: Tool) -> None:
    """A host and a port; one that is taken, or is none, is an error in usage."""
    assert parse_address("[::1]:9464") == ("::1", 9464)
    for text in ("9464", ":9464", "localhost", "localhost:http", "localhost:65536", "localhost:-1"):
        assert "HOST:PORT" in sqlite("worker", "run", "--metrics", text, status=2).err
    with working(sqlite, "--metrics", "127.0.0.1:0") as worker:
        taken = base_of(worker).removeprefix("http://")
        assert "cannot listen" in sqlite("worker", "run", "--metrics", taken, status=2).err
        assert worker.stop() == 0


# ---- the log


def test_log_lines(tool: Tool) -> None:
    """One JSON object a line: when, how grave, what, which projection, where in the log, the event's stream."""
    head = fill(tool, 300)
    with working(tool, *COMMISSIONS) as worker:
        batch = worker.wait_for("batch")
        wait_for_head(tool)
        assert worker.stop() == 0
    assert [line["event"] for line in worker.lines if line["event"] != "batch"] == ["leader", "stopped"]
    assert len(worker.text.splitlines()) == len(worker.lines)
    assert list(batch) == ["time", "level", "event", "projection", "position", "count", "seconds", "stream"]
    with tool.ledger() as ledger:
        assert batch["stream"] == next(ledger.log.read(after=batch["position"] - 1)).stream
    assert sum(line["count"] for line in worker.told("batch")) == head


def test_batches_are_told_of_once_a_second(sqlite: Tool) -> None:
    """However many there are; with -v each."""
    fill(sqlite, 3_000)
    with working(sqlite, *COMMISSIONS) as worker:
        wait_for_head(sqlite)
        assert worker.stop() == 0
    times = [re.sub(r"\.\d+", "", line["time"]) for line in worker.told("batch")]
    assert len(times) <= len(set(times)) + 1
    (stopped,) = worker.told("stopped")
    assert sum(line["count"] for line in worker.told("batch")) == stopped["count"] == sqlite.head()


def test_text_log(sqlite: Tool) -> None:
    """For people: no braces, the same facts; -q leaves errors only."""
    fill(sqlite, 50)
    with working(sqlite, *COMMISSIONS, "--log-format", "text") as worker:
        wait_for_head(sqlite)
        wait_until(lambda: "batch" in worker.text, "a batch")
        assert worker.stop() == 0
    lines = worker.text.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ commissions: leader", lines[0])
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ commissions: batch, position \d+, count \d+, seconds .*", lines[1])
    process = sqlite.start("-q", "worker", "run", *COMMISSIONS)
    wait_until(lambda: sqlite.json("worker", "status")[0]["owner"].endswith(f":{process.pid}"), "the worker")
    process.terminate()
    assert process.communicate()[1] == b""
    assert process.returncode == 0
