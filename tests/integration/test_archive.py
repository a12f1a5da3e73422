"""Sealing and reading an archive: on both stores, in steps, elsewhere than in a directory."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # pyright: ignore[reportMissingTypeStubs]

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.errors import IntegrityError, NotFoundError
from ledger.tree.hashing import RootBuilder
from projections.archive.errors import AddressError, ArchiveBusyError, ArchiveError
from projections.archive.manifest import EVENTS, KINDS, MEMBERS
from projections.archive.place import Place
from projections.archive.publishing import publish
from projections.archive.reading import Archive
from projections.archive.sealing import sealing
from projections.content import ContentRoot
from projections.replay.source import RecorderSource
from tests.archives import contents, seal, segments
from tests.builders import commands, order
from tests.cli_runner import Tool, desk
from tests.integration.test_load import Expected, finance_story
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

RELATIONS = {
    "orders": "order_fact",
    "refunds": "refund_fact",
    "bindings": "binding_fact",
    "requests": "request_fact",
    "plans": "plan_term",
    "minimums": "minimum_fact",
    "reversals": "reversal_fact",
    "adjustments": "adjustment_fact",
    "batches": "batch_fact",
    "lines": "line_fact",
    "drops": "drop_fact",
    "payouts": "payout_fact",
    "freezes": "freeze_fact",
    MEMBERS: "member_name",
}


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders and some payouts, on each engine."""
    ledger.submit(commands(history(3)))
    finance_story(ledger, "shop-2")
    ledger.expire()
    return ledger


@pytest.fixture
def sqlite_ledger(sqlite_template: bytes, tmp_path: Path) -> Iterator[Ledger]:
    """A small ledger in a file, for what no store has a part in."""
    (tmp_path / "small.db").write_bytes(sqlite_template)
    with closing(Ledger(f"sqlite:///{tmp_path}/small.db", actor="test")) as ledger:
        ledger.submit(commands(list(records(Shape(members=20, orders=150)))))
        yield ledger


def read(archive: Archive, kind: str, upto: int | None = None) -> list[tuple[object, ...]]:
    """All rows of a kind, in the order in which they are stored."""
    archive.verify([kind], upto)
    with duckdb.connect() as duck:
        archive.register(duck)
        return duck.execute("SELECT * FROM read_parquet($paths)", {"paths": archive.paths(kind, upto)}).fetchall()


# ---- what is sealed


def test_archive_holds_the_log(fed: Ledger, tmp_path: Path) -> None:
    """The stored bytes and the relations they give, in order; both roots and frontiers after every segment."""
    head = fed.log.head()
    made = seal(fed.log, tmp_path / "books", segment_events=101)
    assert made[:2] == ["000000000001-000000000101", "000000000102-000000000202"]
    archive = Archive.open(str(tmp_path / "books"))
    assert [segment.folder for segment in archive.segments] == made
    assert archive.end == head
    rows = list(fed.log.read())
    assert [row[:5] for row in read(archive, EVENTS)] == [tuple(row) for row in rows]
    expected = Expected(rows)
    for kind, name in RELATIONS.items():
        assert read(archive, kind) == expected.rows[name], kind
    log, content = RootBuilder(), ContentRoot()
    ends = {segment.last: segment.manifest for segment in archive.segments}
    for row in rows:
        log.add(row.state)
        content.add(row.topic, row.state)
        if manifest := ends.get(row.position):
            assert (manifest.log.root, manifest.content.root) == (log.root().hex(), content.hex())
            assert manifest.log.tree.frontier == log.frontier
            assert manifest.content.tree.frontier == content.root.frontier
            assert manifest.content.size == content.root.size
    assert content.root.size < head  # A lapse is no input (G-8).


