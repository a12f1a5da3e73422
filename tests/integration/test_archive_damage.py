"""Damage to an archive, every kind of it: found, named with its file and with what helps, and never read over."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ledger.application import Ledger
from projections.archive.errors import ArchiveError
from projections.archive.manifest import KINDS, VERSION
from projections.archive.reading import Archive
from projections.archive.relations import write
from tests.archives import contents, copied, forge, rewrite, seal, segments
from tests.builders import commands
from tests.cli_runner import Tool, desk
from tests.properties.test_generated import history

SEGMENT_EVENTS = 150


@pytest.fixture(scope="module")
def sealed(sqlite_template: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger and its archive, which no test changes."""
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "ledger.db").write_bytes(sqlite_template)
    with closing(Ledger(f"sqlite:///{folder}/ledger.db", actor="test")) as ledger:
        ledger.submit(commands(history(3)))
        ledger.expire()
        seal(ledger.log, folder / "books", segment_events=SEGMENT_EVENTS)
    return folder


@pytest.fixture
def books(sealed: Path, tmp_path: Path) -> Path:
    """An archive of at least four segments, to damage."""
    return copied(sealed / "books", tmp_path / "books")


@pytest.fixture
def tool(sealed: Path, tmp_path: Path) -> Tool:
    """The command on its ledger."""
    return desk(f"sqlite:///{sealed}/ledger.db", tmp_path)


def findings(tool: Tool, books: Path, *options: str) -> list[dict[str, str]]:
    """What `archive status` finds; there is something."""
    found: list[dict[str, str]] = tool.json("archive", "status", str(books), *options, status=3)["findings"]
    assert found
    return found


def open_error(books: Path) -> str:
    """Why an archive cannot be opened, in one line."""
    with pytest.raises(ArchiveError) as caught:
        Archive.open(str(books))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def reseals(sealed: Path, books: Path, damaged: str) -> None:
    """What the error says helps: without the damaged segment and all later ones, sealing gives the same bytes again."""
    for segment in segments(books):
        if segment.name >= damaged:
            shutil.rmtree(segment)
    with closing(Ledger(f"sqlite:///{sealed}/ledger.db")) as ledger:
        seal(ledger.log, books, segment_events=SEGMENT_EVENTS)
    assert contents(books) == contents(sealed / "books")


# ---- files


