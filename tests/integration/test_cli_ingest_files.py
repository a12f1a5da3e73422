"""`refledger ingest`: what it reads, whatever the file, and the rejects it writes."""

import gzip
import json
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import LINE_BYTES_MAX
from tests.builders import order, plan, refund
from tests.cli_runner import Tool, desk, json_lines
from tests.shop_records import AT, MIXED, REJECTED, names_in, orders, rejects_of

pytestmark = pytest.mark.long_on_postgres


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command in an empty folder, on an empty store of each engine."""
    return desk(store_url, tmp_path)


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Tool:
    """The same on SQLite only: for what no store has a part in."""
    return desk(sqlite_url, tmp_path)


# ---- rejects


def test_rejects_hold_every_rejected_line(tool: Tool) -> None:
    """Number, reason, message and the record itself; refusals and repeats are no rejects; no temporary file stays."""
    name = tool.write("mixed.jsonl", MIXED)
    answer = tool("ingest", name, "--rejects", "rejects.jsonl", status=5)
    entries = rejects_of(tool)
    assert {entry["line"]: entry["reason"] for entry in entries} == REJECTED
    records = {entry["line"]: entry["record"] for entry in entries}
    assert records[9] == MIXED[8]
    assert records[18] == MIXED[17]
    assert names_in(tool) == ["mixed.jsonl", "rejects.jsonl"]
    assert "6 lines" in answer.err
    assert "rejects.jsonl" in answer.err


def test_rejects_may_be_fed_again(sqlite: Tool) -> None:
    """Once its cause is gone, the record of a reject is a record: a refund that was too early."""
    records: list[object] = [plan(), refund("r1", "o1", 10, "2024-01-06T00:00:00Z")]
    sqlite("ingest", sqlite.write("records.jsonl", records), "--rejects", "rejects.jsonl", status=6)
    again = [entry["record"] for entry in rejects_of(sqlite)]
    assert sqlite.feed(order("o1", "cat", 100, AT), *again)["appended"] == 2


def test_rejects_of_a_clean_run_are_an_empty_file(sqlite: Tool) -> None:
    """The file of an earlier run is replaced: what it holds belongs to this run."""
    (sqlite.folder / "rejects.jsonl").write_text("from last week\n")
    sqlite("ingest", sqlite.write("records.jsonl", [plan()]), "--rejects", "rejects.jsonl")
    assert rejects_of(sqlite) == []


ODD_LINES = {
    "a lone surrogate": rb'{"type":"order","id":"\ud800"}',
    "NaN": b'{"type":"order","amount":NaN}',
    "an infinity": b'{"type":"order","amount":1e999}',
    "not UTF-8": b'{"type":"order","id":"\xff"}',
    "a NUL": b'{"type":"order","id":"\0"}',
    "a nesting bomb": b"[" * 100_000,
    "a number of 5,000 digits": b'{"type":"order","amount":' + b"9" * 5_000 + b"}",
    "a terminal's control codes": rb'{"type":"order","\u001b[2J\u001b[31m":1}',
    "utf-16": '{"type":"order"}'.encode("utf-16-le"),
    "ten megabytes": b'{"type":"order","id":"' + b"x" * 10_000_000 + b'"}',
    "a list": b'[{"type":"order"}]',
}


@pytest.mark.parametrize("line", ODD_LINES.values(), ids=list(ODD_LINES))
def test_rejects_can_hold_any_line(sqlite: Tool, line: bytes) -> None:
    """Whatever a line holds, its reject is strict JSON of moderate size, the lines around it are kept, and counted."""
    name = sqlite.write("records.jsonl", [plan(), line, order("o1", "cat", 1, AT)])
    summary = sqlite("ingest", name, "--rejects", "rejects.jsonl", "--format", "json", status=6)
    assert [summary.document[key] for key in ("read", "appended", "invalid")] == [3, 2, 1]
    assert [entry["line"] for entry in rejects_of(sqlite)] == [2]
    assert (sqlite.folder / "rejects.jsonl").stat().st_size < 1_000_000
    assert "\x1b" not in summary.err


def test_words_of_a_line_never_steer_the_terminal(sqlite: Tool) -> None:
    """Control codes in a key or a value are shown escaped: they neither clear the screen nor fake a line."""
    lines = [rb'{"type":"order","\u001b[2Jpaid\n":1}', order("o1", "\x1b[2J", 1, AT), {**plan(), "x\r\nerror: y": 1}]
    screen = sqlite.on_terminal("ingest", sqlite.write("records.jsonl", lines), status=6)
    assert "\x1b[2J" not in screen
    assert screen.count("line ") == 3
    assert not any(line.startswith("error: y") for line in screen.splitlines())


def test_rejects_never_replace_the_input(sqlite: Tool) -> None:
    """Named twice by mistake, the only copy of the records stays as it was."""
    name = sqlite.write("records.jsonl", [plan(), "{"])
    before = (sqlite.folder / name).read_bytes()
    sqlite("ingest", name, "--rejects", name, status=2)
    assert (sqlite.folder / name).read_bytes() == before


def test_rejects_into_a_pipe_leave_it_a_pipe(sqlite: Tool) -> None:
    """What is no regular file, as /dev/null or a named pipe, is written to and never replaced by a file."""
    os.mkfifo(sqlite.folder / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((sqlite.folder / "pipe").read_bytes()), daemon=True)
    reader.start()
    sqlite("ingest", sqlite.write("records.jsonl", [plan(), "{"]), "--rejects", "pipe", status=6)
    assert (sqlite.folder / "pipe").is_fifo()
    reader.join(10)
    assert b"bad_json" in got[0]


def test_rejects_without_room_for_them(sqlite: Tool) -> None:
    """The one line names the file whose disk is full; what was recorded before stays."""
    answer = sqlite("ingest", sqlite.write("records.jsonl", [plan(), "{"]), "--rejects", "/dev/full", status=1)
    assert "error: " in answer.err
    assert "No space left on device: '/dev/full'" in answer.err
    assert sqlite.head() == 1


def test_rejects_in_a_folder_that_is_not_there(sqlite: Tool) -> None:
    """A usage error that names the file asked for, before anything is recorded."""
    answer = sqlite("ingest", sqlite.write("records.jsonl", [plan()]), "--rejects", "no/rejects.jsonl", status=2)
    assert "no/rejects.jsonl" in answer.err
    assert ".partial" not in answer.err
    assert sqlite.head() == 0


# ---- what is read


def compressed(records: list[Any]) -> bytes:
    """Records as a gzip file."""
    return gzip.compress(json_lines(records))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plain.gz", json_lines([plan(), *orders(2)])),
        ("zipped.jsonl", compressed([plan(), *orders(2)])),
        ("zipped.gz", compressed([plan(), *orders(2)])),
        ("members.gz", compressed([plan()]) + compressed(orders(2))),
        ("bom.jsonl", b"\xef\xbb\xbf" + json_lines([plan(), *orders(2)])),
        ("windows.jsonl", json_lines([plan(), *orders(2)]).replace(b"\n", b"\r\n")),
        ("no-end.jsonl", json_lines([plan(), *orders(2)]).rstrip(b"\n")),
        ("blank.jsonl", b"\n\r\n \t\n" + json_lines([plan(), *orders(2)]).replace(b"\n", b"\n\n")),
        ("späße.jsonl", json_lines([plan(), *orders(2)])),
        ("-rf", json_lines([plan(), *orders(2)])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_file_of_any_name_and_form(sqlite: Tool, name: str, data: bytes) -> None:
    """Gzip by content, several members, a byte order mark, Windows line ends, blank lines, no last line end."""
    (sqlite.folder / name).write_bytes(data)
    summary = sqlite("ingest", "--format", "json", "--", name).document
    assert [summary[key] for key in ("read", "appended", "invalid")] == [5, 5, 0]


@pytest.mark.parametrize("data", [b"", b"\n\n \n", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf"])
def test_nothing_in_it(sqlite: Tool, data: bytes) -> None:
    """An empty file, plain or gzip, or blank lines alone: status 0, and a word about it."""
    (sqlite.folder / "nothing.jsonl").write_bytes(data)
    answer = sqlite("ingest", "nothing.jsonl", "--format", "json")
    assert answer.document["read"] == 0
    assert "no records" in answer.err


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(sqlite: Tool, pack: Callable[[bytes], bytes]) -> None:
    """`-` reads a real pipe, gzip or not."""
    answer = sqlite.process("ingest", "-", "--format", "json", stdin=pack(json_lines([plan(), *orders(2)])))
    assert answer.document["appended"] == 5


def test_standard_input_by_its_path(sqlite: Tool) -> None:
    """`/dev/stdin`, and so `<(zcat orders.gz)`, is a pipe like any other, over several batches."""
    data = json_lines([plan(), *orders(5)])
    answer = sqlite.process("ingest", "/dev/stdin", "--batch-size", "2", "--format", "json", stdin=data)
    assert answer.document["appended"] == 11


@pytest.mark.parametrize("cut_bytes", [30_000, 8, 0], ids=["in the middle", "before its checksum", "more after it"])
def test_damaged_gzip_keeps_the_lines_before(sqlite: Tool, cut_bytes: int) -> None:
    """Status 6, one line that says so, and every whole line before the damage is in the ledger."""
    numbered = [{**record, "seq": os.urandom(8).hex()} for record in orders(2_000)]
    data = compressed([plan(), *numbered])
    data = data[:-cut_bytes] if cut_bytes else data + b"something else"
    whole = zlib.decompressobj(31).decompress(data).count(b"\n")
    (sqlite.folder / "cut.gz").write_bytes(data)
    answer = sqlite("ingest", "cut.gz", "--format", "json", status=6)
    assert "damaged or cut off" in answer.err
    assert answer.document["appended"] == whole


@pytest.mark.parametrize("excess", [0, 1])
def test_longest_line_has_its_line_end_for_free(sqlite: Tool, excess: int) -> None:
    """262,144 bytes and a line end are a record; one byte more is too long, by its own length, and only this line."""
    line = json.dumps(order("o1", "cat", 1, AT)).ljust(LINE_BYTES_MAX + excess)
    name = sqlite.write("records.jsonl", [plan(), line, order("o2", "cat", 1, AT)])
    answer = sqlite("ingest", name, "--format", "json", status=6 if excess else 0)
    assert answer.document["appended"] == 3 - excess
    if excess:
        assert f"line 2: line_too_long: {LINE_BYTES_MAX + 1} bytes" in answer.err


def test_what_cannot_be_read(sqlite: Tool) -> None:
    """A folder or a file that is not there: a usage error; a file that fails while it is read: one line."""
    for name in (".", "nothing.jsonl"):
        assert name in sqlite("ingest", name, status=2).err
    answer = sqlite.process("ingest", "/proc/self/mem", status=1)
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(sqlite: Tool) -> None:
    """A usage error that names the file."""
    name = sqlite.write("secret.jsonl", [plan()])
    (sqlite.folder / name).chmod(0)
    assert name in sqlite("ingest", name, status=2).err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["records.jsonl", "records.jsonl"],
        ["records.jsonl", "--batch-size", "0"],
        ["records.jsonl", "--batch-size", "many"],
        ["records.jsonl", "--source", ""],
        ["records.jsonl", "--source", "a b"],
        ["records.jsonl", "--source", "a/b"],
        ["records.jsonl", "--source", "x" * 65],
        ["records.jsonl", "--format", "xml"],
        ["records.jsonl", "--rejects", "."],
        ["records.jsonl", "--nonsense"],
    ],
)
def test_usage(sqlite: Tool, arguments: list[str]) -> None:
    """A wrong call is status 2, and records nothing."""
    sqlite.write("records.jsonl", [plan()])
    assert "Usage:" in sqlite("ingest", *arguments, status=2).err
    assert sqlite.head() == 0


def test_actor_that_is_none(sqlite: Tool) -> None:
    """A label with a space in it is a usage error."""
    sqlite("--actor", "Jane Doe", "ingest", sqlite.write("records.jsonl", [plan()]), status=2)


def test_actor_goes_into_every_event(tool: Tool) -> None:
    """The label of --actor, or of its variable."""
    tool("--actor", "jane@shop", "ingest", tool.write("plan.jsonl", [plan()]))
    tool.process("ingest", tool.write("order.jsonl", [order("o1", "cat", 1, AT)]), REFLEDGER_ACTOR="nightly")
    with tool.ledger() as ledger:
        actors = [json.loads(row.state)["actor"] for row in ledger.log.read()]
    assert actors == ["jane@shop", "nightly"]


def test_every_option_has_a_variable(sqlite: Tool) -> None:
    """As the help says: REFLEDGER_INGEST_SOURCE is --source, REFLEDGER_DB is --db."""
    name = sqlite.write("records.jsonl", [plan(), order("o1", "cat", 1, AT)])
    sqlite.process("ingest", name, REFLEDGER_INGEST_SOURCE="shop")
    with sqlite.ledger() as ledger:
        assert [row.stream for row in ledger.log.read()] == ["plan-1", "order@shop/o1"]
