"""What an event of each type holds: exactly which keys, and what may stand under each (rules G-1, V-2).

Written for the verifier alone, from the rule book: it shares no model with the writer. Every key has a check, which
decides, and a pattern, which knows the common spellings of what the check lets pass and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from ledger.clock import format_instant, parse_instant
from ledger.ids import Kind, check_id, check_source
from ledger.money import DAYS_MAX, MINOR_MAX, PPM
from ledger.plan import LEVELS
from projections.verify.canonical_form import INTEGER_LIMIT, expect_keys, shown

TEXT_CHARACTERS_MAX = 500
STREAM_CHARACTERS_MAX = 320
EXPONENT_MAX = 4

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """What may stand under a key.

    check     raises ValueError for all else
    pattern   matches canonical JSON of common values, in one group; whatever it matches, `check` lets pass
    optional  the key may be absent
    """

    check: Callable[[Any], object]
    pattern: str
    optional: bool = False


def or_none(of: Field) -> Field:
    """The same, or no such key."""
    return Field(of.check, of.pattern, optional=True)


def _integer(least: int, most: int) -> Callable[[Any], object]:
    def check(value: object) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"is no integer from {least} to {most}")

    return check


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text")  # noqa: TRY004  # of evidence, the value is wrong
    return value


def _check_instant(value: object) -> None:
    text = _text(value)
    if format_instant(parse_instant(text)) != text:
        raise ValueError("is no time like 2026-01-31T12:00:00.000000Z")


def _check_free_text(value: object) -> None:
    if len(_text(value)) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"has more than {TEXT_CHARACTERS_MAX} characters")


def _check_stream(value: object) -> None:
    if not 0 < len(_text(value)) <= STREAM_CHARACTERS_MAX:
        raise ValueError(f"is no stream of 1 to {STREAM_CHARACTERS_MAX} characters")


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], object]:
    def check(value: object) -> None:
        if not pattern.fullmatch(_text(value)):
            raise ValueError(f"is no {what}")

    return check


def _one_of(*words: str | None) -> Callable[[Any], object]:
    def check(value: object) -> None:
        if value not in words:
            raise ValueError(f"is none of {', '.join(map(repr, words))}")

    return check


# A time whose date may still be one that no month has: see `is_date`.
INSTANT_PATTERN = (
    r'"([0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z)"'
)
_STREAM_PATTERN = r'"([!#-\[\]-~]{1,320})"'

ID = Field(lambda value: check_id(_text(value)), r'"([!#-\[\]-~]{1,128})"')
SOURCE = Field(lambda value: check_source(_text(value)), r'"([A-Za-z0-9][A-Za-z0-9._-]{0,63})"')
STREAM = Field(_check_stream, _STREAM_PATTERN)
HASH = Field(_matching(_HASH, "SHA-256 in hex"), r'"([0-9a-f]{64})"')
CURRENCY = Field(_matching(_CODE, "currency's code"), r'"([A-Z]{3})"')
TEXT = Field(_check_free_text, r'"([^"\\\x00-\x1f]{0,500})"')
INSTANT = Field(_check_instant, INSTANT_PATTERN)
# Twelve digits are always below 2^43.
MINOR = Field(_integer(0, MINOR_MAX), r"(0|[1-9][0-9]{0,11})")
POSITIVE = Field(_integer(1, MINOR_MAX), r"([1-9][0-9]{0,11})")
NUMBER = Field(_integer(1, INTEGER_LIMIT - 1), r"([1-9][0-9]{0,11})")
EXPONENT = Field(_integer(0, EXPONENT_MAX), r"([0-4])")


def word(*words: str) -> Field:
    """One of these words."""
    return Field(_one_of(*words), f'"({"|".join(words)})"')


_LINE: Mapping[str, Field] = {
    "amount": MINOR,
    "category": or_none(TEXT),
    "n": POSITIVE,
    "qty": MINOR,
    "sku": TEXT,
}


def pattern_of(fields: Mapping[str, Field]) -> str:
    """The members of an object in order, each with a comma before it."""
    members = [(f',"{key}":{of.pattern}', of.optional) for key, of in fields.items()]
    return "".join([f"(?:{member})?" if may_lack else member for member, may_lack in members])


LINE_PATTERN = rf"\{{{pattern_of(_LINE)[1:]}\}}"
_ANY_LINE = LINE_PATTERN.replace("(0", "(?:0").replace("([", "(?:[")


def check_fields(found: object, fields: Mapping[str, Field]) -> dict[str, Any]:
    """An object with exactly these keys, each with what may stand there.

    Raises:
        MalformedEvidenceError, ValueError: it is none; says which key.
    """
    if not isinstance(found, dict):
        raise ValueError("is no object")  # noqa: TRY004  # of evidence, the value is wrong
    values = cast("dict[str, Any]", found)
    required = frozenset(key for key, of in fields.items() if not of.optional)
    expect_keys(values, required, frozenset(fields) - required)
    for key, value in values.items():
        try:
            fields[key].check(value)
        except ValueError as error:
            raise ValueError(f"{key}: {error} ({shown(repr(value))})") from None
    return values


def _check_lines(value: object) -> None:
    if not isinstance(value, list) or not value:
        raise ValueError("is no list of lines")
    numbers = [check_fields(line, _LINE)["n"] for line in cast("list[object]", value)]
    if len(set(numbers)) != len(numbers):
        raise ValueError("has two lines with the same n")


def _check_binding(value: object) -> None:
    check_fields(value, _BINDING)


def _check_rates(value: object) -> None:
    rates = cast("list[object]", value)
    if not isinstance(value, list) or len(rates) > LEVELS:
        raise ValueError(f"is no list of at most {LEVELS} rates")
    for rate in rates:
        _integer(0, PPM)(rate)


def _check_minimums(value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError("is no object")  # noqa: TRY004  # of evidence, the value is wrong
    for currency, least in cast("dict[str, object]", value).items():
        CURRENCY.check(currency)
        POSITIVE.check(least)


def _slow(check: Callable[[Any], object]) -> Field:
    """Of events so rare that they need no pattern: this one matches nothing."""
    return Field(check, "(?!)")


_BINDING: Mapping[str, Field] = {
    "policy": _slow(_one_of("first_touch", "last_touch")),
    "protection_days": _slow(_integer(0, DAYS_MAX)),
    "renewal": _slow(_one_of("none", "on_order")),
    "ttl_days": _slow(lambda value: value is None or _integer(1, DAYS_MAX)(value)),
}

# Keys stand in their canonical order.
_ASKED: Mapping[Kind, Mapping[str, Field]] = {
    "invite": {
        "at": INSTANT,
        "channel": or_none(TEXT),
        "expires_at": or_none(INSTANT),
        "id": ID,
        "invitee": or_none(ID),
        "inviter": ID,
        "type": word("invite"),
    },
    "bind": {
        "at": INSTANT,
        "id": ID,
        "invite": or_none(ID),
        "inviter": ID,
        "member": ID,
        "type": word("bind"),
    },
    "unbind": {"at": INSTANT, "id": ID, "member": ID, "reason": TEXT, "type": word("unbind")},
    "order": {
        "amount": MINOR,
        "at": INSTANT,
        "carriage": MINOR,
        "currency": CURRENCY,
        "id": ID,
        "lines": Field(_check_lines, rf"\[({_ANY_LINE}(?:,{_ANY_LINE})*)\]", optional=True),
        "member": ID,
        "type": word("order"),
    },
    "refund": {
        "amount": POSITIVE,
        "at": INSTANT,
        "currency": CURRENCY,
        "id": ID,
        "line": or_none(POSITIVE),
        "member": or_none(ID),
        "order": ID,
        "qty": or_none(MINOR),
        "type": word("refund"),
    },
    "plan": {
        "at": INSTANT,
        "binding": _slow(_check_binding),
        "cap_ppm": _slow(_integer(0, PPM)),
        "effective_from": INSTANT,
        "hold_days": _slow(_integer(0, DAYS_MAX)),
        "id": ID,
        "min_payout": _slow(_check_minimums),
        "plan": NUMBER,
        "rates_ppm": _slow(_check_rates),
        "rounding": word("down", "half_up", "half_even"),
        "self_purchase": word("none", "as_level_1"),
        "type": word("plan"),
        "unqualified": word("forfeit"),
    },
}

_REASON = Field(_matching(re.compile(r"[a-z_]{1,40}", re.ASCII), "reason"), r'"([a-z_]{1,40})"')


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event.

    asked    the record it holds; None: it follows from another input
    decided  further keys of `data`
    """

    asked: Kind | None
    decided: Mapping[str, Field] = field(default_factory=dict[str, Field])


