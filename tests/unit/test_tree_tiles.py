"""Tiles: published coordinates, contents by the specification's definition, hashes and proofs read back from them."""

import json
import random
from functools import cache

import pytest

from ledger.errors import IntegrityError
from ledger.tree.hashing import RootBuilder, leaf_hashes
from ledger.tree.proofs import consistency_proof, inclusion_proof, root_hash, verify_consistency, verify_inclusion
from ledger.tree.ranges import RangeVerifier, range_proof
from ledger.tree.tile_hashes import HashReader, TileBuilder
from ledger.tree.tiles import Tile, bundle, entries_in, tile_at, tiles_grown
from tests.builders import data_file
from tests.naive_tree import mth

# Just over a full tile of row 1, so that row 2 has its first hash.
SIZE = 65_536 + 700
ENTRIES = [number.to_bytes(3, "big") for number in range(SIZE)]
LEAVES = leaf_hashes(ENTRIES)
# Around every kind of edge: of a tile, of two, of a row.
EDGES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 700, 65_535, 65_536, 65_537, 65_536 + 256, SIZE]


@cache
def root(size: int) -> bytes:
    """Of the first leaves."""
    tree = RootBuilder()
    tree.extend(LEAVES[:size])
    return tree.root()


class Kept:
    """Tiles in a dictionary; of each only the widest, as a store may keep them."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}

    def __call__(self, tile: Tile) -> bytes:
        return self.tiles.get((tile.row, tile.index), b"")

    def grow(self, builder: TileBuilder, size: int) -> list[Tile]:
        """Takes the builder to a size; which tiles grew."""
        grown = builder.extend(LEAVES[builder.size : size])
        self.tiles.update({(tile.row, tile.index): data for tile, data in grown})
        return [tile for tile, _ in grown]


@pytest.fixture(scope="module")
def kept() -> Kept:
    """All tiles of the largest tree."""
    tiles = Kept()
    tiles.grow(TileBuilder(), SIZE)
    return tiles


def test_published_paths() -> None:
    """Indexes as the specification writes them."""
    paths = json.loads(data_file("vectors", "c2sp-tlog-examples.json").read_text())["tile_paths"]
    for example in paths:
        tile = Tile(0, example["index"])
        assert (tile.path, tile.bundle_path) == (f"tile/0/{example['encoded']}", f"tile/entries/{example['encoded']}")
    assert paths


def test_published_counts() -> None:
    """How many full tiles a tree has in each row, and how wide the partial one is."""
    counts = json.loads(data_file("vectors", "c2sp-tlog-examples.json").read_text())["tile_counts"]
    for example in counts:
        tiles = list(tiles_grown(0, example["tree_size"]))
        found = {"tree_size": example["tree_size"]}
        for row in range(3):
            if full := sum(tile.row == row and tile.width == 256 for tile in tiles):
                found[f"level{row}_full"] = full
            for tile in tiles:
                if tile.row == row and tile.width < 256:
                    found[f"level{row}_partial_width"] = tile.width
        assert found == example
    assert counts


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 1), "tile/0/000.p/1"),
        (Tile(1, 7, 17), "tile/1/007.p/17"),
        (Tile(2, 999, 255), "tile/2/999.p/255"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(0, 999_999), "tile/0/x999/999"),
        (Tile(0, 1_000_000), "tile/0/x001/x000/000"),
        (Tile(0, 1_234_067, 8), "tile/0/x001/x234/067.p/8"),
        (Tile(63, 123_456_789_012), "tile/63/x123/x456/x789/012"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    """Groups of three digits, all but the last behind an x; the width only if partial."""
    assert tile.path == path


def test_no_such_tile() -> None:
    """Coordinates outside the format, tiles beyond a tree, trees that shrink: refused."""
    for row, index, width in ((-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(ValueError, match="no tile has"):
            Tile(row, index, width)
    for row, index, size in ((0, 0, 0), (0, 1, 256), (1, 0, 255), (0, -1, 10)):
        with pytest.raises(ValueError, match="no tile has"):
            tile_at(row, index, size=size)
    for old, new in ((1, 0), (-1, 3)):
        with pytest.raises(ValueError, match="does not grow"):
            list(tiles_grown(old, new))
    with pytest.raises(ValueError, match="no entries"):
        _ = Tile(1, 0).bundle_path


def test_growth_is_what_was_not_there_before() -> None:
    """From any size to any other: exactly the tiles, by width, that the old tree did not have."""
    for old in EDGES:
        for new in EDGES[EDGES.index(old) :]:
            grown = list(tiles_grown(old, new))
            assert set(grown) == set(tiles_grown(0, new)) - set(tiles_grown(0, old))
            assert len(set(grown)) == len(grown)


def test_contents_are_the_definition(kept: Kept) -> None:
    """Hash i of tile n in row r is MTH(D[(n * 256 + i) * 256**r : (n * 256 + i + 1) * 256**r]), and none is missing."""
    contents: dict[tuple[int, int], bytes] = {}
    for tile in tiles_grown(0, SIZE):
        first, span = tile.index * 256, 256**tile.row
        hashes = [mth(LEAVES[at * span : (at + 1) * span]) for at in range(first, first + tile.width)]
        contents[tile.row, tile.index] = b"".join(hashes)
    assert contents == kept.tiles


def test_in_parts_is_at_once(kept: Kept) -> None:
    """In parts of any size: the tiles that grow are those of the coordinates, in the end all are the same."""
    chance = random.Random(6962)  # noqa: S311
    parts, builder = Kept(), TileBuilder()
    while builder.size < SIZE:
        old, new = builder.size, min(builder.size + chance.choice([0, 1, 3, 255, 256, 257, 5000]), SIZE)
        assert parts.grow(builder, new) == list(tiles_grown(old, new))
        assert builder.size == new
    assert parts.tiles == kept.tiles


@pytest.mark.parametrize("size", EDGES)
def test_resumed_is_uninterrupted(size: int, kept: Kept) -> None:
    """From kept tiles a builder goes on at any size, also where they have been widened since; its root is the root."""
    before = Kept()
    before.grow(TileBuilder(), size)
    for lookup in (before, kept):
        builder = TileBuilder.resume(size, lookup)
        assert builder.root() == root(size)
        after = Kept()
        assert after.grow(builder, SIZE) == list(tiles_grown(size, SIZE))
        assert after.tiles.items() <= kept.tiles.items()
        assert builder.root() == root(SIZE)


def test_every_subtree(kept: Kept) -> None:
    """Every subtree that a tree has is read, in trees that end anywhere; no other."""
    for size in (1, 255, 256, 257, 700):
        reader = HashReader(size, kept)
        for level in range(11):
            for index in range(size >> level):
                assert reader(level, index) == mth(LEAVES[index << level : (index + 1) << level])
            with pytest.raises(ValueError, match="has no subtree"):
                reader(level, size >> level)
    reader = HashReader(SIZE, kept)
    assert reader(16, 0) == mth(LEAVES[:65_536])
    assert reader(15, 1) == mth(LEAVES[32_768:65_536])
    assert reader(9, 128) == mth(LEAVES[65_536 : 65_536 + 512])
    for level, index in ((-1, 0), (0, -1), (17, 0), (16, 1)):
        with pytest.raises(ValueError, match="has no subtree"):
            reader(level, index)


def test_proofs_from_tiles(kept: Kept) -> None:
    """Roots and the three kinds of proofs, made from tiles alone at sizes around every edge."""
    for size in EDGES[1:]:
        reader, new_root = HashReader(size, kept), root(size)
        assert root_hash(reader, size) == new_root
        for edge in EDGES[1 : EDGES.index(size) + 1]:
            path = inclusion_proof(reader, index=edge - 1, size=size)
            verify_inclusion(path, leaf=LEAVES[edge - 1], index=edge - 1, size=size, root=new_root)
            path = consistency_proof(reader, old_size=edge, new_size=size)
            old_root = root(edge)
            verify_consistency(path, old_size=edge, old_root=old_root, new_size=size, new_root=new_root)
            verifier = RangeVerifier(range_proof(reader, start=edge // 2, end=edge, size=size))
            verifier.extend(LEAVES[edge // 2 : edge])
            verifier.verify(new_root)


def test_a_proof_reads_few_tiles(kept: Kept) -> None:
    """Two tiles a row at most, each once."""
    asked = list[Tile]()

    def lookup(tile: Tile) -> bytes:
        asked.append(tile)
        return kept(tile)

    inclusion_proof(HashReader(SIZE, lookup), index=1234, size=SIZE)
    assert len(set(asked)) == len(asked) <= 2 * 3


def test_missing_tiles_are_named() -> None:
    """A tile that is not kept or too short stops the work, by its name."""
    for data in (b"", b"\0" * (44 * 32 - 1)):
        with pytest.raises(IntegrityError, match=r"tile/0/001\.p/44 has"):
            HashReader(300, lambda _, data=data: data)(0, 256)
        with pytest.raises(IntegrityError, match=r"tile/0/001\.p/44 has"):
            TileBuilder.resume(300, lambda _, data=data: data)
    with pytest.raises(ValueError, match="no tree"):
        TileBuilder.resume(-1, Kept())


def test_bundles() -> None:
    """Each entry behind its length; the longest of the log fits exactly; cut within an entry: refused."""
    assert bundle([b"ab", b"", b"c"]) == b"\0\2ab\0\0\0\1c"
    for entries in ([], [b""], [b"", b""], [b"\xff" * 65_535, b"x"], ENTRIES[:256]):
        assert entries_in(bundle(entries)) == entries
    with pytest.raises(ValueError, match="does not fit"):
        bundle([b"", b"x" * 65_536])
    data = bundle([b"ab", b"", b"cde"])
    for cut in set(range(len(data))) - {0, 4, 6}:
        with pytest.raises(ValueError, match="ends within entry"):
            entries_in(data[:cut])