def cut(path: Path) -> None:
    """Half of a file is gone."""
    state = path.read_bytes()
    path.write_bytes(state[: len(state) // 2])


def flip(path: Path) -> None:
    """One bit of a file."""
    state = bytearray(path.read_bytes())
    state[random.Random(path.name).randrange(len(state))] ^= 4  # noqa: S311  # not a secret
    path.write_bytes(state)


def lengthen(path: Path) -> None:
    """A byte too many."""
    path.write_bytes(path.read_bytes() + b"\n")


def swap(path: Path) -> None:
    """The same file of the segment before."""
    before = segments(path.parent.parent)
    shutil.copy(before[before.index(path.parent) - 1] / path.name, path)


@pytest.mark.parametrize("damage", [cut, flip, lengthen, Path.unlink, swap])
def test_damaged_file(tool: Tool, sealed: Path, books: Path, damage: Callable[[Path], None]) -> None:
    """Nobody reads it: `verify` of its kind, and of no other, names it and says what helps; so does `status`."""
    segment = segments(books)[1]
    damaged: list[str] = []
    for kind in KINDS:
        file = segment / f"{kind}.parquet"
        intact = file.read_bytes()
        damage(file)
        if not file.exists() or file.read_bytes() != intact:
            damaged.append(f"{segment.name}/{file.name}")
            assert_found_where_it_is_read(books, segment.name, kind)
    assert [row["subject"] for row in findings(tool, books)] == damaged
    # Of what is in neither segment, as payouts, the files are the same.
    assert len(damaged) == len(KINDS) or (damage is swap and len(damaged) > len(KINDS) / 2)
    reseals(sealed, books, segment.name)


def assert_found_where_it_is_read(books: Path, folder: str, kind: str) -> None:
    """Reading this kind up to here is refused; what is before it and what others read is not."""
    archive = Archive.open(str(books))
    archive.verify(KINDS, SEGMENT_EVENTS)
    archive.verify(KINDS[KINDS.index(kind) + 1 :])
    with pytest.raises(ArchiveError, match=f"{folder}/{kind}.parquet .*delete {folder} and every later segment"):
        archive.verify([kind])


def test_all_damage_is_listed(tool: Tool, books: Path) -> None:
    """Several files of several segments, each under its own name; undamaged segments pass."""
    first, _, third, fourth = segments(books)[:4]
    flip(first / "orders.parquet")
    cut(third / "refunds.parquet")
    (third / "requests.parquet").unlink()
    flip(fourth / "members.parquet")
    found = tool.json("archive", "status", str(books), status=3)
    assert [row["subject"] for row in found["findings"]] == [
        f"{first.name}/orders.parquet",
        f"{third.name}/refunds.parquet",
        f"{third.name}/requests.parquet",
        f"{fourth.name}/members.parquet",
    ]
    assert [row["result"] for row in found["segments"][:5]] == ["finding", "pass", "finding", "finding", "pass"]
    rows = tool("archive", "status", str(books), "--format", "csv", status=3).rows("csv")
    assert sum(row["finding"] != "" for row in rows) == 4
    assert "4 findings" in tool("archive", "status", str(books), status=3).err


# ---- manifests and folders


def remove(books: Path) -> str:
    """A segment in the middle."""
    shutil.rmtree(segments(books)[1])
    return segments(books)[1].name


def remove_first(books: Path) -> str:
    """The first segment."""
    shutil.rmtree(segments(books)[0])
    return segments(books)[0].name


def rename(books: Path) -> str:
    """A folder under other positions."""
    path = segments(books)[1]
    renamed = path.with_name(f"{path.name[:-1]}{(int(path.name[-1]) + 1) % 10}")
    path.rename(renamed)
    return renamed.name


def double(books: Path) -> str:
    """A segment twice, under other positions."""
    path = segments(books)[1]
    return shutil.copytree(path, path.with_name(f"{path.name[:12]}-000000999999")).name


def overlap(books: Path) -> str:
    """A segment of another seal whose positions another one holds too."""
    path = segments(books)[1]
    other = shutil.copytree(path, path.with_name(f"{path.name[:12]}-000000000200"))

    def change(document: dict[str, Any]) -> None:
        document["last"] = document["log"]["size"] = 200
        document["log"]["frontier"] = document["log"]["frontier"][:1] * (200).bit_count()
        document["files"]["events"]["rows"] = 50

    rewrite(other, change)
    return other.name


def tear(books: Path) -> str:
    """Half a manifest."""
    cut(segments(books)[1] / "segment.json")
    return segments(books)[1].name


def empty(books: Path) -> str:
    """A manifest of no bytes, as a lost write leaves."""
    (segments(books)[1] / "segment.json").write_bytes(b"")
    return segments(books)[1].name


def space(books: Path) -> str:
    """The same JSON in another spelling."""
    path = segments(books)[1] / "segment.json"
    path.write_bytes(path.read_bytes().replace(b":", b": ", 1))
    return path.parent.name


def future(books: Path) -> str:
    """A format that is not known here."""
    rewrite(segments(books)[1], lambda document: document.update(version=VERSION + 1))
    return segments(books)[1].name


def root(books: Path) -> str:
    """Another root than its frontier has."""
    rewrite(segments(books)[1], lambda document: document["log"].update(root="0" * 64))
    return segments(books)[1].name


def time(books: Path) -> str:
    """A manifest that says something else, in good form: the next one was chained to the old bytes."""
    rewrite(segments(books)[1], lambda document: document.update(first_recorded_at_us=1))
    return segments(books)[2].name


def swap_manifests(books: Path) -> str:
    """Those of two segments."""
    one, two = (segment / "segment.json" for segment in segments(books)[1:3])
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return one.parent.name


def other_archive(books: Path) -> str:
    """A manifest with another log's name."""
    rewrite(segments(books)[1], lambda document: document.update(archive="0" * 64))
    return segments(books)[1].name


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (remove, "positions 151 to 300 are missing"),
        (remove_first, "positions 1 to 150 are missing"),
        (rename, "not of those its folder is named after"),
        (double, "not of those its folder is named after"),
        (overlap, ""),
        (tear, "torn"),
        (empty, "torn"),
        (space, "not in canonical form"),
        (future, "format version 3; this refledger reads 1 to 2"),
        (root, "the root is not that of the frontier"),
        (time, "does not follow the segment before it"),
        (swap_manifests, "not of those its folder is named after"),
        (other_archive, "of the archive of another log"),
    ],
)
def test_damaged_archive_is_not_opened(tool: Tool, books: Path, damage: Callable[[Path], str], says: str) -> None:
    """No reader and no seal goes on from it: the error names the segment and what helps; `status` lists it."""
    folder = damage(books)
    error = open_error(books)
    assert folder in error
    assert says in error
    assert "delete" in error
    answer = tool("archive", "seal", str(books), status=3)
    assert folder in answer.err
    found = findings(tool, books)
    assert any(folder in row["subject"] and says in row["finding"] for row in found), found


