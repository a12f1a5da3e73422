"""`refledger ingest`: its answer, the rules it applies, and what is left when it is interrupted."""

import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.clock import format_instant
from ledger.commands import command_from
from tests.builders import bind, live_digest, order, plan, refund, replayed
from tests.cli_runner import Tool, desk, finished, is_aligned, json_lines, tables
from tests.shop_records import AT, MIXED, REJECTED, names_in, orders, rejects_of

SUMMARY_KEYS = {
    "read",
    "appended",
    "repeats",
    "refused",
    "conflicts",
    "invalid",
    "retryable",
    "head",
    "by_type",
    "by_reason",
    "seconds",
}
PARTS = ("appended", "repeats", "refused", "conflicts", "invalid", "retryable")


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command in an empty folder, on an empty store of each engine."""
    return desk(store_url, tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only: for what no store has a part in."""
    return desk(sqlite_url, tmp_path)


# ---- the answer


def test_summary_has_every_line_once(tool: Tool) -> None:
    """The JSON of the contract: every line read is in exactly one part, by type, by reason; status 5 for conflicts."""
    summary = tool.feed(*MIXED, status=5)
    assert set(summary) - {"blank"} == SUMMARY_KEYS
    assert {key: summary[key] for key in ("read", "blank", *PARTS, "head")} == {
        "read": 17,
        "blank": 2,
        "appended": 7,
        "repeats": 1,
        "refused": 3,
        "conflicts": 1,
        "invalid": 4,
        "retryable": 1,
        "head": 10,
    }
    assert summary["read"] == sum(summary[part] for part in PARTS)
    assert summary["by_type"] == {
        "bind": {"bound": 2, "refused": 1, "repeat": 1},
        "invite": {"recorded": 1},
        "order": {"conflict": 1, "invalid": 2, "recorded": 1},
        "plan": {"invalid": 1, "recorded": 1},
        "refund": {"recorded": 1, "refused": 1, "retryable": 1},
        "unbind": {"recorded": 1, "refused": 1},
        "unknown": {"invalid": 1},
    }
    reasons = [*REJECTED.values(), "already_bound", "exceeds_paid", "not_bound"]
    assert summary["by_reason"] == dict.fromkeys(sorted(reasons), 1)
    assert 0 <= summary["seconds"] < 60


@pytest.mark.parametrize(("form", "is_said"), [("tsv", True), ("csv", True), ("json", False), ("table", False)])
def test_reasons_are_said_where_no_column_has_them(sqlite: Tool, form: str, is_said: bool) -> None:
    """Standard error has them beside rows of another kind."""
    file = sqlite.write("early.jsonl", [plan(), refund("r1", "o1", 100, AT), refund("r2", "o1", 100, AT)])
    answer = sqlite("ingest", file, "--format", form, status=6)
    assert ("why not: unknown_order: 2 lines\n" in answer.err) == is_said


def test_second_ingest_is_all_repeats(tool: Tool) -> None:
    """Fed again, whatever is an event, refusals too, is a repeat; nothing is appended, the rest stays as it was."""
    first = tool.feed(*MIXED, status=5)
    again = tool.feed(*MIXED, status=5)
    assert (again["appended"], again["refused"]) == (0, 0)
    assert again["repeats"] == first["repeats"] + first["appended"] + first["refused"]
    assert {key: again[key] for key in ("read", "conflicts", "invalid", "retryable", "head")} == {
        key: first[key] for key in ("read", "conflicts", "invalid", "retryable", "head")
    }


