"""Proofs as they lie in a bundle: range.json and consistency.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ledger.errors import MalformedEvidenceError
from ledger.tree.ranges import RangeProof
from ledger.tree.spelling import decode_base64
from projections.verify.canonical_form import expect_keys, read_document


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That a tree of `new_size` leaves goes on from one of `old_size`."""

    old_size: int
    new_size: int
    hashes: tuple[bytes, ...]


def read_range(raw: bytes) -> RangeProof:
    """The proof of exactly some leaves.

    Raises:
        MalformedEvidenceError: it is none.
    """
    found = read_document(raw)
    expect_keys(found, frozenset({"end", "left", "right", "size", "start"}))
    start, end, size = (_count(found[key]) for key in ("start", "end", "size"))
    return RangeProof(start, end, size, hashes_in(found["left"]), hashes_in(found["right"]))


def read_consistency(raw: bytes) -> ConsistencyProof:
    """The proof that one tree goes on from another.

    Raises:
        MalformedEvidenceError: it is none.
    """
    found = read_document(raw)
    expect_keys(found, frozenset({"hashes", "new_size", "old_size"}))
    return ConsistencyProof(_count(found["old_size"]), _count(found["new_size"]), hashes_in(found["hashes"]))


def hashes_in(found: object) -> tuple[bytes, ...]:
    """Hashes in base64. How many there must be, and how long each, is for whoever verifies the proof.

    Raises:
        MalformedEvidenceError: they are none.
    """
    if not isinstance(found, list) or not all(isinstance(one, str) for one in cast("list[object]", found)):
        raise MalformedEvidenceError("hashes are a list of texts in base64")
    return tuple(map(decode_base64, cast("list[str]", found)))


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise MalformedEvidenceError("sizes and places in a tree are counts")
    return value
