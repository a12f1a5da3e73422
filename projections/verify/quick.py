"""Events in their common spelling, read by one pattern a type, at a fraction of the cost of parsing them.

Whatever is in another spelling, and whatever is wrong, is None here, and read thoroughly elsewhere: what this says an
event is, that would say too. A test holds them together, for every type.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ledger.ids import Kind, stream_of
from projections.verify.facts import PLACED, REFUND, Placed, Refund, Stored
from projections.verify.forms import ENVELOPE, HASH, ID, INSTANT, EventType, is_date, pattern_of
from projections.verify.grammar import EVENT_TYPES, RELEASED, TAKEN_OVER, asked_fields
from projections.verify.parts import Parts

_TYPE = b'"type":"'
_VERSION = b'","v":1}'
_ORDER_END, _REFUND_END = b'"type":"OrderPlaced","v":1}', b'"type":"OrderRefunded","v":1}'


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


def quick_event(raw: bytes, position: int) -> Stored | None:
    """An order or a refund in a common spelling: most events are one."""
    if raw.endswith(_ORDER_END):
        pattern, read = _ORDER, _order
    elif raw.endswith(_REFUND_END):
        pattern, read = _REFUND, _refund
    else:
        return None
    try:
        match = pattern.fullmatch(raw.decode())
    except UnicodeDecodeError:
        return None
    return None if match is None else read(match.groups(), position)


def _order(groups: Sequence[Any], position: int) -> Stored | None:
    content, asked, amount, at, carriage, currency, order_id, given, member, exponent, plan, *envelope = groups
    recorded_at, source, stream = envelope
    paid, lines = int(amount), None
    if given is not None:
        lines = tuple([(int(number), int(part)) for part, number in _LINE.findall(given)])
        if sum([part for _, part in lines]) != paid or len({number for number, _ in lines}) != len(lines):
            return None
    is_good = (
        int(carriage) <= paid
        and stream == stream_of("order", order_id, source)
        and _is_timely(at, recorded_at)
        and sha256(asked.encode()).hexdigest() == content
    )
    if not is_good:
        return None
    number = None if plan is None else int(plan)
    fact = Placed(PLACED, position, stream, at, member, currency, paid, int(exponent), number, lines)
    return Stored("OrderPlaced", recorded_at, stream, 1, fact)


def _refund(groups: Sequence[Any], position: int) -> Stored | None:
    content, asked, amount, at, currency, refund_id, line, member, order_id, _, recorded_at, source, stream = groups
    is_good = (
        stream == stream_of("refund", refund_id, source)
        and _is_timely(at, recorded_at)
        and sha256(asked.encode()).hexdigest() == content
    )
    if not is_good:
        return None
    order, number = stream_of("order", order_id, source), None if line is None else int(line)
    fact = Refund(REFUND, position, stream, at, order, int(amount), currency, number, member, None)
    return Stored("OrderRefunded", recorded_at, stream, 1, fact)


def _is_timely(at: str, recorded_at: str) -> bool:
    """Both are dates, and the one is not after the other; up to five minutes after is right too, but not common."""
    return at <= recorded_at and is_date(at[:10]) and is_date(recorded_at[:10])


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


def _tight(topic: str, kind: Kind) -> re.Pattern[str]:
    """As the pattern of every type; but what must be the same twice is, and what nobody asks for is no group."""
    asked = asked_fields(kind)
    named = {
        key: replace(asked[key], pattern=asked[key].pattern.replace("(", f"(?P<{key}>", 1)) for key in ("id", "at")
    }
    again = {"id": '"(?P=id)"', "occurred_at": '"(?P=at)"', "seq": "1"}
    record = pattern_of({**asked, **named, "type": replace(asked["type"], pattern=f'"{kind}"')})[1:]
    tail = pattern_of({key: replace(of, pattern=again.get(key, of.pattern)) for key, of in ENVELOPE.items()})
    actor, tail = ID.pattern.replace("(", "(?:", 1), tail.removeprefix(f',"actor":{ID.pattern}')
    data = rf'"asked":(\{{{record}\}}){pattern_of(EVENT_TYPES[topic].decided)}'
    pattern = rf'\{{"actor":{actor},"content":{HASH.pattern},"data":\{{{data}\}}{tail},"type":"{topic}","v":1\}}'
    return re.compile(pattern, re.ASCII)


_ORDER, _REFUND = _tight("OrderPlaced", "order"), _tight("OrderRefunded", "refund")
