"""Stored bytes as the facts they are: canonical, complete, under their own names and hash (rules V-2, G-2, G-6).

Two ways lead to the same parts of an event. Most are in a common spelling, which one pattern per type knows; for all
others, and for what is wrong, the bytes are parsed and every key is checked. The first is five times as quick.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, cast

from ledger.canonical import canonical
from ledger.clock import parse_instant
from ledger.errors import MalformedEvidenceError
from projections.verify.canonical_form import expect_keys, read_object, shown
from projections.verify.facts import Fact
from projections.verify.grammar import (
    EVENT_TYPES,
    HASH,
    ID,
    INSTANT,
    NUMBER,
    RELEASED,
    SOURCE,
    STREAM,
    TAKEN_OVER,
    UNBOUND,
    EventType,
    Field,
    asked_fields,
    check_fields,
    is_date,
    pattern_of,
)
from projections.verify.making import Parts, fact_from

EVENT_BYTES_MAX = 65_535
# A source's clock may run this far ahead of the ledger's (G-2).
AHEAD_MAX = timedelta(minutes=5)

_TYPE = b'"type":"'
_VERSION = b'","v":1}'
_ENVELOPE: Mapping[str, Field] = {
    "actor": ID,
    "id": ID,
    "occurred_at": INSTANT,
    "recorded_at": INSTANT,
    "seq": NUMBER,
    "source": SOURCE,
    "stream": STREAM,
}
_ENVELOPE_KEYS = frozenset({*_ENVELOPE, "data", "type", "v"})


class Stored(NamedTuple):
    """An event, with what ties it to the log around it."""

    topic: str
    recorded_at: str
    stream: str
    seq: int
    fact: Fact


def read_event(raw: bytes, position: int) -> Stored:
    """The event that these bytes are the one spelling of.

    Raises:
        MalformedEvidenceError, ValueError: they are none; says the first thing that is wrong.
    """
    if len(raw) > EVENT_BYTES_MAX:
        raise MalformedEvidenceError(f"has {len(raw)} bytes of at most {EVENT_BYTES_MAX}")
    parts = _quick_parts(raw) or _parts(raw)
    if parts.occurred_at > parts.recorded_at and _is_ahead(parts.occurred_at, parts.recorded_at):
        raise MalformedEvidenceError(f"occurred at {parts.occurred_at}, over 5 minutes after it was recorded (G-2)")
    if parts.asked_text is not None and sha256(parts.asked_text.encode()).hexdigest() != parts.content:
        raise MalformedEvidenceError("its content hash is not that of what was asked (G-6)")
    return Stored(parts.topic, parts.recorded_at, parts.stream, parts.seq, fact_from(parts, position))


@dataclass(frozen=True, slots=True)
class _Quick:
    """How the common spelling of one type is read. instants: of the groups, those that hold a time."""

    topic: str
    pattern: re.Pattern[str]
    asked_keys: Sequence[str]
    decided_keys: Sequence[str]
    instants: Sequence[int]


def _quick_parts(raw: bytes) -> Parts | None:
    """The parts of an event in a common spelling; None: it is in another, or wrong."""
    at = raw.rfind(_TYPE)
    quick = _QUICK.get(raw[at + len(_TYPE) : -len(_VERSION)])
    if quick is None:
        return None
    try:
        match = quick.pattern.fullmatch(raw.decode())
    except UnicodeDecodeError:
        return None
    if match is None:
        return None
    groups = match.groups()
    for index in quick.instants:
        if (instant := groups[index]) is not None and not is_date(instant[:10]):
            return None
    *found, record_id, occurred_at, recorded_at, seq, source, stream = groups
    if not quick.asked_keys:
        decided = dict(zip(quick.decided_keys, found[1:], strict=True))
        return Parts(
            quick.topic, record_id, occurred_at, recorded_at, int(seq), source, stream, None, None, {}, decided
        )
    _, content, asked_text, *values = found
    asked = dict(zip(quick.asked_keys, values, strict=False))
    decided = dict(zip(quick.decided_keys, values[len(asked) :], strict=True))
    return Parts(
        quick.topic, record_id, occurred_at, recorded_at, int(seq), source, stream, content, asked_text, asked, decided
    )


def _parts(raw: bytes) -> Parts:
    """The parts of any event; all that can be wrong with one is found here."""
    envelope = read_object(raw)
    topic, version = envelope.get("type"), envelope.get("v")
    data: object = envelope.get("data")
    is_input = isinstance(data, dict) and "asked" in data
    of = EVENT_TYPES.get(topic) if isinstance(topic, str) else None
    if topic == RELEASED:
        of = UNBOUND if is_input else TAKEN_OVER
    if of is None or version != 1 or type(version) is not int:
        raise MalformedEvidenceError(f"is of an unknown type or version: {shown(repr((topic, version)))}")
    expect_keys(envelope, _ENVELOPE_KEYS | ({"content"} if of.asked else set()))
    check_fields({key: envelope[key] for key in _ENVELOPE}, _ENVELOPE)
    if of.asked:
        HASH.check(envelope["content"])
    asked, decided = _data(of, data)
    return Parts(
        cast("str", topic),
        *(envelope[key] for key in ("id", "occurred_at", "recorded_at", "seq", "source", "stream")),
        envelope.get("content"),
        canonical(asked).decode() if of.asked else None,
        asked,
        decided,
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


def _quick(topic: str, of: EventType) -> _Quick:
    asked = asked_fields(of.asked)
    heading, data = [ID.pattern], pattern_of(of.decided)[1:]
    if of.asked:
        heading, data = [ID.pattern, HASH.pattern], rf'"asked":(\{{{pattern_of(asked)[1:]}\}}){pattern_of(of.decided)}'
    head = ",".join(f'"{key}":{pattern}' for key, pattern in zip(("actor", "content"), heading, strict=False))
    tail = pattern_of({key: field for key, field in _ENVELOPE.items() if key != "actor"})
    pattern = rf'\{{{head},"data":\{{{data}\}}{tail},"type":"{topic}","v":1\}}'
    # One group each, and one around the record.
    fields = [ID, *([HASH, ID, *asked.values()] if of.asked else ()), *of.decided.values(), *[*_ENVELOPE.values()][1:]]
    instants = [index for index, one in enumerate(fields) if one.check is INSTANT.check]
    return _Quick(topic, re.compile(pattern, re.ASCII), [*asked], [*of.decided], instants)


_QUICK = {
    topic.encode(): _quick(topic, of)
    for topic, of in {**EVENT_TYPES, RELEASED: TAKEN_OVER}.items()
    if topic != "PlanPublished"
}
