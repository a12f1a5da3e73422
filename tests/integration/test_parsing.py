"""A large file is parsed by a process of its own: same answers, no process left behind, a clear word if it is ended."""

from __future__ import annotations

import json
import signal
import time
from itertools import islice
from pathlib import Path

import psutil
import pytest

from cli import parsing
from cli.history import Shape, lines
from cli.parsing import ParserEndedError, parse_lines, parser
from ledger.application import Ledger
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


def test_a_child_parses_as_we_do() -> None:
    """Every type of record and every kind of bad line comes back over the pipe as it would be parsed here."""
    texts = [*AWKWARD, *(line.rstrip(b"\n") for line in islice(lines(Shape(members=50, orders=300)), 500))]
    with parser("shop", parsing.BYTES_MIN) as parse:
        answer = parse(texts)
        assert parse([]) == []
    assert answer == parse_lines(texts, "shop")
    assert [type(one) for one in answer] == [type(one) for one in parse_lines(texts, "shop")]


def test_a_child_that_is_ended_is_said() -> None:
    """Whoever ends it (an operator, the kernel out of memory), the run stops with a word on what to do."""
    with parser("shop", parsing.BYTES_MIN) as parse:
        parse([b"{}"])
        for child in psutil.Process().children():
            child.kill()
            child.wait()
        with pytest.raises(ParserEndedError, match="run the same command again"):
            parse([b"{}"])


def test_a_large_file_ends_as_a_pipe_does(sqlite_url: str, tmp_path: Path) -> None:
    """Parsed ahead in a child or line by line in place: the same log."""
    file = tmp_path / "large.jsonl"
    file.write_bytes(b"".join(lines(Shape(members=800, orders=5_000))))
    assert file.stat().st_size > parsing.BYTES_MIN
    roots: list[str] = []
    for name, arguments, stdin in (("file", [str(file)], b""), ("pipe", ["-"], file.read_bytes())):
        url = f"sqlite:///{tmp_path / name}.db"
        (tmp_path / f"{name}.db").write_bytes(Path(sqlite_url.removeprefix("sqlite:///")).read_bytes())
        Tool(url, tmp_path)("ingest", *arguments, "--rejects", "rejects.jsonl", stdin=stdin, status=(0, 6))
        ledger = Ledger(url)
        root = ContentRoot()
        for row in ledger.log.read():
            root.add(row.topic, row.state)
        roots.append(root.hex())
        ledger.close()
    assert roots[0] == roots[1]


def test_no_child_is_left_when_its_parent_is_killed(sqlite_url: str, tmp_path: Path) -> None:
    """An ingest is killed with -9: the process that parsed for it ends by itself."""
    (tmp_path / "large.jsonl").write_bytes(b"".join(lines(Shape(members=800, orders=20_000))))
    process = Tool(sqlite_url, tmp_path).start("ingest", "large.jsonl", "--batch-size", "100")
    parent, children = psutil.Process(process.pid), list[psutil.Process]()
    deadline = time.monotonic() + 60
    while not children and time.monotonic() < deadline:
        children = parent.children()
        time.sleep(0.01)
    assert children
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def test_inputs_are_texts_and_integers() -> None:
    """What crosses to another process is marshalled: nothing else may be in an input."""
    for one in parse_lines(AWKWARD, "shop"):
        assert all(isinstance(value, str | int | None) for value in one)
    assert any(isinstance(one, AnyInput) for one in parse_lines(AWKWARD, "shop"))
