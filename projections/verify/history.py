"""Whether a tree goes on from those that were seen before, or contradicts them (rule V-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.tree.checkpoint import TreeHead
from ledger.tree.proofs import ProofError, verify_consistency
from projections.verify.log_reader import RANGE, Task
from projections.verify.misbehaviour import Misbehaviour, consistency_hashes
from projections.verify.proof_files import ConsistencyProof
from projections.verify.report import Report
from projections.verify.trust import SIGNATURE, Trust, believed_head

HISTORY = "history"


@dataclass(frozen=True, slots=True)
class EarlierHead:
    """A tree head from before, and a proof that leads from it to the new one, if there is one."""

    name: str
    raw: bytes
    head: TreeHead
    proof: ConsistencyProof | None = None


class History:
    """The heads that a new one must go on from."""

    def __init__(self, trust: Trust, report: Report) -> None:
        self._trust, self._report = trust, report
        self._earlier: list[EarlierHead] = []

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the trees whose roots tell most."""
        return tuple(earlier.head.size for earlier in self._earlier)

    def add(self, name: str, raw: bytes, proof: ConsistencyProof | None = None) -> TreeHead:
        """One more; without a proof of its own it takes one that leads from a tree of its size.

        Raises:
            MalformedEvidenceError: it is no checkpoint.
        """
        self._report.begin(HISTORY)
        head = believed_head(raw, self._trust, self._report, is_watched=False)
        others = (earlier.proof for earlier in self._earlier)
        fitting = (other for other in others if other is not None and other.old_size == head.size)
        self._earlier.append(EarlierHead(name, raw, head, proof or next(fitting, None)))
        return head

    def check(self, raw: bytes, new: TreeHead, roots: Mapping[int, bytes], task: Task | None) -> Misbehaviour | None:
        """Proves that the new tree goes on from all of them.

        Args:
            raw: the new checkpoint, word for word.
            new: its head, against which everything else is proven.
            roots: of the new tree's beginnings, by size, as far as its entries are here.
            task: where these entries are, if they are here.

        Returns:
            If two heads contradict each other, all is signed and the entries are the tree's: the proof of that.
        """
        proven = None
        for earlier in self._earlier:
            root = new.root if earlier.head.size == new.size else roots.get(earlier.head.size)
            contradicts = self._check(earlier, new, root)
            holds = bool(self._trust.log_keys) and not {SIGNATURE, RANGE} & self._report.counts.keys()
            if root is not None and contradicts and holds:
                proven = proven or _proof_of(earlier, raw, new, root, task)
        if self._earlier:
            sizes = " and ".join(map(str, sorted(set(self.sizes))))
            self._report.begin(HISTORY, f"goes on from the tree of {sizes} events")
        return proven

    def _check(self, earlier: EarlierHead, new: TreeHead, root: bytes | None) -> bool:
        """Finds what is wrong; returns whether it is a contradiction."""
        old, name, report = earlier.head, earlier.name, self._report
        if old.origin != new.origin:
            report.find(HISTORY, f"{name} is of the log {old.origin[:60]!a}, not of {new.origin[:60]!a}")
            return False
        if old.size > new.size:
            message = (
                f"{name} has {old.size} events, this tree only {new.size}: an older export, or the end was cut off"
            )
            report.find(HISTORY, f"{message}. Ask for one with a head of at least {old.size}")
            return False
        if earlier.proof is not None:
            with report.checking(HISTORY):
                _verify(earlier.proof, old, new)
        elif root is None and old.size:
            message = f"nothing leads from {name}, of {old.size} events, to this tree"
            report.find(HISTORY, f"{message}: ask for an export with --previous and that head")
        if root is None or root == old.root:
            return False
        report.find(HISTORY, f"{name} has the root {old.root.hex()} over {old.size} events; here it is {root.hex()}")
        return True


def _verify(proof: ConsistencyProof, old: TreeHead, new: TreeHead) -> None:
    if (proof.old_size, proof.new_size) != (old.size, new.size):
        raise ProofError(f"the proof leads from {proof.old_size} to {proof.new_size} events")
    verify_consistency(proof.hashes, old_size=old.size, old_root=old.root, new_size=new.size, new_root=new.root)


def _proof_of(earlier: EarlierHead, raw: bytes, new: TreeHead, root: bytes, task: Task | None) -> Misbehaviour | None:
    if earlier.head.size == new.size:
        return Misbehaviour(earlier.raw, raw)
    if task is None or task.proof.start or task.is_redacted:
        return None
    hashes = consistency_hashes(task.entries().batches(), task.proof, earlier.head.size)
    return Misbehaviour(earlier.raw, raw, root, hashes)
