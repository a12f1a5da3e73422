"""Evidence in one file: the proof of one event (C2SP tlog-proof), or of a log's misbehaviour."""

from __future__ import annotations

from ledger.errors import UnverifiedError
from ledger.tree.hashing import leaf_hash
from ledger.tree.proofs import verify_inclusion
from ledger.tree.tlog_proof import TlogProof, parse_proof
from projections.verify.asked import MISBEHAVIOUR, Asked, Verified
from projections.verify.history import HISTORY, History
from projections.verify.log_reader import EVENTS
from projections.verify.misbehaviour import check_misbehaviour, read_misbehaviour
from projections.verify.report import Report
from projections.verify.stored import read_event
from projections.verify.trust import NO_KEY, SIGNATURE, believed_head

INCLUSION, CONTRADICTION = "inclusion", "contradiction"


def verify_proof_file(raw: bytes, asked: Asked) -> Verified:
    """That one event is in a log, at its position; the event is in the proof, as its extra data."""
    report = Report(is_signed=bool(asked.trust.log_keys), re_performed="one event alone decides nothing")
    verified = Verified("proof of one event", report)
    for check in (SIGNATURE, INCLUSION, EVENTS):
        report.begin(check)
    if not asked.trust.log_keys:
        report.skip(SIGNATURE, NO_KEY)
    proof = None
    with report.checking(INCLUSION):
        proof = parse_proof(raw)
        verified.event = proof.extra
        _check_inclusion(proof, asked, verified)
    if proof is not None and proof.extra:
        with report.checking(EVENTS, "canonical, with its own hash, in its own stream"):
            event = read_event(proof.extra, proof.index + 1)
            report.facts |= {"type": event.topic, "stream": event.stream}
    return verified


def _check_inclusion(proof: TlogProof, asked: Asked, verified: Verified) -> None:
    report = verified.report
    head = believed_head(proof.checkpoint, asked.trust, report)
    report.facts |= {"origin": head.origin, "size": head.size, "root": head.root.hex(), "position": proof.index + 1}
    report.begin(INCLUSION, f"position {proof.index + 1} of {head.size}")
    if not proof.extra:
        raise UnverifiedError("the proof holds no event: of which one it is cannot be said")
    verify_inclusion(proof.hashes, leaf=leaf_hash(proof.extra), index=proof.index, size=head.size, root=head.root)
    if asked.previous is not None:
        with report.checking(HISTORY):
            history = History(asked.trust, report)
            history.add("the head you have", asked.previous)
            verified.misbehaviour = history.check(proof.checkpoint, head, {}, None)


def verify_misbehaviour_file(raw: bytes, asked: Asked) -> Verified:
    """That a log signed two trees which contradict each other."""
    report = Report(is_signed=bool(asked.trust.log_keys), re_performed="two tree heads hold no events")
    with report.checking(CONTRADICTION):
        proof = read_misbehaviour(raw)
        if not asked.trust.log_keys:
            report.skip(CONTRADICTION, NO_KEY)
            return Verified(MISBEHAVIOUR, report)
        old, new, key = check_misbehaviour(proof, asked.trust.log_keys)
        report.facts |= {
            "origin": old.origin,
            "signed_by": str(key),
            "one_tree": f"{old.size} events, root {old.root.hex()}",
            "other_tree": f"{new.size} events, root {new.root.hex()}",
        }
        report.begin(CONTRADICTION, "no log of events, only ever appended to, has both trees")
    return Verified(MISBEHAVIOUR, report)
