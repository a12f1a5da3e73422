"""The proofs of a bundle as files: canonical JSON, hashes in base64."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from ledger.canonical import canonical
from ledger.ids import stream_of
from ledger.store.recorder import LogRecorder, Recorded, head_of
from ledger.store.session import load
from ledger.tree.checkpoint import TreeHead
from ledger.tree.hashing import leaf_hash
from ledger.tree.proofs import ProofError, SubtreeHash, inclusion_proof, root_hash, verify_inclusion
from ledger.tree.ranges import RangeProof, RangeVerifier
from ledger.tree.spelling import encode_base64
from projections.heads import TreeDisagreesError, check_behind
from projections.tree import hash_reader, tree_size

_RECORDED = load("ledger.store", "select_recorded")
_PLANS_AT_A_TIME = 100


@contextmanager
def proving(log: LogRecorder, head: TreeHead) -> Generator[SubtreeHash]:
    """The tree of a log, as the head has it, to make proofs from.

    Raises:
        TreeDisagreesError: the head is not of this log.
        TreeBehindError: the tree has not come so far.
    """
    with log.reading() as session:
        check_behind(session, head.size)
        if tree_size(session) < head.size:
            raise TreeDisagreesError(f"the head is of {head.size} events, the log has {head_of(session)}")
        subtree = hash_reader(session, head.size)
        found = root_hash(subtree, head.size)
        if found != head.root:
            raise TreeDisagreesError(
                f"the head of {head.size} events has the root {head.root.hex()}, the log {found.hex()}"
            )
        yield subtree


def prove(verifier: RangeVerifier, root: bytes) -> None:
    """What went into a range is what the head says.

    Raises:
        TreeDisagreesError: it is not.
    """
    try:
        verifier.verify(root)
    except ProofError as error:
        raise TreeDisagreesError(str(error)) from error


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


def plan_lines(plans: Iterable[Recorded], subtree: SubtreeHash, head: TreeHead) -> Iterator[bytes]:
    """Lines of plans.jsonl: each plan with its proof of inclusion under a head.

    Raises:
        TreeDisagreesError: a plan is not what the head says.
    """
    for plan in plans:
        index = plan.position - 1
        hashes = inclusion_proof(subtree, index=index, size=head.size)
        try:
            verify_inclusion(hashes, leaf=leaf_hash(plan.state), index=index, size=head.size, root=head.root)
        except ProofError as error:
            raise TreeDisagreesError(str(error)) from error
        yield document({"event": plan.state.decode(), "hashes": _spelt(hashes), "position": plan.position})


def document(facts: object) -> bytes:
    """A file that is one JSON object, or a line of one: canonical JSON and a line end."""
    return canonical(facts) + b"\n"


def _spelt(hashes: Sequence[bytes]) -> list[str]:
    return [encode_base64(one) for one in hashes]
