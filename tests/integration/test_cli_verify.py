"""`refledger verify` and the verifier by itself: words, statuses, formats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from projections.verify import running
from tests.builders import ROOT
from tests.cli_runner import Tool, desk
from tests.evidence import OTHER_KEY, VERIFIER, Telling, edited, manifested, position_of, put

VKEY = str(VERIFIER)


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """The command, with a store that is not there."""
    return desk("sqlite:///nowhere.db", tmp_path)


def alone(folder: Path, *words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """The verifier by itself, from another folder, with no site packages of ours but the one that signatures need."""
    return subprocess.run(
        [sys.executable, "-m", "projections.verify", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_good_bundle(tool: Tool, small_log: list[bytes]) -> None:
    """Both say the same; no database is asked."""
    Telling(small_log).at(tool.folder / "bundle")
    document = tool.json("verify", "bundle", "--key", VKEY)
    assert document["verdict"] == {"integrity": "ok", "re-performed": "yes"}
    assert (document["findings"], document["findings_total"]) == ([], 0)
    found = alone(tool.folder, "bundle", "--key", VKEY, "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout) == document
    assert "integrity: ok\nre-performed: yes\n" in alone(tool.folder, "bundle", "--key", VKEY).stdout


def test_a_verdict_that_cannot_be_written(tool: Tool, small_log: list[bytes]) -> None:
    """Is none: one line, and no status that says what it was."""
    Telling(small_log).at(tool.folder / "bundle")
    with Path("/dev/full").open("wb") as full:
        found = alone(tool.folder, "bundle", "--key", VKEY, stdout=full.fileno())
    assert (found.returncode, found.stderr) == (1, "error: the verdict cannot be written: No space left on device\n")


@pytest.mark.parametrize("form", ["table", "tsv", "csv"])
def test_forms(tool: Tool, small_log: list[bytes], form: str) -> None:
    """For people and for tools; findings are in all of them."""
    files = Telling(small_log).files()
    told = files["tables/balances.csv"].replace(b"ann,GBP,", b"ann,GBP,1")
    put(tool.folder / "bundle", manifested(files | {"tables/balances.csv": told}))
    answer = tool("verify", "bundle", "--key", VKEY, "--format", form, status=3)
    assert "ann,GBP," in answer.out
    assert "FAILED" in answer.out
    assert answer.err.startswith("error: the evidence does not hold: integrity: FAILED")
    if form != "table":
        rows = answer.rows(form)
        assert {row["check"] for row in rows if row["result"] == "finding"} == {"balances"}


@pytest.mark.parametrize("is_large", [False, True])
def test_all_findings_if_asked(
    tool: Tool, small_log: list[bytes], monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    """Some of each check at first, with a word about the others; also of those found by a process beside."""
    if is_large:
        monkeypatch.setattr(running, "CHILD_EVENTS_MIN", 1)
    files = Telling(small_log).files()
    told = files["tables/outcomes.csv"].replace(b",GBP,", b",EUR,")
    lines = files["events.jsonl"].replace(b'"v":1}', b'"v":2}')
    put(tool.folder / "bundle", manifested(files | {"tables/outcomes.csv": told, "events.jsonl": lines}))
    for most in (3, 20, 1_000):
        answer = tool("verify", "bundle", "--key", VKEY, "--findings", f"{most}", "--format", "json", status=3)
        shown = Counter(finding["check"] for finding in answer.document["findings"])
        found = {check["name"]: check["findings"] for check in answer.document["checks"] if check["findings"]}
        assert found["events"] > 20
        assert shown == {name: min(count, most) for name, count in found.items()}
        assert ("more than are shown" in answer.err) == (most < max(found.values()))
    alone_too = alone(tool.folder, "bundle", "--key", VKEY, "--findings", "1000", "--json")
    assert json.loads(alone_too.stdout) == answer.document


def test_without_the_key(tool: Tool, small_log: list[bytes]) -> None:
    """Status 2, and every form says that nothing is proven; also of a bundle that somebody else signed."""
    for number, key in enumerate((Telling(small_log).key, OTHER_KEY)):
        Telling(small_log, key).at(tool.folder / f"bundle-{number}")
        answer = tool("verify", f"bundle-{number}", status=2)
        assert "signature\tNOT CHECKED\t\tgive the log's key with --key" in answer.out
        assert "NOT PROVEN" in answer.err
        found = alone(tool.folder, f"bundle-{number}")
        assert found.returncode == 2
        assert "signature: NOT CHECKED: give the log's key with --key" in found.stdout
        assert "integrity: NOT PROVEN" in found.stdout
    Telling(edited(small_log, 9, lambda event: event["data"].update(plan=None))).at(tool.folder / "lie")
    tool("verify", "lie", status=3)


def test_usage(tool: Tool, small_log: list[bytes]) -> None:
    """A bad key is 2, a path that is not there 4, as from the other."""
    Telling(small_log).at(tool.folder / "bundle")
    for words, status in (
        (("bundle", "--key", VKEY[:-1] + "x"), 2),
        (("bundle", "--key", VKEY, "--witness", VKEY), 2),
        (("bundle", "--key", VKEY, "--quorum", "1"), 2),
        (("nothing", "--key", VKEY), 4),
    ):
        tool("verify", *words, status=status)
        assert alone(tool.folder, *words).returncode == status
    tool("verify", "bundle", "--key", VKEY, "--previous", "nothing", status=2)


def test_misbehaviour(tool: Tool, small_log: list[bytes]) -> None:
    """Found, written beside the user under its own name or a given one, announced, and verified like all else."""
    (tool.folder / "head").write_bytes(Telling(small_log[:20]).files()["checkpoint"])
    Telling(edited(small_log, 1, lambda event: event.update(actor="nobody"))).at(tool.folder / "bundle")
    words = ("verify", "bundle", "--key", VKEY, "--previous", "head")
    answer = tool(*words, status=3)
    (file,) = tool.folder.glob("misbehaviour-20-*-35-*.json")
    assert f"{file.name} proves it" in answer.err
    tool("-q", *words, "--misbehaviour", "proof.json", status=3)
    assert (tool.folder / "proof.json").read_bytes() == file.read_bytes()
    assert tool.json("verify", "proof.json", "--key", VKEY)["verdict"]["misbehaviour"].startswith("PROVEN")
    tool("verify", "proof.json", status=2)
    file.unlink()
    found = alone(tool.folder, *words[1:])
    assert (found.returncode, file.exists()) == (3, True)
    assert "proves it" in found.stderr
    assert "misbehaviour: PROVEN" in alone(tool.folder, "proof.json", "--key", VKEY).stdout


def test_misbehaviour_that_cannot_be_written(tool: Tool, small_log: list[bytes]) -> None:
    """The verdict is given all the same, with its status, and how the proof is to be had."""
    (tool.folder / "head").write_bytes(Telling(small_log[:20]).files()["checkpoint"])
    Telling(edited(small_log, 1, lambda event: event.update(actor="nobody"))).at(tool.folder / "bundle")
    words = ("bundle", "--key", VKEY, "--previous", "head", "--misbehaviour", "nowhere/proof.json")
    why = "nowhere/proof.json cannot be written: No such file or directory: name --misbehaviour FILE\n"
    answer = tool("verify", *words, status=3)
    assert why in answer.err
    assert "the evidence does not hold: integrity: FAILED" in answer.err
    found = alone(tool.folder, *words)
    assert (found.returncode, found.stderr.endswith(why)) == (3, True)
    assert "integrity: FAILED" in found.stdout


def test_what_cannot_be_read(tool: Tool) -> None:
    """One line and a status, whatever lies there."""
    with (tool.folder / "large").open("wb") as file:
        file.truncate(1 << 33)
    for words, status in (("a" * 300, 2), ("large", 3)):
        tool("verify", words, "--key", VKEY, status=status)
        found = alone(tool.folder, words, "--key", VKEY)
        assert (found.returncode, "Traceback" in found.stderr) == (status, False)


def test_control_characters_are_spelled_out(tool: Tool, small_log: list[bytes]) -> None:
    """What a bundle says cannot steer the terminal it is shown on."""
    files = Telling(small_log).files()
    position = position_of(small_log, "order-o5")
    lines = files["events.jsonl"].replace(small_log[position - 1], small_log[position - 1].replace(b"dan", b"\x1b[2J"))
    put(tool.folder / "bundle", files | {"events.jsonl": lines, "\x1b[2J": b""})
    assert "\x1b[2J" not in tool("verify", "bundle", "--key", VKEY, "--format", "table", status=3).out
    assert "\x1b[2J" not in alone(tool.folder, "bundle", "--key", VKEY).stdout


TIMES = ("occurred_at", "available_at", "value_at", "bound_at", "until")
INTEGERS = ("earned", "clawed", "adjusted", "pending", "available", "reserved", "paid", "position", "amount", "plan")
NUMBERED = ("refunded", "level", "commission_", "kept_")


def parquet_of(csv: bytes, folder: Path, **types: str) -> bytes:
    """A table as Parquet, typed."""
    (folder / "table.csv").write_bytes(csv)
    names = csv.partition(b"\n")[0].decode().split(",")
    columns = {
        name: "TIMESTAMPTZ" if name in TIMES else "BIGINT" if name.startswith(INTEGERS + NUMBERED) else "VARCHAR"
        for name in names
    }
    with duckdb.connect() as duck:
        duck.execute(
            "COPY (SELECT * FROM read_csv($csv, header = true, auto_detect = false, nullstr = '', columns = $columns)) "
            "TO $parquet (FORMAT parquet)",
            {
                "csv": str(folder / "table.csv"),
                "columns": columns | types,
                "parquet": str(folder / "table.parquet"),
            },
        )
    return (folder / "table.parquet").read_bytes()


def test_parquet_is_compared(tool: Tool, small_log: list[bytes]) -> None:
    """Here, where something reads it: a Parquet file that says something else is found, whoever signed it."""
    files = Telling(small_log).files()
    tables = ("balances", "outcomes", "postings", "team")
    good = {f"tables/{name}.parquet": parquet_of(files[f"tables/{name}.csv"], tool.folder) for name in tables}
    put(tool.folder / "good", manifested(files | good))
    checks = tool.json("verify", "good", "--key", VKEY)["checks"]
    assert [check["result"] for check in checks if check["name"] == "parquet"] == ["ok"]
    for name in tables:
        lines = files[f"tables/{name}.csv"].splitlines(keepends=True)
        for told in (lines[:-1], [*lines, lines[-1]], [lines[0], lines[-1], *lines[1:-1]]):
            if told == lines:
                continue
            other = {f"tables/{name}.parquet": parquet_of(b"".join(told), tool.folder)}
            put(tool.folder / "other", manifested(files | good | other))
            document = tool.json("verify", "other", "--key", VKEY, status=3)
            assert {finding["check"] for finding in document["findings"]} == {"parquet"}


def test_parquet_of_this_very_folder_is_compared(tool: Tool, small_log: list[bytes]) -> None:
    """Signs in its name stand for no other folder, and it need not be UTF-8."""
    files = Telling(small_log).files()
    good = {"tables/balances.parquet": parquet_of(files["tables/balances.csv"], tool.folder)}
    header = files["tables/balances.csv"].partition(b"\n")[0] + b"\n"
    none = {"tables/balances.parquet": parquet_of(header, tool.folder)}
    put(tool.folder / os.fsdecode(b"may\xff"), manifested(files | good))
    tool("verify", os.fsdecode(b"may\xff"), "--key", VKEY)
    for name, beside in (("may[1]", "may1"), ("jun?", "june"), ("j*y", "july")):
        put(tool.folder / name, manifested(files | none))
        put(tool.folder / beside, manifested(files | good))
        document = tool.json("verify", name, "--key", VKEY, status=3)
        assert {finding["check"] for finding in document["findings"]} == {"parquet"}
        tool("verify", beside, "--key", VKEY)
    for types in ({"amount": "DOUBLE"}, {"position": "VARCHAR"}):
        other = {"tables/postings.parquet": parquet_of(files["tables/postings.csv"], tool.folder, **types)}
        put(tool.folder / "other", manifested(files | good | other))
        tool("verify", "other", "--key", VKEY, status=3)
    put(tool.folder / "other", manifested(files | good | {"tables/team.parquet": b"PAR1"}))
    tool("verify", "other", "--key", VKEY, status=3)
