"""Proof that a log signed two trees which contradict each other: whoever has its key can check it, and nothing else.

Two heads of one size with other roots contradict each other by themselves. Of different sizes a path does it: it proves
that the larger tree begins with a tree of the smaller size that has another root than the one that was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.canonical import canonical
from ledger.errors import MalformedEvidenceError, UnverifiedError
from ledger.tree.checkpoint import TreeHead, parse_head
from ledger.tree.hashing import RootBuilder, leaf_hashes, node_hash
from ledger.tree.keys import VerifierKey
from ledger.tree.note import Note, parse_note, verify_note
from ledger.tree.proofs import split, verify_consistency
from ledger.tree.ranges import RangeProof, turns
from ledger.tree.spelling import encode_base64
from projections.verify.canonical_form import expect_keys, read_document
from projections.verify.proof_files import hashes_in

FORMAT = "refledger-misbehaviour-1"
MISBEHAVIOUR_BYTES_MAX = 4_000_000

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Two checkpoints of one log, word for word.

    other_root  of the first leaves of the new tree, as many as the old one has; None: both are of one size
    hashes      the consistency proof from there to the new root
    """

    old: bytes
    new: bytes
    other_root: bytes | None = None
    hashes: tuple[bytes, ...] = ()

    def __bytes__(self) -> bytes:
        """The file's one spelling."""
        document = {
            "format": FORMAT,
            "hashes": [encode_base64(one) for one in self.hashes],
            "new": self.new.decode(),
            "old": self.old.decode(),
            "other_root": None if self.other_root is None else encode_base64(self.other_root),
        }
        return canonical(document) + b"\n"

    @property
    def file_name(self) -> str:
        """A name that tells one contradiction from another."""
        old, new = (parse_head(parse_note(raw).text) for raw in (self.old, self.new))
        return f"misbehaviour-{old.size}-{old.root.hex()[:8]}-{new.size}-{new.root.hex()[:8]}.json"


def is_misbehaviour(raw: bytes) -> bool:
    """Whether a file claims to be such a proof."""
    return raw.startswith(b'{"format":"refledger-misbehaviour')


def read_misbehaviour(raw: bytes) -> Misbehaviour:
    """A proof from its bytes, not checked.

    Raises:
        MalformedEvidenceError: it is none.
    """
    found = read_document(raw)
    expect_keys(found, frozenset({"format", "hashes", "new", "old", "other_root"}))
    if found["format"] != FORMAT or not isinstance(found["old"], str) or not isinstance(found["new"], str):
        raise MalformedEvidenceError(f"is no proof of misbehaviour of the format {FORMAT}")
    other = found["other_root"]
    other_root = None if other is None else hashes_in([other])[0]
    return Misbehaviour(found["old"].encode(), found["new"].encode(), other_root, hashes_in(found["hashes"]))


def check_misbehaviour(proof: Misbehaviour, log_keys: Iterable[VerifierKey]) -> tuple[TreeHead, TreeHead, VerifierKey]:
    """The two trees that contradict each other, and the key that signed both.

    Raises:
        MalformedEvidenceError, UnverifiedError, ProofError: it proves nothing.
    """
    old_note, new_note = parse_note(proof.old), parse_note(proof.new)
    old, new = parse_head(old_note.text), parse_head(new_note.text)
    key = next((key for key in log_keys if key.name == old.origin and _signed(key, old_note, new_note)), None)
    if key is None or old.origin != new.origin:
        raise UnverifiedError("no key that was given is the log's and signed both tree heads")
    if proof.other_root is None:
        if old.size != new.size or old.root == new.root:
            raise UnverifiedError("the two tree heads do not contradict each other: other sizes, or the same root")
    else:
        verify_consistency(
            proof.hashes,
            old_size=old.size,
            old_root=proof.other_root,
            new_size=new.size,
            new_root=new.root,
        )
        if proof.other_root == old.root:
            raise UnverifiedError("the two tree heads do not contradict each other: one goes on from the other")
    return old, new, key


def consistency_hashes(batches: Iterable[list[bytes]], proof: RangeProof, old_size: int) -> tuple[bytes, ...]:
    """The proof that leads from the first leaves of a tree to its root, made from all entries up to some position.

    Args:
        batches: the entries that `proof` is of, from the first of the log on.
        proof: that these are its first.
        old_size: of the earlier tree, at most as many as there are entries.
    """
    known = {
        (middle, stop): right
        for (_, middle, stop), right in zip(turns(proof.end, proof.size)[::-1], proof.right, strict=True)
    }
    wanted = list(_path(old_size, proof.size))
    builders = {span: RootBuilder() for one in wanted for span in _of_leaves(one, proof.end, known)}
    position = 0
    for batch in batches:
        leaves = leaf_hashes(batch)
        for (start, end), builder in builders.items():
            builder.extend(leaves[max(0, start - position) : max(0, end - position)])
        position += len(leaves)
    known |= {span: builder.root() for span, builder in builders.items()}
    return tuple(_hash_of(span, known) for span in wanted)


def _signed(key: VerifierKey, *notes: Note) -> bool:
    try:
        return all(verify_note(note, [key]) for note in notes)
    except UnverifiedError:
        return False


def _path(old_size: int, size: int) -> Iterator[_Span]:
    """The nodes of a consistency proof, each as the leaves below it. Source: RFC 6962, 2.1.2."""
    start, end, path = 0, size, list[_Span]()
    while end != old_size:
        middle = start + split(end - start)
        if old_size <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:
        path.append((start, end))
    yield from reversed(path)


def _of_leaves(span: _Span, end: int, known: dict[_Span, bytes]) -> Iterator[_Span]:
    """The nodes to be made of entries, that a node needs."""
    if span in known:
        return
    if span[1] <= end:
        yield span
        return
    middle = span[0] + split(span[1] - span[0])
    yield from _of_leaves((span[0], middle), end, known)
    yield from _of_leaves((middle, span[1]), end, known)


def _hash_of(span: _Span, known: dict[_Span, bytes]) -> bytes:
    if span in known:
        return known[span]
    middle = span[0] + split(span[1] - span[0])
    return node_hash(_hash_of((span[0], middle), known), _hash_of((middle, span[1]), known))
