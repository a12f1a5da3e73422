"""Ed25519 (RFC 8032), and which public keys prove anything. The one module that needs `cryptography`."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.errors import InvalidKeyError

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64

# The field, the order of the group that keys are from, and the curve's constant. Source: RFC 8032, 5.1.
_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_CURVE = -121665 * pow(121666, -1, _FIELD) % _FIELD
_ROOT_OF_MINUS_ONE = pow(2, (_FIELD - 1) // 4, _FIELD)

# x, y, z, t of a point in extended coordinates: x/z, y/z, and t = xy/z. Source: RFC 8032, 5.1.4.
_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)


def public_key_of(seed: bytes) -> bytes:
    """The 32 bytes of the public key to a private key of 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """64 bytes, the same every time."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def is_signed(public_key: bytes, *, message: bytes, signature: bytes) -> bool:
    """Whether the key made this signature over this message. Nobody but its holder can alter a valid signature.

    public_key  32 bytes that `check_public_key` let pass
    """
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def check_public_key(public_key: bytes) -> None:
    """Refuses public keys that no honest signer has; the library accepts them.

    With a key of low order one signature fits many messages; with one of mixed order verifiers disagree about the same
    signature; a key in a second spelling has a second id.

    Raises:
        InvalidKeyError: not 32 bytes, not the one spelling of a point on the curve, or not of the prime order.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise InvalidKeyError(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, this one has {len(public_key)}")
    point = _decompressed_or_negative(public_key)
    if _is_neutral(point) or not _is_neutral(_times_order(point)):
        raise InvalidKeyError("this Ed25519 public key is of low or mixed order: its signatures prove nothing")


def _decompressed_or_negative(public_key: bytes) -> _Point:
    """The point or its negative, which is of the same order. Source: RFC 8032, 5.1.3."""
    spelt = int.from_bytes(public_key, "little")
    sign_bit, y = spelt >> 255, spelt & (2**255 - 1)
    square = (y * y - 1) * pow(_CURVE * y * y + 1, -1, _FIELD) % _FIELD
    x = pow(square, (_FIELD + 3) // 8, _FIELD)
    if x * x % _FIELD != square:
        x = x * _ROOT_OF_MINUS_ONE % _FIELD
    if y >= _FIELD or x * x % _FIELD != square or (x == 0 and sign_bit):
        raise InvalidKeyError("this Ed25519 public key is no point on the curve, or not in its one spelling")
    return x, y, 1, x * y % _FIELD


def _times_order(point: _Point) -> _Point:
    total = _NEUTRAL
    for bit in f"{_ORDER:b}":
        total = _sum(total, total)
        if bit == "1":
            total = _sum(total, point)
    return total


def _sum(one: _Point, other: _Point) -> _Point:
    """Source: RFC 8032, 5.1.4; holds for every two points, also the same."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * t1 * t2 * _CURVE, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _FIELD, g * h % _FIELD, f * g % _FIELD, e * h % _FIELD


def _is_neutral(point: _Point) -> bool:
    x, y, z, _ = point
    return x == 0 and (y - z) % _FIELD == 0
