"""Canonical JSON, strictly: one spelling of each object, all others are refused (rule V-2)."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, NoReturn, cast

from ledger.canonical import canonical
from ledger.errors import MalformedEvidenceError

INTEGER_LIMIT = 1 << 53
# Of sums over a whole log, in a manifest.
SUM_LIMIT = 1 << 127
_SHOWN_MAX = 60


def read_object(raw: bytes, *, integer_limit: int = INTEGER_LIMIT) -> dict[str, Any]:
    """The object that these bytes are the canonical form of; integers are below the limit.

    Raises:
        MalformedEvidenceError: not one, or spelt otherwise: another order of keys, a space, a key twice, a fraction,
            too large an integer, an escape that need not be.
    """
    try:
        found: object = json.loads(
            raw.decode(),
            object_pairs_hook=_distinct,
            parse_float=_no_fraction,
            parse_int=partial(_integer, integer_limit),
            parse_constant=_no_fraction,
        )
        is_canonical = canonical(found) == raw
    except (ValueError, RecursionError) as error:
        raise MalformedEvidenceError(f"is no JSON as it is written here: {error}") from None
    if not isinstance(found, dict):
        raise MalformedEvidenceError(f"is no JSON object: {shown(raw)}")
    if not is_canonical:
        raise MalformedEvidenceError(f"is not in canonical form: {shown(raw)}")
    return cast("dict[str, Any]", found)


def read_document(raw: bytes) -> dict[str, Any]:
    r"""As `read_object`, of a file: the object and one "\n"."""
    if not raw.endswith(b"\n"):
        raise MalformedEvidenceError("does not end with a newline")
    return read_object(raw[:-1], integer_limit=SUM_LIMIT)


def expect_keys(found: dict[str, Any], keys: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    """An object has exactly these keys, and may have some others.

    Raises:
        MalformedEvidenceError: it has not.
    """
    if missing := keys - found.keys():
        raise MalformedEvidenceError(f"lacks {', '.join(sorted(missing))}")
    if unknown := found.keys() - keys - optional:
        raise MalformedEvidenceError(f"has unknown keys: {', '.join(map(repr, sorted(unknown)))}"[:200])


def shown(raw: bytes | str) -> str:
    """The beginning of a text from outside, safe to print."""
    return ascii(raw[:_SHOWN_MAX])


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!a} is there twice")
    return found


def _no_fraction(text: str) -> NoReturn:
    raise ValueError(f"{shown(text)} is no integer")


def _integer(limit: int, text: str) -> int:
    # Before it is converted: of a million digits that would take long.
    if len(text) > len(str(limit)) + 1 or abs(int(text)) >= limit:
        raise ValueError(f"{shown(text)} is not below 2^{limit.bit_length() - 1}")
    return int(text)
