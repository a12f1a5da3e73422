"""An event in parts, as both ways of reading it give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger.errors import MalformedEvidenceError


class Parts(NamedTuple):
    """An event in parts. Integers of the record and of what was decided may still be texts.

    content     SHA-256 of what was asked, as the event says; None: it follows from another input
    asked_text  canonical JSON of the record
    asked       the record
    decided     the further keys of `data`
    """

    topic: str
    id: str
    occurred_at: str
    recorded_at: str
    seq: int
    source: str
    stream: str
    content: str | None
    asked_text: str | None
    asked: Mapping[str, Any]
    decided: Mapping[str, Any]


def expect_stream(parts: Parts, stream: str) -> None:
    """Refuses an event in another stream than its own.

    Raises:
        MalformedEvidenceError: it lies in another.
    """
    if parts.stream != stream:
        raise MalformedEvidenceError(f"lies in the stream {parts.stream!a}, not in {stream!a}")
