"""Tiles against the events, on both stores: whatever was changed is named by `audit` and mended by a rebuild."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.findings import Finding
from ledger.tree.tiles import Tile
from projections.checkpoint import CheckpointMovedError, put
from projections.tree import NAME, catch_up, integrate, put_tiles, tile_lookup
from projections.tree_check import check_tree, mend_tree
from tests.builders import order, plan
from tests.cli_runner import Tool, desk
from tests.integration.test_audit import damaged
from tests.trees import append, expected_tiles, kept_tiles, leaves, selected

pytestmark = pytest.mark.long_on_postgres

# Three rows of tiles, the last tile of each partial.
COUNT = 256 * 257 + 40

Change = Callable[[bytes], bytes]


def doubled(hashes: bytes) -> bytes:
    """The second hash a copy of the first."""
    return hashes[:32] * 2 + hashes[64:]


# Which tile is changed and how, its public name, and what is said of it; positions, where events are named.
DAMAGE: list[tuple[Tile, Change, str, str, tuple[int, ...]]] = [
    (Tile(0, 3), lambda _: b"", "tile/0/003", "is missing", ()),
    (Tile(0, 257), lambda _: b"", "tile/0/257.p/40", "is missing", ()),
    (Tile(1, 0), lambda _: b"", "tile/1/000", "is missing", ()),
    (Tile(2, 0), lambda _: b"", "tile/2/000.p/1", "is missing", ()),
    (Tile(0, 3), lambda hashes: hashes[:-32], "tile/0/003", "has 8160 bytes instead of 8192", ()),
    (Tile(0, 257), lambda hashes: hashes[:-32], "tile/0/257.p/40", "has 1248 bytes instead of 1280", ()),
    (Tile(0, 257), lambda hashes: hashes + hashes[:32], "tile/0/257.p/40", "has 1312 bytes instead of 1280", ()),
    (Tile(0, 3), doubled, "tile/0/003", "has another hash for position 770 than the event gives", (770,)),
    (Tile(0, 257), doubled, "tile/0/257.p/40", "has another hash for position 65794 than the event gives", (65_794,)),
    (Tile(1, 0), doubled, "tile/1/000", "has another hash for positions 257 to 512 than the events give", (257, 512)),
    (
        Tile(2, 0),
        lambda hashes: hashes[::-1],
        "tile/2/000.p/1",
        "has another hash for positions 1 to 65536 than the events give",
        (1, 65_536),
    ),
    (Tile(0, 258), lambda _: bytes(32), "tile 258 of row 0", "is there, but the tree has none there", ()),
    (Tile(7, 0), lambda _: bytes(8192), "tile 0 of row 7", "is there, but the tree has none there", ()),
]


def tamper(ledger: Ledger, tile: Tile, change: Change) -> None:
    """Changes a tile that is kept, or puts one there; without hashes it is gone."""
    with ledger.log.reading() as session:
        hashes = change(tile_lookup(session)(tile))
    with ledger.log.writing() as session:
        put_tiles(session, [(tile, hashes or bytes(32))])
    if not hashes:
        where = f"tile_row = {tile.row} AND tile_index = {tile.index}"
        damaged(ledger.log.url or "", f"DELETE FROM tree_tile WHERE {where}")  # noqa: S608  # our own numbers


def findings(ledger: Ledger) -> list[Finding]:
    """What the control finds."""
    return list(check_tree(ledger.log, lambda _: None))


def mended(ledger: Ledger) -> int:
    """How many tiles a rebuild puts right."""
    return mend_tree(ledger.log, lambda _: None)


def test_every_damage_is_named_and_mended(ledger: Ledger) -> None:
    """One finding, by the tile's public name; afterwards there is none, and the tiles are the definition's."""
    append(ledger, COUNT)
    catch_up(ledger.log)
    assert findings(ledger) == []
    assert mended(ledger) == 0
    for tile, change, subject, message, positions in DAMAGE:
        tamper(ledger, tile, change)
        assert findings(ledger) == [Finding(subject, message, positions)]
        assert mended(ledger) == 1
        assert findings(ledger) == []
    assert kept_tiles(ledger) == expected_tiles(leaves(COUNT))


def test_an_empty_table_comes_back(ledger: Ledger, store_url: str) -> None:
    """Every tile is missing; then none is."""
    append(ledger, 600)
    catch_up(ledger.log)
    damaged(store_url, "DELETE FROM tree_tile")
    assert {finding.message for finding in findings(ledger)} == {"is missing"}
    assert mended(ledger) == 4
    assert kept_tiles(ledger) == expected_tiles(leaves(600))


def test_a_wrong_tile_that_went_on_growing(ledger: Ledger) -> None:
    """What was made from it is wrong too, up to the top, and all of it is put right."""
    append(ledger, 200)
    catch_up(ledger.log)
    tamper(ledger, Tile(0, 0), doubled)
    append(ledger, 400)
    catch_up(ledger.log)
    assert [finding.subject for finding in findings(ledger)] == ["tile/0/000", "tile/1/000.p/2"]
    assert mended(ledger) == 2
    assert findings(ledger) == []
    assert kept_tiles(ledger) == expected_tiles(leaves(600))


def test_a_tree_larger_than_its_log(ledger: Ledger, store_url: str) -> None:
    """It is named, and cut to what the log has."""
    append(ledger, 600)
    catch_up(ledger.log)
    damaged(store_url, "DELETE FROM event WHERE position > 500")
    (finding,) = findings(ledger)
    assert (finding.subject, finding.message) == ("checkpoint of tree", "is 600, but the log ends at 500")
    assert mended(ledger) == 3
    assert findings(ledger) == []
    assert kept_tiles(ledger) == expected_tiles(leaves(500))


def test_a_changed_event_is_named(ledger: Ledger, store_url: str) -> None:
    """The tiles have what it was when it was taken in; every tile above is right for them."""
    append(ledger, 300)
    catch_up(ledger.log)
    statement = "UPDATE event SET state = (SELECT state FROM event AS e WHERE e.position = 9) WHERE position = 7"
    damaged(store_url, statement)
    assert [(one.subject, one.positions) for one in findings(ledger)] == [
        ("tile/0/000", (7,)),
        ("tile/1/000.p/1", (1, 256)),
    ]


def test_beside_integrators_and_a_writer(ledger: Ledger, store_url: str) -> None:
    """What is appended and integrated meanwhile is no finding, and mending takes nothing of it away."""
    done, errors = threading.Event(), list[Exception]()

    def growing() -> None:
        try:
            with closing(Ledger(store_url)) as own:
                for _ in range(60):
                    append(own, 31)
                    _try_to_integrate(own)
        except Exception as error:  # noqa: BLE001  # for the test's own thread
            errors.append(error)
        done.set()

    thread = threading.Thread(target=growing)
    thread.start()
    while not done.is_set():
        assert findings(ledger) == []
        assert mended(ledger) == 0
    thread.join()
    assert errors == []
    catch_up(ledger.log)
    assert kept_tiles(ledger) == expected_tiles(leaves(60 * 31))


def _try_to_integrate(ledger: Ledger) -> None:
    with suppress(CheckpointMovedError):
        integrate(ledger.log, 50)


# ---- as people see it


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on a ledger with 300 events, all in the tree."""
    desk_ = desk(store_url, tmp_path)
    desk_.feed(plan(), *(order(f"o{number}", "ben", 100, "2026-01-02T00:00:00Z") for number in range(299)))
    desk_("worker", "run", "--once")
    return desk_


