"""Bytes and counts in signed texts, in their one spelling: what can be written in two ways can be altered unseen."""

from __future__ import annotations

import base64
import re

from ledger.errors import MalformedEvidenceError

COUNT_MAX = 2**63 - 1

_COUNT = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def encode_base64(raw: bytes) -> str:
    """Standard base64 with padding. Source: RFC 4648, 4."""
    return base64.b64encode(raw).decode()


def decode_base64(text: str) -> bytes:
    """The bytes that are spelt so.

    Raises:
        MalformedEvidenceError: not base64, or another spelling than `encode_base64` gives: spaces, missing padding,
            bits set that are not read.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if encode_base64(raw) != text:
        raise MalformedEvidenceError(f"not canonical base64: {text[:60]!r}")
    return raw


def decode_count(text: str) -> int:
    """A decimal from 0 to 2^63 - 1 without sign or leading zeros.

    Raises:
        MalformedEvidenceError: it is not.
    """
    if not _COUNT.fullmatch(text) or int(text) > COUNT_MAX:
        raise MalformedEvidenceError(f"not a plain decimal from 0 to {COUNT_MAX}: {text[:60]!r}")
    return int(text)
