"""The books of a year at the command line: periods, statements, what a payout is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from ledger.store.recorder import read_states
from ledger.tree.hashing import root_of
from tests.builders import adjustment, bind, order, plan, refund
from tests.cli_runner import Tool, desk, is_aligned, tables
from tests.finance_history import END, store_of
from tests.finance_tools import two_people

pytestmark = pytest.mark.long_on_postgres

PARTS = ("pending", "available", "reserved")
ACCOUNTS = [("ann", "GBP"), ("ann", "JPY"), ("ben", "GBP"), ("ben", "JPY")]
# Instants before, within and after everything, and one at which a hold ends.
AS_OF = ("2025-01-06T00:00:00Z", "2025-01-15T00:00:00Z", "2025-02-25T12:00:00Z", "2030-01-01T00:00:00Z")


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on a store with the year in it, on each engine."""
    return desk(store_of(store_url), tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only."""
    return desk(store_of(sqlite_url), tmp_path)


def balance(tool: Tool, member: str, currency: str, *at: str) -> dict[str, Any]:
    """A balance as `balance` has it; all 0 where there is none."""
    rows = tool.json("balance", member, "--currency", currency, *at, status=(0, 4))
    return rows[0] if rows else {}


def changes(lines: list[dict[str, Any]]) -> dict[str, int]:
    """What the lines of a statement change in all."""
    return {part: sum(line[f"{part}_minor"] for line in lines) for part in PARTS}


# ---- periods


def test_a_period_is_closed_once(tool: Tool) -> None:
    """The first is there already; the next one is closed, again is a repeat, and nothing before it ever again."""
    april = ("--end", "2025-04-01", "--tz", "UTC")
    assert "closed: everything before 2025-04-01 00:00:00Z" in tool("period", "close", *april).err
    assert "closed already" in tool("period", "close", *april).err
    assert "period_closed" in tool("period", "close", "--end", "2025-02-01T00:00:00Z", status=6).err
    assert "end_in_the_future" in tool("period", "close", "--end", "2999-01-01T00:00:00Z", status=6).err
    closed = tool.json("period", "list")
    assert [row["end"] for row in closed] == ["2025-03-01T00:00:00.000000Z", "2025-04-01T00:00:00.000000Z"]
    for row in closed:
        assert all(sum(classes.values()) == 0 for classes in row["trial_balance"].values())


def test_a_period_can_be_checked(tool: Tool) -> None:
    """Its digest is that of the last instant before its end, its root that of the log at its position."""
    tool("period", "close", "--end", "2025-04-01T00:00:00Z")
    closed = tool.json("period", "list")
    for row, last in zip(closed, ("2025-02-28", "2025-03-31"), strict=True):
        at = ("--as-of", f"{last}T23:59:59.999999Z", "--at-position", str(row["at_position"]))
        tool("replay", *at, "--check", row["digest"])
        totals = tool.json("replay", *at)["totals"]["GBP"]
        trial = row["trial_balance"]["GBP"]
        assert (trial["members:available"], trial["house:payout"]) == (totals["available"], totals["paid"])
        with tool.ledger() as ledger, ledger.log.reading() as session:
            assert root_of(read_states(session, 0, row["at_position"])).hex() == row["root"]


def test_who_records_may_close(store_url: str, tmp_path: Path) -> None:
    """It takes no more rights than any other input; the event says who it was."""
    with two_people(store_of(store_url), tmp_path) as (clerk, _):
        clerk("period", "close", "--end", "2025-04-01T00:00:00Z")
        first, last = clerk.tool.json("period", "list")
        assert first["end"] < last["end"]
        assert last["closed_by"] == (unquote(urlsplit(clerk.tool.url).username or "") or "clerk")


def test_periods_as_a_table(sqlite: Tool) -> None:
    """Digests whole, amounts with their decimals; none was closed before the first was."""
    answer = sqlite("period", "list", "--format", "table").out
    assert all(map(is_aligned, tables(answer)))
    assert "29.78" in answer
    assert sqlite.json("period", "list", "--as-of", "2025-03-01T00:00:00Z") == []
    assert sqlite.json("period", "list", "--at-position", "5") == []
    assert sqlite("period", "list", "--format", "csv").rows("csv")[0]["trial_balance"].startswith("{")


def test_an_empty_ledger_has_no_period(sqlite_url: str, tmp_path: Path) -> None:
    """Nothing to close: 6; nothing to list: an empty answer."""
    empty = desk(sqlite_url, tmp_path)
    assert "nothing_recorded" in empty("period", "close", "--end", "2025-04-01T00:00:00Z", status=6).err
    assert empty.json("period", "list") == []


# ---- statements


@pytest.mark.parametrize(("member", "currency"), ACCOUNTS)
def test_a_statement_closes_with_the_balance(tool: Tool, member: str, currency: str) -> None:
    """At any instant: what is posted up to it is the balance, in every part."""
    for as_of in AS_OF:
        asked = ("statement", member, "--currency", currency, "--as-of", as_of)
        expected = balance(tool, member, currency, "--as-of", as_of)
        if not expected:
            tool(*asked, status=4)
            continue
        found = tool.json(*asked)
        assert found["closing"] == expected
        assert changes(found["lines"]) == {part: expected[part] for part in PARTS}


def test_accounts_that_begin_alike_are_not_mixed_up(store_url: str, tmp_path: Path) -> None:
    """`a:pending` is a member, too: on the same order each statement has its own postings and no others."""
    tool = desk(store_url, tmp_path)
    chain = ("eve", "a", "a:pending", "a:pending:pending")
    tool.feed(
        plan(hold_days=0, min_payout={"GBP": 1}),
        *(bind(f"b{n}", chain[n], chain[n + 1], "2025-01-01T00:00:00Z") for n in range(3)),
        order("o1", "eve", 10_000, "2025-01-05T00:00:00Z"),
        refund("r1", "o1", 1_000, "2025-01-06T00:00:00Z"),
    )
    for member, kept in zip(chain[1:], (900, 450, 180), strict=True):
        found = tool.json("statement", member, "--currency", "GBP")
        assert found["closing"] == balance(tool, member, "GBP")
        assert (found["closing"]["available"], changes(found["lines"])["available"]) == (kept, kept)
        assert [line["level"] for line in found["lines"]] == [chain.index(member)] * 3
        tool("statement", member, "--currency", "GBP", "--html", "page.html")
    tool("payout", "prepare", "--currency", "GBP", "--id", "p")
    found = [tool.json("explain", "payout", f"p.{number}") for number in (1, 2, 3)]
    assert [(one["member"], one["amount_minor"]) for one in found] == [*zip(chain[1:], (900, 450, 180), strict=True)]


def test_ids_of_two_sources_are_told_apart(sqlite_url: str, tmp_path: Path) -> None:
    """In every form; where all is of the default source, tables have no column for it."""
    tool = desk(sqlite_url, tmp_path)
    records = [bind("b1", "ben", "ann", "2025-01-01T00:00:00Z"), order("o1", "ben", 10_000, "2025-01-05T00:00:00Z")]
    tool.feed(plan(), *records, adjustment("a1", "ann", 5, "2025-01-05T00:00:00Z"))
    asked = (("adjustment", "list"), ("explain", "member", "ann"), ("statement", "ann", "--currency", "GBP"))
    assert not any("source" in tool(*command, "--format", "table").out for command in asked)
    file = tool.write("mall.jsonl", [*records[1:], adjustment("a1", "ann", 5, "2025-01-05T00:00:00Z")])
    tool("ingest", file, "--source", "mall")
    for command in asked:
        answer = tool(*command, "--format", "table").out
        assert "mall" in answer
        assert all(map(is_aligned, tables(answer)))
        assert {"default", "mall"} <= {row["source"] for row in tool(*command, "--format", "csv").rows("csv")}
    tool("statement", "ann", "--currency", "GBP", "--html", "page.html")
    page = (tool.folder / "page.html").read_text()
    assert ("order o1" in page, "order mall/o1" in page) == (True, True)


def test_statements_follow_each_other(tool: Tool) -> None:
    """One opens with what the one before closes with, and each leads from one to the other."""
    cuts = [("--to", "2025-01-15T00:00:00Z"), ("--from", "2025-01-15T00:00:00Z", "--to", END), ("--from", END)]
    found = [tool.json("statement", "ben", "--currency", "GBP", *cut) for cut in cuts]
    assert found[0]["closing"] == found[1]["opening"]
    assert found[1]["closing"] == found[2]["opening"]
    assert found[2]["closing"] == balance(tool, "ben", "GBP")
    for one in found:
        assert changes(one["lines"]) == {part: one["closing"][part] - one["opening"][part] for part in PARTS}
    assert [line["kind"] for line in found[0]["lines"]] == ["accrual", "clawback"]


def test_a_closed_statement_never_changes(tool: Tool) -> None:
    """Of February as it was closed; what came late is of the open period, and says where it belongs."""
    closed = tool.json("statement", "ann", "--currency", "GBP", "--period", END)
    position = str(tool.json("period", "list")[0]["at_position"])
    before = ("--as-of", "2025-02-28T23:59:59.999999Z", "--at-position", position)
    assert closed["closing"] == balance(tool, "ann", "GBP", *before)
    assert closed["to"] == "2025-03-01T00:00:00.000000Z"
    still_open = tool.json("statement", "ann", "--currency", "GBP", "--period", "open")
    assert still_open["opening"] == closed["closing"]
    assert still_open["closing"] == balance(tool, "ann", "GBP")
    late = [(line["id"], line["kind"], line["belongs"]) for line in still_open["lines"]]
    assert late[:2] == [("o4", "accrual", closed["to"]), ("r3", "clawback", closed["to"])]
    assert late[2] == ("o4", "maturity", None)
    tool("period", "close", "--end", "2025-04-01T00:00:00Z")
    assert tool.json("statement", "ann", "--currency", "GBP", "--period", END)["lines"] == closed["lines"]


def test_a_statement_as_rows(sqlite: Tool) -> None:
    """In CSV the balances are rows too: opening and changes sum up to the closing."""
    rows = sqlite("statement", "ben", "--currency", "GBP", "--period", "open", "--format", "csv").rows("csv")
    assert (rows[0]["kind"], rows[-1]["kind"]) == ("opening", "closing")
    for part in PARTS:
        amounts = [int(row[f"{part}_minor"]) for row in rows]
        assert sum(amounts[:-1]) == amounts[-1]
    (accrual,) = [row for row in rows if row["kind"] == "accrual"]
    assert (accrual["order"], accrual["buyer"], accrual["level"], accrual["rate_ppm"]) == ("o4", "cat", "1", "100000")


def test_a_statement_as_a_table(sqlite: Tool) -> None:
    """Exact commission and remainder to the last digit."""
    answer = sqlite("statement", "ann", "--currency", "GBP", "--format", "table").out
    assert all(map(is_aligned, tables(answer)))
    for said in ("opening balance", "4.995", "0.005", "closing balance"):
        assert said in answer


def test_a_statement_as_a_page(sqlite: Tool) -> None:
    """Who owes what to whom, with the digest that the figures can be checked with; the same question, the same page."""
    asked = ("statement", "ben", "--currency", "GBP", "--as-of", "2025-05-01T00:00:00Z", "--html")
    assert "closing with 17.49 GBP" in sqlite(*asked, "ben.html", "--issuer", "Shop <Ltd>").err
    page = (sqlite.folder / "ben.html").read_text()
    for said in ("Shop &lt;Ltd&gt;", "promised by phone", "order o4", "payout one.2", "the bank said so", "+12.49"):
        assert said in page
    assert sqlite.json("replay", "--as-of", "2025-05-01T00:00:00Z")["digest"] in page
    assert "reservation" not in page
    sqlite(*asked, "again.html", "--issuer", "Shop <Ltd>")
    assert (sqlite.folder / "again.html").read_text() == page
    sqlite(*asked, "named.html")
    assert '<p class="issuer">ledger</p>' in (sqlite.folder / "named.html").read_text()


def test_the_page_of_a_closed_period(tool: Tool) -> None:
    """It carries the digest of the close."""
    tool("statement", "ann", "--currency", "GBP", "--period", END, "--html", "ann.html")
    assert tool.json("period", "list")[0]["digest"] in (tool.folder / "ann.html").read_text()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (["--period", "open", "--from", END], 2),
        (["--from", END, "--to", "2025-01-01T00:00:00Z"], 2),
        (["--html", "page.html", "--format", "json"], 2),
        (["--period", "2025-03-02T00:00:00Z"], 4),
        (["--period", "march"], 2),
        (["--to", "0001-01-01T00:00:00Z", "--html", "page.html"], 4),
        (["--to", "2024-01-01T00:00:00Z"], 4),
        (["--currency", "EUR"], 4),
    ],
)
def test_statements_that_are_none(sqlite: Tool, more: list[str], status: int) -> None:
    """Options that contradict each other: 2; no such period, nothing posted: 4; and no file is left."""
    sqlite("statement", "ann", "--currency", "GBP", *more, status=status)
    assert list(sqlite.folder.iterdir()) == []


def test_the_open_period_has_to_have_begun(tool: Tool) -> None:
    """Before its beginning what is booked in it follows on no balance: 6, and from when on; from there on it does."""
    asked = ("statement", "ann", "--currency", "GBP", "--period", "open", "--as-of")
    answer = tool(*asked, "2025-02-28T23:59:59Z", "--html", "page.html", status=6)
    assert "begins at 2025-03-01T00:00:00.000000Z" in answer.err
    assert list(tool.folder.iterdir()) == []
    assert tool.json(*asked, END)["closing"] == balance(tool, "ann", "GBP", "--as-of", END)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--issuer", "Shop"], "--html"),
        (["--issuer", "\udcff", "--html", "page.html"], "--issuer"),
        (["--from", "2025-05-01T00:00:00Z", "--as-of", "2025-04-01T00:00:00Z"], "--from is after 2025-04-01 00:00:00Z"),
        (["--from", "2999-01-01T00:00:00Z"], "--from is after"),
        (["--to", END, "--as-of", "2025-02-01T00:00:00Z"], "--to says up to when: leave out --as-of"),
        (["--period", END, "--as-of", "2025-02-01T00:00:00Z"], "--period says up to when: leave out --as-of"),
    ],
)
def test_no_option_of_a_statement_is_ignored(sqlite: Tool, more: list[str], said: str) -> None:
    """What would change nothing, or turn time round, is a usage error that names the option."""
    assert said in sqlite("statement", "ann", "--currency", "GBP", *more, status=2).err
    assert list(sqlite.folder.iterdir()) == []


# ---- what a member's balance is made of


def test_a_member_is_explained_with_all_that_moved(tool: Tool) -> None:
    """Orders, adjustments and payouts; those of a time before one was decided or paid, as far as they came since."""
    found = tool.json("explain", "member", "ben")
    assert [(row["adjustment"], row["amount_minor"], row["state"]) for row in found["adjustments"]] == [
        ("a1", 250, "posted")
    ]
    assert [(row["payout"], row["amount_minor"], row["state"]) for row in found["payouts"]] == [
        ("one.2", 1_249, "returned"),
        ("two.1", 1_749, "reserved"),
    ]
    kept = sum(row["kept_minor"] for row in found["accruals"] if row["currency"] == "GBP")
    assert kept + 250 == sum(balance(tool, "ben", "GBP")[part] for part in (*PARTS, "paid"))
    then = tool.json("explain", "member", "ben", "--as-of", "2025-02-02T00:00:00Z")
    assert [row["payout"] for row in then["payouts"]] == ["one.2"]
    assert tool.json("explain", "member", "ben", "--as-of", "2025-01-22T00:00:00Z")["adjustments"] == []


def test_a_member_explained_as_a_table(sqlite: Tool) -> None:
    """Adjustments, payouts and holds where there are any."""
    sqlite("payout", "freeze", "ben", "--reason", "moved away")
    answer = sqlite("explain", "member", "ben", "--format", "table").out
    assert all(map(is_aligned, tables(answer)))
    for said in ("promised by phone", "two.1   GBP        17.49  reserved", "moved away"):
        assert said in answer
    assert "freezes" in sqlite.json("explain", "member", "ben")
    assert sqlite.json("explain", "member", "ben", "--as-of", "2025-05-01T00:00:00Z")["freezes"] == []
    assert "payouts\n" not in sqlite("explain", "member", "cat", "--format", "table").out


def test_a_reversal_is_told_from_a_refund(sqlite: Tool) -> None:
    """By what it reverses."""
    found = sqlite.json("explain", "order", "o1")["refunds"]
    assert [(row["refund"], row["reverses"]) for row in found] == [("r1", None), ("v1", "r1")]
    assert "reverses" in sqlite("explain", "order", "o1", "--format", "table").out
    assert "reverses" not in sqlite("explain", "order", "o2", "--format", "table").out


# ---- what a payout is made of


def test_a_payout_is_made_of_what_it_pays(tool: Tool) -> None:
    """Carried and contributions are the amount; each order's with level, rate, exact commission, remainder, hold."""
    for payout, amount in (("one.1", 1_729), ("one.2", 1_249), ("two.1", 1_749)):
        found = tool.json("explain", "payout", payout)
        assert found["amount_minor"] == amount
        assert found["carried_minor"] + sum(one["payable_minor"] for one in found["contributions"]) == amount
    first = tool.json("explain", "payout", "one.1")
    accrual = first["contributions"][0]
    expected = {
        "order": "o1",
        "level": 2,
        "rate": "5%",
        "exact": "4.995",
        "commission_minor": 499,
        "remainder": "0.005",
    }
    assert {name: accrual[name] for name in expected} == expected
    assert accrual["counts_from"] == accrual["hold_until"] == "2025-01-15T00:00:00.000000Z"
    assert [(step["kind"], step["reference"]) for step in first["steps"]] == [("submitted", None), ("paid", "bank-1")]


def test_what_a_payout_carries(tool: Tool) -> None:
    """The one before it, and that its money came back."""
    found = tool.json("explain", "payout", "two.1")
    assert (found["previous"], found["carried_minor"], found["state"]) == ("one.2", 1_249, "reserved")
    assert [one["kind"] for one in found["contributions"]] == ["reservation", "accrual", "return"]
    then = tool.json("explain", "payout", "one.2", "--at-position", "16")
    assert (then["state"], len(then["steps"])) == ("submitted", 1)


def test_a_payout_as_a_table(sqlite: Tool) -> None:
    """Facts, steps, contributions; rows of the latter as CSV."""
    answer = sqlite("explain", "payout", "one.1", "--format", "table").out
    assert len(tables(answer)) == 3
    assert all(map(is_aligned, tables(answer)))
    rows = sqlite("explain", "payout", "one.1", "--format", "csv").rows("csv")
    assert sum(int(row["payable_minor"]) for row in rows) == 1_729


@pytest.mark.parametrize("payout", ["one.3", "one", "three.1", "one.x", "one.-1"])
def test_payouts_that_are_none(sqlite: Tool, payout: str) -> None:
    """4, and its name."""
    assert payout in sqlite("explain", "payout", payout, status=4).err
    sqlite("explain", "payout", "one.1", "--as-of", "2025-01-31T00:00:00Z", status=4)
