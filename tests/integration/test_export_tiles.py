"""The log in C2SP's layout, read by another implementation, and by its definitions."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.store.recorder import Recorded
from projections.export.asked import SignedHead
from projections.export.tiled import export_tiles
from projections.tree import catch_up
from tests.builders import commands
from tests.exports import contents, no_bars, prepared, signed_head
from tests.naive_tree import mth
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

# Where partial tiles begin, end and are not there.
SIZES = [1, 255, 256, 257, 512, 700]


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders, on each engine."""
    ledger.submit(commands(history(2)))
    return ledger


def tiled(ledger: Ledger, folder: Path, size: int | None = None) -> tuple[dict[str, bytes], SignedHead]:
    """An export of the log's beginning; every file of it."""
    catch_up(ledger.log)
    head = signed_head(ledger.log, size)
    export_tiles(ledger.log, head, folder, no_bars)
    return contents(folder), head


@pytest.mark.parametrize("size", SIZES)
def test_files_by_their_definition(fed: Ledger, tmp_path: Path, size: int) -> None:
    """Hashes of 256 leaves a tile, entries behind their lengths, full tiles and one partial one of each row."""
    found, head = tiled(fed, tmp_path / "out", size)
    rows = list(fed.log.read(upto=size))
    expected = (
        {"checkpoint": head.raw} | entry_files(rows) | tile_files([sha256(b"\0" + row.state).digest() for row in rows])
    )
    assert found == expected


def test_small_ranges_make_the_same_files(fed: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the log is cut for reading."""
    whole, _ = tiled(fed, tmp_path / "one")
    monkeypatch.setattr("projections.export.tiled.RANGE_EVENTS", 256)
    monkeypatch.setattr("projections.replay.source.EVENTS_AT_A_TIME", 256)
    assert tiled(fed, tmp_path / "two")[0] == whole


def test_another_implementation_reads_them(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """By the command: its root is the head's, its entries are the stored bytes."""
    reader: Any = pytest.importorskip("tlog_scales.reader").TilesReader(
        pytest.importorskip("tlog_scales.backend").LocalBackend(tmp_path / "desk" / "out")
    )
    tool = prepared(fed, store_url, tmp_path)
    said = tool("export", "bundle", "-o", "out", "--key", "log.key", "--format", "tlog-tiles")
    rows = list(fed.log.read())
    assert said.err == f"{len(rows)} events in tiles are in out\n"
    reader.set_size(len(rows))
    assert reader.calculate_root_hash() == signed_head(fed.log).head.root
    for index in (0, 255, 256, len(rows) - 1):
        assert reader.get_entry(index) == rows[index].state


def entry_files(rows: list[Recorded]) -> dict[str, bytes]:
    """Bundles of entries."""
    files: dict[str, bytes] = {}
    for start in range(0, len(rows), 256):
        part = rows[start : start + 256]
        files[f"tile/entries/{place(start // 256, len(part))}"] = b"".join(
            len(row.state).to_bytes(2, "big") + row.state for row in part
        )
    return files


def tile_files(leaves: list[bytes]) -> dict[str, bytes]:
    """Tiles of every row."""
    files: dict[str, bytes] = {}
    row, nodes = 0, leaves
    while nodes:
        for start in range(0, len(nodes), 256):
            part = nodes[start : start + 256]
            files[f"tile/{row}/{place(start // 256, len(part))}"] = b"".join(part)
        nodes = [mth(nodes[start : start + 256]) for start in range(0, len(nodes) // 256 * 256, 256)]
        row += 1
    return files


def place(index: int, width: int) -> str:
    """Of tiles below a thousand."""
    return f"{index:03}" if width == 256 else f"{index:03}.p/{width}"