def test_dry_run_answers_the_same_and_records_nothing(tool: Tool) -> None:
    """Over several batches: the same summary and rejects as the real run after it, and an empty log in between."""
    name = tool.write("mixed.jsonl", MIXED)
    arguments = ("ingest", name, "--batch-size", "3", "--rejects", "rejects.jsonl")
    rehearsed, rejected = tool.json(*arguments, "--dry-run", status=5), rejects_of(tool)
    assert (rehearsed["head"], tool.head()) == (0, 0)
    real = tool.json(*arguments, status=5)
    for summary in (rehearsed, real):
        del summary["seconds"], summary["head"]
    assert rehearsed == real
    assert rejects_of(tool) == rejected
    assert "nothing was recorded" in tool("ingest", name, "--dry-run", status=5).err


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_size_of_a_batch_changes_nothing(sqlite: Tool, batch_size: int) -> None:
    """The same summary, whatever the batches."""
    name = sqlite.write("mixed.jsonl", MIXED)
    summary = sqlite.json("ingest", name, "--batch-size", str(batch_size), status=5)
    assert [summary[key] for key in ("read", "appended", "conflicts", "head")] == [17, 7, 1, 10]


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ([plan(), order("o1", "cat", 1, AT)], 0),
        ([plan(), bind("b1", "ben", "ben", AT)], 0),
        ([plan(), refund("r1", "o1", 1, AT)], 6),
        (["{"], 6),
        ([plan(), order("o1", "cat", 1, AT), order("o1", "cat", 2, AT)], 5),
        ([plan(), order("o1", "cat", 1, AT), order("o1", "cat", 2, AT), "{"], 5),
    ],
    ids=["recorded", "refused by a rule", "retryable", "invalid", "conflict", "conflict and invalid"],
)
def test_exit_status(sqlite: Tool, records: list[object], status: int) -> None:
    """0 if every line is in the ledger, a refusal that is an event too; 5 with conflicts; else 6."""
    sqlite.process("ingest", sqlite.write("records.jsonl", records), status=status)


@pytest.mark.parametrize("form", ["table", "csv", "tsv"])
def test_summary_in_other_formats(sqlite: Tool, form: str) -> None:
    """Type, outcome and lines as rows; a table that lines up."""
    name = sqlite.write("mixed.jsonl", MIXED)
    answer = sqlite("ingest", name, "--format", form, status=5)
    if form == "table":
        assert "in all" in answer.out
        assert len(tables(answer.out)) == 3
        assert all(is_aligned(table) for table in tables(answer.out))
        return
    rows = answer.rows(form)
    assert sum(int(row["lines"]) for row in rows) == 17
    assert {"type": "bind", "outcome": "bound", "lines": "2"} in rows


def test_talk_goes_to_standard_error(sqlite: Tool) -> None:
    """Standard output holds the JSON and nothing else; -q takes even the talk away, and changes neither."""
    name = sqlite.write("mixed.jsonl", MIXED)
    answer = sqlite.process("ingest", name, "--format", "json", status=5)
    assert answer.document["read"] == 17
    assert "line 9: other_content" in answer.err
    assert sqlite.process("-q", "ingest", name, "--format", "json", status=5).err == ""


def test_conflicts_are_told_before_all_else(sqlite: Tool) -> None:
    """A conflict is the worst a line can be: however many lines are invalid before it, it is shown."""
    lines = [plan(), order("o1", "cat", 1, AT), *(["{"] * 20), order("o1", "cat", 2, AT)]
    answer = sqlite("ingest", sqlite.write("records.jsonl", lines), status=5)
    assert "line 23: other_content" in answer.err


def test_bar_is_drawn_on_a_terminal_only(sqlite: Tool) -> None:
    """A terminal sees how far it is; a log file does not; who wants quiet has it."""
    name = sqlite.write("records.jsonl", [plan(), *orders(10)])
    assert "\r" not in sqlite.process("ingest", name).err
    size = (sqlite.folder / name).stat().st_size
    assert f"{size}/{size}" in sqlite.on_terminal("ingest", name, "--batch-size", "5")


def test_talk_and_bar_do_not_run_into_each_other(sqlite: Tool) -> None:
    """A rejected line has a line of its own on a terminal."""
    name = sqlite.write("records.jsonl", [plan(), "{", *orders(3)])
    screen = sqlite.on_terminal("ingest", name, "--batch-size", "1", status=6)
    assert "line 2: bad_json" in screen
    assert re.search(r"\d+/\d+line", screen) is None


def test_quiet_means_no_bar_either(sqlite: Tool) -> None:
    """-q: errors only."""
    assert "\r" not in sqlite.on_terminal("-q", "ingest", sqlite.write("records.jsonl", [plan(), *orders(10)]))


