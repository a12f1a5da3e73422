"""Instants: aware UTC datetimes, their one canonical text, and the system clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Clock = Callable[[], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
DAY_US = timedelta(days=1) // _MICROSECOND

# RFC 3339 with a zone, at most microseconds, no leap second and no hour 24 (V-2): stricter than any
# library's parser, so that every Python version accepts the same texts.
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def parse_instant(text: object) -> datetime:
    """An RFC 3339 text as an instant in UTC; a datetime with a zone passes.

    Raises:
        ValueError: no zone, second 60, more than six fraction digits, not a date, outside years 1..9999.

    Source: rule V-2.
    """
    if isinstance(text, datetime) and text.tzinfo is not None:
        return text.astimezone(UTC)
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        message = "must be a time like 2026-01-31T12:00:00Z, with a zone, at most 6 fraction digits and no second 60"
        raise ValueError(message)
    if text[-1] == "Z":
        return datetime.fromisoformat(text)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        message = "is outside the years 1 to 9999"
        raise ValueError(message) from None


# A record's instant is written again in its envelope.
@lru_cache(maxsize=100)
def format_instant(at: datetime) -> str:
    """Canonical text of an instant in UTC: `YYYY-MM-DDTHH:MM:SS.ffffffZ` (V-2)."""
    return f"{at.isoformat('T', 'microseconds')[:26]}Z"


def to_micros(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exact."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant of a count of microseconds since 1970-01-01 UTC."""
    return EPOCH + timedelta(microseconds=micros)


def micros_of(at: datetime | None) -> int | None:
    """As `to_micros`; None stays None."""
    return None if at is None else to_micros(at)


def instant_of(micros: int | None) -> datetime | None:
    """As `from_micros`; None stays None."""
    return None if micros is None else from_micros(micros)
