"""Commands that read: their figures at any (T, P), and questions without an answer."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.clock import parse_instant
from tests.builders import order, plan, replayed
from tests.cli_runner import Tool, desk, finished
from tests.postgres_server import Databases
from tests.shop_records import READING, STORY, names_in, told

pytestmark = pytest.mark.long_on_postgres

MONEY = ("earned", "clawed_back", "pending", "available", "reserved", "paid", "adjusted")
EVERY_READING = pytest.mark.parametrize("command", READING.values(), ids=list(READING))


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on a store with the story in it, on each engine."""
    return told(store_url, tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only: for what no store has a part in."""
    return told(sqlite_url, tmp_path)


def balance_row(member: str, currency: str, earned: int, clawed_back: int) -> dict[str, Any]:
    """A balance that is all available."""
    row = {"member": member, "currency": currency, **dict.fromkeys(MONEY, 0)}
    return {**row, "earned": earned, "clawed_back": clawed_back, "available": earned - clawed_back}


# ---- figures


def test_balance(tool: Tool) -> None:
    """The keys of the contract, sorted by member and currency; a balance that came to nothing is one too."""
    assert tool.json("balance") == [
        balance_row("ann", "GBP", 772, 166),
        balance_row("ann", "JPY", 10, 0),
        balance_row("ben", "GBP", 1_391, 333),
        balance_row("ben", "JPY", 25, 0),
        balance_row("cat", "GBP", 999, 999),
        balance_row("cat", "JPY", 50, 0),
    ]
    assert list(tool.json("balance")[0]) == ["member", "currency", *MONEY]


def test_balance_of_some(tool: Tool) -> None:
    """Members as named, one currency; a member without a balance is told about, status 4, the others still shown."""
    assert [row["currency"] for row in tool.json("balance", "ben")] == ["GBP", "JPY"]
    assert [row["member"] for row in tool.json("balance", "--currency", "JPY")] == ["ann", "ben", "cat"]
    assert [row["earned"] for row in tool.json("balance", "cat", "ben", "cat", "--currency", "GBP")] == [1_391, 999]
    answer = tool("balance", "ben", "nobody", "--format", "json", status=4)
    assert {row["member"] for row in answer.document} == {"ben"}
    assert "nobody" in answer.err


def test_balance_of_nobody_is_said_whatever_else_is_not(sqlite: Tool) -> None:
    """An error ends with its reason, also with -q; a currency that was asked for is named."""
    assert sqlite("-q", "balance", "nobody", status=4).err == "error: no balance at that time: nobody\n"
    assert "no balance in EUR at that time: ben" in sqlite("balance", "ben", "--currency", "EUR", status=4).err


def test_balance_on_hold(tool: Tool) -> None:
    """A-6: pending until 30 days after the order, available from that instant on."""
    before, at = (
        tool.json("balance", "ben", "--currency", "GBP", "--as-of", f"2024-03-0{day}T00:00:00Z")[0] for day in (1, 2)
    )
    assert (before["pending"], before["available"]) == (1_058, 0)
    assert (at["pending"], at["available"]) == (0, 1_058)


def test_team(tool: Tool) -> None:
    """T-1 and T-2: who was below at an instant, by level; what each level brought, whoever is there now."""
    then = tool.json("team", "ann", "--as-of", "2024-02-05T00:00:00Z")
    assert [(row["level"], row["member"], row["referrer"]) for row in then["team"]] == [
        (1, "ben", "ann"),
        (2, "cat", "ben"),
        (3, "猫", "cat"),
    ]
    later = tool.json("team", "ann", "--down", "--as-of", "2024-03-06T00:00:00Z")
    assert [row["member"] for row in later["team"]] == ["ben"]
    totals = {(row["level"], row["currency"]): row for row in later["totals"]}
    assert {key: row["commission_minor"] for key, row in totals.items()} == {
        (1, "GBP"): 77,
        (2, "GBP"): 695,
        (3, "JPY"): 10,
    }
    assert totals[2, "GBP"]["clawback_minor"] == 166


def test_team_upwards_and_not_so_deep(tool: Tool) -> None:
    """--up: nearest first; --depth cuts off either way; --up and --down together: the last one counts."""
    at = ("--as-of", "2024-02-05T00:00:00Z")
    assert [row["referrer"] for row in tool.json("team", "猫", "--up", *at)["team"]] == ["cat", "ben", "ann"]
    assert [row["referrer"] for row in tool.json("team", "猫", "--up", "--depth", "1", *at)["team"]] == ["cat"]
    assert [row["member"] for row in tool.json("team", "ann", "--depth", "2", *at)["team"]] == ["ben", "cat"]
    assert tool.json("team", "ann", "--up", *at)["team"] == []


def test_explain_order(tool: Tool) -> None:
    """Facts, each level with its binding, rate, rounding and what refunds left, each refund with its clawbacks."""
    found = tool.json("explain", "order", "o1")
    assert (found["order"], found["member"], found["amount_minor"], found["plan"]) == ("o1", "cat", 13_915, 1)
    assert [(level["member"], level["outcome"], level["rate_ppm"]) for level in found["levels"]] == [
        ("ben", "paid", 100_000),
        ("ann", "paid", 50_000),
        (None, "not_bound", 20_000),
    ]
    assert [level["commission_minor"] for level in found["levels"]] == [1_391, 695, 0]
    assert [level["remainder"] for level in found["levels"]] == ["0.005", "0.0075", "0"]
    assert [level["kept_minor"] for level in found["levels"]] == [1_058, 529, 0]
    (refund,) = found["refunds"]
    assert (refund["amount_minor"], refund["left_minor"]) == (3_333, 10_582)
    assert (refund["clawback_1"], refund["clawback_2"], refund["clawback_3"]) == (333, 166, 0)


def test_explain_order_says_why_nobody_earned(tool: Tool) -> None:
    """A-3: released on level 1, and the chain ended there."""
    levels = tool.json("explain", "order", "o3")["levels"]
    assert [level["outcome"] for level in levels] == ["released", "chain_ended", "chain_ended"]
    assert "cat" in levels[0]["why"]


def test_explanations_add_up_to_the_balance(tool: Tool) -> None:
    """At any instant: kept over all orders of a member's explanation, and over all explained orders, is the balance."""
    for as_of in ("2024-02-01T00:00:00Z", "2024-02-10T00:00:00Z", "2024-03-05T00:00:00Z", "2025-01-01T00:00:00Z"):
        balances = tool.json("balance", "--as-of", as_of)
        for member in {row["member"] for row in balances}:
            found = tool.json("explain", "member", member, "--as-of", as_of)
            assert found["balances"] == [row for row in balances if row["member"] == member]
            for row in found["balances"]:
                accruals = [one for one in found["accruals"] if one["currency"] == row["currency"]]
                assert sum(one["kept_minor"] for one in accruals) == row["earned"] - row["clawed_back"]
                pending = sum(one["kept_minor"] for one in accruals if one["state"] == "pending")
                assert pending == row["pending"]


def test_explain_order_of_another_source(tool: Tool) -> None:
    """--source tells orders of one id apart; the order as other commands name it is found as well."""
    name = tool.write("till.jsonl", [order("o1", "ben", 100, "2024-02-01T00:00:00Z")])
    tool("ingest", name, "--source", "till")
    assert tool.json("explain", "order", "o1", "--source", "till")["member"] == "ben"
    assert tool.json("explain", "order", "o1")["member"] == "cat"
    tool("explain", "order", "o1", "--source", "shop", status=4)
    tool("explain", "order", "o1", "--source", "no source", status=(2, 4))


def test_order_named_by_one_command_is_found_by_the_next(tool: Tool) -> None:
    """What `explain member` prints as the order can be given to `explain order`."""
    for accrual in tool.json("explain", "member", "ann")["accruals"]:
        assert tool.json("explain", "order", accrual["order"])["amount_minor"] == accrual["base_minor"]


def test_replay(tool: Tool) -> None:
    """Exactly the keys of the contract, and the figures of the story by hand."""
    found = tool.json("replay")
    assert list(found) == [
        "as_of",
        "at_position",
        "engine",
        "events",
        "seconds",
        "digest",
        "content_root",
        "totals",
        "levels",
        "outcomes",
    ]
    assert set(found["totals"]) == set(found["levels"]) == {"GBP", "JPY"}
    assert found["totals"]["JPY"] == {**dict.fromkeys(MONEY, 0), "earned": 85, "available": 85, "members": 3}
    assert set(found["levels"]["GBP"]) == {"1", "2", "3"}
    assert found["levels"]["GBP"]["1"] == {
        "orders": 3,
        "base_minor": 24_682,
        "commission_minor": 2_467,
        "clawback_minor": 1_332,
        "refund_base_minor": 13_323,
        "members": 3,
    }
    assert found["outcomes"] == {"paid": 7, "released": 2, "chain_ended": 4, "not_bound": 2}
    assert (found["engine"], found["events"], found["at_position"]) == ("python", 13, 13)


def test_replay_checks_a_digest(tool: Tool) -> None:
    """--check with the digest of the same (T, P): 0; any other: 3, and both are told; the answer is printed anyway."""
    digest = tool.json("replay", "--at-position", "9")["digest"]
    tool("replay", "--at-position", "9", "--check", digest)
    answer = tool("replay", "--at-position", "10", "--check", digest, "--format", "json", status=3)
    assert digest in answer.err
    assert answer.document["digest"] in answer.err
    tool("replay", "--at-position", "9", "--check", digest.upper())
    for none in ("nonsense", "", digest[:-1], f"{digest} "):
        assert "--check" in tool("replay", "--check", none, status=2).err


@pytest.mark.parametrize("form", ["table", "csv", "tsv"])
def test_digest_can_be_had_in_every_format(sqlite: Tool, form: str) -> None:
    """The digest is what a replay is for: whatever the format, it is on standard output or told beside it."""
    digest = sqlite.json("replay", "--as-of", "2024-04-01T00:00:00Z")["digest"]
    answer = sqlite("replay", "--as-of", "2024-04-01T00:00:00Z", "--format", form)
    assert digest in answer.out + answer.err


def test_several_at_once(tool: Tool) -> None:
    """The first questions of all, asked by four at the same moment: each projects or waits, and all say the same."""
    answers = {finished(process).out for process in [tool.start("balance", "--format", "json") for _ in range(4)]}
    assert [json.loads(answer)[0]["earned"] for answer in answers] == [772]


# ---- at any time and position


@pytest.mark.parametrize("as_of", ["2024-02-05T00:00:00Z", "2024-03-10T12:00:00Z", "2024-12-31T00:00:00Z"])
def test_any_position_gives_the_figures_known_then(tool: Tool, as_of: str) -> None:
    """G-5: balances and digest at several positions, from none to all, as the fold over the events has them."""
    for position in (0, 4, 6, 8, 11, len(STORY)):
        with tool.ledger() as ledger:
            known = replayed(ledger, parse_instant(as_of), position)
        at = ("--as-of", as_of, "--at-position", str(position))
        expected = [asdict(balance) for balance in known.balances]
        assert tool.json("balance", *at) == expected
        found = tool.json("replay", *at)
        assert (found["digest"], found["content_root"], found["events"]) == (
            known.digest,
            known.content_root,
            position,
        )


def test_team_and_explanations_at_an_earlier_position(tool: Tool) -> None:
    """Before the refund, the release and the late order were known."""
    at = ("--as-of", "2025-01-01T00:00:00Z", "--at-position", "5")
    found = tool.json("explain", "order", "o1", *at)
    assert (found["at_position"], found["refunds"]) == (5, [])
    assert [accrual["kept_minor"] for accrual in tool.json("explain", "member", "ann", *at)["accruals"]] == [695]
    tool("explain", "order", "o2", *at, status=4)
    then = ("--as-of", "2024-03-01T00:00:00Z", "--at-position")
    assert len(tool.json("team", "ann", *then, "7")["team"]) == 3
    assert len(tool.json("team", "ann", *then, "8")["team"]) == 1


@EVERY_READING
def test_position_the_log_does_not_have(sqlite: Tool, command: list[str]) -> None:
    """Beyond the head: 4, and where the log ends; below nought: a usage error."""
    assert "13" in sqlite(*command, "--at-position", "14", status=4).err
    sqlite(*command, "--at-position", "-1", status=2)
    sqlite(*command, "--at-position", "last", status=2)


@pytest.mark.parametrize(
    ("as_of", "zone", "instant"),
    [
        ("2024-02-05", "UTC", "2024-02-05T00:00:00.000000Z"),
        ("2024-07-01", "Europe/London", "2024-06-30T23:00:00.000000Z"),
        ("2024-02-05", "Asia/Kathmandu", "2024-02-04T18:15:00.000000Z"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000000Z"),
        ("2024-02-05T01:00:00+01:00", None, "2024-02-05T00:00:00.000000Z"),
        ("2024-02-05t00:00:00.5z", None, "2024-02-05T00:00:00.500000Z"),
        ("2024-02-05T00:00:00Z", "Europe/London", "2024-02-05T00:00:00.000000Z"),
    ],
)
def test_as_of_is_printed_in_utc(sqlite: Tool, as_of: str, zone: str | None, instant: str) -> None:
    """A date is the start of that day in --tz, given before or after it; the answer names the very instant it is of."""
    tz = () if zone is None else ("--tz", zone)
    for arguments in (("--as-of", as_of, *tz), (*tz, "--as-of", as_of)):
        for command in (["replay"], ["team", "ann"]):
            assert sqlite.json(*command, *arguments)["as_of"] == instant
        assert sqlite.json("balance", *arguments) == sqlite.json("balance", "--as-of", instant)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--as-of", "2024-02-05"],
        ["--as-of", "2024-02-05", "--tz", "Nowhere/Land"],
        ["--as-of", "2024-02-05", "--tz", "Europe"],
        ["--as-of", "2024-02-05", "--tz", ""],
        ["--as-of", "2024-02-05", "--tz", "../../etc/passwd"],
        ["--as-of", "2024-02-05", "--tz", "+01:00"],
        ["--as-of", "2024-02-30", "--tz", "UTC"],
        ["--as-of", "2024-2-5", "--tz", "UTC"],
        ["--as-of", "05/02/2024", "--tz", "UTC"],
        ["--as-of", "2024-02-05T00:00:00"],
        ["--as-of", "2024-02-05T00:00:00", "--tz", "UTC"],
        ["--as-of", "2024-02-05T00:00:60Z"],
        ["--as-of", "yesterday"],
        ["--as-of", ""],
        ["--as-of", "2024-02-05T00:00:00Z", "--tz", "Nowhere/Land"],
    ],
    ids=" ".join,
)
def test_time_that_is_none(sqlite: Tool, arguments: list[str]) -> None:
    """A date without --tz, an unknown zone, no such day, no zone: status 2, and a word about what would do."""
    answer = sqlite("balance", *arguments, status=2)
    assert "Usage:" in answer.err
    if arguments == ["--as-of", "2024-02-05"]:
        assert "--tz" in answer.err.split("Error:")[1]


