"""Keys of logs and witnesses, and their spelling (C2SP signed-note): `name+id+base64`, `PRIVATE+KEY+name+id+base64`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from ledger.errors import InvalidKeyError, MalformedEvidenceError
from ledger.tree import cosignature, ed25519
from ledger.tree.spelling import decode_base64, encode_base64

KEY_ID_BYTES = 4

_PRIVATE = "PRIVATE+KEY+"


class Kind(IntEnum):
    """What a key signs; the number stands in its spelling and goes into its id."""

    NOTE = 0x01  # the text of a note: the log itself
    COSIGNATURE = 0x04  # the text and a time: a witness


def is_key_name(name: str) -> bool:
    """Not empty; no space of any kind, no control character, no plus, all Unicode. Source: C2SP signed-note, Format."""
    return bool(name) and not any(_is_forbidden(letter) for letter in name)


@dataclass(frozen=True)
class VerifierKey:
    """A public key that someone trusts; checked when it is made, so that a weak one is never pinned.

    public_key  32 bytes, Ed25519

    Raises:
        InvalidKeyError: its name or its public key cannot be used.
    """

    name: str
    kind: Kind
    public_key: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        ed25519.check_public_key(self.public_key)

    @property
    def key_id(self) -> bytes:
        """4 bytes: tells which key is meant, proves nothing."""
        material = self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key
        return hashlib.sha256(material).digest()[:KEY_ID_BYTES]

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        """Whether this key made the signature, as it stands in a note after the key's id, over the text."""
        if self.kind is Kind.COSIGNATURE:
            return cosignature.is_cosigned(self.public_key, text=text, cosignature=signature)
        return ed25519.is_signed(self.public_key, message=text, signature=signature)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public_key)}"


@dataclass(frozen=True)
class SignerKey:
    """A private key; never printed unless by `secret_text`.

    seed  32 bytes, Ed25519

    Raises:
        InvalidKeyError: its name or its length cannot be used.
    """

    name: str
    kind: Kind
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != ed25519.SEED_BYTES:
            raise InvalidKeyError(f"an Ed25519 private key has {ed25519.SEED_BYTES} bytes")

    @property
    def verifier(self) -> VerifierKey:
        """The public key to it."""
        return VerifierKey(self.name, self.kind, ed25519.public_key_of(self.seed))

    def secret_text(self) -> str:
        """The private key as a line for a file; whoever reads it can sign."""
        secret = encode_base64(bytes([self.kind]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{secret}"


def parse_verifier_key(text: str) -> VerifierKey:
    """A public key from its one spelling.

    Raises:
        InvalidKeyError: misspelt, of an unknown kind, with another id than its own, or weak.
    """
    name, key_id, kind, material = _parts(text)
    key = VerifierKey(name, kind, material)
    _check_id(key, key_id)
    return key


def parse_signer_key(text: str) -> SignerKey:
    """A private key from its one spelling; no error shows any of it.

    Raises:
        InvalidKeyError: misspelt, of an unknown kind, or with another id than its own.
    """
    if not text.startswith(_PRIVATE):
        raise InvalidKeyError(f"a private key begins with {_PRIVATE}")
    name, key_id, kind, material = _parts(text.removeprefix(_PRIVATE))
    key = SignerKey(name, kind, material)
    _check_id(key.verifier, key_id)
    return key


def _parts(text: str) -> tuple[str, str, Kind, bytes]:
    try:
        # Base64 may hold plus signs, names may not.
        name, key_id, spelt = text.split("+", 2)
    except ValueError:
        raise InvalidKeyError("a key has the form name+id+base64") from None
    try:
        material = decode_base64(spelt)
    except MalformedEvidenceError:
        material = b""
    # The error of the base64 shows what it could not read; here that may be a secret.
    if not material:
        raise InvalidKeyError("the last part of a key is canonical base64")
    try:
        kind = Kind(material[0])
    except ValueError:
        raise InvalidKeyError(f"keys of kind {material[0]:#04x} are not known here, only 0x01 and 0x04") from None
    return name, key_id, kind, material[1:]


def _check_name(name: str) -> None:
    if not is_key_name(name):
        raise InvalidKeyError(f"not a name for a key, which has no spaces and no plus: {name[:60]!r}")


def _is_forbidden(letter: str) -> bool:
    is_surrogate = "\ud800" <= letter <= "\udfff"
    return letter.isspace() or letter == "+" or letter < " " or is_surrogate


def _check_id(key: VerifierKey, key_id: str) -> None:
    if key_id != key.key_id.hex():
        raise InvalidKeyError(f"the id in the key of {key.name} is not the id of that key: it was altered or misspelt")