def test_audit_and_rebuild(tool: Tool) -> None:
    """The finding stands in the report, the rebuild says how many tiles it put right, and the audit passes again."""
    assert "tree is what the log says" in tool("worker", "rebuild", "tree").err
    with tool.ledger() as ledger:
        tamper(ledger, Tile(0, 0), doubled)
    results = {one["control"]: one["findings"] for one in tool.json("audit", status=3)}
    assert [name for name, found in results.items() if found] == ["tree"]
    (finding,) = results["tree"]
    assert (finding["subject"], finding["positions"]) == ("tile/0/000", [2])
    assert tool("worker", "rebuild", "tree").err == "1 tile of the tree mended\n"
    tool("audit")


def test_a_tree_behind_is_no_finding(tool: Tool) -> None:
    """It is looked at where it stands, and that is said."""
    tool.feed(order("more", "ben", 100, "2026-01-02T00:00:00Z"))
    said = tool("audit").err
    assert "note: the tree was compared 1 event before the head" in said
    with tool.ledger() as ledger:
        assert selected(ledger, "SELECT position FROM checkpoint WHERE projection = 'tree'") == 300


def test_a_checkpoint_put_back(ledger: Ledger) -> None:
    """The tiles beyond it are strays; the integrator would write them anew."""
    append(ledger, 600)
    catch_up(ledger.log)
    with ledger.log.writing() as session:
        put(session, NAME, 200)
    assert [finding.subject for finding in findings(ledger)] == [
        "tile/0/000.p/200",
        "tile 1 of row 0",
        "tile 2 of row 0",
        "tile 0 of row 1",
    ]
    assert mended(ledger) == 4
    catch_up(ledger.log)
    assert kept_tiles(ledger) == expected_tiles(leaves(600))
