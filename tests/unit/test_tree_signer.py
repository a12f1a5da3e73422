"""What a signer signs next, and what it refuses (V-3): every size against the definition, every lie told to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from ledger.errors import IntegrityError
from ledger.tree.checkpoint import TreeHead
from ledger.tree.hashing import RootBuilder
from ledger.tree.proofs import ProofError, SubtreeHash, consistency_proof, frontier
from ledger.tree.signer import (
    ForkedError,
    NotSignedError,
    ShrunkError,
    TilesError,
    check_follows,
    next_head,
    nothing_signed,
)
from ledger.tree.tile_hashes import HashReader, TileBuilder
from ledger.tree.tiles import Tile
from tests.naive_tree import LEAVES, flips, mth, subtrees

ORIGIN = "shop.example/ledger"
SIZES = (0, 1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 100, 255, 256, 257, 300)


def head(size: int, leaves: Sequence[bytes] = LEAVES) -> TreeHead:
    """Of the first leaves."""
    return TreeHead(ORIGIN, size, mth(list(leaves[:size])))


def parts(leaves: Sequence[bytes], size: int = 7) -> Iterator[Sequence[bytes]]:
    """Leaves a few at a time."""
    return (leaves[start : start + size] for start in range(0, len(leaves), size))


@pytest.mark.parametrize("old", SIZES)
def test_every_growth_is_signed(old: int) -> None:
    """From each size to each: the head is the definition's; the first goes on from nothing."""
    subtree = subtrees(LEAVES)
    last = head(old) if old else nothing_signed(ORIGIN)
    for size in filter(old.__le__, SIZES):
        assert next_head(last, size, subtree, parts(LEAVES[old:size])) == head(size)


def test_a_frontier_is_what_a_builder_has() -> None:
    """Of every size; a tree that is not there is refused."""
    subtree, tree = subtrees(LEAVES), RootBuilder()
    for size, leaf in enumerate(LEAVES):
        assert frontier(subtree, size) == tree.frontier
        tree.extend([leaf])
    with pytest.raises(ValueError, match="no tree has -1 leaves"):
        frontier(subtree, -1)


def test_a_tree_that_shrank() -> None:
    """Also by one, and to nothing."""
    for size in (0, 1, 99):
        with pytest.raises(ShrunkError, match=f"has {size} events, but 100 were signed") as refused:
            next_head(head(100), size, subtrees(LEAVES[:size]), [])
        assert (refused.value.last, refused.value.size) == (head(100), size)


@pytest.mark.parametrize("changed", [0, 1, 63, 64, 98, 99])
def test_a_log_that_was_rewritten(changed: int) -> None:
    """Another event before the last head, tiles made to fit: also where nothing was added since."""
    forged = [*LEAVES[:changed], mth([]), *LEAVES[changed + 1 :]]
    for size in (100, 101, 300):
        with pytest.raises(ForkedError, match="first 100 events are not those that were signed"):
            next_head(head(100), size, subtrees(forged), parts(forged[100:size]))


def test_every_wrong_tile_hash() -> None:
    """Of the tiles in which the new tree lies, each hash that is read is either right or refused."""
    old, size = 256 + 40, 300
    builder = TileBuilder()
    tiles = {(tile.row, tile.index): data for tile, data in builder.extend(LEAVES[:size])}
    refused = 0
    for key, data in tiles.items():
        for at in range(0, len(data), 32):
            wrong = {**tiles, key: data[:at] + flips(data[at : at + 32])[at % 256] + data[at + 32 :]}
            try:
                found = next_head(head(old), size, HashReader(size, _lookup(wrong)), [LEAVES[old:size]])
            except NotSignedError:
                refused += 1
            else:
                # What was summed up before is read from the row above.
                assert (found, key) == (head(size), (0, 0))
    assert refused == 44 + 1


def _lookup(tiles: dict[tuple[int, int], bytes]) -> _Tiles:
    return _Tiles(tiles)


class _Tiles:
    """Tiles in a dictionary."""

    def __init__(self, tiles: dict[tuple[int, int], bytes]) -> None:
        self._tiles = tiles

    def __call__(self, tile: Tile) -> bytes:
        return self._tiles.get((tile.row, tile.index), b"")


def test_a_missing_tile() -> None:
    """Is named."""
    with pytest.raises(TilesError, match=r"tile/0/000\.p/3 has 0 bytes where 96 are needed"):
        next_head(nothing_signed(ORIGIN), 3, HashReader(3, _Tiles({})), [LEAVES[:3]])


@pytest.mark.parametrize("old", [0, 1, 100])
def test_tiles_that_say_otherwise_than_the_log(old: int) -> None:
    """A new event changed in the log after it went into the tiles, or in the tiles: neither is signed."""
    size = old + 20
    last = head(old) if old else nothing_signed(ORIGIN)
    for changed in range(old, size):
        forged = [*LEAVES[:changed], mth([]), *LEAVES[changed + 1 :]]
        for in_tiles, in_log in ((forged, LEAVES), (LEAVES, forged)):
            with pytest.raises(TilesError, match=f"the root over {size} leaves"):
                next_head(last, size, subtrees(in_tiles[:size]), parts(in_log[old:size]))


def test_leaves_that_do_not_fit() -> None:
    """Fewer or more than the tree has since: the caller's mistake, and no head."""
    for leaves in (LEAVES[10:19], LEAVES[10:21]):
        with pytest.raises(ValueError, match="for a tree of 20"):
            next_head(head(10), 20, subtrees(LEAVES), [leaves])


def test_what_a_witness_believes() -> None:
    """Each growth with its proof; not with another's, nor without."""
    subtree = subtrees(LEAVES)
    for old, new in pairwise(SIZES[1:]):
        check_follows(head(old), head(new), consistency_proof(subtree, old_size=old, new_size=new))
        other = consistency_proof(subtree, old_size=old, new_size=new + 1) if new < len(LEAVES) else [mth([])]
        for path in ([], other):
            with pytest.raises(ProofError):
                check_follows(head(old), head(new), path)
    check_follows(nothing_signed(ORIGIN), head(300), [])
    check_follows(head(300), head(300), [])


def test_what_a_witness_refuses() -> None:
    """A smaller tree, and another one of the same size, whatever the proof says."""
    forged = head(100, LEAVES[::-1])
    for last, new, error in (
        (head(100), head(99), ShrunkError),
        (head(100), nothing_signed(ORIGIN), ShrunkError),
        (head(100), forged, ForkedError),
        (forged, head(100), ForkedError),
    ):
        with pytest.raises(error):
            check_follows(last, new, [])
    with pytest.raises(IntegrityError):
        check_follows(forged, head(101), consistency_proof(_honest(), old_size=100, new_size=101))


def _honest() -> SubtreeHash:
    return subtrees(LEAVES)
