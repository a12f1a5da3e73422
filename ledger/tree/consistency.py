"""A consistency proof as a file: one canonical JSON object and a line end.

{"hashes":["<base64>",...],"new_size":n,"old_size":m}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from ledger.canonical import canonical
from ledger.errors import MalformedEvidenceError
from ledger.tree.proofs import HASH_BYTES
from ledger.tree.spelling import COUNT_MAX, decode_base64, encode_base64

PROOF_BYTES_MAX = 100_000
HASHES_MAX = 64

_KEYS = {"hashes", "new_size", "old_size"}


@dataclass(frozen=True)
class ConsistencyProof:
    """That a tree begins with an earlier one, not verified.

    hashes  32 bytes each, as RFC 6962, 2.1.2 orders them
    """

    old_size: int
    new_size: int
    hashes: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        spelt = [encode_base64(one) for one in self.hashes]
        return canonical({"hashes": spelt, "new_size": self.new_size, "old_size": self.old_size}) + b"\n"


def parse_consistency(raw: bytes) -> ConsistencyProof:
    """A proof from its bytes; `bytes(parse_consistency(raw)) == raw` for whatever it takes.

    Raises:
        MalformedEvidenceError: not one, or not in its one spelling.
    """
    if len(raw) > PROOF_BYTES_MAX:
        raise MalformedEvidenceError(f"a consistency proof has at most {PROOF_BYTES_MAX} bytes, this one has more")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise MalformedEvidenceError("a consistency proof is one JSON object") from None
    if not isinstance(document, dict) or document.keys() != _KEYS:
        raise MalformedEvidenceError("a consistency proof has hashes, new_size and old_size, and nothing else")
    facts = cast("dict[str, Any]", document)
    proof = ConsistencyProof(_size(facts["old_size"]), _size(facts["new_size"]), _hashes(facts["hashes"]))
    if bytes(proof) != raw:
        raise MalformedEvidenceError("a consistency proof is canonical JSON and a line end")
    return proof


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value <= COUNT_MAX:
        raise MalformedEvidenceError(f"the sizes of a consistency proof are integers from 0 to {COUNT_MAX}")
    return value


def _hashes(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise MalformedEvidenceError("the hashes of a consistency proof are a list")
    spelt = cast("list[object]", value)
    if len(spelt) > HASHES_MAX or not all(isinstance(one, str) for one in spelt):
        raise MalformedEvidenceError(f"a consistency proof has at most {HASHES_MAX} hashes in base64")
    hashes = tuple(decode_base64(cast("str", one)) for one in spelt)
    if any(len(one) != HASH_BYTES for one in hashes):
        raise MalformedEvidenceError(f"the hashes of a consistency proof have {HASH_BYTES} bytes each")
    return hashes
