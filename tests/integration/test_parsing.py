"""A large file is read by a process of its own: same answers, no process left behind, a clear word if it is ended."""

from __future__ import annotations

import gzip
import json
import signal
import threading
import time
from hashlib import sha256
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest

from cli import parsing
from cli.history import Shape, lines
from cli.parsing import Batch, ParserEndedError, parse_lines, reading
from cli.records import Line, open_records
from ledger.errors import RefusedError
from ledger.inputs import AnyInput
from projections.content import ContentRoot
from tests.builders import plan
from tests.cli_runner import Tool

AWKWARD = [
    b"",
    b"{",
    b"\xff",
    b"[1]",
    b'{"type":"order"}',
    b'{"type":"invite","id":"i1","at":"2026-01-01T00:00:00Z","inviter":"ann","channel":"\xf0\x9f\x8f\xa0 \xc3\xa4"}',
    b'{"type":"bind","id":"b1","at":"2026-01-01T00:00:00Z","member":"ben","inviter":"ann"}',
    b'{"type":"bind","id":"b2","at":"2026-01-01T00:00:00Z","member":"ben","inviter":"ann","invite":"i1"}',
    b'{"type":"unbind","id":"u1","at":"2026-01-01T00:00:00Z","member":"ben","reason":"asked"}',
    b'{"type":"refund","id":"r1","at":"2026-01-01T00:00:00Z","order":"o1","currency":"GBP","amount":8796093022207}',
    b'{"type":"refund","id":"r2","at":"0001-01-01T00:00:00Z","order":"o","line":1,"member":"x","currency":"GBP","amount":1}',
    json.dumps(plan()).encode(),
    b"x" * 300_000,
]


def generated(count: int) -> list[bytes]:
    """The first lines of a history."""
    return list(islice(lines(Shape(members=800, orders=20_000)), count))


def batches_of(file: Path, batch_size: int, bytes_min: int) -> tuple[list[Batch], int]:
    """All batches of a file, read by a child if it has at least so many bytes; and its blank lines."""
    with (
        patch.object(parsing, "BYTES_MIN", bytes_min),
        open_records(str(file)) as records,
        reading(records, "shop", batch_size) as batches,
    ):
        return list(batches), records.blank


HISTORY = b"\n".join([*AWKWARD, b"", *(line.rstrip(b"\n") for line in generated(500)), b" ", b""])


@pytest.mark.parametrize("batch_size", [1, 7, 100, 100_000])
@pytest.mark.parametrize("data", [HISTORY, gzip.compress(HISTORY), b""], ids=["plain", "gzip", "empty"])
def test_a_child_reads_as_we_do(tmp_path: Path, batch_size: int, data: bytes) -> None:
    """Every type of record, every kind of bad line, marks and counts come over the pipe as they would be read here."""
    file = tmp_path / "records"
    file.write_bytes(data)
    answer = batches_of(file, batch_size, 0)
    expected = batches_of(file, batch_size, 1 << 62)
    assert answer == expected
    assert [type(one) for batch in answer[0] for one in batch.parsed] == [
        type(one) for batch in expected[0] for one in batch.parsed
    ]


def test_marks_are_those_of_the_lines(tmp_path: Path) -> None:
    """A mark says how many lines are read, which the first is, and what all of them are, whatever the batches."""
    file = tmp_path / "records"
    texts = [text.rstrip(b"\n") for text in generated(300)]
    file.write_bytes(b"\n".join(texts) + b"\n")
    batches, _ = batches_of(file, 100, 0)
    for count, batch in zip((100, 200, 300), batches, strict=True):
        whole = sha256(b"".join(text + b"\n" for text in texts[:count])).hexdigest()
        assert batch.mark == ("shop", sha256(texts[0] + b"\n").hexdigest(), count, whole)


def test_what_comes_before_damage_is_read(tmp_path: Path) -> None:
    """A child tells its parent what is wrong with a file only after all batches before it."""
    file = tmp_path / "cut.gz"
    file.write_bytes(gzip.compress(b"".join(generated(300)))[:-4])
    numbers: list[int] = []
    with patch.object(parsing, "BYTES_MIN", 0), pytest.raises(RefusedError, match="damaged or cut off"):
        read_numbers(str(file), numbers)
    assert numbers == list(range(1, 301))


