"""The proofs of a bundle as files: canonical JSON, hashes in base64."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from ledger.canonical import canonical
from ledger.errors import IntegrityError, RefusedError
from ledger.ids import stream_of
from ledger.store.recorder import LogRecorder, Recorded
from ledger.store.session import load
from ledger.tree.checkpoint import TreeHead
from ledger.tree.proofs import SubtreeHash, consistency_proof, inclusion_proof, root_hash
from ledger.tree.ranges import RangeProof
from ledger.tree.spelling import encode_base64
from projections.export.asked import Bars
from projections.tree import catch_up, hash_reader, tree_size

_RECORDED = load("ledger.store", "select_recorded")
_PLANS_AT_A_TIME = 100


@contextmanager
def proving(log: LogRecorder, head: TreeHead, bars: Bars) -> Generator[SubtreeHash]:
    """The tree of a log, to make proofs from; brought as far as the head first.

    Raises:
        IntegrityError: the head is not of this log.
        RefusedError: the tree is not so far, and whoever asks may not bring it there.
    """
    behind = log.head() - head.size
    if behind < 0:
        raise IntegrityError(f"the head is of {head.size} events, the log has {log.head()}: it is another log's")
    with log.reading() as session:
        missing = max(0, head.size - tree_size(session))
    if missing:
        with bars("integrating", missing + behind) as advance:
            catch_up(log, advance)
    with log.reading() as session:
        if tree_size(session) < head.size:
            raise RefusedError("the tree is not as far as the head: have `refledger worker run` bring it there")
        subtree = hash_reader(session, head.size)
        check_head(subtree, head)
        yield subtree


def check_head(subtree: SubtreeHash, head: TreeHead) -> None:
    """The head is of this very log.

    Raises:
        IntegrityError: the log has another root at that size.
    """
    found = root_hash(subtree, head.size)
    if found != head.root:
        raise IntegrityError(
            f"the head of {head.origin} at size {head.size} is not of this log: its root is {head.root.hex()}, "
            f"the log's is {found.hex()}"
        )


def range_document(proof: RangeProof) -> bytes:
    """range.json."""
    return document(
        {
            "end": proof.end,
            "left": _spelt(proof.left),
            "right": _spelt(proof.right),
            "size": proof.size,
            "start": proof.start,
        }
    )


def consistency_document(subtree: SubtreeHash, *, old: TreeHead, new: TreeHead) -> bytes:
    """consistency.json.

    Raises:
        RefusedError: no proof leads from the one to the other.
        IntegrityError: the log has another root at the old size.
    """
    if not 0 < old.size <= new.size:
        raise RefusedError(f"no proof leads from the previous head of size {old.size} to one of size {new.size}")
    check_head(subtree, old)
    hashes = consistency_proof(subtree, old_size=old.size, new_size=new.size)
    return document({"hashes": _spelt(hashes), "new_size": new.size, "old_size": old.size})


def plans_before(log: LogRecorder, position: int) -> list[Recorded]:
    """The plans recorded at lower positions, in order."""
    plans = list[Recorded]()
    # They are numbered without gaps, in the order in which they were recorded (P-1).
    for first in count(1, _PLANS_AT_A_TIME):
        keys = [stream_of("plan", str(number)) for number in range(first, first + _PLANS_AT_A_TIME)]
        with log.reading() as session:
            found = sorted(map(Recorded._make, session.rows(_RECORDED, keys=keys)))
        plans += [plan for plan in found if plan.position < position]
        if len(plans) < first + _PLANS_AT_A_TIME - 1:
            return plans
    return plans


def plan_lines(plans: Iterable[Recorded], subtree: SubtreeHash, *, size: int) -> Iterator[bytes]:
    """Lines of plans.jsonl: each plan with its proof of inclusion in the tree of this size."""
    for plan in plans:
        hashes = inclusion_proof(subtree, index=plan.position - 1, size=size)
        yield document({"event": plan.state.decode(), "hashes": _spelt(hashes), "position": plan.position})


def document(facts: object) -> bytes:
    """A file that is one JSON object, or a line of one: canonical JSON and a line end."""
    return canonical(facts) + b"\n"


def _spelt(hashes: Sequence[bytes]) -> list[str]:
    return [encode_base64(one) for one in hashes]
