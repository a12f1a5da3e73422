"""An archive as others read it: its segments in order, and the proof of every file before anybody reads it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Self

from duckdb import DuckDBPyConnection

from ledger.errors import NotFoundError
from ledger.findings import Finding
from ledger.store.recorder import LogRecorder
from ledger.tree.hashing import leaf_hash
from projections.archive.errors import ArchiveError
from projections.archive.manifest import (
    KINDS,
    MANIFEST,
    NOTHING_BEFORE,
    FileFacts,
    Manifest,
    decode,
    file_of,
    hash_of,
    range_of,
)
from projections.archive.place import Place
from projections.runner import Progress

_THREADS_MAX = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed range of the log.

    folder    its folder's name, `000000000001-000001000000`
    manifest  what it says of itself
    hash      SHA-256 of its segment.json
    """

    folder: str
    manifest: Manifest
    hash: str

    @property
    def first(self) -> int:
        """Its first position."""
        return self.manifest.first

    @property
    def last(self) -> int:
        """Its last position."""
        return self.manifest.last


class Archive:
    """Segments that follow one another from position 1, chained by their manifests.

    place     where it lies
    segments  in order
    """

    def __init__(self, place: Place, segments: Sequence[Segment]) -> None:
        self.place = place
        self.segments = tuple(segments)

    @classmethod
    def open(cls, address: str) -> Self:
        """The archive at an address: a directory, or any other that fsspec knows.

        Raises:
            NotFoundError: nothing is there.
            ArchiveError: a segment is missing, torn, altered, doubled or of another archive; names the first.
        """
        place = Place(address)
        if not place.exists():
            raise NotFoundError(f"there is no archive at {address}: make one with `refledger archive seal {address}`")
        segments, findings = survey(place)
        if findings:
            raise error_of(place, findings)
        return cls(place, segments)

    @property
    def end(self) -> int:
        """The last position sealed; 0: none is."""
        return self.segments[-1].last if self.segments else 0

    def upto(self, position: int | None) -> list[Segment]:
        """The segments with events up to a position, whole; None: all."""
        return [segment for segment in self.segments if position is None or segment.first <= position]

    def paths(self, kind: str, upto: int | None = None) -> list[str]:
        """Files of a kind, as DuckDB reads them after `register`; the last may go beyond `upto`.

        Args:
            kind: one of KINDS. Segments of before there was such a kind have none.
            upto: the last position that is wanted; None: all.
        """
        return [self.place.readable(name) for name in self.names(kind, upto)]

    def names(self, kind: str, upto: int | None = None) -> list[str]:
        """The same files by their names in the place."""
        return [f"{segment.folder}/{file_of(kind)}" for segment in self.upto(upto) if kind in segment.manifest.files]

    def register(self, duck: DuckDBPyConnection) -> None:
        """Lets a DuckDB connection read the files."""
        self.place.register(duck)

    def verify(self, kinds: Iterable[str], upto: int | None = None, progress: Progress | None = None) -> None:
        """Proves that files are as they were sealed: nothing else may be read.

        Args:
            kinds: of KINDS.
            upto: of segments with events up to this position; None: all.
            progress: called with the bytes proven since the last call; see `size`.

        Raises:
            ArchiveError: one is missing, torn or altered; names the first.
        """
        findings = check_files(self.place, self.upto(upto), list(kinds), progress)
        if findings:
            raise error_of(self.place, findings)

    def size(self, kinds: Iterable[str], upto: int | None = None) -> int:
        """Bytes of the files that `verify` would read."""
        wanted = list(kinds)
        files = (segment.manifest.files.get(kind) for segment in self.upto(upto) for kind in wanted)
        return sum(file.bytes for file in files if file is not None)

    def belongs_to(self, log: LogRecorder) -> None:
        """Proves that the archive's last event is the log's event at that position.

        Raises:
            ArchiveError: the log ends before it, or has another event there.
        """
        if not self.segments:
            return
        row = next(iter(log.read(after=self.end - 1, upto=self.end)), None) if self.end <= log.head() else None
        where = self.place.address
        if row is None:
            raise ArchiveError(
                f"{where} goes to position {self.end}, the log only to {log.head()}: it is the archive of another log, "
                "or the log was restored from an older copy; name the right --db, or seal into an empty place"
            )
        if leaf_hash(row.state).hex() != self.segments[-1].manifest.last_leaf:
            raise ArchiveError(
                f"{where} is the archive of another log: it has another event at position {self.end}; "
                "name the right --db, or seal into an empty place"
            )