def test_a_file_that_cannot_be_read() -> None:
    """An error of the disk reaches the parent in the system's words."""
    with patch.object(parsing, "BYTES_MIN", 0), pytest.raises(OSError, match="Input/output error"):
        read_numbers("/proc/self/mem", [])


def read_numbers(file: str, numbers: list[int]) -> None:
    """Adds the numbers of all lines, batch by batch, as far as they can be read."""
    with open_records(file) as records, reading(records, "shop", 70) as batches:
        for batch in batches:
            numbers += batch.numbers


def test_a_child_that_is_ended_is_said(tmp_path: Path) -> None:
    """Whoever ends it (an operator, the kernel out of memory), the run stops with a word on what to do."""
    file = tmp_path / "large.jsonl"
    file.write_bytes(b"".join(generated(20_000)))
    with open_records(str(file)) as records, reading(records, "shop", 10) as batches:
        next(batches)
        for child in psutil.Process().children():
            child.kill()
            child.wait()
        with pytest.raises(ParserEndedError, match="run the same command again"):
            list(batches)


def test_no_child_is_left_by_who_stops_early(tmp_path: Path) -> None:
    """Whatever goes wrong with a batch, leaving the block ends the child and the thread at once."""
    file = tmp_path / "large.jsonl"
    file.write_bytes(b"".join(generated(20_000)))
    with open_records(str(file)) as records, reading(records, "shop", 10) as batches:
        next(batches)
        assert len(psutil.Process().children()) == 1
    assert psutil.Process().children() == []
    assert [thread for thread in threading.enumerate() if "ThreadPool" in thread.name] == []


def test_a_large_file_ends_as_a_pipe_does(sqlite_url: str, tmp_path: Path) -> None:
    """Read ahead by a child, line by line in place, or by a child again after a kill: the same log."""
    file = tmp_path / "large.jsonl"
    file.write_bytes(b"".join(lines(Shape(members=800, orders=5_000))))
    assert file.stat().st_size > parsing.BYTES_MIN
    tools: list[Tool] = []
    for name in ("file", "pipe", "killed"):
        (tmp_path / f"{name}.db").write_bytes(Path(sqlite_url.removeprefix("sqlite:///")).read_bytes())
        tools.append(Tool(f"sqlite:///{tmp_path / name}.db", tmp_path))
    whole, piped, killed = tools
    whole("ingest", str(file), status=(0, 6))
    piped("ingest", "-", stdin=file.read_bytes(), status=(0, 6))
    kill_after(killed, 1_000, "ingest", str(file), "--batch-size", "300")
    assert 1_000 < killed.head() < whole.head()
    assert "going on from there" in killed("ingest", str(file), status=(0, 6)).err
    assert root_of(whole) == root_of(piped) == root_of(killed)


def kill_after(tool: Tool, head: int, *arguments: str) -> None:
    """Starts a command, and kills it once the log has come so far."""
    process = tool.start(*arguments)
    with tool.ledger() as ledger:
        while ledger.log.head() <= head and process.poll() is None:
            time.sleep(0.002)
    process.kill()
    process.communicate()


def root_of(tool: Tool) -> str:
    """Content root of the whole log."""
    root = ContentRoot()
    with tool.ledger() as ledger:
        for row in ledger.log.read():
            root.add(row.topic, row.state)
    return root.hex()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_no_child_is_left_when_its_parent_is_ended(sqlite_url: str, tmp_path: Path, number: signal.Signals) -> None:
    """However an ingest is ended, the process that reads for it ends as well, and without a word."""
    (tmp_path / "large.jsonl").write_bytes(b"".join(generated(20_000)))
    process = Tool(sqlite_url, tmp_path).start("ingest", "large.jsonl", "--batch-size", "100")
    parent, children = psutil.Process(process.pid), list[psutil.Process]()
    deadline = time.monotonic() + 60
    while not children and time.monotonic() < deadline:
        children = parent.children()
        time.sleep(0.01)
    assert children
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    assert err.splitlines() == [] if number == signal.SIGKILL else [b"interrupted; run the same command again to go on"]


def test_inputs_are_texts_and_integers() -> None:
    """What crosses to another process is marshalled: nothing else may be in an input."""
    parsed = parse_lines([Line(1, text, len(text)) for text in AWKWARD], "shop")
    for one in parsed:
        assert all(isinstance(value, str | int | None) for value in one)
    assert any(isinstance(one, AnyInput) for one in parsed)
