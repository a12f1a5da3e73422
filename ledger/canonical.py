"""Canonical JSON: the one spelling of plain data that is hashed and stored (rule V-2)."""

from __future__ import annotations

import json
from json.encoder import encode_basestring as quoted

__all__ = ["canonical", "quoted"]


def canonical(value: object) -> bytes:
    """Sorted keys, no spaces, UTF-8 not escaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
