"""`init`, `plan publish`, `expire`, `worker` and the help: what operators and finance set up and keep running."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import pytest

from cli.main import refledger
from ledger.clock import parse_instant
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from tests.builders import live_digest, order, plan, replayed
from tests.cli_runner import Tool, desk, finished
from tests.postgres_server import Databases
from tests.shop_records import STORY, names_in, told
from tests.worker_process import STOP_SECONDS_MAX

pytestmark = pytest.mark.long_on_postgres

PLAN_TOML = """
plan = 1
at = "2024-01-01T00:00:00Z"
rates_ppm = [100000, 50000, 20000]  # 10 %, 5 %, 2 %
hold_days = 30
[binding]
ttl_days = 90
[min_payout]
GBP = 2000
"""
PLAN: dict[str, Any] = {
    "plan": 1,
    "at": "2024-01-01T00:00:00Z",
    "rates_ppm": [100_000, 50_000, 20_000],
    "min_payout": {"GBP": 2_000},
}


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command in an empty folder, on an empty store of each engine."""
    return desk(store_url, tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only: for what no store has a part in."""
    return desk(sqlite_url, tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tool]:
    """The command where no store was made yet."""
    if request.param == "sqlite":
        yield desk(f"sqlite:///{tmp_path}/desk/refledger.db", tmp_path)
        return
    server: Databases = request.getfixturevalue("postgres_server")
    name = f"nothing_{uuid4().hex}"
    yield desk(server.create_database(name), tmp_path)
    server.drop_database(name)


def write(tool: Tool, name: str, text: str) -> str:
    """A file in the folder of the command; returns its name."""
    (tool.folder / name).write_text(text, encoding="utf-8")
    return name


# ---- init


def test_init_twice(nothing: Tool) -> None:
    """The first makes the store, the second finds it and says so; what is in it stays; only the store is made."""
    assert "ready" in nothing("init").err
    nothing.feed(*STORY)
    assert "up to date" in nothing("init").err
    assert nothing.head() == len(STORY)
    nothing("balance")
    assert {name.split("-")[0] for name in names_in(nothing)} <= {"records.jsonl", "refledger.db"}


def test_init_of_several_at_once(nothing: Tool) -> None:
    """Four machines start at the same moment: one makes the store, the others find it."""
    said = [finished(process).err for process in [nothing.start("init") for _ in range(4)]]
    assert sum("ready" in text for text in said) == 1
    assert sum("up to date" in text for text in said) == 3


def test_init_where_no_store_can_be(sqlite: Tool) -> None:
    """A folder that is not there, a file of something else, a server that is down: status 8, one line each."""
    write(sqlite, "letter.db", "Dear Sir or Madam, " * 1_000)
    for url in ("sqlite:///no/folder.db", "sqlite:///letter.db", "postgresql://owner@127.0.0.1:1/books"):
        answer = Tool(url, sqlite.folder)("init", status=8)
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1, answer.err


# ---- plans


def test_publish_a_plan(tool: Tool) -> None:
    """TOML, then the same as JSON: a repeat; every term is shown, defaults too."""
    answer = tool("plan", "publish", write(tool, "plan.toml", PLAN_TOML))
    assert "plan 1" in answer.err
    assert "2024-01-01 00:00:00Z" in answer.err
    assert "already" in tool("plan", "publish", write(tool, "plan.json", json.dumps(PLAN))).err
    assert tool.head() == 1
    (shown,) = tool.json("plan", "list")
    recorded_at = shown.pop("recorded_at")
    assert parse_instant(recorded_at)
    assert shown == {
        "type": "plan",
        "id": "plan-1",
        "plan": 1,
        "at": "2024-01-01T00:00:00.000000Z",
        "effective_from": "2024-01-01T00:00:00.000000Z",
        "rates_ppm": [100_000, 50_000, 20_000],
        "binding": {"policy": "first_touch", "ttl_days": 90, "protection_days": 0, "renewal": "none"},
        "hold_days": 30,
        "min_payout": {"GBP": 2_000},
        "self_purchase": "none",
        "unqualified": "forfeit",
        "rounding": "down",
        "cap_ppm": 500_000,
    }


def test_plans_in_order(tool: Tool) -> None:
    """Listed oldest first; shown by number, or the latest."""
    tool.feed(plan(), plan(2, at="2024-01-01T00:00:00Z", rates_ppm=[]), plan(3, at="2025-01-01T00:00:00Z"))
    assert [row["plan"] for row in tool.json("plan", "list")] == [1, 2, 3]
    for arguments, number in (([], 3), (["2"], 2)):
        shown = tool.json("plan", "show", *arguments)
        assert (shown if isinstance(shown, dict) else shown[0])["plan"] == number
    assert "the latest is 3" in tool("plan", "show", "4", status=4).err
    tool("plan", "show", "0", status=2)
    tool("plan", "show", "first", status=2)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"hold_days": 31}, 5, "content"),
        ({"plan": 3}, 6, "number 2"),
        ({"plan": 2}, 6, "effective_from"),
        ({"plan": 2, "at": "2023-01-01T00:00:00Z"}, 6, "effective_from"),
        ({"plan": 2, "at": "2123-01-01T00:00:00Z"}, 6, "future"),
    ],
    ids=["other content", "gap", "same effect", "earlier effect", "made in the future"],
)
def test_plan_that_cannot_come_next(tool: Tool, changes: dict[str, Any], status: int, said: str) -> None:
    """Conflict 5, refused by a rule 6; the log stays as it was and the message says what would do."""
    tool("plan", "publish", write(tool, "plan.json", json.dumps(PLAN)))
    answer = tool("plan", "publish", write(tool, "next.json", json.dumps({**PLAN, **changes})), status=status)
    assert said in answer.err
    assert tool.head() == 1


def test_plan_that_takes_effect_later(tool: Tool) -> None:
    """Made now, in force from next century: published, and nothing changes until then."""
    future = {**PLAN, "plan": 2, "at": "2024-02-01T00:00:00Z", "effective_from": "2123-01-01T00:00:00Z"}
    for name, record in (("plan.json", PLAN), ("next.json", future)):
        tool("plan", "publish", write(tool, name, json.dumps(record)))
    tool.feed(order("o1", "cat", 100, "2024-03-01T00:00:00Z"))
    assert tool.json("explain", "order", "o1")["plan"] == 1


GOOD_FILES = {
    "a time of TOML's own": (
        "plan = 1\nat = 2024-01-01T01:00:00+01:00\nrates_ppm = [100_000, 50_000, 20_000]\nmin_payout.GBP = 2000\n"
    ),
    "Windows line ends": PLAN_TOML.replace("\n", "\r\n"),
    "JSON over several lines": json.dumps(PLAN, indent=2),
    "a byte order mark before TOML": "\ufeff" + PLAN_TOML,
    "a byte order mark before JSON": "\ufeff" + json.dumps(PLAN),
    "with a type and an id": json.dumps({"type": "plan", "id": "plan-1", **PLAN}),
}
BAD_FILES = {
    "nothing": "",
    "no plan at all": "Dear Sir or Madam,\n",
    "half a string": 'plan = "1',
    "half an object": '{"plan": 1',
    "a list": "[1]",
    "two objects": json.dumps(PLAN) * 2,
    "an order": json.dumps(STORY[4]),
    "an unknown key": json.dumps({**PLAN, "hold_day": 30}),
    "a missing key": json.dumps({"plan": 1, "rates_ppm": []}),
    "a rate as a fraction": json.dumps({**PLAN, "rates_ppm": [0.1]}),
    "a rate as a percentage": json.dumps({**PLAN, "rates_ppm": ["10%"]}),
    "rates above the cap": json.dumps({**PLAN, "rates_ppm": [500_000, 1]}),
    "four levels": json.dumps({**PLAN, "rates_ppm": [1, 1, 1, 1]}),
    "a date without a time": "plan = 1\nat = 2024-01-01\nrates_ppm = []\n",
    "a time without a zone": "plan = 1\nat = 2024-01-01T00:00:00\nrates_ppm = []\n",
    "a time of day": "plan = 1\nat = 00:00:00\nrates_ppm = []\n",
    "nan": "plan = nan\n",
    "a key twice in TOML": PLAN_TOML + "GBP = 1\n",
    "a key twice in JSON": json.dumps(PLAN)[:-1] + ', "rates_ppm": [1]}',
    "a key twice deep in JSON": json.dumps(PLAN)[:-1] + ', "binding": {"ttl_days": 1, "ttl_days": 2}}',
    "a nesting bomb": '{"plan": ' + "[" * 100_000,
    "a nesting bomb of TOML": "plan = " + "[" * 10_000,
    "a lone surrogate": '{"plan": 1, "id": "\\ud800", "at": "2024-01-01T00:00:00Z", "rates_ppm": []}',
    "a number of 5,000 digits": '{"plan": ' + "9" * 5_000 + "}",
}


@pytest.mark.parametrize("text", GOOD_FILES.values(), ids=list(GOOD_FILES))
def test_plan_file_as_editors_write_it(sqlite: Tool, text: str) -> None:
    """All of them are the same plan."""
    (sqlite.folder / "plan").write_bytes(text.encode())
    sqlite("plan", "publish", "plan")
    assert "already" in sqlite("plan", "publish", write(sqlite, "plan.json", json.dumps(PLAN))).err


@pytest.mark.parametrize("text", BAD_FILES.values(), ids=list(BAD_FILES))
def test_file_that_is_no_plan(sqlite: Tool, text: str) -> None:
    """Status 6, one short line that names the file; nothing is recorded."""
    answer = sqlite("plan", "publish", write(sqlite, "plan.toml", text), status=6)
    assert answer.err.startswith("error: ")
    assert "plan.toml" in answer.err
    assert answer.err.count("\n") == 1
    assert len(answer.err) < 400
    assert sqlite.head() == 0


def test_plan_file_that_cannot_be_read(sqlite: Tool) -> None:
    """Not there or a folder: a usage error; not UTF-8: refused."""
    for name in ("nothing.toml", "."):
        assert name in sqlite("plan", "publish", name, status=2).err
    (sqlite.folder / "latin.toml").write_bytes("# Prämie\n".encode("latin-1"))
    assert "latin.toml" in sqlite("plan", "publish", "latin.toml", status=6).err


# ---- expire


def test_expire_records_each_lapse_once(sqlite_url: str, tmp_path: Path) -> None:
    """B-4: those that lapsed by then, counted; again: none; balances, digest and content root do not move."""
    tool = told(sqlite_url, tmp_path)
    before = tool.json("replay", "--as-of", "2025-01-01T00:00:00Z")
    assert tool("expire", "--as-of", "2024-03-30T00:00:00Z").err.startswith("0 ")
    assert tool("expire", "--as-of", "2024-04-01", "--tz", "Asia/Tokyo").err.startswith("1 ")
    assert tool("expire").err.startswith("1 ")
    assert tool("expire").err.startswith("0 ")
    assert tool.head() == len(STORY) + 2
    after = tool.json("replay", "--as-of", "2025-01-01T00:00:00Z")
    for key in ("digest", "content_root", "totals", "levels", "outcomes"):
        assert after[key] == before[key]


def test_expire_in_the_future_is_refused(tool: Tool) -> None:
    """Nothing can have lapsed by then: status 6; a date without --tz: status 2."""
    assert "future" in tool("expire", "--as-of", "2999-01-01T00:00:00Z", status=6).err
    tool("expire", "--as-of", "2024-04-01", status=2)


# ---- worker


def test_worker_once(store_url: str, tmp_path: Path) -> None:
    """Records the lapses that are due, projects all events, says how many, and has nothing to do the second time."""
    tool = told(store_url, tmp_path)
    assert tool("worker", "run", "--once", "--projections", "commissions").err == "13 events projected\n"
    once = ("worker", "run", "--once")
    assert tool(*once).err == "2 events projected\n15 events in the tree\n2 lapsed bindings recorded\n"
    assert tool(*once).err == "0 events projected\n0 events in the tree\n0 lapsed bindings recorded\n"
    tool("worker", "run", "--once", "--projections", "nonsense", status=2)
    tool("worker", "run", "--poll-seconds", "0", status=2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_worker_follows_the_log_until_it_is_told_to_stop(tool: Tool, number: signal.Signals) -> None:
    """Events that come while it runs are projected; a signal ends it at once with status 0."""
    process = tool.start("worker", "run", "--projections", "commissions", "--poll-seconds", "0.05")
    tool.feed(*STORY)
    wait_for_checkpoint(tool, len(STORY))
    asked = time.monotonic()
    process.send_signal(number)
    answer = finished(process)
    assert time.monotonic() - asked < STOP_SECONDS_MAX
    stopped = json.loads(answer.err.splitlines()[-1])
    assert (stopped["event"], stopped["count"]) == ("stopped", len(STORY))
    assert answer.out == ""
    with tool.ledger() as ledger:
        assert live_digest(ledger) == replayed(ledger).digest


def wait_for_checkpoint(tool: Tool, position: int) -> None:
    """Waits until the projection has come so far."""
    deadline = time.monotonic() + 60
    with tool.ledger() as ledger:
        while True:
            with ledger.log.reading() as session:
                if checkpoint(session, NAME) >= position:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.02)


# ---- help


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and sub-command there is."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("command", [(), *commands(refledger)], ids=" ".join)
def test_help(sqlite: Tool, command: tuple[str, ...]) -> None:
    """Every command has help, on standard output, without a store; -h too; every option says what it is for."""
    answer = Tool("sqlite:///nowhere.db", sqlite.folder)(*command, "--help")
    assert answer.out.startswith("Usage: refledger")
    assert "\\b" not in answer.out
    assert answer.err == ""
    assert Tool("sqlite:///nowhere.db", sqlite.folder)(*command, "-h").out == answer.out
    found: click.Command = refledger
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    assert found.help
    for parameter in found.params:
        assert not isinstance(parameter, click.Option) or parameter.help, f"{parameter.name} has no help"


def test_help_teaches_the_records(sqlite: Tool) -> None:
    """Who has only --help learns what an input line looks like, and what a plan may say."""
    said = sqlite("ingest", "--help").out
    for word in ('"type"', "invite", "bind", "order", "refund", "unbind", "minor units"):
        assert word in said
    said = sqlite("plan", "publish", "--help").out
    for word in ("effective_from", "min_payout", "protection_days", "rounding"):
        assert word in said


@pytest.mark.parametrize(
    "command", ["balance", "team", "explain order", "explain member", "replay", "plan list", "plan show"]
)
def test_reading_commands_take_the_same_options(sqlite: Tool, command: str) -> None:
    """--as-of, --at-position, --format and -o."""
    said = sqlite(*command.split(), "--help").out
    for option in ("--as-of", "--at-position", "--format", "-o, --output"):
        assert option in said


def test_version(sqlite: Tool) -> None:
    """Also from a checkout that is not installed."""
    assert any(character.isdigit() for character in sqlite("--version").out)


@pytest.mark.parametrize(
    "arguments", [["blance"], ["plan", "pubish"], ["--bd", "x"], ["init", "now"], ["balance", "--formt", "csv"]]
)
def test_typing_errors(sqlite: Tool, arguments: list[str]) -> None:
    """Status 2, and how the command is used."""
    assert "Usage:" in sqlite(*arguments, status=2).err


def test_quiet(sqlite: Tool) -> None:
    """-q: nothing but errors, which keep their status."""
    tool = sqlite
    assert tool("-q", "plan", "publish", write(tool, "plan.toml", PLAN_TOML)).err == ""
    for arguments in (["init"], ["expire"], ["worker", "run", "--once"]):
        assert tool("-q", *arguments).err == ""
    assert tool("-q", "explain", "order", "o9", status=4).err.startswith("error: ")


def test_worker_status(tool: Tool) -> None:
    """How far behind, and status 7 past --max-lag; at the head after a worker has run."""
    tool.feed(*STORY)
    *projected, lapses = tool.json("worker", "status")
    for behind in projected:
        assert (behind["position"], behind["head"], behind["lag_events"]) == (0, len(STORY), len(STORY))
        assert behind["state"] == "never"
    assert (lapses["position"], lapses["head"], lapses["lag_events"]) == (None, len(STORY), 2)
    assert lapses["state"] == "never"
    assert "behind" in tool("worker", "status", "--max-lag", str(len(STORY) - 1), status=7).err
    tool("worker", "run", "--once")
    caught_up = tool.json("worker", "status", "--max-lag", "0")
    assert [(row["projection"], row["lag_events"], row["lag_seconds"], row["state"]) for row in caught_up] == [
        ("commissions", 0, 0, "stopped"),
        ("tree", 0, 0, "stopped"),
        ("expiry", 0, 0, "stopped"),
    ]