def error_of(place: Place, findings: Sequence[Finding]) -> ArchiveError:
    """The first finding as an error."""
    more = f" (and {len(findings) - 1} more: see `refledger archive status`)" if len(findings) > 1 else ""
    return ArchiveError(f"{place.address}/{findings[0].subject} {findings[0].message}{more}")


def survey(place: Place) -> tuple[list[Segment], list[Finding]]:
    """Every segment that can be read, in order, and all that is wrong with how they follow one another.

    A folder without segment.json is no segment.
    """
    segments: list[Segment] = []
    findings: list[Finding] = []
    end, before = 0, NOTHING_BEFORE
    for folder, named in _folders(place):
        subject = f"{folder}/{MANIFEST}"
        state = read_if_there(place, subject)
        if state is None:
            continue
        try:
            manifest = decode(state)
        except ArchiveError as error:
            findings.append(Finding(subject, f"{error}: {mend_of(folder)}"))
            end, before = max(end, named[1]), ""
            continue
        wrong = _misfit(manifest, named, end) or _stranger(manifest, segments, before)
        findings += [Finding(subject, wrong.format(mend=mend_of(folder)))] if wrong else []
        segments.append(Segment(folder, manifest, hash_of(state)))
        end, before = max(end, manifest.last), hash_of(state)
    return segments, findings


def _folders(place: Place) -> list[tuple[str, tuple[int, int]]]:
    """Folders that are named like segments, and the positions they are named after."""
    ranges = [(name, range_of(name)) for name in place.names()]
    return [(name, named) for name, named in ranges if named is not None]


def _misfit(manifest: Manifest, named: tuple[int, int], end: int) -> str:
    """Why a segment is not the one that begins after `end`; empty: it is."""
    first, last = manifest.first, manifest.last
    if (first, last) != named:
        return (
            f"is of positions {first} to {last}, not of those its folder is named after: name it as it was, or {{mend}}"
        )
    if first > end + 1:
        missing = f"positions {end + 1} to {first - 1} are missing"
        return f"begins at position {first}, and {missing}: put them back, or {{mend}}"
    if first <= end:
        return f"begins at position {first}, which a segment before it holds too: delete the one too many"
    return ""


def _stranger(manifest: Manifest, before: Sequence[Segment], previous: str) -> str:
    """Why a segment is not of this archive; empty: it is, or (previous empty) that cannot be told."""
    if before and manifest.archive != before[0].manifest.archive:
        return "is of the archive of another log: {mend}"
    if previous and manifest.previous != previous:
        return "does not follow the segment before it, one of the two was replaced or altered: {mend}"
    return ""


def read_if_there(place: Place, name: str) -> bytes | None:
    """A small file; None where there is none."""
    try:
        return place.read(name)
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_files(
    place: Place, segments: Iterable[Segment], kinds: Sequence[str] = KINDS, progress: Progress | None = None
) -> list[Finding]:
    """Which files are missing, torn or altered: each is read as a whole, several at a time."""
    files = [
        (f"{segment.folder}/{file_of(kind)}", segment.manifest.files[kind])
        for segment in segments
        for kind in kinds
        if kind in segment.manifest.files
    ]
    findings: list[Finding] = []
    with ThreadPoolExecutor(min(_THREADS_MAX, os.cpu_count() or 1)) as pool:
        wrongs = pool.map(partial(_wrong_with, place), *zip(*files, strict=True)) if files else ()
        for (name, facts), wrong in zip(files, wrongs, strict=True):
            if progress is not None:
                progress(facts.bytes)
            if wrong:
                findings.append(Finding(name, wrong.replace("{mend}", mend_of(name.rpartition("/")[0]))))
    return findings


def _wrong_with(place: Place, name: str, facts: FileFacts) -> str:
    """Why a file is not as it was sealed, with a place for what helps; empty: it is."""
    try:
        size, digest = place.measure(name)
    except FileNotFoundError:
        return "is missing: {mend}"
    except OSError as error:
        # It may be whole: nobody is told to delete it.
        return f"cannot be read: {error.strerror or error}"
    if size != facts.bytes:
        return f"has {size} bytes instead of {facts.bytes}: {{mend}}"
    return "" if digest == facts.sha256 else "was altered, its SHA-256 is not that of its manifest: {mend}"


def mend_of(folder: str) -> str:
    """What helps against a segment that is not as it was sealed."""
    return f"delete {folder} and every later segment, then run `refledger archive seal` again"
