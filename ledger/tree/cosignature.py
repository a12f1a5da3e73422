"""What a witness signs (C2SP tlog-cosignature, cosignature/v1): a text, and when it was seen.

A cosignature says that at this time the checkpoint was the largest the witness knew of its log, and consistent with all
it had seen before.
"""

from __future__ import annotations

from ledger.errors import MalformedEvidenceError
from ledger.tree import ed25519
from ledger.tree.spelling import COUNT_MAX

_TIMESTAMP_BYTES = 8


def cosign(seed: bytes, text: bytes, *, timestamp_seconds: int) -> bytes:
    """The cosignature of a checkpoint's text: 8 bytes of time, 64 of signature.

    timestamp_seconds  seconds since 1970, 0 to 2^63 - 1

    Raises:
        ValueError: the time is outside of that.
    """
    if not 0 <= timestamp_seconds <= COUNT_MAX:
        raise ValueError(f"a cosignature's time is from 0 to {COUNT_MAX} seconds, not {timestamp_seconds}")
    signature = ed25519.sign(seed, cosigned_message(text, timestamp_seconds=timestamp_seconds))
    return timestamp_seconds.to_bytes(_TIMESTAMP_BYTES) + signature


def is_cosigned(public_key: bytes, *, text: bytes, cosignature: bytes) -> bool:
    """Whether the key made this cosignature over this text, at the time that stands in it."""
    try:
        timestamp_seconds = cosigned_at(cosignature)
    except MalformedEvidenceError:
        return False
    message = cosigned_message(text, timestamp_seconds=timestamp_seconds)
    return ed25519.is_signed(public_key, message=message, signature=cosignature[_TIMESTAMP_BYTES:])


def cosigned_at(cosignature: bytes) -> int:
    """Seconds since 1970 that stand in a cosignature; they are true if it verifies and the witness is honest.

    Raises:
        MalformedEvidenceError: it has not the length of one, or its time is above 2^63 - 1.
    """
    if len(cosignature) != _TIMESTAMP_BYTES + ed25519.SIGNATURE_BYTES:
        raise MalformedEvidenceError(f"a cosignature has 72 bytes, this one has {len(cosignature)}")
    timestamp_seconds = int.from_bytes(cosignature[:_TIMESTAMP_BYTES])
    if timestamp_seconds > COUNT_MAX:
        raise MalformedEvidenceError(f"the time of a cosignature is at most {COUNT_MAX}, not {timestamp_seconds}")
    return timestamp_seconds


def cosigned_message(text: bytes, *, timestamp_seconds: int) -> bytes:
    """The bytes that are signed. Source: C2SP tlog-cosignature, Ed25519 signed message."""
    return b"cosignature/v1\ntime %d\n%b" % (timestamp_seconds, text)
