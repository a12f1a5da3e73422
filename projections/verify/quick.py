"""Events in their common spelling, read by one pattern a type, at a fraction of the cost of parsing them.

Whatever is in another spelling, and whatever is wrong, is None here, and read thoroughly elsewhere: what this says an
event is, that would say too. A test holds them together, for every type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, repeat
from operator import le
from typing import Any, cast

from ledger.ids import DEFAULT_SOURCE, Kind, stream_of
from projections.verify.facts import BIND, INVITED, PLACED, REFUND, Bind, Invited, Placed, Refund, Stored
from projections.verify.forms import ENVELOPE, HASH, ID, INSTANT, SOURCE, EventType, is_date, pattern_of
from projections.verify.grammar import EVENT_TYPES, RELEASED, TAKEN_OVER, asked_fields
from projections.verify.parts import Parts

_TYPE = b'"type":"'
_VERSION = b'","v":1}'
ORDER_END = b'"type":"OrderPlaced","v":1}'

# As `_make` of a named tuple, without a call of Python for each.
_made = cast("Callable[[type[Any], tuple[Any, ...]], Any]", tuple.__new__)

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
    """An order, a refund, an invite or a bind in a common spelling: most events are one."""
    if raw.endswith(ORDER_END):
        orders = quick_orders([raw], [position])
        return None if orders is None else orders[0]
    at = raw.rfind(_TYPE)
    found = _AT_ONCE.get(raw[at + len(_TYPE) : -len(_VERSION)])
    if found is None:
        return None
    pattern, read = found
    try:
        match = pattern.fullmatch(raw.decode())
    except UnicodeDecodeError:
        return None
    return None if match is None else read(match.groups(), position)


def quick_orders(raws: Sequence[bytes], positions: Sequence[int]) -> list[Stored] | None:
    """Orders, all in a common spelling, for a third less than one by one; None: some are in another, or wrong.

    Every check is of a whole column: what one type of event says under one key.
    """
    try:
        matches = list(map(_ORDER.fullmatch, map(bytes.decode, raws)))
    except UnicodeDecodeError:
        return None
    if not raws or not all(matches):
        return None
    columns = zip(*[match.groups() for match in cast("list[re.Match[str]]", matches)], strict=True)
    contents, asked, amounts, at, carriages, currencies, _, given, members, exponents, plans, *envelope = columns
    recorded_at, _, _, streams = envelope
    paid = list(map(int, amounts))
    lines = list(map(_lines, given, paid))
    is_good = (
        None not in lines
        and all(map(le, map(int, carriages), paid))
        and _are_timely(at, recorded_at)
        and [sha256(text.encode()).hexdigest() for text in asked] == list(contents)
    )
    if not is_good:
        return None
    numbers = [None if plan is None else int(plan) for plan in plans]
    of_order = (streams, at, members, currencies, paid, map(int, exponents), numbers, [one or None for one in lines])
    facts = map(_made, repeat(Placed), zip(repeat(PLACED), positions, *of_order, repeat(())))
    rows = zip(repeat("OrderPlaced"), recorded_at, streams, repeat(1), facts)
    return list(map(_made, repeat(Stored), rows))


def _lines(given: str | None, paid: int) -> tuple[tuple[int, int], ...] | None:
    """Number and amount of each line, () without any; None: two have one number, or their sum is not what was paid."""
    if given is None:
        return ()
    found = _LINE.findall(given)
    by_number = {int(number): int(part) for part, number in found}
    is_good = len(by_number) == len(found) and sum(by_number.values()) == paid
    return tuple(by_number.items()) if is_good else None


def _refund(groups: Sequence[Any], position: int) -> Stored | None:
    content, asked, amount, at, currency, _, line, member, order_id, _, recorded_at, _, other_source, stream = groups
    if not _is_proven(content, asked, at, recorded_at):
        return None
    order, number = stream_of("order", order_id, other_source or DEFAULT_SOURCE), None if line is None else int(line)
    fact = Refund(REFUND, position, stream, at, order, int(amount), currency, number, member, None)
    return Stored("OrderRefunded", recorded_at, stream, 1, fact)


def _invite(groups: Sequence[Any], position: int) -> Stored | None:
    content, asked, at, _, expires_at, _, invitee, inviter, recorded_at, _, _, stream = groups
    if not _is_proven(content, asked, at, recorded_at) or not (expires_at is None or is_date(expires_at[:10])):
        return None
    fact = Invited(INVITED, position, stream, at, inviter, invitee, expires_at)
    return Stored("MemberInvited", recorded_at, stream, 1, fact)


def _bind(groups: Sequence[Any], position: int) -> Stored | None:
    content, asked, at, _, invite_id, inviter, member, ends_at, plan, recorded_at, _, other_source, stream = groups
    if not _is_proven(content, asked, at, recorded_at) or not (ends_at is None or is_date(ends_at[:10])):
        return None
    invite = None if invite_id is None else stream_of("invite", invite_id, other_source or DEFAULT_SOURCE)
    fact = Bind(BIND, position, stream, at, member, inviter, invite, None, ends_at, int(plan))
    return Stored("MemberBound", recorded_at, stream, 1, fact)


def _is_proven(content: str, asked: str, at: str, recorded_at: str) -> bool:
    """The hash is that of what was asked, and the times are in order."""
    return _are_timely((at,), (recorded_at,)) and sha256(asked.encode()).hexdigest() == content


def _are_timely(at: Sequence[str], recorded_at: Sequence[str]) -> bool:
    """All are dates, and nothing is recorded before it occurs; up to 5 minutes before is right too, but not common."""
    return all(map(le, at, recorded_at)) and all(map(is_date, {time[:10] for time in chain(at, recorded_at)}))


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
    """As the pattern of every type; but what must be the same twice is, and what nobody asks for is no group.

    Of a source there are two groups: the default one, and any other. The stream is the one that follows from it.
    """
    asked = asked_fields(kind)
    named = {
        key: replace(asked[key], pattern=asked[key].pattern.replace("(", f"(?P<{key}>", 1)) for key in ("id", "at")
    }
    other_source = SOURCE.pattern.strip('"').replace("(", f'(?P<other>(?!{DEFAULT_SOURCE}")', 1)
    again = {
        "id": '"(?P=id)"',
        "occurred_at": '"(?P=at)"',
        "seq": "1",
        "source": f'"(?:(?P<default>{DEFAULT_SOURCE})|{other_source})"',
        "stream": f'"({kind}(?(default)-|@(?P=other)/)(?P=id))"',
    }
    record = pattern_of({**asked, **named, "type": replace(asked["type"], pattern=f'"{kind}"')})[1:]
    tail = pattern_of({key: replace(of, pattern=again.get(key, of.pattern)) for key, of in ENVELOPE.items()})
    actor, tail = ID.pattern.replace("(", "(?:", 1), tail.removeprefix(f',"actor":{ID.pattern}')
    data = rf'"asked":(\{{{record}\}}){pattern_of(EVENT_TYPES[topic].decided)}'
    pattern = rf'\{{"actor":{actor},"content":{HASH.pattern},"data":\{{{data}\}}{tail},"type":"{topic}","v":1\}}'
    return re.compile(pattern, re.ASCII)


_ORDER = _tight("OrderPlaced", "order")
_AT_ONCE = {
    b"OrderRefunded": (_tight("OrderRefunded", "refund"), _refund),
    b"MemberInvited": (_tight("MemberInvited", "invite"), _invite),
    b"MemberBound": (_tight("MemberBound", "bind"), _bind),
}
