"""Stored bytes as the facts they are: canonical, complete, under their own names and hash (rules V-2, G-2, G-6).

Two ways lead to the same parts of an event. Most are in a common spelling, which quick.py knows; all others, and
whatever is wrong, are parsed here, and every key is checked.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from ledger.canonical import canonical
from ledger.clock import parse_instant
from ledger.errors import MalformedEvidenceError
from projections.verify.canonical_form import expect_keys, read_object, shown
from projections.verify.facts import Stored
from projections.verify.forms import ENVELOPE, HASH, EventType, check_fields
from projections.verify.grammar import EVENT_TYPES, RELEASED, TAKEN_OVER, UNBOUND, asked_fields
from projections.verify.making import fact_from
from projections.verify.parts import Parts
from projections.verify.quick import quick_event, quick_parts

EVENT_BYTES_MAX = 65_535
# A source's clock may run this far ahead of the ledger's (G-2).
AHEAD_MAX = timedelta(minutes=5)

_ENVELOPE_KEYS = frozenset({*ENVELOPE, "data", "type", "v"})
_CONTENT = frozenset({"content"})
_NOTHING = frozenset[str]()


def read_event(raw: bytes, position: int) -> Stored:
    """The event that these bytes are the one spelling of.

    Raises:
        MalformedEvidenceError, ValueError: they are none; says the first thing that is wrong.
    """
    if len(raw) > EVENT_BYTES_MAX:
        raise MalformedEvidenceError(f"has {len(raw)} bytes of at most {EVENT_BYTES_MAX}")
    quick = quick_event(raw, position)
    if quick is not None:
        return quick
    parts = quick_parts(raw) or parsed_parts(raw)
    if parts.occurred_at > parts.recorded_at and _is_ahead(parts.occurred_at, parts.recorded_at):
        raise MalformedEvidenceError(f"occurred at {parts.occurred_at}, over 5 minutes after it was recorded (G-2)")
    if parts.asked_text is not None and sha256(parts.asked_text.encode()).hexdigest() != parts.content:
        raise MalformedEvidenceError("its content hash is not that of what was asked (G-6)")
    return Stored(parts.topic, parts.recorded_at, parts.stream, parts.seq, fact_from(parts, position))


def parsed_parts(raw: bytes) -> Parts:
    """The parts of any event; all that can be wrong with one is found here."""
    envelope = read_object(raw)
    topic, version = envelope.get("type"), envelope.get("v")
    data = cast("object", envelope.get("data"))
    is_input = isinstance(data, dict) and "asked" in cast("dict[str, object]", data)
    of = EVENT_TYPES.get(topic) if isinstance(topic, str) else None
    if topic == RELEASED:
        of = UNBOUND if is_input else TAKEN_OVER
    if of is None or version != 1 or type(version) is not int:
        raise MalformedEvidenceError(f"is of an unknown type or version: {shown(repr((topic, version)))}")
    expect_keys(envelope, _ENVELOPE_KEYS | (_CONTENT if of.asked else _NOTHING))
    check_fields({key: envelope[key] for key in ENVELOPE}, ENVELOPE)
    if of.asked:
        HASH.check(envelope["content"])
    asked, decided = _data(of, cast("object", data))
    return Parts(
        topic=cast("str", topic),
        id=envelope["id"],
        occurred_at=envelope["occurred_at"],
        recorded_at=envelope["recorded_at"],
        seq=envelope["seq"],
        source=envelope["source"],
        stream=envelope["stream"],
        content=envelope.get("content"),
        asked_text=canonical(asked).decode() if of.asked else None,
        asked=asked,
        decided=decided,
    )


def _data(of: EventType, data: object) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(data, dict):
        raise MalformedEvidenceError("data: is no object")
    decided = dict(cast("dict[str, Any]", data))
    asked = check_fields(decided.pop("asked", None), asked_fields(of.asked)) if of.asked else {}
    return asked, check_fields(decided, of.decided)


@lru_cache(maxsize=1_000)
def _is_ahead(occurred_at: str, recorded_at: str) -> bool:
    return parse_instant(occurred_at) - parse_instant(recorded_at) > AHEAD_MAX