@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
@EVERY_READING
def test_first_and_last_instant(sqlite: Tool, command: list[str], as_of: str) -> None:
    """Asked about the ends of time, every command answers, or says that nothing is there."""
    sqlite(
        *[part for part in command if part != "--as-of" and not part.startswith("2024")],
        "--as-of",
        as_of,
        status=(0, 4),
    )


def test_order_that_has_not_happened_by_then(sqlite: Tool) -> None:
    """An order after T is in no balance at T: its explanation does not call it pending either."""
    answer = sqlite("explain", "order", "o1", "--as-of", "2024-01-31T00:00:00Z", "--format", "json", status=(0, 4))
    assert answer.status == 4 or answer.document["state"] not in {"pending", "available"}


def test_binding_that_goes_on_has_not_ended(sqlite: Tool) -> None:
    """Asked as of a day within the interval, the explanation does not say that something ended it."""
    then = sqlite.json("explain", "member", "ben", "--as-of", "2024-01-15T00:00:00Z")["bindings"][0]
    later = sqlite.json("explain", "member", "ben", "--as-of", "2024-04-15T00:00:00Z")["bindings"][0]
    assert (then["ended_by"], later["ended_by"]) == (None, "lapse")


# ---- nothing there


@pytest.mark.parametrize(
    "command",
    [
        ["balance", "nobody"],
        ["team", "nobody"],
        ["team", "nobody", "--up"],
        ["explain", "member", "nobody"],
        ["explain", "order", "o9"],
    ],
    ids=" ".join,
)
def test_unknown_member_or_order(tool: Tool, command: list[str]) -> None:
    """Status 4 and the name that was not found: a typing error is no empty answer."""
    assert command[-1] in (answer := tool(*command, status=4)).err or "nobody" in answer.err