def test_segment_that_another_holds_too(tool: Tool, sealed: Path, books: Path) -> None:
    """Two seals with other cuts in one folder: what both hold is named."""
    with closing(Ledger(f"sqlite:///{sealed}/ledger.db")) as ledger:
        seal(ledger.log, books.parent / "other", segment_events=100)
    extra = segments(books.parent / "other")[0]
    shutil.copytree(extra, books / extra.name)
    assert "which a segment before it holds too: delete the one too many" in open_error(books)
    assert len(findings(tool, books)) >= 1


def test_lost_manifest_at_the_end(tool: Tool, sealed: Path, books: Path) -> None:
    """The segment is not there: readers end before it, `status` says so, sealing brings it back."""
    last = segments(books)[-1]
    (last / "segment.json").unlink()
    assert Archive.open(str(books)).end == int(last.name[:12]) - 1
    found = findings(tool, books)
    assert [row["subject"] for row in found] == [f"{last.name}/segment.json"]
    with closing(Ledger(f"sqlite:///{sealed}/ledger.db")) as ledger:
        assert seal(ledger.log, books, segment_events=SEGMENT_EVENTS) == [last.name]
    assert contents(books) == contents(sealed / "books")


def test_other_things_in_the_folder_are_nobodys_concern(tool: Tool, books: Path) -> None:
    """A note, a hidden folder, a file named like a segment."""
    (books / "README.txt").write_text("ours")
    (books / ".hidden").mkdir()
    assert Archive.open(str(books)).end == Archive.open(str(books)).segments[-1].last
    tool("archive", "status", str(books))


# ---- whole files that are not what was sealed: hashes and chain agree, contents do not


