"""Tree heads as C2SP checkpoints: `origin`, size and root, one a line, signed as a note (rule V-3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger.errors import InvalidKeyError, MalformedEvidenceError, UnverifiedError
from ledger.tree import cosignature
from ledger.tree.hashing import EMPTY_ROOT
from ledger.tree.keys import Kind, SignerKey, VerifierKey
from ledger.tree.note import (
    Note,
    VerifiedNote,
    check_quorum,
    check_text,
    parse_note,
    sign_note,
    signature_by,
    verify_note,
)
from ledger.tree.spelling import COUNT_MAX, decode_base64, decode_count, encode_base64

ROOT_BYTES = 32


@dataclass(frozen=True)
class TreeHead:
    """The tree of a log at one size.

    origin      names the log
    size        leaves, 0 to 2^63 - 1
    root        32 bytes
    extensions  further lines, opaque: kept, because they are signed; ours has none

    Raises:
        MalformedEvidenceError: one of them cannot stand in a checkpoint.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= COUNT_MAX or len(self.root) != ROOT_BYTES:
            raise MalformedEvidenceError(
                f"a tree head has a size from 0 to {COUNT_MAX} and a root of {ROOT_BYTES} bytes"
            )
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedEvidenceError("a tree of size 0 has the root of nothing, SHA-256 of no bytes")
        if not all(line and "\n" not in line for line in (self.origin, *self.extensions)):
            raise MalformedEvidenceError("a checkpoint has no empty lines")
        check_text(self.text)

    @property
    def text(self) -> str:
        """What is signed; the one spelling of this tree head."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Policy:
    """Whom someone believes about one log.

    log_keys        keys of the log itself, several while it changes them: one of them must have signed
    witnesses       keys of those who watch it
    witness_quorum  how many of these must have cosigned

    Raises:
        InvalidKeyError: no log key, keys of the wrong kind, more witnesses needed than there are, or a log that would
            be its own witness.
    """

    origin: str
    log_keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    witness_quorum: int = 0

    def __post_init__(self) -> None:
        logs, watching = ({key.public_key for key in keys} for keys in (self.log_keys, self.witnesses))
        if not logs or any(key.kind is not Kind.NOTE for key in self.log_keys):
            raise InvalidKeyError(f"the log {self.origin} needs a key of kind 0x01 to be verified with")
        if any(key.kind is not Kind.COSIGNATURE for key in self.witnesses):
            raise InvalidKeyError("the key of a witness is of kind 0x04")
        if not 0 <= self.witness_quorum <= len(watching):
            raise InvalidKeyError(f"{self.witness_quorum} witnesses are asked for, of {len(watching)} different keys")
        if logs & watching:
            raise InvalidKeyError("a key of the log cannot be a witness of it")


@dataclass(frozen=True)
class VerifiedHead:
    """A tree head that holds, and who signed it."""

    head: TreeHead
    note: VerifiedNote


def parse_head(text: str) -> TreeHead:
    """A tree head from the text of a checkpoint; `parse_head(text).text == text` for whatever it takes.

    Raises:
        MalformedEvidenceError: not one, or not in its one spelling.
    """
    check_text(text)
    try:
        origin, size, root, *extensions = text[:-1].split("\n")
    except ValueError:
        raise MalformedEvidenceError("a checkpoint has an origin, a size and a root, each on its line") from None
    return TreeHead(origin, decode_count(size), decode_base64(root), tuple(extensions))


def sign_head(head: TreeHead, key: SignerKey) -> Note:
    """The checkpoint of a tree head. Whether it may be signed, after those signed before, is the caller's to know.

    Raises:
        InvalidKeyError: the key is a witness's, or has not the log's name.

    Source: rule V-3.
    """
    if key.name != head.origin:
        raise InvalidKeyError(f"the key of {key.name} cannot sign heads of {head.origin}: a log's key has its name")
    return sign_note(head.text, key)


def cosign_head(note: Note, key: SignerKey, *, timestamp_seconds: int) -> Note:
    """A checkpoint with the witness's line added, in the place of an older one of the same key.

    Whether the checkpoint is the log's, and consistent with all before, is the caller's to know.

    timestamp_seconds  when, in seconds since 1970

    Raises:
        InvalidKeyError: the key is not one for cosignatures.
        MalformedEvidenceError: the note is no checkpoint; a witness signs nothing else.
    """
    if key.kind is not Kind.COSIGNATURE:
        raise InvalidKeyError(f"the key of {key.name} is one for logs; a witness cosigns with one of kind 0x04")
    text = parse_head(note.text).text.encode()
    line = signature_by(key, cosignature.cosign(key.seed, text, timestamp_seconds=timestamp_seconds))
    others = (other for other in note.signatures if (other.name, other.key_id) != (line.name, line.key_id))
    return replace(note, signatures=(*others, line))


def verify_head(raw: bytes, policy: Policy, *, exact: bool = False) -> VerifiedHead:
    """The tree head that a checkpoint proves to someone of this policy.

    exact  every byte is covered, as `verify_note` says; the order of lines is log keys, then witnesses

    Raises:
        MalformedEvidenceError: no checkpoint, or not in its one spelling.
        UnverifiedError: of another log, a wrong signature, none by the log, or too few cosignatures.
    """
    note = parse_note(raw)
    verified = verify_note(note, (*policy.log_keys, *policy.witnesses), exact=exact)
    head = parse_head(verified.text)
    if head.origin != policy.origin:
        raise UnverifiedError(f"a tree head of {head.origin[:60]!r}, not of {policy.origin!r}")
    if not any(key in policy.log_keys for key in verified.signers):
        raise UnverifiedError(f"no key of the log {policy.origin} signed this tree head, only witnesses")
    check_quorum((key for key in verified.signers if key in policy.witnesses), quorum=policy.witness_quorum)
    return VerifiedHead(head, verified)