# ---- rules


def test_stops_where_no_plan_is_in_force(tool: Tool) -> None:
    """P-5: nothing of the batch is recorded, the batches before it are, and the plan to publish is named; status 6."""
    records = [{"type": "invite", "id": f"i{number}", "at": AT, "inviter": "ann"} for number in range(3)]
    name = tool.write("records.jsonl", [*records, order("o1", "cat", 1, AT)])
    answer = tool("ingest", name, "--batch-size", "2", "--rejects", "r.jsonl", "--format", "json", status=6)
    assert "publish plan 1" in answer.err
    assert "'o1'" in answer.err
    assert "2024-01-01T00:00:00" in answer.err
    assert (answer.document["read"], answer.document["appended"], tool.head()) == (2, 2, 2)
    assert names_in(tool) == ["r.jsonl", "records.jsonl"]
    assert tool.feed(plan(), *records, order("o1", "cat", 1, AT))["appended"] == 3


def test_stop_says_which_line_it_was(sqlite: Tool) -> None:
    """In a file of millions of lines an id alone is hard to find."""
    answer = sqlite("ingest", sqlite.write("records.jsonl", ["", order("o1", "cat", 1, AT)]), status=6)
    assert "line 2" in answer.err


def test_stop_before_the_first_plan_never_gives_advice_that_is_refused(sqlite: Tool) -> None:
    """A record older than plan 1: no later plan may take effect before it (P-1), so none is to be published."""
    sqlite.feed(plan())
    old = order("o1", "cat", 1, "2009-12-31T23:59:59Z")
    answer = sqlite("ingest", sqlite.write("records.jsonl", [old]), status=6)
    assert "--allow-no-plan" in answer.err
    assert "publish plan 2" not in answer.err


def test_allow_no_plan(tool: Tool) -> None:
    """Orders are recorded, binds refused with `no_plan`; both are facts, status 0."""
    name = tool.write("records.jsonl", [bind("b1", "ben", "ann", AT), order("o1", "ben", 1_000, AT)])
    summary = tool.json("ingest", name, "--allow-no-plan")
    assert summary["by_reason"] == {"no_plan": 1}
    assert summary["by_type"] == {"bind": {"refused": 1}, "order": {"recorded": 1}}
    assert tool.json("replay")["outcomes"] == {"no_plan": 3}


def test_refund_before_its_order_may_come_again(tool: Tool) -> None:
    """R-1: `unknown_order` is retryable, and the same id is taken once the order is there."""
    early = refund("r1", "o1", 10, "2024-01-06T00:00:00Z")
    first = tool.feed(plan(), early, status=6)
    assert (first["retryable"], first["by_reason"]) == (1, {"unknown_order": 1})
    assert tool.feed(order("o1", "cat", 100, AT), early)["appended"] == 2
    assert tool.feed(early)["repeats"] == 1


def test_conflict_names_both_contents(tool: Tool) -> None:
    """G-6: the hash of what is recorded and of what came now; nothing is appended."""
    one, other = order("o1", "cat", 100, AT), order("o1", "cat", 101, AT)
    tool.feed(plan(), one)
    name = tool.write("records.jsonl", [other])
    answer = tool("ingest", name, "--rejects", "rejects.jsonl", status=5)
    (entry,) = rejects_of(tool)
    for record in (one, other):
        assert command_from(record).content_hash() in entry["message"]
        assert command_from(record).content_hash() in answer.err
    assert tool.head() == 2


def test_sources_keep_ids_apart(tool: Tool) -> None:
    """The same id from two shops is two orders, and a refund names an order of its own source."""
    tool.feed(plan(), order("o1", "cat", 100, AT))
    name = tool.write("till.jsonl", [refund("r1", "o1", 1, AT), order("o1", "dan", 200, AT), refund("r1", "o1", 1, AT)])
    summary = tool.json("ingest", name, "--source", "till", status=6)
    assert (summary["appended"], summary["retryable"], summary["repeats"]) == (2, 1, 0)
    assert tool.json("ingest", name, "--source", "till")["repeats"] == 3
    assert tool.feed(refund("r1", "o1", 3, AT))["appended"] == 1


