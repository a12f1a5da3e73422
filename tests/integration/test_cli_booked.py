"""The postings of a year carried out of the store: as tables, and as journals in the programs they are for."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ledger.decimals import decimal_text
from projections.journals.accounts import account_name
from tests.cli_runner import Answer, Tool, desk
from tests.finance_history import END, store_of

pytestmark = pytest.mark.long_on_postgres

DECIMALS = {"GBP": 2, "JPY": 0}
PARTS = ("pending", "available", "reserved")
AS_OF = ("2025-01-06T00:00:00Z", "2025-01-15T00:00:00Z", "2025-02-25T12:00:00Z", "2030-01-01T00:00:00Z")
TIMES = {"value_at", "period", "belongs"}


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on a store with the year in it, on each engine."""
    return desk(store_of(store_url), tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only."""
    return desk(store_of(sqlite_url), tmp_path)


def sums(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """What is on each account: credits less debits."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found[row["credit"], row["currency"]] += int(row["amount"])
        found[row["debit"], row["currency"]] -= int(row["amount"])
    return found


@pytest.mark.parametrize("as_of", AS_OF)
def test_postings_are_the_balances(tool: Tool, as_of: str) -> None:
    """Summed by account they are what `balance` says, at every instant; and nothing in all."""
    rows = tool("export", "postings", "-o", "-", "--as-of", as_of).rows("csv")
    found = sums(rows)
    assert sum(found.values()) == 0
    for row in tool.json("balance", "--as-of", as_of):
        for part in PARTS:
            assert found.pop((f"member:{row['member']}:{part}", row["currency"]), 0) == row[part]
    assert not [account for (account, _), minor in found.items() if minor and account.startswith("member:")]


def test_every_form_has_the_same_postings(sqlite: Tool) -> None:
    """CSV, JSON Lines and Parquet, with columns as in a bundle and the periods."""
    for name in ("p.csv", "p.jsonl", "p.parquet"):
        assert f"27 postings in {name}" in sqlite("export", "postings", "-o", name).err
    lines = [json.loads(line) for line in (sqlite.folder / "p.jsonl").read_text().splitlines()]
    csv_rows = Answer(0, (sqlite.folder / "p.csv").read_text(), "").rows("csv")
    assert csv_rows == [{name: "" if cell is None else str(cell) for name, cell in line.items()} for line in lines]
    parquet = duckdb.connect()
    parquet.execute("SET TimeZone = 'UTC'")
    found = parquet.read_parquet(str(sqlite.folder / "p.parquet"))
    assert found.columns == [*lines[0]]
    read = found.select('"order", kind, level, position, debit, credit, currency, amount').fetchall()
    assert read == [tuple(line[name] for name in found.columns if name not in TIMES) for line in lines]
    late = [(line["order"], line["kind"]) for line in lines if line["belongs"]]
    assert late == [("order-o2", "clawback"), ("order-o4", "accrual"), ("order-o4", "accrual")]
    parquet.close()


def test_periods_share_the_postings(tool: Tool) -> None:
    """Each is in one; those of a closed one stay, and sum up to its trial balance."""
    every = tool("export", "postings", "-o", "-").rows("csv")
    closed, still_open = (tool("export", "postings", "-o", "-", "--period", name).rows("csv") for name in (END, "open"))
    assert [row for row in every if row["period"]] == closed
    assert [row for row in every if not row["period"]] == still_open
    at_close = tool("export", "postings", "-o", "-", "--period", END, "--at-position", "19").rows("csv")
    assert sums(at_close) == sums(closed)
    trial = tool.json("period", "list")[0]["trial_balance"]["GBP"]
    assert sums(closed)["house:payout", "GBP"] == trial["house:payout"]
    tool("export", "postings", "-o", "-", "--period", "2025-02-01T00:00:00Z", status=4)
    tool("export", "postings", "-o", "-", "--period", END, "--at-position", "18", status=4)


def test_postings_that_cannot_be_had(sqlite: Tool) -> None:
    """No form, no such position; and no file is left."""
    sqlite("export", "postings", "-o", "postings", status=2)
    sqlite("export", "postings", "-o", "p.csv", "--at-position", "99", status=4)
    assert list(sqlite.folder.iterdir()) == []
    assert sqlite("export", "postings", "-o", "-", "--at-position", "0").out.count("\n") == 1


# ---- journals


def expected_accounts(tool: Tool) -> set[tuple[str, str]]:
    """Every account of a member that is not 0, as `balance` has it, by its name in a journal."""
    return {
        (
            account_name(f"member:{row['member']}:{part}"),
            f"{decimal_text(-row[part], DECIMALS[row['currency']])} {row['currency']}",
        )
        for row in tool.json("balance")
        for part in PARTS
        if row[part]
    }


def run(*command: str, stdin: str = "") -> str:
    """What a program says; it has to have nothing against it."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    answer = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout


def test_the_journal_in_ledger(tool: Tool) -> None:
    """Pedantic, it has nothing to say; members have what `balance` says, in all nothing."""
    journal = tool("export", "journal", "-o", "-", "--format", "ledger", "--closing").out
    form = "%(account)\t%(display_total)\n"
    options = ("--args-only", "-f", "-", "--pedantic", "balance", "--flat", "--balance-format", form)
    account, found = "", set[tuple[str, str]]()
    for line in run("ledger", *options, "--no-total", stdin=journal).splitlines():
        named, tab, amount = line.partition("\t")
        account, amount = (named, amount) if tab else (account, line)
        found.add((account, amount.strip()))
    assert {row for row in found if row[0].startswith("Liabilities")} == expected_accounts(tool)


def test_the_journal_in_hledger(tool: Tool) -> None:
    """Strictly checked, with the closing balances; the same figures."""
    tool("export", "journal", "-o", "year.journal", "--format", "hledger", "--closing")
    path = str(tool.folder / "year.journal")
    assert run("hledger", "-f", path, "check", "--strict") == ""
    answer = run("hledger", "-f", path, "balance", "--flat", "--no-total", "-O", "csv", "Liabilities")
    rows = [*csv.reader(answer.splitlines())][1:]
    found = {(account, amount) for account, amounts in rows for amount in amounts.split(", ")}
    assert found == expected_accounts(tool)


def test_the_journal_in_beancount(sqlite: Tool) -> None:
    """Nothing to say against it."""
    sqlite("export", "journal", "-o", "year.beancount", "--format", "beancount", "--closing")
    assert run("bean-check", str(sqlite.folder / "year.beancount")) == ""


def test_the_journal_of_a_period(tool: Tool) -> None:
    """Only what is booked in it, and which; of every posting the whole journal says its own."""
    whole, closed, still_open = (
        tool("export", "journal", "-o", "-", "--format", "hledger", "--as-of", "2026-01-01T00:00:00Z", *more).out
        for more in ((), ("--period", END), ("--period", "open"))
    )
    tag = "; period: 2025-03-01T00:00:00.000000Z"
    assert whole.count(tag) == closed.count(tag) > 0
    assert tag not in still_open
    assert whole.count("; stream:") == closed.count("; stream:") + still_open.count("; stream:")
    assert "as of 2026-01-01 00:00:00Z, at position 25" in whole
