"""What may stand under a key of an event: checks, and patterns of their common spellings (rules G-1, V-2).

Every key has a check, which decides, and a pattern, which knows common spellings of what the check lets pass and
nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from ledger.clock import format_instant, parse_instant
from ledger.ids import Kind, check_id, check_source
from ledger.money import MINOR_MAX
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


def integer(least: int, most: int) -> Callable[[Any], object]:
    """A check for an integer from the least to the most."""

    def check(value: object) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"is no integer from {least} to {most}")

    return check


def text_of(value: object) -> str:
    """A value that is a text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError("is no text")  # noqa: TRY004  # of evidence, the value is wrong
    return value


def _check_instant(value: object) -> None:
    text = text_of(value)
    if format_instant(parse_instant(text)) != text:
        raise ValueError("is no time like 2026-01-31T12:00:00.000000Z")


def _check_free_text(value: object) -> None:
    if len(text_of(value)) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"has more than {TEXT_CHARACTERS_MAX} characters")


def _check_stream(value: object) -> None:
    if not 0 < len(text_of(value)) <= STREAM_CHARACTERS_MAX:
        raise ValueError(f"is no stream of 1 to {STREAM_CHARACTERS_MAX} characters")


def matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], object]:
    """A check for a text that a pattern matches as a whole."""

    def check(value: object) -> None:
        if not pattern.fullmatch(text_of(value)):
            raise ValueError(f"is no {what}")

    return check


def one_of(*words: str) -> Callable[[Any], object]:
    """A check for one of these texts."""

    def check(value: object) -> None:
        if value not in words:
            raise ValueError(f"is none of {', '.join(map(repr, words))}")

    return check


# A time whose date may still be one that no month has: see `is_date`.
INSTANT_PATTERN = (
    r'"([0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z)"'
)
_STREAM_PATTERN = r'"([!#-\[\]-~]{1,320})"'

ID = Field(lambda value: check_id(text_of(value)), r'"([!#-\[\]-~]{1,128})"')
SOURCE = Field(lambda value: check_source(text_of(value)), r'"([A-Za-z0-9][A-Za-z0-9._-]{0,63})"')
STREAM = Field(_check_stream, _STREAM_PATTERN)
HASH = Field(matching(_HASH, "SHA-256 in hex"), r'"([0-9a-f]{64})"')
CURRENCY = Field(matching(_CODE, "currency's code"), r'"([A-Z]{3})"')
TEXT = Field(_check_free_text, r'"([^"\\\x00-\x1f]{0,500})"')
INSTANT = Field(_check_instant, INSTANT_PATTERN)
# Twelve digits are always below 2^43.
MINOR = Field(integer(0, MINOR_MAX), r"(0|[1-9][0-9]{0,11})")
POSITIVE = Field(integer(1, MINOR_MAX), r"([1-9][0-9]{0,11})")
NUMBER = Field(integer(1, INTEGER_LIMIT - 1), r"([1-9][0-9]{0,11})")
EXPONENT = Field(integer(0, EXPONENT_MAX), r"([0-4])")


def word(*words: str) -> Field:
    """One of these words."""
    return Field(one_of(*words), f'"({"|".join(words)})"')


REASON = Field(matching(re.compile(r"[a-z_]{1,40}", re.ASCII), "reason"), r'"([a-z_]{1,40})"')


ENVELOPE: Mapping[str, Field] = {
    "actor": ID,
    "id": ID,
    "occurred_at": INSTANT,
    "recorded_at": INSTANT,
    "seq": NUMBER,
    "source": SOURCE,
    "stream": STREAM,
}


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event.

    asked    the record it holds; None: it follows from another input
    decided  further keys of `data`
    """

    asked: Kind | None
    decided: Mapping[str, Field] = field(default_factory=dict[str, Field])


def pattern_of(fields: Mapping[str, Field]) -> str:
    """The members of an object in order, each with a comma before it."""
    members = [(f',"{key}":{of.pattern}', of.optional) for key, of in fields.items()]
    return "".join([f"(?:{member})?" if may_lack else member for member, may_lack in members])


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


def slow(check: Callable[[Any], object]) -> Field:
    """Of events so rare that they need no pattern: this one, of one group as all, matches nothing."""
    return Field(check, "((?!))")


@lru_cache(maxsize=10_000)
def is_date(text: str) -> bool:
    """Whether a date that a pattern let pass is one: not 30 February, not of year 0."""
    try:
        _check_instant(f"{text}T00:00:00.000000Z")
    except ValueError:
        return False
    return True
