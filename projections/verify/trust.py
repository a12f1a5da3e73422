"""Whom an auditor believes, and what of the evidence these have signed (rule V-3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from ledger.errors import InvalidKeyError, UnverifiedError
from ledger.tree.checkpoint import Policy, TreeHead, parse_head, verify_head
from ledger.tree.keys import VerifierKey
from ledger.tree.note import parse_note, verify_note
from ledger.tree.spelling import encode_base64
from projections.verify.report import Report

SIGNATURE = "signature"
BUNDLE_LINE = "refledger.bundle/v1"

NO_KEY = "give the log's key with --key"


@dataclass(frozen=True)
class Trust:
    """Keys that somebody pinned, from elsewhere than the evidence.

    log_keys   of the log, several while it changes them; none: no signature can be judged
    witnesses  of those who watch it
    quorum     how many of these must have cosigned

    Raises:
        InvalidKeyError: keys of two logs, of the wrong kinds, or fewer witnesses than must have cosigned.
    """

    log_keys: tuple[VerifierKey, ...] = ()
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0

    def __post_init__(self) -> None:
        names = {key.name for key in self.log_keys}
        if len(names) > 1:
            raise InvalidKeyError(f"these are keys of several logs: {', '.join(sorted(names))}")
        if self.log_keys:
            self.policy(is_watched=True)
        elif self.witnesses:
            raise InvalidKeyError("witnesses say something of a log only together with its own key (--key)")

    def policy(self, *, is_watched: bool) -> Policy:
        """What a tree head must have; the quorum is asked of the head that everything is proven against."""
        return Policy(self.log_keys[0].name, self.log_keys, self.witnesses, self.quorum if is_watched else 0)


def trust_in(log_keys: Iterable[VerifierKey], witnesses: Iterable[VerifierKey], quorum: int | None) -> Trust:
    """Trust in these keys; quorum: None for all witnesses."""
    watching = tuple(witnesses)
    return Trust(tuple(log_keys), watching, len(watching) if quorum is None else quorum)


def believed_head(raw: bytes, trust: Trust, report: Report, *, is_watched: bool = True) -> TreeHead:
    """The tree head that a checkpoint says, its signatures checked as far as there are keys.

    Raises:
        MalformedEvidenceError: it is no checkpoint.
    """
    head = parse_head(parse_note(raw).text)
    if trust.log_keys:
        with report.checking(SIGNATURE):
            verified = verify_head(raw, trust.policy(is_watched=is_watched))
            if is_watched:
                signers = [f"{key.name}+{key.key_id.hex()}" for key in verified.note.signers]
                report.begin(SIGNATURE, f"of the head: {', '.join(signers)}")
            unknown = ", ".join(sorted({one.name for one in verified.note.unknown}))
            if unknown:
                report.remark(f"nobody checked the cosignatures of {unknown}: their keys were not given")
    return head


def check_bundle_note(raw: bytes, manifest: bytes, origin: str, trust: Trust, report: Report) -> None:
    """The note under a manifest: it says this manifest and no other, and every byte of it is covered."""
    with report.checking(SIGNATURE):
        note = parse_note(raw)
        text = f"{BUNDLE_LINE} {origin}\n{len(manifest)}\n{encode_base64(sha256(manifest).digest())}\n"
        if note.text != text:
            report.find(SIGNATURE, "manifest.note is of another manifest.json, or of another log")
        if trust.log_keys:
            verify_note(note, trust.log_keys, exact=True)
            if origin != trust.log_keys[0].name:
                raise UnverifiedError(f"the bundle is of the log {origin!a}, the key of {trust.log_keys[0].name!a}")
