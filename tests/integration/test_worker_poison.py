"""An event that cannot be projected stops its projection: exactly there, loudly, until it is mended; never skipped."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from projections.commissions import NAME
from tests.cli_runner import Tool, desk
from tests.worker_process import assert_books_agree, fill, position, tamper, wait_until, working

pytestmark = pytest.mark.long_on_postgres


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on a store of each engine with some history in it."""
    tool = desk(store_url, tmp_path)
    fill(tool, 1_000)
    return tool


@pytest.fixture
def bad(tool: Tool) -> int:
    """The position of an order, in the middle of the second batch, that is under a stream not its own."""
    with tool.ledger() as ledger:
        position = next(row.position for row in ledger.log.read(after=776) if row.topic == "OrderPlaced")
    tamper(tool.url, f"UPDATE event SET stream = 'order-' || stream WHERE position = {position}")  # noqa: S608
    return position


def mend(tool: Tool, bad: int) -> None:
    """Puts the event back under its stream."""
    tamper(tool.url, f"UPDATE event SET stream = substr(stream, 7) WHERE position = {bad}")  # noqa: S608


def test_a_bad_event_stops_its_projection(tool: Tool, bad: int) -> None:
    """Status 3; all before it is projected; the table, the log and `worker status` say which it is, and why."""
    with working(tool, "--projections", NAME) as worker:
        failed = worker.wait_for("failed")
        assert worker.ended() == 3
    assert (failed["level"], failed["projection"], failed["position"]) == ("critical", NAME, bad)
    assert failed["stream"].startswith("order-")
    with tool.ledger() as ledger:
        assert position(ledger) == bad - 1
    (row,) = tool.json("worker", "status", "--projections", NAME, status=3)
    assert (row["state"], row["position"], row["failed_position"]) == ("failed", bad - 1, bad)
    assert row["failed_stream"] == failed["stream"]
    assert f"position {bad} ({failed['stream']}): " in row["reason"]


def test_a_bad_event_is_tried_again_by_the_next_start(tool: Tool, bad: int) -> None:
    """While it is bad, each start fails on it again; mended, the projection goes on with it, as if nothing had been."""
    for _ in range(2):
        answer = tool("worker", "run", "--once", "--projections", NAME, status=3)
        assert f"commissions failed at position {bad} (order-" in answer.err
    mend(tool, bad)
    tool("worker", "run", "--once", "--projections", NAME)
    (row,) = tool.json("worker", "status", "--projections", NAME)
    assert (row["state"], row["failed_position"], row["reason"]) == ("stopped", None, None)
    assert_books_agree(tool)


def test_other_projections_go_on(tool: Tool, bad: int) -> None:
    """Lapses are recorded all the same, until the worker is stopped; then its status is 3."""
    with working(tool) as worker:
        worker.wait_for("failed", projection=NAME)
        wait_until(lambda: tool("worker", "status", status=(0, 3)).status == 3, "the table")
        wait_until(lambda: tool.json("worker", "status", status=3)[1]["lag_events"] == 0, "lapses")
        assert tool.json("worker", "status", status=3)[1]["state"] == "running"
        assert worker.process.poll() is None
        assert worker.stop() == 3
    with tool.ledger() as ledger:
        assert position(ledger) == bad - 1


def test_once_others_go_on_as_well(tool: Tool, bad: int) -> None:
    """`--once`: the lapses are recorded, and then status 3."""
    answer = tool("worker", "run", "--once", status=3)
    assert f"{bad - 1} events projected" in answer.err
    assert tool.json("worker", "status", "--projections", "expiry")[0]["lag_events"] == 0


def test_a_missing_event_is_bad_as_well(tool: Tool, bad: int) -> None:
    """A gap: its position, and no stream."""
    mend(tool, bad)
    tamper(tool.url, f"DELETE FROM event WHERE position = {bad}")  # noqa: S608
    tool("worker", "run", "--once", "--projections", NAME, status=3)
    (row,) = tool.json("worker", "status", "--projections", NAME, status=3)
    assert (row["position"], row["failed_position"], row["failed_stream"]) == (bad - 1, bad, None)
    assert f"position {bad} (no event): the log has a gap" in row["reason"]


def test_what_no_event_is_to_blame_for_has_no_position(postgres_url: str, tmp_path: Path) -> None:
    """A worker that lost its rights fails at once, and says why; `--once` ends as any command without rights does."""
    tool = desk(postgres_url, tmp_path)
    fill(tool, 100)
    with psycopg.connect(postgres_url) as admin:
        admin.execute("REVOKE INSERT ON order_outcome FROM refledger_writer")
    with working(tool, "--projections", NAME) as worker:
        failed = worker.wait_for("failed")
        assert worker.ended() == 3
    assert "position" not in failed
    assert "permission denied" in failed["reason"]
    (row,) = tool.json("worker", "status", "--projections", NAME, status=3)
    assert (row["state"], row["failed_position"]) == ("failed", None)
    assert "permission denied" in tool("worker", "run", "--once", "--projections", NAME, status=1).err