@pytest.mark.parametrize("command", [["balance"], ["team"], ["explain", "member"], ["explain", "order"]], ids=" ".join)
@pytest.mark.parametrize("name", ["\udcff", "a b", "", "e\u0301", "x" * 1_000])
def test_argument_that_can_be_no_id(tool: Tool, command: list[str], name: str) -> None:
    """Bytes of another encoding, spaces, nothing, NFD: not found or a usage error, in words."""
    tool(*command, name, status=(2, 4))


def test_buyer_without_a_referrer_is_known(sqlite: Tool) -> None:
    """Who bought something is no stranger, even without a binding or a commission."""
    sqlite.feed(order("z1", "zoe", 100, "2024-02-05T00:00:00Z"))
    assert sqlite.json("explain", "member", "zoe")["accruals"] == []


@EVERY_READING
def test_reading_without_a_store(sqlite: Tool, command: list[str]) -> None:
    """Status 4, the command that makes one, and no file is made by asking."""
    nowhere = Tool("sqlite:///nowhere.db", sqlite.folder)
    assert "refledger init" in nowhere(*command, status=4).err
    assert names_in(sqlite) == []


def test_reading_a_store_that_is_empty(sqlite: Tool, postgres_server: Databases) -> None:
    """A database without tables, of either engine: `refledger init`, status 4."""
    (sqlite.folder / "empty.db").touch()
    assert "refledger init" in Tool("sqlite:///empty.db", sqlite.folder)("balance", status=4).err
    name = f"empty_{uuid4().hex}"
    url = postgres_server.create_database(name)
    assert "refledger init" in Tool(url, sqlite.folder)("balance", status=4).err
    postgres_server.drop_database(name)