def test_plans_are_records_too(tool: Tool) -> None:
    """In force from their line on; the same again is a repeat, also of another source; other terms conflict."""
    second = plan(2, at="2025-01-01T00:00:00Z", rates_ppm=[1])
    summary = tool.feed(plan(), order("o1", "cat", 100, AT), second, second, plan(4, at=AT), status=6)
    assert summary["by_type"]["plan"] == {"invalid": 1, "recorded": 2, "repeat": 1}
    assert tool.feed({**second, "rates_ppm": [2]}, status=5)["conflicts"] == 1
    name = tool.write("till.jsonl", [second])
    assert tool.json("ingest", name, "--source", "till")["repeats"] == 1


def test_in_the_future(tool: Tool) -> None:
    """G-2: a source's clock may run five minutes ahead, not more; the line may come again when its time has come."""
    now = datetime.now(UTC)
    soon, late = (format_instant(now + timedelta(minutes=minutes)) for minutes in (4, 7))
    summary = tool.feed(plan(), order("o1", "cat", 1, soon), order("o2", "cat", 1, late), status=6)
    assert (summary["appended"], summary["by_reason"]) == (2, {"in_the_future": 1})


# ---- interruptions


def interrupted(tool: Tool, number: signal.Signals) -> subprocess.Popen[bytes]:
    """An ingest from a pipe, stopped after two batches while it waits for the third: it says when they are counted."""
    process = tool.start("-v", "ingest", "-", "--batch-size", "10", "--rejects", "rejects.jsonl", "--format", "json")
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(json_lines([plan(), "{", *orders(10)]))
    process.stdin.flush()
    assert b"20 lines read\n" in iter(process.stderr.readline, b"")
    process.send_signal(number)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted_run_keeps_whole_batches_and_says_so(tool: Tool, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM: two batches are in, counted and their rejects kept; one line says how to go on."""
    answer = finished(interrupted(tool, number), status=1)
    assert "run the same command again" in answer.err
    assert (answer.document["read"], answer.document["appended"]) == (20, 19)
    assert [entry["line"] for entry in rejects_of(tool)] == [2]
    assert names_in(tool) == ["rejects.jsonl"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_interrupted_run_leaves_a_consistent_store(tool: Tool, number: signal.Signals) -> None:
    """However it ends, whole batches are in; the same lines again complete it, and live and replay agree."""
    process = interrupted(tool, number)
    process.communicate(timeout=60)
    assert tool.head() == 19
    summary = tool.feed(plan(), *orders(10))
    assert (summary["repeats"], summary["appended"], summary["head"]) == (19, 2, 21)
    with tool.ledger() as ledger:
        assert live_digest(ledger) == replayed(ledger).digest


def test_two_at_once_record_everything_once(tool: Tool) -> None:
    """Two runs over one file wait for each other: every record is appended by one and repeated by the other."""
    name = tool.write("records.jsonl", [plan(), *orders(100)])
    processes = [tool.start("ingest", name, "--batch-size", "20", "--format", "json") for _ in range(2)]
    summaries = [finished(process).document for process in processes]
    assert sum(summary["appended"] for summary in summaries) == 201
    assert sum(summary["repeats"] for summary in summaries) == 201
    assert tool.head() == 201


# ---- no store


def test_store_that_is_not_there(sqlite: Tool) -> None:
    """Nothing to ingest into: status 4, the way to make one, and no file is made by asking."""
    nowhere = Tool("sqlite:///nowhere.db", sqlite.folder)
    name = sqlite.write("records.jsonl", [plan()])
    assert "refledger init" in nowhere("ingest", name, status=4).err
    assert names_in(sqlite) == [name]


def test_database_that_is_down(sqlite: Tool) -> None:
    """PostgreSQL that does not answer: status 8, in one line that says why."""
    down = Tool("postgresql://owner@127.0.0.1:1/books", sqlite.folder)
    answer = down("ingest", sqlite.write("records.jsonl", [plan()]), status=8)
    assert "cannot be reached" in answer.err
    assert "refused" in answer.err
