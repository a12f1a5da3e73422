"""Signed notes (C2SP signed-note): a text, an empty line, and lines of signatures over the text.

What a verified note proves is its text. Lines of keys that nobody asked about are kept and count for nothing, so they
can be added, altered and dropped; a caller to whom the bytes matter asks for `exact`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.errors import InvalidKeyError, LedgerError, MalformedEvidenceError, UnverifiedError
from ledger.tree import ed25519
from ledger.tree.keys import KEY_ID_BYTES, Kind, SignerKey, VerifierKey, is_key_name, parse_verifier_key
from ledger.tree.spelling import decode_base64, encode_base64

NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100

_MARK = "\N{EM DASH} "


@dataclass(frozen=True)
class Signature:
    """One line under a note; who made it is only claimed.

    key_id  4 bytes
    value   what the key made: 64 bytes of a log, 72 of a witness, anything of an unknown key, but not nothing
    """

    name: str
    key_id: bytes
    value: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.key_id) != KEY_ID_BYTES or not self.value:
            raise MalformedEvidenceError(f"not a signature of a note: {self.name[:60]!r}")

    def __str__(self) -> str:
        return f"{_MARK}{self.name} {encode_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True)
class Note:
    """A text and its signatures, none of them verified.

    text  ends with a newline, which is signed too
    """

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        check_text(self.text)
        if not 1 <= len(self.signatures) <= SIGNATURES_MAX:
            raise MalformedEvidenceError(f"a note has 1 to {SIGNATURES_MAX} signatures, not {len(self.signatures)}")
        _check_size(len(bytes(self)))

    def __bytes__(self) -> bytes:
        return f"{self.text}\n{''.join(map(str, self.signatures))}".encode()


@dataclass(frozen=True)
class VerifiedNote:
    """What holds of a note.

    accepted  every line by a known key, in the order of the note
    unknown   the other lines, repetitions left out: they prove nothing
    """

    text: str
    accepted: tuple[tuple[VerifierKey, Signature], ...]
    unknown: tuple[Signature, ...]

    @property
    def signers(self) -> tuple[VerifierKey, ...]:
        """Who signed, each once, however many lines it has."""
        return tuple(dict.fromkeys(key for key, _ in self.accepted))


def check_text(text: str) -> None:
    """Refuses what cannot be the text of a note.

    Raises:
        MalformedEvidenceError: no newline at its end, control characters, or not Unicode.
    """
    if not text.endswith("\n"):
        raise MalformedEvidenceError("the text of a note ends with a newline")
    if any(letter < " " and letter != "\n" for letter in text):
        raise MalformedEvidenceError("a note holds no control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedEvidenceError("a note is UTF-8") from None


def parse_note(raw: bytes) -> Note:
    """A note from its bytes; `bytes(parse_note(raw)) == raw` for whatever it takes.

    Raises:
        MalformedEvidenceError: not a note, not in its one spelling, or above a limit.
    """
    _check_size(len(raw))
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        raise MalformedEvidenceError("a note is UTF-8") from None
    # The text may hold empty lines: the last one ends it.
    text, blank, block = decoded.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise MalformedEvidenceError("a note is a text, an empty line, and lines of signatures")
    return Note(text + "\n", tuple(map(_parse_signature, block[:-1].split("\n"))))


def _check_size(size_bytes: int) -> None:
    if size_bytes > NOTE_BYTES_MAX:
        raise MalformedEvidenceError(f"a note has at most {NOTE_BYTES_MAX} bytes, this one has more")


def _parse_signature(line: str) -> Signature:
    name, space, spelt = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not space:
        raise MalformedEvidenceError(f"not a line of a signature: {line[:60]!r}")
    raw = decode_base64(spelt)
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def sign_note(text: str, key: SignerKey) -> Note:
    """The text with the one signature of this key.

    Raises:
        InvalidKeyError: it is the key of a witness.
        MalformedEvidenceError: the text cannot be one of a note.
    """
    if key.kind is not Kind.NOTE:
        raise InvalidKeyError(f"the key of {key.name} is one for cosignatures; a log signs with one of kind 0x01")
    check_text(text)
    return Note(text, (signature_by(key, ed25519.sign(key.seed, text.encode())),))


def signature_by(key: SignerKey, value: bytes) -> Signature:
    """The line for what a key has made."""
    return Signature(key.name, key.verifier.key_id, value)


def verify_note(note: Note, keys: Sequence[VerifierKey], *, quorum: int = 1, exact: bool = False) -> VerifiedNote:
    """What holds of a note, for someone who trusts these keys.

    Covered is the text. A known key counts once, however often it signed and under however many names; its every line
    must verify. Not covered are lines of other keys, and the order and number of lines.

    With `exact` every byte is covered: each line is by one of `keys`, none twice, in their order. Then nobody without
    their private keys can alter the note but by leaving out whole lines that the quorum does not need; with
    `quorum=len(keys)` not even that.

    Raises:
        InvalidKeyError: two of the keys have the same name and id.
        UnverifiedError: a known key's signature is wrong, too few of them signed, or, with `exact`, a line is not
            covered.
    """
    if quorum < 1:
        raise ValueError("a note that nobody need have signed proves nothing")
    known = _by_identity(keys)
    text = note.text.encode()
    accepted: list[tuple[VerifierKey, Signature]] = []
    unknown: dict[Signature, None] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            unknown[signature] = None
        elif key.has_signed(text, signature.value):
            accepted.append((key, signature))
        else:
            raise UnverifiedError(f"the signature of {key.name}+{key.key_id.hex()} is not one of this text")
    check_quorum((key for key, _ in accepted), quorum=quorum)
    if exact:
        _check_exact([key for key, _ in accepted], known.values(), unknown)
    return VerifiedNote(note.text, tuple(accepted), tuple(unknown))


def check_quorum(signers: Iterable[VerifierKey], *, quorum: int) -> None:
    """Demands signatures by so many different public keys.

    Raises:
        UnverifiedError: there are fewer.
    """
    count = len({key.public_key for key in signers})
    if count < quorum:
        raise UnverifiedError(f"signatures of known keys: {count}, needed: {quorum}")


def _by_identity(keys: Sequence[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise InvalidKeyError(f"two keys share the name and id {key.name}+{key.key_id.hex()}: trust one of them")
    return known


def _check_exact(signers: list[VerifierKey], keys: Iterable[VerifierKey], unknown: Iterable[Signature]) -> None:
    for signature in unknown:
        raise UnverifiedError(f"the line of {signature.name[:60]!r} is by no known key, so nothing covers it")
    if signers != [key for key in keys if key in signers]:
        raise UnverifiedError("lines of signatures stand twice, or in another order than the keys")


def is_text_signed(text: str, *, key: str, signature: str) -> bool:
    """Whether a signature is one over a text by the key said to have made it; both as notes spell them."""
    try:
        verifier, raw = parse_verifier_key(key), decode_base64(signature)
        line = Signature(verifier.name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])
        verify_note(Note(text, (line,)), [verifier], exact=True)
    except (LedgerError, ValueError):
        return False
    return True
