"""The same log through another implementation: same files, same roots, proofs that pass on both sides."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger.tree.hashing import RootBuilder, leaf_hashes
from ledger.tree.proofs import consistency_proof, inclusion_proof, root_hash, verify_consistency, verify_inclusion
from ledger.tree.tile_hashes import HashReader, TileBuilder
from ledger.tree.tiles import Tile, bundle, tiles_grown

# How the log grows: tiles are made, widened, completed and passed over in three rows.
SIZES = [1, 200, 256, 300, 511, 513, 1_000, 65_535, 65_600]
ENTRIES = [b"%d" % number * (number % 7) for number in range(SIZES[-1])]
LEAVES = leaf_hashes(ENTRIES)
AT = [0, 1, 199, 255, 256, 299, 512, 999, 65_535, 65_599]


@cache
def root(size: int) -> bytes:
    """Of the first leaves."""
    tree = RootBuilder()
    tree.extend(LEAVES[:size])
    return tree.root()


@pytest.fixture(scope="module")
def peer_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log as the other one writes it, unsigned, with all partial tiles."""
    writer_of = pytest.importorskip("tlog_scales.writer").TilesWriter
    path = tmp_path_factory.mktemp("peer") / "log"
    writer: Any = writer_of.create(path, "example.com/log")
    for size in SIZES:
        for entry in ENTRIES[writer.size : size]:
            writer.add_leaf(entry)
        writer.commit([], gc=False)
    return path


@pytest.fixture(scope="module")
def our_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log as we write it, with all partial tiles."""
    path, builder, files = tmp_path_factory.mktemp("ours"), TileBuilder(), dict[str, bytes]()
    for size in SIZES:
        bundles = [tile for tile in tiles_grown(builder.size, size) if tile.row == 0]
        for tile in bundles:
            files[tile.bundle_path] = bundle(ENTRIES[tile.index * 256 :][: tile.width])
        files.update({tile.path: data for tile, data in builder.extend(LEAVES[builder.size : size])})
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def test_same_files(peer_log: Path, our_log: Path) -> None:
    """Every tile and every bundle, full or partial, under the same name with the same bytes."""
    theirs, ours = ({file: (log / file).read_bytes() for file in _files(log)} for log in (peer_log, our_log))
    assert theirs == ours
    assert len(ours) > 2 * SIZES[-1] // 256


def test_they_read_our_log(our_log: Path) -> None:
    """Their roots, entries and proofs from our files are ours."""
    reader: Any = pytest.importorskip("tlog_scales.reader").TilesReader(
        pytest.importorskip("tlog_scales.backend").LocalBackend(our_log)
    )
    for size in SIZES:
        reader.set_size(size)
        assert reader.calculate_root_hash() == root(size)
        for index in filter(size.__gt__, AT):
            assert reader.get_entry(index) == ENTRIES[index]
            proof = reader.get_inclusion_proof(index, size).node_hashes
            verify_inclusion(proof, leaf=LEAVES[index], index=index, size=size, root=root(size))
        for old in filter(size.__ge__, SIZES):
            proof = reader.get_consistency_proof(old, size).node_hashes
            verify_consistency(proof, old_size=old, old_root=root(old), new_size=size, new_root=root(size))


def test_we_read_their_log(peer_log: Path) -> None:
    """Our roots are right and our proofs pass their verifier, made from their files."""
    peer: Any = pytest.importorskip("tlog_scales.tlog")

    def lookup(tile: Tile) -> bytes:
        return (peer_log / tile.path).read_bytes()

    for size in SIZES:
        reader = HashReader(size, lookup)
        assert root_hash(reader, size) == root(size)
        for index in filter(size.__gt__, AT):
            path = inclusion_proof(reader, index=index, size=size)
            peer.InclusionProof(index, size, path).check(LEAVES[index], root(size))
        for old in filter(size.__ge__, SIZES):
            path = consistency_proof(reader, old_size=old, new_size=size)
            peer.ConsistencyProof(old, size, path).check(root(old), root(size))


def _files(log: Path) -> list[Path]:
    return [file.relative_to(log) for file in (log / "tile").rglob("*") if file.is_file()]
