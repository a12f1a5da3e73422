"""Figures as a manifest says them, against those that were computed: every one that differs, by its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from projections.verify.canonical_form import shown

_NONE = object()


def differences(said: object, computed: object, path: str) -> Iterator[str]:
    """What is said otherwise than computed."""
    if isinstance(said, dict) and isinstance(computed, dict):
        one, other = cast("dict[str, object]", said), cast("dict[str, object]", computed)
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key, _NONE), other.get(key, _NONE), f"{path}.{key}")
    elif (message := _difference(cast("object", said), computed)) is not None:
        yield f"{path} {message}"


def _difference(said: object, computed: object) -> str | None:
    if type(said) is type(computed) and said == computed:
        return None
    return f"is {_told(said)}; the events give {_told(computed)}"


def _told(value: object) -> str:
    return "not there" if value is _NONE else shown(repr(value))[1:-1]