def asked_fields(kind: Kind | None) -> Mapping[str, Field]:
    """What a record of this kind holds; nothing where there is none."""
    return {} if kind is None else _ASKED[kind]


EVENT_TYPES: Mapping[str, EventType] = {
    "PlanPublished": EventType("plan"),
    "MemberInvited": EventType("invite"),
    "MemberBound": EventType("bind", {"ends_at": or_none(INSTANT), "plan": NUMBER}),
    "BindingRefused": EventType("bind", {"reason": _REASON}),
    "UnbindRefused": EventType("unbind", {"reason": _REASON}),
    "OrderPlaced": EventType("order", {"exponent": EXPONENT, "plan": or_none(NUMBER)}),
    "OrderRefunded": EventType("refund"),
    "RefundRefused": EventType("refund", {"reason": _REASON}),
    "BindingRenewed": EventType(None, {"bind": STREAM, "ends_at": INSTANT, "member": ID}),
    "BindingExpired": EventType(None, {"bind": STREAM, "member": ID, "referrer": ID}),
}
# Two facts of one name: an unbind's, which holds what was asked, and a take-over's, which follows from a bind.
_ENDED: Mapping[str, Field] = {"bind": STREAM, "cause": word("unbind", "take_over"), "member": ID, "referrer": ID}
RELEASED = "BindingReleased"
UNBOUND, TAKEN_OVER = EventType("unbind", _ENDED), EventType(None, _ENDED)


ENVELOPE: Mapping[str, Field] = {
    "actor": ID,
    "id": ID,
    "occurred_at": INSTANT,
    "recorded_at": INSTANT,
    "seq": NUMBER,
    "source": SOURCE,
    "stream": STREAM,
}


@lru_cache(maxsize=10_000)
def is_date(text: str) -> bool:
    """Whether a date that a pattern let pass is one: not 30 February, not of year 0."""
    try:
        _check_instant(f"{text}T00:00:00.000000Z")
    except ValueError:
        return False
    return True
