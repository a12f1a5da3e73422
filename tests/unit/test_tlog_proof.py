"""Proofs of one entry: what they cover, and that they have one spelling."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

from ledger.errors import IntegrityError, MalformedEvidenceError, UnverifiedError
from ledger.tree.checkpoint import Policy, TreeHead, sign_head
from ledger.tree.hashing import leaf_hash, node_hash
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.tlog_proof import PROOF_BYTES_MAX, TlogProof, parse_proof, verify_proof

LOG = SignerKey("shop.example/ledger", Kind.NOTE, sha256(b"log").digest())
POLICY = Policy(LOG.name, (LOG.verifier,))
LEAVES = [leaf_hash(b"entry %d" % number) for number in range(3)]
FIRST_TWO = node_hash(LEAVES[0], LEAVES[1])
CHECKPOINT = bytes(sign_head(TreeHead(LOG.name, 3, node_hash(FIRST_TWO, LEAVES[2])), LOG))
PROOF = TlogProof(1, (LEAVES[0], LEAVES[2]), CHECKPOINT)
RAW = bytes(PROOF)


def is_included(leaf: bytes, *, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> bool:
    """Whether the hashes lead to the root. Source: RFC 9162, 2.1.3.2."""
    last = size - 1
    for digest in hashes:
        if last == 0:
            return False
        if index & 1 or index == last:
            leaf = node_hash(digest, leaf)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = node_hash(leaf, digest)
        index, last = index >> 1, last >> 1
    return last == 0 and leaf == root


def proves(raw: bytes, leaf: bytes = LEAVES[1]) -> bool:
    """Whether these bytes prove the leaf."""
    try:
        verify_proof(parse_proof(raw), leaf, POLICY, is_included, exact=True)
    except IntegrityError:
        return False
    return True


def test_an_entry_is_proven() -> None:
    """The proof gives the tree head the entry lies under; each leaf has its own."""
    assert verify_proof(PROOF, LEAVES[1], POLICY, is_included).head.size == 3
    assert proves(bytes(TlogProof(0, (LEAVES[1], LEAVES[2]), CHECKPOINT)), LEAVES[0])
    assert proves(bytes(TlogProof(2, (FIRST_TWO,), CHECKPOINT)), LEAVES[2])


def test_every_bit() -> None:
    """No bit of a proof can be flipped, its index and hashes included."""
    assert proves(RAW)
    whole = int.from_bytes(RAW)
    for bit in range(8 * len(RAW)):
        assert not proves((whole ^ (1 << bit)).to_bytes(len(RAW))), bit


def test_truncated_at_every_byte() -> None:
    """No beginning of a proof proves anything."""
    for end in range(len(RAW)):
        assert not proves(RAW[:end]), end


def test_lines_dropped_doubled_swapped() -> None:
    """No line of a proof can go, stand twice, or change its place with the next."""
    lines = RAW.splitlines(keepends=True)
    for at in range(len(lines)):
        assert not proves(b"".join(lines[:at] + lines[at + 1 :])), at
        assert not proves(b"".join([*lines[:at], lines[at], *lines[at:]])), at
    for at in range(len(lines) - 1):
        assert not proves(b"".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])), at


def test_other_entries_and_other_indexes() -> None:
    """Another leaf, another index, or one outside of the tree is not proven, whatever the check says of it."""
    assert not proves(RAW, LEAVES[0])
    for index in (0, 2, 3):
        assert not proves(bytes(replace(PROOF, index=index)))

    def anything(leaf: bytes, *, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> bool:
        return len(leaf) == len(root) and index >= size and bool(hashes)

    with pytest.raises(UnverifiedError, match="index 3 is not proven to lie in the tree of size 3"):
        verify_proof(replace(PROOF, index=3), LEAVES[1], POLICY, anything)


def test_a_checkpoint_that_does_not_hold() -> None:
    """A proof by another key, or with none of a checkpoint, proves nothing."""
    other = SignerKey(LOG.name, Kind.NOTE, sha256(b"other").digest())
    head = TreeHead(LOG.name, 3, node_hash(FIRST_TWO, LEAVES[2]))
    with pytest.raises(UnverifiedError, match="known keys: 0"):
        verify_proof(replace(PROOF, checkpoint=bytes(sign_head(head, other))), LEAVES[1], POLICY, is_included)
    with pytest.raises(MalformedEvidenceError):
        verify_proof(replace(PROOF, checkpoint=b"checkpoint\n"), LEAVES[1], POLICY, is_included)


def test_extra_data() -> None:
    """It is carried, and covered only where the leaf is made from it."""
    carrying = replace(PROOF, extra=b"entry 1")
    assert parse_proof(bytes(carrying)) == carrying
    assert proves(bytes(carrying), leaf_hash(carrying.extra))
    forged = replace(PROOF, extra=b"entry 7")
    assert proves(bytes(forged))
    assert not proves(bytes(forged), leaf_hash(forged.extra))


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b"@v1\n", b"@v1\r\n"),
        (b"@v1\n", b"@v1\nextra \n"),
        (b"@v1\n", b"@v1\nextra AB==\n"),
        (b"@v1\n", b"@v1\nextra AA==\nextra AA==\n"),
        (b"@v1\n", b"@v1\n\n"),
        (b"@v1", b"@v2"),
        (b"index 1\n", b"index 01\n"),
        (b"index 1\n", b"index +1\n"),
        (b"index 1\n", b"index  1\n"),
        (b"index 1\n", b"index 1 \n"),
        (b"index 1\n", b"index 9223372036854775808\n"),
        (b"index 1\n", b"index 1\nindex 1\n"),
        (b"index 1\n", b"index 1\nextra AA==\n"),
        (b"index 1\n", b"index 1\nAAAA\n"),
        (b"index 1\n", b"index \xc2\xb9\n"),
        (b"index 1\n", b"1\n"),
        (b"index 1\n", b"\n"),
    ],
)
def test_other_spellings(found: bytes, put: bytes) -> None:
    """Other breaks, numbers, orders and base64 than the one spelling are refused."""
    assert RAW.count(found) == 1
    with pytest.raises(MalformedEvidenceError):
        parse_proof(RAW.replace(found, put))


def test_limits() -> None:
    """No more hashes than the largest tree is deep, no index outside of it, no proof above the limit."""
    assert len(parse_proof(bytes(replace(PROOF, hashes=LEAVES[:1] * 63))).hashes) == 63
    with pytest.raises(MalformedEvidenceError):
        replace(PROOF, hashes=tuple(LEAVES[:1] * 64))
    for index in (-1, 2**63):
        with pytest.raises(MalformedEvidenceError):
            replace(PROOF, index=index)
    with pytest.raises(MalformedEvidenceError, match="at most"):
        parse_proof(RAW + bytes(PROOF_BYTES_MAX))
    with pytest.raises(MalformedEvidenceError, match="checkpoint"):
        parse_proof(RAW.removesuffix(CHECKPOINT))