def change_rows(path: Path, select: str) -> None:
    """Writes a Parquet file anew, from a query over it."""
    with duckdb.connect() as duck:
        rows = write(duck, select.format(file=f"read_parquet('{path}')"), path.with_suffix(".new"))
        assert rows > 0
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize(
    ("name", "select", "says"),
    [
        (
            "orders",
            "SELECT * REPLACE (amount_minor + 1 AS amount_minor) FROM {file}",
            "not what the stored events give",
        ),
        ("orders", "SELECT * FROM {file} WHERE position % 7 <> 0", "not what the stored events give"),
        ("orders", "SELECT * FROM {file} UNION ALL SELECT * FROM {file}", "not what the stored events give"),
        ("orders", "SELECT position, member FROM {file}", "cannot be read"),
        ("orders", "SELECT * REPLACE (CASE stream WHEN '' THEN 1 END AS plan) FROM {file}", "not what the stored"),
        ("refunds", "SELECT * REPLACE (order_position - 1 AS order_position) FROM {file}", "not what the stored"),
        ("bindings", "SELECT * REPLACE (referrer + 1 AS referrer) FROM {file}", "not what the stored events give"),
        ("requests", "SELECT * REPLACE ('bound' AS outcome) FROM {file}", "not what the stored events give"),
        ("members", "SELECT * REPLACE (name || 'x' AS name) FROM {file}", "not what the stored events give"),
        (
            "events",
            "SELECT * REPLACE (recorded_at_us + 1 AS recorded_at_us) FROM {file}",
            "columns at positions 151, 152",
        ),
        ("events", "SELECT * REPLACE ('order-x' AS stream) FROM {file}", "columns at positions 151, 152"),
        ("events", "SELECT * REPLACE (state || '\\x20'::BLOB AS state) FROM {file}", "cannot be what was sealed"),
        ("events", "SELECT * REPLACE ('\\xFF\\xFE'::BLOB AS state) FROM {file}", "cannot be what was sealed"),
        ("events", "SELECT * REPLACE ('OrderPlaced' AS topic) FROM {file}", "cannot be what was sealed"),
        ("events", "SELECT * FROM {file} ORDER BY position DESC", "cannot be what was sealed"),
        ("events", "SELECT * FROM {file} WHERE position % 10 > 0", "cannot be what was sealed"),
        ("events", "SELECT position FROM {file}", "cannot be what was sealed"),
    ],
)
def test_forged_file(tool: Tool, books: Path, name: str, select: str, says: str) -> None:
    """Whoever also makes the manifests agree deceives no check of contents, with or without a store."""
    segment = segments(books)[1]
    change_rows(segment / f"{name}.parquet", select)
    forge(books)
    Archive.open(str(books)).verify(KINDS)
    found = findings(tool, books, "--no-store")
    wrong = [row for row in found if row["subject"] == f"{segment.name}/{name}.parquet"]
    assert [row for row in wrong if says in row["finding"]], found


@pytest.mark.parametrize("replaced", ["6", "00"])
def test_forged_event(tool: Tool, books: Path, replaced: str) -> None:
    """An amount in the stored bytes, with all hashes made to agree: both roots are others from there on."""
    segment = segments(books)[1]
    text = f"regexp_replace(decode(state), '\"amount\":([0-9]+)', '\"amount\":\\1{replaced}')"
    change_rows(segment / "events.parquet", f"SELECT * REPLACE (encode({text}) AS state) FROM {{file}}")  # noqa: S608
    forge(books)
    found = findings(tool, books, "--no-store")
    assert [row["finding"].split(" root")[0] for row in found if row["subject"].endswith("segment.json")][:2] == [
        "does not have the log",
        "does not have the content",
    ]
    assert f"{segment.name}/orders.parquet" in {row["subject"] for row in found}


def test_forged_manifest(tool: Tool, books: Path) -> None:
    """Roots, leaf hashes and times of a whole chain are those of the events, or it is said."""
    last = segments(books)[-1]
    before = Archive.open(str(books)).segments[0].manifest
    rewrite(last, lambda document: document["content"].update(before.content.model_dump(mode="json")))
    assert ["content root" in row["finding"] for row in findings(tool, books, "--no-store")] == [True]
    rewrite(last, lambda document: document.update(last_leaf="1" * 64))
    assert any("leaf hashes and times" in row["finding"] for row in findings(tool, books))


def test_archive_of_another_log(sqlite_template: bytes, tmp_path: Path, books: Path) -> None:
    """A sound archive, but not of this store: its end is compared always, all of it on request."""
    (tmp_path / "other.db").write_bytes(sqlite_template)
    url = f"sqlite:///{tmp_path}/other.db"
    with closing(Ledger(url, actor="another")) as ledger:
        ledger.submit(commands(history(3)))
        ledger.expire()
    tool = desk(url, tmp_path)
    tool("archive", "status", str(books), "--no-store")
    found = findings(tool, books, "--compare-log")
    assert [row["finding"].split(":")[0] for row in found] == [
        f"is not what the log has at positions up to {SEGMENT_EVENTS}",
        found[1]["finding"].split(":")[0],
    ]
    assert "archive of another log" in found[1]["finding"]
