"""Events in their common spelling, read by one pattern a type, at a fraction of the cost of parsing them.

Whatever is in another spelling, and whatever is wrong, is None here, and read thoroughly elsewhere: what this says an
event is, that would say too. A test holds them together, for every type.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger.ids import stream_of
from projections.verify.facts import PLACED, Placed
from projections.verify.grammar import (
    ENVELOPE,
    EVENT_TYPES,
    HASH,
    ID,
    INSTANT,
    RELEASED,
    TAKEN_OVER,
    EventType,
    asked_fields,
    is_date,
    pattern_of,
)
from projections.verify.making import Parts

_TYPE = b'"type":"'
_VERSION = b'","v":1}'
_ORDER_END = b'"type":"OrderPlaced","v":1}'

# Of lines that the pattern of an order let pass: no text in them holds a quote.
_LINE = re.compile(r'"amount":([0-9]+)(?:,"category":"[^"]*")?,"n":([0-9]+)', re.ASCII)


@dataclass(frozen=True, slots=True)
class _Quick:
    """How the common spelling of one type is read. instants: of the groups, those that hold a time."""

    topic: str
    pattern: re.Pattern[str]
    asked_keys: Sequence[str]
    decided_keys: Sequence[str]
    instants: Sequence[int]


def quick_parts(raw: bytes) -> Parts | None:
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


def quick_order(raw: bytes, position: int) -> tuple[str, str, int, Placed] | None:
    """Of an order in a common spelling: recorded_at, stream, version and fact. Most events are orders."""
    if not raw.endswith(_ORDER_END):
        return None
    try:
        match = _ORDER.fullmatch(raw.decode())
    except UnicodeDecodeError:
        return None
    if match is None:
        return None
    _, content, asked, amount, at, carriage, currency, order_id, given, member, _, exponent, plan, *envelope = (
        match.groups()
    )
    record_id, occurred_at, recorded_at, seq, source, stream = envelope
    paid, lines = int(amount), None
    if given is not None:
        lines = tuple([(int(number), int(part)) for part, number in _LINE.findall(given)])
        if sum([part for _, part in lines]) != paid or len({number for number, _ in lines}) != len(lines):
            return None
    if (
        record_id != order_id
        or occurred_at != at
        or at > recorded_at
        or seq != "1"
        or stream != stream_of("order", order_id, source)
        or int(carriage) > paid
        or not is_date(at[:10])
        or not is_date(recorded_at[:10])
        or sha256(asked.encode()).hexdigest() != content
    ):
        return None
    number = None if plan is None else int(plan)
    fact = Placed(PLACED, position, stream, at, member, currency, paid, int(exponent), number, lines)
    return recorded_at, stream, 1, fact


def _quick(topic: str, of: EventType) -> _Quick:
    asked = asked_fields(of.asked)
    heading, data = [ID.pattern], pattern_of(of.decided)[1:]
    if of.asked:
        heading, data = [ID.pattern, HASH.pattern], rf'"asked":(\{{{pattern_of(asked)[1:]}\}}){pattern_of(of.decided)}'
    head = ",".join(f'"{key}":{pattern}' for key, pattern in zip(("actor", "content"), heading, strict=False))
    tail = pattern_of({key: field for key, field in ENVELOPE.items() if key != "actor"})
    pattern = rf'\{{{head},"data":\{{{data}\}}{tail},"type":"{topic}","v":1\}}'
    # One group each, and one around the record.
    fields = [ID, *([HASH, ID, *asked.values()] if of.asked else ()), *of.decided.values(), *[*ENVELOPE.values()][1:]]
    instants = [index for index, one in enumerate(fields) if one.check is INSTANT.check]
    return _Quick(topic, re.compile(pattern, re.ASCII), [*asked], [*of.decided], instants)


_QUICK = {
    topic.encode(): _quick(topic, of)
    for topic, of in {**EVENT_TYPES, RELEASED: TAKEN_OVER}.items()
    if topic != "PlanPublished"
}

_ORDER = _QUICK[b"OrderPlaced"].pattern
