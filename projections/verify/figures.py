"""Figures as a manifest says them, against those that were computed: every one that differs, by its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from projections.verify.canonical_form import shown

_NONE = object()


def differences(said: object, computed: object, path: str) -> Iterator[str]:
    """What is said otherwise than computed."""
    if isinstance(said, dict) and isinstance(computed, Mapping):
        one, other = cast("dict[str, Any]", said), cast("Mapping[str, Any]", computed)
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key, _NONE), other.get(key, _NONE), f"{path}.{key}")
    elif type(said) is not type(computed) or said != computed:
        yield f"{path} is {_told(said)}; the events give {_told(computed)}"


def _told(value: object) -> str:
    return "not there" if value is _NONE else shown(repr(value))[1:-1]
