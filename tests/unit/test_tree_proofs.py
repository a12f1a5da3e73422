"""Inclusion and consistency proofs: published vectors, the RFC's own definitions, and everything that must not pass."""

import json
from base64 import b64decode
from itertools import pairwise
from typing import Any

import pytest

from ledger.tree.hashing import leaf_hash, leaf_hashes, node_hash
from ledger.tree.proofs import (
    ProofError,
    consistency_proof,
    inclusion_proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.builders import data_file
from tests.naive_tree import LEAVES, damaged, flips, mth, path, subproof, subtrees

SIZES = range(1, 72)
SMALL = range(1, 9)
ROOTS = [mth(LEAVES[:size]) for size in range(SIZES.stop + 1)]
SUBTREE = subtrees(LEAVES[: SIZES.stop])


def vectors(name: str) -> dict[str, Any]:
    """A published file."""
    return json.loads(data_file("vectors", name).read_text())


def hashes(encoded: list[str] | None) -> list[bytes]:
    """A published proof; none is an empty one."""
    return [b64decode(one, validate=True) for one in encoded or []]


def test_published_reference_tree() -> None:
    """Leaves, nodes and roots of the reference tree of Certificate Transparency."""
    tree = vectors("rfc6962-reference-tree.json")
    levels = [[bytes.fromhex(node) for node in level] for level in tree["node_hashes_hex_by_level"]]
    assert leaf_hashes(bytes.fromhex(entry) for entry in tree["leaf_inputs_hex"]) == levels[0]
    for below, level in pairwise(levels):
        assert [node_hash(*below[at : at + 2]) for at in range(0, len(below), 2)] == level
    for size, root in enumerate(tree["root_hashes_hex_by_tree_size"]):
        assert root_hash(lambda level, index: levels[level][index], size).hex() == root


def test_published_hashes() -> None:
    """Of nothing, of an empty leaf, of a leaf and of a node."""
    hasher = vectors("rfc6962-reference-tree.json")["hasher"]
    assert root_hash(SUBTREE, 0).hex() == hasher["empty_root"]
    assert leaf_hash(b"").hex() == hasher["empty_leaf"]
    assert leaf_hash(b"L123456").hex() == hasher["leaf 'L123456'"]
    assert node_hash(b"N123", b"N456").hex() == hasher["node('N123','N456')"]


def test_published_inclusion_proofs() -> None:
    """Every published proof passes or is refused as published."""
    passed = dict.fromkeys([True, False], 0)
    for vector in vectors("transparency-dev-merkle-inclusion.json")["vectors"]:
        is_right = True
        try:
            verify_inclusion(
                hashes(vector["proof"]),
                leaf=b64decode(vector["leafHash"]),
                index=vector["leafIdx"],
                size=vector["treeSize"],
                root=b64decode(vector["root"]),
            )
        except ProofError:
            is_right = False
        assert is_right is not vector["wantErr"], vector["_file"]
        passed[is_right] += 1
    assert passed == {True: 6, False: 92}


def test_published_consistency_proofs() -> None:
    """Every published proof passes or is refused as published."""
    passed = dict.fromkeys([True, False], 0)
    for vector in vectors("transparency-dev-merkle-consistency.json")["vectors"]:
        is_right = True
        try:
            verify_consistency(
                hashes(vector["proof"]),
                old_size=vector["size1"],
                old_root=b64decode(vector["root1"]),
                new_size=vector["size2"],
                new_root=b64decode(vector["root2"]),
            )
        except ProofError:
            is_right = False
        assert is_right is not vector["wantErr"], vector["_file"]
        passed[is_right] += 1
    assert passed == {True: 6, False: 92}


def test_every_root() -> None:
    """Of perfect subtrees comes the root of every size."""
    for size in range(SIZES.stop):
        assert root_hash(SUBTREE, size) == ROOTS[size]


@pytest.mark.parametrize("size", SIZES)
def test_every_inclusion(size: int) -> None:
    """Every leaf has the RFC's path, and it proves that leaf at that index in that tree, and nothing else."""
    for index in range(size):
        proof = inclusion_proof(SUBTREE, index=index, size=size)
        assert proof == path(index, LEAVES[:size])
        verify_inclusion(proof, leaf=LEAVES[index], index=index, size=size, root=ROOTS[size])
        for other in {index - 1, index + 1, 0, size - 1, index ^ 2} - {index}:
            with pytest.raises(ProofError):
                verify_inclusion(proof, leaf=LEAVES[index], index=other, size=size, root=ROOTS[size])
        for other in {size - 1, size + 1, 2 * size} - {0}:
            with pytest.raises(ProofError):
                verify_inclusion(proof, leaf=LEAVES[index], index=index, size=other, root=mth(LEAVES[:other]))


@pytest.mark.parametrize("new", SIZES)
def test_every_consistency(new: int) -> None:
    """Every earlier tree has the RFC's proof, and it proves that tree to be the beginning of this one, no other."""
    for old in range(1, new + 1):
        proof = consistency_proof(SUBTREE, old_size=old, new_size=new)
        assert proof == subproof(old, LEAVES[:new])
        verify_consistency(proof, old_size=old, old_root=ROOTS[old], new_size=new, new_root=ROOTS[new])
        for other in (old - 1, old + 1):
            with pytest.raises(ProofError):
                verify_consistency(proof, old_size=other, old_root=ROOTS[other], new_size=new, new_root=ROOTS[new])
        with pytest.raises(ProofError):
            verify_consistency(proof, old_size=old, old_root=ROOTS[old], new_size=new, new_root=ROOTS[new - 1])


@pytest.mark.parametrize("size", SMALL)
def test_damaged_inclusion(size: int) -> None:
    """Any bit turned, any hash missing, doubled, cut, swapped or added: refused."""
    root = ROOTS[size]
    for index in range(size):
        leaf, proof = LEAVES[index], path(index, LEAVES[:size])
        tries = [(bad, leaf, root) for bad in damaged(proof)]
        tries += [(proof, bad, root) for bad in [*flips(leaf), b"", leaf[:-1], leaf + b"\0"]]
        tries += [(proof, leaf, bad) for bad in [*flips(root), b"", root[:-1], root + b"\0"]]
        for bad_path, bad_leaf, bad_root in tries:
            with pytest.raises(ProofError):
                verify_inclusion(bad_path, leaf=bad_leaf, index=index, size=size, root=bad_root)


@pytest.mark.parametrize("new", SMALL)
def test_damaged_consistency(new: int) -> None:
    """Any bit turned, any hash missing, doubled, cut, swapped or added: refused."""
    for old in range(1, new + 1):
        old_root, new_root, proof = ROOTS[old], ROOTS[new], subproof(old, LEAVES[:new])
        tries = [(bad, old_root, new_root) for bad in damaged(proof)]
        tries += [(proof, bad, new_root) for bad in [*flips(old_root), b"", old_root[:-1]]]
        tries += [(proof, old_root, bad) for bad in [*flips(new_root), b"", new_root[:-1]]]
        for bad_path, bad_old, bad_new in tries:
            with pytest.raises(ProofError):
                verify_consistency(bad_path, old_size=old, old_root=bad_old, new_size=new, new_root=bad_new)


def test_history_rewritten_before_an_old_head() -> None:
    """No proof leads from the old root to a tree in which one earlier leaf was changed."""
    for changed in range(5):
        leaves = [*LEAVES[:changed], leaf_hash(b"forged"), *LEAVES[changed + 1 : 9]]
        for proof in (subproof(5, leaves), subproof(5, LEAVES[:9])):
            with pytest.raises(ProofError, match="the root over"):
                verify_consistency(proof, old_size=5, old_root=ROOTS[5], new_size=9, new_root=mth(leaves))


def test_hashes_of_other_lengths_do_not_join() -> None:
    """A byte moved from one hash to its neighbour gives the same node, and is refused."""
    left, right = LEAVES[0], LEAVES[1]
    assert node_hash(left + right[:1], right[1:]) == ROOTS[2]
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion([right[1:]], leaf=left + right[:1], index=0, size=2, root=ROOTS[2])
    with pytest.raises(ProofError, match="32 bytes"):
        verify_consistency([right[1:]], old_size=1, old_root=left + right[:1], new_size=2, new_root=ROOTS[2])


def test_no_such_place() -> None:
    """Sizes of nothing, negative or shrinking, indexes outside: no proof is made, none is verified."""
    root = ROOTS[8]
    for index, size in ((0, 0), (-1, 8), (8, 8), (2**64 - 1, 8), (0, -8), (-1, -1)):
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_proof(SUBTREE, index=index, size=size)
        with pytest.raises(ProofError, match="has no leaf"):
            verify_inclusion([], leaf=root, index=index, size=size, root=root)
    for old, new in ((0, 0), (0, 8), (8, 7), (-1, 8), (-8, -8)):
        with pytest.raises(ValueError, match="no proof leads"):
            consistency_proof(SUBTREE, old_size=old, new_size=new)
        with pytest.raises(ProofError, match="no proof leads"):
            verify_consistency([], old_size=old, old_root=root, new_size=new, new_root=root)
    with pytest.raises(ValueError, match="no tree"):
        root_hash(SUBTREE, -1)
