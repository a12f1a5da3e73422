"""The manifest of a segment, segment.json: what is in its files, and where both trees of the log stand after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ledger.canonical import canonical
from ledger.tree.hashing import RootBuilder
from projections.archive.errors import ArchiveError

FORMAT: Literal["refledger archive"] = "refledger archive"
VERSION: Literal[2] = 2
MANIFEST = "segment.json"
EVENTS, MEMBERS, PLANS, MINIMUMS = "events", "members", "plans", "minimums"
# The files of every segment, `<kind>.parquet`, by the version of its manifest. A segment of version 1 is from before
# there were reversals, adjustments and payouts: no event in it is one.
_FIRST_KINDS = (EVENTS, "orders", "refunds", "bindings", "requests", PLANS, MEMBERS)
_LATER_KINDS = ("reversals", MINIMUMS, "adjustments", "batches", "lines", "drops", "payouts", "freezes")
KINDS = (*_FIRST_KINDS, *_LATER_KINDS)
_KINDS_OF = {1: _FIRST_KINDS, VERSION: KINDS}
NOTHING_BEFORE = "0" * 64

_FOLDER = re.compile(r"(\d{12})-(\d{12})", re.ASCII)

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class FileFacts(_Part):
    """A file: its size, rows and SHA-256."""

    bytes: Count
    rows: Count
    sha256: Hash


class TreeFacts(_Part):
    """A tree after the segment's last event: root, and the hashes from which the next segment goes on."""

    frontier: tuple[Hash, ...]
    root: Hash
    size: Count

    @classmethod
    def of(cls, tree: RootBuilder) -> Self:
        """Of a tree where it stands."""
        return cls(frontier=tuple(node.hex() for node in tree.frontier), root=tree.root().hex(), size=tree.size)

    @property
    def tree(self) -> RootBuilder:
        """A tree that stands there."""
        return RootBuilder(self.size, [bytes.fromhex(node) for node in self.frontier])

    @model_validator(mode="after")
    def _root_is_of_frontier(self) -> Self:
        if self.tree.root().hex() != self.root:
            raise ValueError("the root is not that of the frontier")
        return self


class Manifest(_Part):
    """A segment: the events at positions first..last.

    archive         leaf hash of the log's first event: which archive this is a part of
    content, log    the content tree (G-8) and the tree of stored bytes (V-1) after the last event
    *_recorded_at_us  of the first and the last event, microseconds since 1970
    files           by kind
    last_leaf       leaf hash of the last event
    previous        SHA-256 of the segment.json before; 64 zeros for the first
    """

    archive: Hash
    content: TreeFacts
    files: Mapping[str, FileFacts]
    first: Annotated[int, Field(ge=1, lt=10**12)]
    first_recorded_at_us: int
    format: Literal["refledger archive"] = FORMAT
    last: Annotated[int, Field(ge=1, lt=10**12)]
    last_leaf: Hash
    last_recorded_at_us: int
    log: TreeFacts
    previous: Hash
    version: Literal[1, 2] = VERSION

    @property
    def events(self) -> int:
        """How many there are."""
        return self.last - self.first + 1

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files.values())

    def encode(self) -> bytes:
        """Canonical JSON, and a line end."""
        return canonical(self.model_dump(mode="json")) + b"\n"

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.last < self.first or self.log.size != self.last or self.content.size > self.last:
            raise ValueError("positions and sizes do not fit together")
        if set(self.files) != set(_KINDS_OF[self.version]) or self.files[EVENTS].rows != self.events:
            raise ValueError("files or rows are missing")
        return self


def decode(state: bytes) -> Manifest:
    """The manifest that these bytes are.

    Raises:
        ArchiveError: they are no manifest of this version, or not as it was written; says what is wrong.
    """
    try:
        manifest = Manifest.model_validate_json(state)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        if where == "version":
            raise ArchiveError(f"is of format version {first['input']}; this refledger reads 1 to {VERSION}") from None
        raise ArchiveError(f"is torn or no manifest of a segment ({where or 'JSON'}: {first['msg']})") from None
    if manifest.encode() != state:
        raise ArchiveError("was written by something else: it is not in canonical form")
    return manifest


def hash_of(state: bytes) -> str:
    """What the next manifest calls `previous`."""
    return sha256(state).hexdigest()


def folder_of(first: int, last: int) -> str:
    """The folder of a segment: `000000000001-000001000000`."""
    return f"{first:012}-{last:012}"


def range_of(folder: str) -> tuple[int, int] | None:
    """The positions a folder's name says; None: it is no segment's."""
    match = _FOLDER.fullmatch(folder)
    return None if match is None else (int(match[1]), int(match[2]))


def file_of(kind: str) -> str:
    """The file of a kind."""
    return f"{kind}.parquet"
