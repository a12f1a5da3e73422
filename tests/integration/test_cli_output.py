"""What commands that read print: tables, csv, tsv, JSON, files, terminals and pipes."""

import json
import os
from pathlib import Path

import pytest

from tests.builders import order
from tests.cli_runner import Tool, is_aligned, tables
from tests.shop_records import AT, READING, names_in, told

pytestmark = pytest.mark.long_on_postgres

EVERY_READING = pytest.mark.parametrize("command", READING.values(), ids=list(READING))


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on a store with the story in it, on each engine."""
    return told(store_url, tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only: for what no store has a part in."""
    return told(sqlite_url, tmp_path)


# ---- formats


@EVERY_READING
def test_table_lines_up(sqlite: Tool, command: list[str]) -> None:
    """Every section has its columns under one another, nothing is cut off, amounts have their decimals."""
    answer = sqlite(*command, "--format", "table")
    assert tables(answer.out)
    assert all(is_aligned(table) for table in tables(answer.out)), answer.out
    assert "minor" not in answer.out


@pytest.mark.parametrize("form", ["csv", "tsv"])
@EVERY_READING
def test_csv_and_tsv_are_one_table(sqlite: Tool, command: list[str], form: str) -> None:
    """A heading and rows of as many cells, amounts in minor units, read by any parser; tsv when piped."""
    answer = sqlite(*command, "--format", form)
    rows = answer.rows(form)
    assert all(None not in row.values() for row in rows)
    if form == "tsv":
        assert answer.out.count("\t") == (len(rows) + 1) * answer.out.split("\n", 1)[0].count("\t")
        assert sqlite(*command).rows("tsv")[:1] == rows[:1] or command[0] == "replay"


@EVERY_READING
def test_json_is_one_document(sqlite: Tool, command: list[str]) -> None:
    """An object or a list, in UTF-8, amounts as integers, times in UTC."""
    answer = sqlite(*command, "--format", "json")
    assert answer.out[0] in "{["
    assert "\\u" not in answer.out
    assert answer.out.endswith("\n")
    fractions: list[str] = []
    json.loads(answer.out, parse_float=fractions.append)
    assert len(fractions) == ("seconds" in answer.out)


def test_amounts_in_tables_have_the_exponent_of_their_currency(sqlite: Tool) -> None:
    """13.91 pounds, 50 yen, 0.250 dinar."""
    sqlite.feed(order("k1", "猫", 2_500, "2024-02-05T00:00:00Z", currency="KWD"))
    cells = {tuple(line.split()[:3]) for line in sqlite("balance", "--format", "table").out.splitlines()}
    assert {("ben", "GBP", "13.91"), ("cat", "JPY", "50"), ("cat", "KWD", "0.250")} <= cells


@pytest.mark.parametrize(
    "member",
    [
        "猫猫",
        "Zoë",
        "ก\u0e31น",
        "हिन\u094dदी",
        "\u0645\u06cc\u200c\u062e",
        "שָׁלוֹם",
        "ｱｲｳ",
        "a" * 128,
        "=1+1",
        '"',
        "a|b,c;d",
    ],
)
def test_ids_of_any_script_line_up(sqlite: Tool, member: str) -> None:
    """Wide characters take two cells, marks and joiners none; csv and tsv give the id back as it was."""
    sqlite.feed(
        {"type": "bind", "id": "x1", "member": "dan", "inviter": member, "at": AT},
        order("x2", "dan", 1_000, "2024-01-15T00:00:00Z"),
    )
    (table,) = tables(sqlite("balance", "--format", "table").out)
    assert is_aligned(table), "\n".join(table)
    for form in ("csv", "tsv"):
        assert member in {row["member"] for row in sqlite("balance", "--format", form).rows(form)}
    assert sqlite.json("balance", member)[0]["earned"] == 100


@EVERY_READING
def test_output_file(sqlite: Tool, command: list[str]) -> None:
    """-o: the same bytes as on standard output, which stays empty; the old file is replaced, nothing else is left."""
    fixed = [*command, "--format", "csv"]
    (sqlite.folder / "out.csv").write_text("from last month")
    answer = sqlite(*fixed, "-o", "out.csv")
    assert answer.out == ""
    assert (sqlite.folder / "out.csv").read_bytes().decode() == sqlite(*fixed).out
    assert names_in(sqlite) == ["out.csv"]


def test_a_dash_is_standard_output(sqlite: Tool) -> None:
    """As for exports: no file of that name is made."""
    assert sqlite("balance", "-o", "-").out == sqlite("balance").out
    assert names_in(sqlite) == []


def test_output_file_stays_when_the_question_fails(sqlite: Tool) -> None:
    """No answer, no new file: last month's is not emptied."""
    (sqlite.folder / "out.csv").write_text("from last month")
    sqlite("explain", "order", "o9", "-o", "out.csv", status=4)
    assert (sqlite.folder / "out.csv").read_text() == "from last month"
    sqlite("balance", "-o", ".", status=2)
    answer = sqlite("balance", "-o", "no/out.csv", status=2)
    assert "no/out.csv" in answer.err
    assert ".partial" not in answer.err


def test_output_through_a_link_keeps_the_link(sqlite: Tool) -> None:
    """What is no regular file is written through, never replaced: a link here, /dev/stdout elsewhere."""
    target, link = sqlite.folder / "target.csv", sqlite.folder / "link.csv"
    target.write_text("")
    link.symlink_to(target)
    sqlite("balance", "-o", "link.csv")
    assert link.is_symlink()
    assert target.read_text().startswith("member")


# ---- standard output


@EVERY_READING
def test_data_goes_to_standard_output_talk_elsewhere(tool: Tool, command: list[str]) -> None:
    """In a process of its own, with -v: standard output is the document and nothing else."""
    assert tool("-v", *command, "--format", "json").document


def test_reader_that_has_enough(sqlite: Tool) -> None:
    """`| head`: nobody listens any more; no complaint, status 0."""
    for command in (["balance"], ["replay", "--format", "table"]):
        read, write = os.pipe()
        process = sqlite.start(*command, stdout=write)
        os.close(write)
        os.close(read)
        assert b"error" not in process.communicate(timeout=60)[1].lower()
        assert process.returncode == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_disk_that_is_full(sqlite: Tool, unbuffered: str) -> None:
    """One line, status 1: an answer cut short is never taken for whole, however the interpreter buffers it."""
    with Path("/dev/full").open("wb") as full:
        process = sqlite.start("balance", stdout=full.fileno(), environment={"PYTHONUNBUFFERED": unbuffered})
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(b"error: ")
    assert err.count(b"\n") == 1


def test_nothing_to_do_draws_no_bar(sqlite: Tool) -> None:
    """On a terminal a second question, with nothing left to project, shows its answer and nothing else."""
    sqlite("balance")
    assert "\r" not in sqlite.on_terminal("balance")


def test_terminal_gets_tables_without_colour(sqlite: Tool) -> None:
    """A table on a terminal; NO_COLOR takes what colour there is away."""
    assert "----" in sqlite.on_terminal("balance")
    for command in (["balance"], ["demo", "--members", "5", "--orders", "20"]):
        assert "\x1b[1m" not in sqlite.on_terminal(*command, NO_COLOR="1")
