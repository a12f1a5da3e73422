"""Consistency proofs as files: one spelling, and nothing else passes."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedEvidenceError
from ledger.tree.consistency import ConsistencyProof, parse_consistency
from ledger.tree.proofs import consistency_proof
from tests.naive_tree import LEAVES, subtrees

PROOF = ConsistencyProof(7, 300, tuple(consistency_proof(subtrees(LEAVES), old_size=7, new_size=300)))
RAW = bytes(PROOF)


def test_a_proof_comes_back() -> None:
    """What was written is what is read; the same sizes need no hashes."""
    for proof in (PROOF, ConsistencyProof(5, 5, ())):
        assert parse_consistency(bytes(proof)) == proof
    assert bytes(ConsistencyProof(1, 2, (b"\0" * 32,))) == (
        b'{"hashes":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"new_size":2,"old_size":1}\n'
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (RAW, b""),
        (RAW, b"[]\n"),
        (RAW, b"{}\n"),
        (RAW, b"\xff\n"),
        (RAW, b"[" * 50_000),
        (RAW, RAW * 60),
        (b"}\n", b"}"),
        (b"}\n", b"}\n\n"),
        (b"}\n", b',"more":1}\n'),
        (b"}\n", b',"old_size":7}\n'),
        (b'"new_size":300,"old_size":7', b'"old_size":7,"new_size":300'),
        (b":300", b": 300"),
        (b":300", b":300.0"),
        (b":300", b":true"),
        (b":300", b":null"),
        (b":300", b":-300"),
        (b":300", b":9223372036854775808"),
        (b":300", b":" + b"9" * 5_000),
        (b':["', b':[7,"'),
        (b':["', b':[["'),
        (b':["', b':["AAAA","'),
        (b':["', b':["","'),
        (b'="', b'"'),
        (b'="', b'=="'),
        (b'{"hashes":', b'{"hashes":"'),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes) -> None:
    """Not JSON, other keys, other types, spaces, another order, twice, too much, hashes that are none."""
    raw = RAW.replace(old, new, 1)
    assert raw != RAW
    with pytest.raises(MalformedEvidenceError):
        parse_consistency(raw)


def test_too_many_hashes() -> None:
    """More than any tree needs."""
    with pytest.raises(MalformedEvidenceError, match="at most 64 hashes"):
        parse_consistency(bytes(ConsistencyProof(7, 300, (b"\0" * 32,) * 65)))
