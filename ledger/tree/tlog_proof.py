"""Proofs of one entry that need nothing else (C2SP tlog-proof): its index, hashes up to the root, a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.errors import MalformedEvidenceError, UnverifiedError
from ledger.tree.checkpoint import ROOT_BYTES, Policy, VerifiedHead, verify_head
from ledger.tree.note import NOTE_BYTES_MAX
from ledger.tree.spelling import COUNT_MAX, decode_base64, decode_count, encode_base64

PROOF_BYTES_MAX = 2 * NOTE_BYTES_MAX
HASHES_MAX = 63  # the depth of the largest tree

_HEADER = "c2sp.org/tlog-proof@v1"
_EXTRA = "extra "
_INDEX = "index "


class InclusionCheck(Protocol):
    """How inclusion is checked (RFC 6962, 2.1.1)."""

    def __call__(self, leaf: bytes, *, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> bool:
        """Whether the hashes lead from the leaf at an index, counted from 0, to the root of a tree of that size."""
        ...


@dataclass(frozen=True)
class TlogProof:
    """A proof, not verified.

    index       of the entry, from 0: its position less one
    hashes      32 bytes each, from the leaf's sibling up to the root's child
    checkpoint  a signed note, word for word
    extra       free for the application; nothing covers it, unless the leaf is made from it

    Raises:
        MalformedEvidenceError: one of them cannot stand in a proof.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index <= COUNT_MAX:
            raise MalformedEvidenceError(f"the index of an entry is from 0 to {COUNT_MAX}, not {self.index}")
        if len(self.hashes) > HASHES_MAX or any(len(digest) != ROOT_BYTES for digest in self.hashes):
            raise MalformedEvidenceError(f"an inclusion proof is at most {HASHES_MAX} hashes of {ROOT_BYTES} bytes")
        if not self.checkpoint:
            raise MalformedEvidenceError("a proof ends with the log's checkpoint")

    def __bytes__(self) -> bytes:
        extra = [_EXTRA + encode_base64(self.extra)] if self.extra else []
        lines = [_HEADER, *extra, f"{_INDEX}{self.index}", *map(encode_base64, self.hashes)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint


def parse_proof(raw: bytes) -> TlogProof:
    """A proof from its bytes; `bytes(parse_proof(raw)) == raw` for whatever it takes. The checkpoint is not looked at.

    Raises:
        MalformedEvidenceError: not a proof, not in its one spelling, or above a limit.
    """
    if len(raw) > PROOF_BYTES_MAX:
        raise MalformedEvidenceError(f"a proof has at most {PROOF_BYTES_MAX} bytes, this one has {len(raw)}")
    head, _, checkpoint = raw.partition(b"\n\n")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise MalformedEvidenceError("a proof is ASCII up to its checkpoint") from None
    if header != _HEADER:
        raise MalformedEvidenceError(f"a proof begins with {_HEADER}")
    extra = b""
    if lines and lines[0].startswith(_EXTRA):
        extra = _parse_extra(lines.pop(0))
    if not lines or not lines[0].startswith(_INDEX):
        raise MalformedEvidenceError("a proof names the index of its entry")
    index = decode_count(lines.pop(0).removeprefix(_INDEX))
    return TlogProof(index, tuple(map(decode_base64, lines)), checkpoint, extra)


def _parse_extra(line: str) -> bytes:
    extra = decode_base64(line.removeprefix(_EXTRA))
    if not extra:
        raise MalformedEvidenceError("a proof without extra data has no line for it")
    return extra


def verify_proof(
    proof: TlogProof, leaf: bytes, policy: Policy, is_included: InclusionCheck, *, exact: bool = False
) -> VerifiedHead:
    """The tree head under which the proof's entry lies.

    leaf         32 bytes, the hash of the entry, which the caller made from what it wants proven
    is_included  how inclusion is checked
    exact        every byte of the checkpoint is covered, as `verify_note` says; index and hashes are by `is_included`

    Raises:
        MalformedEvidenceError: its checkpoint is none.
        UnverifiedError: the checkpoint does not hold, or the entry does not lie under it.
    """
    verified = verify_head(proof.checkpoint, policy, exact=exact)
    head = verified.head
    within = proof.index < head.size
    if not within or not is_included(leaf, index=proof.index, size=head.size, hashes=proof.hashes, root=head.root):
        raise UnverifiedError(f"the entry at index {proof.index} is not proven to lie in the tree of size {head.size}")
    return verified
