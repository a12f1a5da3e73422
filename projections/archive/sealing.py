"""Sealing: the log from the archive's end on becomes segments. README.md says how they flow."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from projections.archive.manifest import (
    EVENTS,
    MANIFEST,
    MEMBERS,
    NOTHING_BEFORE,
    FileFacts,
    Manifest,
    TreeFacts,
    decode,
    file_of,
    folder_of,
    hash_of,
)
from projections.archive.place import Place
from projections.archive.publishing import publish, workshop
from projections.archive.reading import Archive, Segment
from projections.archive.relations import (
    EVENTS_OF,
    LOADING_MEMORY,
    RELATIONS,
    WRITING_MEMORY,
    connect,
    members,
    recorded_ends,
    write,
)
from projections.archive.trees import Trees
from projections.as_named import as_named
from projections.replay.load import Loading
from projections.replay.source import EventSource, ParquetSource, check_whole, source_of
from projections.runner import Progress

SEGMENT_EVENTS_MAX = 1_000_000
# Events in DuckDB's memory at a time, twice: whole row groups.
RANGE_EVENTS = 241_664


class Sealer:
    """An archive that only this process seals into.

    archive  as it was when it was opened
    """

    def __init__(self, log: LogRecorder, archive: Archive, work: Path) -> None:
        self.archive = archive
        self._log = log
        self._work = work
        self._duck = connect(work / "spill", memory=LOADING_MEMORY)
        self._loading = Loading(self._duck, range_events=RANGE_EVENTS)
        last = archive.segments[-1] if archive.segments else None
        self._trees = Trees.after(None if last is None else last.manifest)
        self._previous = NOTHING_BEFORE if last is None else last.hash

    def seal(
        self, upto: int, segment_events: int = SEGMENT_EVENTS_MAX, progress: Progress | None = None
    ) -> Generator[Segment]:
        """Seals the log from the archive's end up to a position; gives every segment once it is there for good.

        Args:
            upto: the last position; at most the log's head.
            segment_events: in a segment; the last may have less.
            progress: called with the number of events done since the last call.

        Raises:
            IntegrityError: the log has a gap or events that are not of this version.
            OSError: the disk is full.
        """
        begun = self.archive.end
        ranges = [(start + 1, min(upto, start + segment_events)) for start in range(begun, upto, segment_events)]
        try:
            self._recall_members()
            yield from self._sealed(ranges, progress)
        except duckdb.IOException as error:
            raise OSError(f"{self._work.parent}: {error}: the disk may be full") from None

    def close(self) -> None:
        """Lets go of what DuckDB holds."""
        self._duck.close()

    def _sealed(self, ranges: Sequence[tuple[int, int]], progress: Progress | None) -> Generator[Segment]:
        """The events of the next segment are fetched while one is made."""
        with source_of(self._log) as source, ThreadPoolExecutor(1) as pool, collection_paused():
            fetched = [pool.submit(self._fetch, source, *ranges[0])] if ranges else []
            for index, (first, last) in enumerate(ranges):
                made = fetched.pop().result()
                if index + 1 < len(ranges):
                    fetched.append(pool.submit(self._fetch, source, *ranges[index + 1]))
                yield self._finish(made, first, last, progress)

    def _recall_members(self) -> None:
        """Numbers of members go on from the segments before."""
        if self.archive.segments:
            self.archive.verify([MEMBERS])
            self.archive.register(self._duck)
            paths = self.archive.paths(MEMBERS)
            self._duck.execute(
                "INSERT INTO member_name SELECT member, name FROM read_parquet($paths)", {"paths": paths}
            )

    def _fetch(self, source: EventSource, first: int, last: int) -> Path:
        """Writes the stored events of a segment, and nothing else yet."""
        made = self._work / folder_of(first, last)
        made.mkdir()
        with connect(self._work / "spill", memory=WRITING_MEMORY) as duck:
            with source.reading(duck, "fetched", first - 1, last):
                write(duck, EVENTS_OF.format(view="fetched"), made / file_of(EVENTS))
            written = as_named(made / file_of(EVENTS))
            duck.from_parquet(written).select("position").to_view("written")
            check_whole(duck, "written", first - 1, last)
        return made

    def _finish(self, made: Path, first: int, last: int, progress: Progress | None) -> Segment:
        """Makes the typed files and the manifest from the events as they were written, and publishes the segment."""
        known = members(self._duck)
        events = ParquetSource([as_named(made / file_of(EVENTS))])
        self._loading.take(events, first - 1, last, self._trees.watch, progress)
        self._loading.finish(self._log if first > 1 else None)
        rows = {EVENTS: last - first + 1}
        for kind, select in RELATIONS.items():
            rows[kind] = write(self._duck, select.format(known=known), made / file_of(kind))
        self._loading.clear()
        state = self._manifest(made, first, last, rows).encode()
        (made / MANIFEST).write_bytes(state)
        publish(self.archive.place, made)
        self._previous = hash_of(state)
        return Segment(made.name, decode(state), self._previous)

    def _manifest(self, made: Path, first: int, last: int, rows: Mapping[str, int]) -> Manifest:
        trees, here = self._trees, Place(str(made))
        recorded = recorded_ends(self._duck, as_named(made / file_of(EVENTS)))
        files: dict[str, FileFacts] = {}
        for kind, count in rows.items():
            size, digest = here.measure(file_of(kind))
            files[kind] = FileFacts(bytes=size, rows=count, sha256=digest)
        return Manifest(
            archive=trees.first_leaf.hex(),
            content=TreeFacts.of(trees.content.root),
            files=files,
            first=first,
            first_recorded_at_us=recorded[0],
            last=last,
            last_leaf=trees.last_leaf.hex(),
            last_recorded_at_us=recorded[1],
            log=TreeFacts.of(trees.log),
            previous=self._previous,
        )


@contextmanager
def sealing(log: LogRecorder, address: str) -> Generator[Sealer]:
    """An archive, opened to be sealed into; made where there is none.

    Raises:
        ArchiveBusyError: somebody else seals into it.
        ArchiveError: it is damaged, or the archive of another log.
    """
    place = Place(address)
    with workshop(place) as work:
        archive = Archive.open(address) if place.exists() else Archive(place, [])
        archive.belongs_to(log)
        sealer = Sealer(log, archive, work)
        try:
            yield sealer
        finally:
            sealer.close()