def test_store_that_is_none(sqlite: Tool) -> None:
    """A file of something else, a folder: one line, not an error nobody thought of."""
    (sqlite.folder / "letter.db").write_text("Dear Sir or Madam, " * 1_000)
    for url in ("sqlite:///letter.db", "sqlite:///."):
        assert Tool(url, sqlite.folder)("balance", status=(4, 8)).err.startswith("error: ")


@pytest.mark.parametrize("url", ["", "books", "mysql://host/books", "sqlite://", "sqlite:///", "sqlite:books.db"])
@pytest.mark.parametrize("command", ["init", "balance"])
def test_url_of_no_store_we_know(sqlite: Tool, url: str, command: str) -> None:
    """A wrong --db is a usage error in every command, names the forms there are, and makes no file."""
    answer = Tool(url, sqlite.folder)(command, status=2)
    assert "postgresql://" in answer.err
    assert names_in(sqlite) == []


def test_plan_list_of_an_empty_ledger(sqlite_url: str, tmp_path: Path) -> None:
    """No plans, no balances: empty answers, status 0; the latest plan: not found."""
    tool = desk(f"{sqlite_url}2", tmp_path)
    tool("init")
    assert tool.json("plan", "list") == tool.json("balance") == []
    assert tool.json("replay")["digest"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for form in ("table", "csv", "tsv"):
        assert tool("plan", "list", "--format", form).out
    tool("plan", "show", status=4)
    assert json.loads(tool("ingest", tool.write("plan.jsonl", [plan()]), "--format", "json").out)["appended"] == 1
