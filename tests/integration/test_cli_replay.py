"""`replay` on the command line: engines, archives, and what it says when something is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import psutil
import pytest

from ledger.application import Ledger
from projections.archive.reading import Archive
from projections.replay import cluster
from projections.replay.cluster import NoSparkError, replaying_on_spark
from tests.archives import seal
from tests.builders import LATER, bind, commands, order, plan, refund, submit
from tests.cli_runner import Tool, desk
from tests.properties.test_generated import history

AS_OF = ("--as-of", "2024-09-01T00:00:00Z")
ODD = 'a"b\\c'


@pytest.fixture
def tool(ledger: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """A generated year, a member with quotes in its name; the first 800 events sealed."""
    ledger.submit(commands(history(2)))
    submit(ledger, bind("odd", "ben", ODD, "2024-03-01T00:00:00Z"), order("odd", "ben", 999, "2024-03-02T00:00:00Z"))
    made = desk(store_url, tmp_path)
    made("archive", "seal", "sealed", "--at-position", "800", "--segment-events", "300")
    return made


def same(found: dict[str, object], expected: dict[str, object]) -> bool:
    """All but who computed it and how long that took."""
    return {**found, "engine": "", "seconds": 0} == {**expected, "engine": "", "seconds": 0}


def test_every_engine_prints_the_same(tool: Tool) -> None:
    """From the store, and from the archive with the rest from the store."""
    expected = tool.json("replay", "--engine", "python", *AS_OF)
    assert same(tool.json("replay", "--engine", "duckdb", *AS_OF), expected)
    assert same(tool.json("replay", "--archive", "sealed", *AS_OF), expected)
    assert same(
        tool.json("replay", "--archive", "sealed", *AS_OF, "--at-position", "700"),
        tool.json("replay", "--engine", "python", *AS_OF, "--at-position", "700"),
    )


def test_an_archive_alone_is_enough(tool: Tool) -> None:
    """Where all that is asked for is sealed, there need be no store."""
    expected = tool.json("replay", *AS_OF, "--at-position", "800")
    alone = Tool("sqlite:///nothing.db", tool.folder)
    found = alone.json("replay", "--archive", "sealed", *AS_OF, "--at-position", "800", "--redecide")
    assert found.pop("decided_otherwise") == found.pop("otherwise_examples") == []
    assert same(found, expected)
    assert "there is no ledger" in alone("replay", "--archive", "sealed", status=4).err


def test_an_altered_archive_is_not_read(tool: Tool) -> None:
    """Status 3; the file is named."""
    (file,) = (tool.folder / "sealed").glob("*-000000000600/orders.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    answer = tool("replay", "--archive", "sealed", status=3)
    assert "orders.parquet was altered" in answer.err


def test_an_archive_of_another_log_is_not_read(tool: Tool, tmp_path: Path) -> None:
    """Its last event must be the log's."""
    other = Tool(f"sqlite:///{tmp_path}/other.db", tool.folder)
    other("init")
    (tool.folder / "plan.json").write_text('{"plan":1,"at":"2020-01-01T00:00:00Z","rates_ppm":[1]}')
    other("plan", "publish", "plan.json")
    assert "another log" in other("replay", "--archive", "sealed", status=3).err


def spark_or_skip() -> None:
    """Skips where there is no PySpark or no Java."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java: neither on PATH nor in JAVA_HOME")


@pytest.mark.slow
def test_spark_prints_the_same(sqlite_url: str, tmp_path: Path) -> None:
    """Also of a name with quotes; and it says what it needs."""
    spark_or_skip()
    with closing(Ledger(sqlite_url)) as ledger:
        submit(ledger, plan(), bind("b1", "ben", ODD, "2024-03-01T00:00:00Z"))
        submit(
            ledger, order("o1", "ben", 9_990, "2024-03-02T00:00:00Z"), refund("r1", "o1", 99, "2024-03-03T00:00:00Z")
        )
    tool = desk(sqlite_url, tmp_path)
    tool("archive", "seal", "sealed", "--at-position", "2")
    assert "refledger archive seal" in tool("replay", "--engine", "spark", "--archive", "sealed", status=4).err
    assert "--archive DIR" in tool("replay", "--engine", "spark", status=2).err
    tool("archive", "seal", "sealed")
    found = tool.json("replay", "--engine", "spark", "--archive", "sealed", "--master", "local[2]", *AS_OF)
    assert [child for child in psutil.Process().children() if "java" in child.name()] == []
    assert same(found, tool.json("replay", "--engine", "python", *AS_OF))


def test_spark_reads_no_pattern(tool: Tool) -> None:
    """Another archive that an address would match, was it a pattern, must not be read with it."""
    (tool.folder / "sealed").rename(tool.folder / "seal*")
    answer = tool("replay", "--engine", "spark", "--archive", "seal*", "--at-position", "800", status=6)
    assert "for patterns: rename it" in answer.err


def test_spark_is_given_addresses_that_workers_know(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the names that only this process reads remote files by."""
    submit(ledger, plan(), bind("b1", "ben", "ann", "2024-03-01T00:00:00Z"))
    given: list[str] = []

    def started(_master: str, relations: Mapping[str, list[str]]) -> NoReturn:
        given.extend(relations["order_fact"])
        raise NoSparkError

    monkeypatch.setattr(cluster, "_started", started)
    for address in (f"memory://{uuid4().hex}", f"file://{tmp_path}/books"):
        (folder,) = seal(ledger.log, address)
        with pytest.raises(NoSparkError), replaying_on_spark(Archive.open(address), 2, LATER):
            pass
        assert given.pop() == f"{address.removeprefix('file://')}/{folder}/orders.parquet"


def test_spark_without_pyspark(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "pyspark.errors", None)
    answer = tool("replay", "--engine", "spark", "--archive", "sealed", "--at-position", "800", status=6)
    assert "refledger[spark]" in answer.err


def test_an_empty_ledger(store_url: str, tmp_path: Path) -> None:
    """Every engine has an answer to nothing."""
    tool = desk(store_url, tmp_path)
    digests = {tool.json("replay", "--engine", engine)["digest"] for engine in ("python", "duckdb")}
    assert digests == {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
