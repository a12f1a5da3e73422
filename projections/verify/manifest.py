"""What a bundle says of itself: manifest.json, format 1."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ledger.errors import MalformedEvidenceError
from projections.verify.canonical_form import expect_keys, read_document, shown
from projections.verify.forms import INSTANT
from projections.verify.grammar import EVENT_TYPES, RELEASED
from projections.verify.table_rows import TABLES

FORMAT = "refledger-bundle-1"
MANIFEST, NOTE, CHECKPOINT, RANGE = "manifest.json", "manifest.note", "checkpoint", "range.json"
EVENTS, PLANS, PREVIOUS, CONSISTENCY = "events.jsonl", "plans.jsonl", "previous", "consistency.json"
CSV = {table: f"tables/{table}.csv" for table in TABLES}
PARQUET = {table: f"tables/{table}.parquet" for table in TABLES}

_ALWAYS = frozenset({"README.txt", CHECKPOINT, RANGE, EVENTS, PLANS})
_SOMETIMES = frozenset({PREVIOUS, CONSISTENCY, *CSV.values(), *PARQUET.values()})
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FIGURES = frozenset({"totals", "levels", "outcomes"})
_TYPES = frozenset({*EVENT_TYPES, RELEASED})


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose keys are there and have values of the right kind; whether they are true is checked elsewhere.

    first, last   positions
    root          64 hex digits, of the checkpoint's tree
    as_of         T, canonical text
    content_root  64 hex digits, or None
    digest        64 hex digits; None: there are no tables
    figures       totals, levels, outcomes; each None where there are no tables
    previous      size and root of an earlier tree, or None
    files         size and SHA-256 of each, by name
    """

    origin: str
    first: int
    last: int
    size: int
    root: str
    as_of: str
    redacted: int
    events: int
    by_type: Mapping[str, int]
    content_root: str | None
    digest: str | None
    figures: Mapping[str, Any]
    previous: tuple[int, str] | None
    files: Mapping[str, tuple[int, str]]

    @property
    def has_tables(self) -> bool:
        """Whether all derived tables are there."""
        return self.files.keys() >= set(CSV.values())


def read_manifest(raw: bytes) -> Manifest:
    """A manifest from its one spelling.

    Raises:
        MalformedEvidenceError: it is none, or of another format.
    """
    found = read_document(raw)
    if found.get("format") != FORMAT:
        raise MalformedEvidenceError(f"is of the format {shown(repr(found.get('format')))}, not {FORMAT}")
    expect_keys(found, _KEYS)
    try:
        return _manifest(found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MalformedEvidenceError(f"holds something that cannot stand there: {error}") from None


_KEYS = frozenset(
    {"as_of", "content_root", "digest", "events", "files", "format", "from", "origin", "previous", "redacted", "root"}
    | {"size", "to"}
    | _FIGURES
)


def _manifest(found: dict[str, Any]) -> Manifest:
    INSTANT.check(found["as_of"])
    expect_keys(found["events"], frozenset({"by_type", "count"}))
    first, last, size = (_count(found[key]) for key in ("from", "to", "size"))
    if not 1 <= first <= last <= size:
        raise ValueError(f"positions {first} to {last} of {size} are no range")
    return Manifest(
        origin=_text(found["origin"]),
        first=first,
        last=last,
        size=size,
        root=_hex(found["root"]),
        as_of=found["as_of"],
        redacted=_count(found["redacted"]),
        events=_count(found["events"]["count"]),
        by_type={topic: _count(count) for topic, count in _known(found["events"]["by_type"], _TYPES).items()},
        content_root=_or_none(found["content_root"], _hex),
        digest=_or_none(found["digest"], _hex),
        figures={key: found[key] for key in sorted(_FIGURES)},
        previous=_or_none(found["previous"], _previous),
        files={name: _file(file) for name, file in _files(found["files"]).items()},
    )


def _files(found: dict[str, Any]) -> dict[str, Any]:
    expect_keys(found, _ALWAYS, _SOMETIMES)
    return found


def _file(found: dict[str, Any]) -> tuple[int, str]:
    expect_keys(found, frozenset({"bytes", "sha256"}))
    return _count(found["bytes"]), _hex(found["sha256"])


def _previous(found: dict[str, Any]) -> tuple[int, str]:
    expect_keys(found, frozenset({"root", "size"}))
    return _count(found["size"]), _hex(found["root"])


def _known(found: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    expect_keys(found, frozenset(), names)
    return found


def _or_none(value: Any, read: Callable[[Any], Any]) -> Any:  # noqa: ANN401  # whatever is read
    return None if value is None else read(value)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{shown(repr(value))} is no count")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(repr(value))} is no text")  # noqa: TRY004  # of evidence, the value is wrong
    return value


def _hex(value: object) -> str:
    if not _HEX.fullmatch(_text(value)):
        raise ValueError(f"{shown(repr(value))} is no hash in hex")
    return cast("str", value)
