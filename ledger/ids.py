"""Ids, and the text stream each input has in the log."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

ID_BYTES_MAX = 128
DEFAULT_SOURCE = "default"

Kind = Literal[
    "plan",
    "invite",
    "bind",
    "unbind",
    "order",
    "refund",
    "reversal",
    "freeze",
    "unfreeze",
    "adjustment",
    "batch",
    "payout",
    "period",
]

# Control characters, lone surrogates, and every kind of space.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp", "Zs"})
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def check_id(text: str) -> str:
    """The text itself if it is an id: 1..128 bytes of NFC UTF-8 without control characters or spaces.

    Raises:
        ValueError: it is not.

    Source: rule V-2.
    """
    if text.isascii():
        is_clean = text.isprintable() and " " not in text
        if is_clean and 0 < len(text) <= ID_BYTES_MAX:
            return text
    elif unicodedata.is_normalized("NFC", text):
        is_clean = _FORBIDDEN_CATEGORIES.isdisjoint(map(unicodedata.category, text))
        if is_clean and len(text.encode()) <= ID_BYTES_MAX:
            return text
    message = "must be 1 to 128 bytes of NFC text without spaces or control characters"
    raise ValueError(message)


def check_source(text: str) -> str:
    """The text itself if it names a source: letters, digits, `.`, `_`, `-`, at most 64.

    Raises:
        ValueError: it does not.
    """
    if not _SOURCE.fullmatch(text):
        message = "a source is 1 to 64 letters, digits, '.', '_' or '-'"
        raise ValueError(message)
    return text


def split_stream(stream: str) -> tuple[str, str]:
    """Source and id of an input's stream: the other way round than `stream_of`."""
    at, dash = stream.find("@"), stream.find("-")
    if at < 0 or 0 <= dash < at:
        return DEFAULT_SOURCE, stream[dash + 1 :]
    source, _, record_id = stream[at + 1 :].partition("/")
    return source, record_id


def stream_of(kind: Kind, record_id: str, source: str = DEFAULT_SOURCE) -> str:
    """The stream of one input: `order-17`, or `order@shop/17` for another source than the default.

    A source cannot contain `/`, so no two inputs share a stream.
    """
    if source == DEFAULT_SOURCE:
        return f"{kind}-{record_id}"
    return f"{kind}@{source}/{record_id}"