def test_row_groups_are_small(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Files are zstd; engines read them in pieces of at most 122,880 rows."""
    seal(sqlite_ledger.log, tmp_path / "books")
    archive = Archive.open(str(tmp_path / "books"))
    for kind in KINDS:
        with duckdb.connect() as duck:
            query = "SELECT max(row_group_num_rows), max(compression) FROM parquet_metadata($path)"
            rows, compression = duck.execute(query, {"path": archive.paths(kind)[0]}).fetchall()[0]
        assert rows is None or (rows <= 122_880 and compression == "ZSTD")


def test_sealing_goes_on_where_it_ended(fed: Ledger, tmp_path: Path) -> None:
    """Segments never change; later events come into later ones; a short one stays short. The cuts change no row."""
    books, head = tmp_path / "books", fed.log.head()
    assert seal(fed.log, books, 100, 64) == ["000000000001-000000000064", "000000000065-000000000100"]
    before = contents(books)
    assert seal(fed.log, books, 100) == []
    assert seal(fed.log, books, 40) == []
    assert seal(fed.log, books) == [f"000000000101-{head:012}"]
    fed.submit(commands([order("late", "newcomer", 5, "2024-05-05T00:00:00Z")]), allow_no_plan=True)
    assert seal(fed.log, books) == [f"{head + 1:012}-{head + 1:012}"]
    assert before.items() <= contents(books).items()
    seal(fed.log, tmp_path / "at once")
    stepwise, at_once = Archive.open(str(books)), Archive.open(str(tmp_path / "at once"))
    for kind in KINDS:
        assert read(stepwise, kind) == read(at_once, kind)
    assert stepwise.segments[-1].manifest.log == at_once.segments[-1].manifest.log


def test_same_log_makes_the_same_bytes(fed: Ledger, tmp_path: Path) -> None:
    """Sealed twice with the same cuts, at once or in several runs."""
    seal(fed.log, tmp_path / "one", segment_events=200)
    for upto in (200, 400, None):
        seal(fed.log, tmp_path / "two", upto, segment_events=200)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_nothing_is_left_beside_segments(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """No temporary folder, also none of a seal that was killed; a lock file and segments only."""
    (tmp_path / "books" / ".sealing-of-a-killed-one" / "000000000001-000000000009").mkdir(parents=True)
    seal(sqlite_ledger.log, tmp_path / "books")
    assert [path.name for path in sorted((tmp_path / "books").iterdir())][:1] == [".sealing.lock"]
    assert len(list((tmp_path / "books").iterdir())) == 2


def test_failed_seal_leaves_whole_segments(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that cannot be read from some position on: what is before it is sealed, nothing else is there."""
    filled = RecorderSource.fill

    def fill(self: RecorderSource, duck: duckdb.DuckDBPyConnection, table: str, after: int, upto: int) -> None:
        filled(self, duck, table, after, upto)
        duck.execute(f"DELETE FROM {table} WHERE position = 130")  # noqa: S608

    monkeypatch.setattr(RecorderSource, "fill", fill)
    with pytest.raises(IntegrityError, match="every position from 121 to 160"):
        seal(sqlite_ledger.log, tmp_path / "books", segment_events=40)
    monkeypatch.undo()
    assert [path.name[-3:] for path in segments(tmp_path / "books")] == ["040", "080", "120"]
    seal(sqlite_ledger.log, tmp_path / "books", segment_events=40)
    assert Archive.open(str(tmp_path / "books")).end == sqlite_ledger.log.head()


# ---- reading


def test_reader_takes_what_a_position_needs(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Files of the segments up to a position, the last one whole; only these are proven."""
    books = tmp_path / "books"
    made = seal(sqlite_ledger.log, books, segment_events=50)
    archive = Archive.open(str(books))
    assert [Path(path).parent.name for path in archive.paths("orders", 50)] == made[:1]
    assert [Path(path).parent.name for path in archive.paths("orders", 51)] == made[:2]
    assert len(archive.paths("orders")) == len(made)
    assert archive.paths("orders", 0) == []
    (books / made[2] / "orders.parquet").write_bytes(b"")
    archive.verify(KINDS, 100)
    archive.verify(["refunds", "members"])
    with pytest.raises(ArchiveError, match=f"{made[2]}/orders.parquet has 0 bytes instead of"):
        archive.verify(["orders"])
    proven: list[int] = []
    archive.verify(["refunds"], progress=proven.append)
    assert sum(proven) == archive.size(["refunds"])


def test_empty_log_and_empty_place(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing to seal is no error; an empty archive belongs to every log; where nothing is, that is said."""
    assert seal(ledger.log, tmp_path / "books") == []
    archive = Archive.open(str(tmp_path / "books"))
    assert (archive.end, archive.paths("orders")) == (0, [])
    archive.belongs_to(ledger.log)
    archive.verify(KINDS)
    with pytest.raises(NotFoundError, match="no archive at"):
        Archive.open(str(tmp_path / "elsewhere"))


def test_archive_of_another_log(fed: Ledger, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Another event at its end, or a log that ends before: said when it is read and when it is sealed into."""
    seal(fed.log, tmp_path / "books", 100)
    archive = Archive.open(str(tmp_path / "books"))
    archive.belongs_to(fed.log)
    with pytest.raises(ArchiveError, match="the archive of another log: it has another event at position 100"):
        archive.belongs_to(sqlite_ledger.log)
    seal(fed.log, tmp_path / "books")
    with pytest.raises(ArchiveError, match="the log only to"):
        seal(sqlite_ledger.log, tmp_path / "books")


# ---- places


@pytest.mark.parametrize("kind", ["memory", "dir", "simplecache"])
def test_any_address(fed: Ledger, tmp_path: Path, kind: str) -> None:
    """In memory, through a wrapped directory, through a cache: the same bytes as in a directory, read by DuckDB."""
    bucket = uuid4().hex
    (tmp_path / "wrapped").mkdir()
    address = {
        "memory": f"memory://{bucket}/books",
        "dir": f"dir::file://{tmp_path}/wrapped",
        "simplecache": f"simplecache::memory://{bucket}",
    }[kind]
    seal(fed.log, address, 250, 120)
    seal(fed.log, address)
    seal(fed.log, tmp_path / "books", 250, 120)
    seal(fed.log, tmp_path / "books")
    there, here = Archive.open(address), Archive.open(str(tmp_path / "books"))
    assert [segment.hash for segment in there.segments] == [segment.hash for segment in here.segments]
    there.belongs_to(fed.log)
    for name in KINDS:
        assert read(there, name) == read(here, name)


def test_upload_without_manifest_is_not_there(sqlite_ledger: Ledger) -> None:
    """A seal that was killed while it uploaded: the segment is not there, and the next seal uploads it again."""
    address = f"memory://{uuid4().hex}"
    made = seal(sqlite_ledger.log, address, segment_events=60)
    whole = Archive.open(address)
    memory = MemoryFileSystem()
    path = f"{address.removeprefix('memory:/')}/{made[-1]}"
    memory.rm_file(f"{path}/segment.json")  # pyright: ignore[reportUnknownMemberType]
    memory.pipe_file(f"{path}/orders.parquet", b"half of it")  # pyright: ignore[reportUnknownMemberType]
    assert Archive.open(address).end == whole.segments[-1].first - 1
    assert seal(sqlite_ledger.log, address, segment_events=60) == made[-1:]
    again = Archive.open(address)
    again.verify(KINDS)
    assert [segment.hash for segment in again.segments] == [segment.hash for segment in whole.segments]


def test_segment_that_is_there_is_not_replaced(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Somebody else was quicker: refused, wherever it is."""
    for address in (f"memory://{uuid4().hex}", str(tmp_path / "books")):
        with sealing(sqlite_ledger.log, address) as sealer:
            made = next(iter(sealer.seal(50))).folder
            with pytest.raises(ArchiveBusyError, match="somebody else has just sealed"):
                publish(sealer.archive.place, tmp_path / made)


def test_address_that_nobody_reaches(sqlite_ledger: Ledger) -> None:
    """A driver that is not installed is named; so is a kind of address nobody knows."""
    with pytest.raises(AddressError, match="s3fs"):
        seal(sqlite_ledger.log, "s3://bucket/books")
    with pytest.raises(AddressError, match="nope"):
        seal(sqlite_ledger.log, "nope://bucket/books")


def test_two_seals_at_once(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """The second is refused at once and touches nothing; after the first has ended it seals."""
    address = str(tmp_path / "books")
    with sealing(sqlite_ledger.log, address) as first:
        work = list((tmp_path / "books").glob(".sealing-*"))
        with pytest.raises(ArchiveBusyError, match="somebody else seals into"):
            seal(sqlite_ledger.log, address)
        assert list((tmp_path / "books").glob(".sealing-*")) == work
        assert len(list(first.seal(50))) == 1
    assert len(seal(sqlite_ledger.log, address)) == 1
    Archive.open(address).verify(KINDS)


# ---- the command


@pytest.fixture
def tool(fed: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """The command on that ledger."""
    del fed
    return desk(store_url, tmp_path)


def test_command_seals(tool: Tool) -> None:
    """What is new, up to the head or a position, in segments as large as said; nothing to do is said."""
    head = tool.head()
    made = tool.json("archive", "seal", "books", "--at-position", "90", "--segment-events", "50")
    assert [(row["segment"], row["events"]) for row in made] == [
        ("000000000001-000000000050", 50),
        ("000000000051-000000000090", 40),
    ]
    assert made[0]["bytes"] == sum(
        path.stat().st_size
        for path in (tool.folder / "books" / made[0]["segment"]).iterdir()
        if path.suffix == ".parquet"
    )
    answer = tool("archive", "seal", "books", "--at-position", "90")
    assert answer.err == f"nothing to seal: books goes to position 90 of {head}\n"
    assert f"1 segment of positions 91 to {head} sealed into books" in tool("archive", "seal", "books").err
    answer = tool("archive", "seal", "books", "--format", "json")
    assert (answer.document, answer.err) == ([], f"nothing to seal: books goes to position {head}\n")
    assert f"positions 1 to {head}" in tool("archive", "seal", "books", "--at-position", str(head + 1), status=4).err
    tool("archive", "seal", "books", "--segment-events", "0", status=2)


def test_signs_in_the_name_of_an_archive(tool: Tool) -> None:
    """Stand for no other archive beside it."""
    names, words = ("book1", "book[1]", "b*"), ("--as-of", "2030-01-01T00:00:00Z")
    for name in names:
        tool("archive", "seal", name)
        assert tool.json("archive", "status", name)["findings"] == []
    digest = tool.json("replay", *words)["digest"]
    assert {tool.json("replay", "--archive", name, *words)["digest"] for name in names} == {digest}


def test_command_says_what_is_wrong(tool: Tool) -> None:
    """One line: another seal, a missing driver, a file in the way, a place that cannot be written to."""
    tool("archive", "seal", "books", "--at-position", "50")
    with (tool.folder / "books" / ".sealing.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert tool("archive", "seal", "books", status=6).err.startswith("error: somebody else seals into books")
    assert "Install s3fs" in tool("archive", "seal", "s3://bucket/books", status=6).err
    for command in ("seal", "status"):
        assert "no name in UTF-8" in tool("archive", command, os.fsdecode(b"b\xff"), status=6).err
    (tool.folder / "file").write_text("")
    for command, status in (("seal", 6), ("status", 4)):
        answer = tool("archive", command, "file", status=status)
        assert answer.err.count("\n") == 1


def test_file_that_cannot_be_read_is_not_to_be_deleted(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No right to read it, or a network that failed: it may be whole, so the advice of torn files is not given."""
    tool("archive", "seal", "books")

    def refuse(self: Place, name: str) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied", f"{self.address}/{name}")

    monkeypatch.setattr(Place, "measure", refuse)
    for command in (("archive", "status", "books"), ("replay", "--archive", "books")):
        answer = tool(*command, status=3)
        assert "cannot be read: Permission denied" in answer.out + answer.err
        assert "delete" not in answer.out + answer.err


def test_command_says_where_nothing_can_be_sealed(tool: Tool) -> None:
    """A file where the folder should be, an address of nothing: what was wrong, and nothing is made."""
    (tool.folder / "file").write_text("")
    assert "file cannot be written: File exists" in tool("archive", "seal", "file", status=6).err
    assert "file/books cannot be written: Not a directory" in tool("archive", "seal", "file/books", status=6).err
    assert "needs an address" in tool("archive", "seal", "", status=6).err
    assert "needs an address" in tool("archive", "status", "", status=6).err


def test_command_shows_the_status(tool: Tool) -> None:
    """Segments, and how far the log is sealed; with and without the store; every form."""
    head = tool.head()
    tool("archive", "seal", "books", "--at-position", "90", "--segment-events", "50")
    found = tool.json("archive", "status", "books", "--compare-log")
    assert [(row["events"], row["result"]) for row in found["segments"]] == [(50, "pass"), (40, "pass")]
    assert (found["sealed_to"], found["head"], found["not_sealed"], found["findings"]) == (90, head, head - 90, [])
    manifest = json.loads((tool.folder / "books" / "000000000051-000000000090" / "segment.json").read_bytes())
    assert (found["log_root"], found["content_root"]) == (manifest["log"]["root"], manifest["content"]["root"])
    alone = tool.json("archive", "status", "books", "--no-store")
    assert {**alone, "head": head, "not_sealed": head - 90} == found
    assert str(head - 90) in tool("archive", "status", "books", "--format", "table").out
    rows = tool("archive", "status", "books", "--format", "csv").rows("csv")
    assert [row["result"] for row in rows] == ["pass", "pass"]
    assert "no archive at nothing" in tool("archive", "status", "nothing", status=4).err
    assert "no archive at ., but something else" in tool("archive", "status", ".", status=4).err


def test_status_needs_no_store(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Where there is none, the archive is checked alone, and that is said."""
    seal(sqlite_ledger.log, tmp_path / "books")
    (tmp_path / "elsewhere").mkdir()
    tool = desk(f"sqlite:///{tmp_path}/elsewhere/none.db", tmp_path)
    answer = tool("archive", "status", str(tmp_path / "books"), "--format", "json")
    assert answer.document["head"] is None
    assert "checked alone" in answer.err
    assert not (tmp_path / "elsewhere" / "none.db").exists()


def test_progress_is_shown_on_a_terminal(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Sealing and checking say how far they are."""
    tool = desk(str(sqlite_ledger.log.url), tmp_path)
    assert "sealing" in tool.on_terminal("archive", "seal", "books")
    seen = tool.on_terminal("archive", "status", "books")
    assert "proving files" in seen
    assert "comparing" in seen
