"""Every check of an archive, and all they find: files, roots, and the typed files against the stored bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from ledger.errors import IntegrityError
from ledger.findings import Finding
from ledger.store.recorder import LogRecorder
from projections.archive.errors import ArchiveError
from projections.archive.manifest import EVENTS, KINDS, MANIFEST, MINIMUMS, TreeFacts, file_of, range_of
from projections.archive.place import Place
from projections.archive.reading import Archive, Segment, check_files, mend_of, survey
from projections.archive.relations import LOADING_MEMORY, RELATIONS, connect, members, recorded_ends
from projections.archive.trees import Trees
from projections.replay.load import Loading
from projections.replay.source import ParquetSource, source_of
from projections.replay.statements import statement
from projections.runner import Progress

RANGE_EVENTS = 241_664


@dataclass(slots=True)
class Checked:
    """A folder of the archive and what was found in it.

    segment      None: it has no manifest that can be read
    is_compared  whether its typed files were compared with its stored events
    """

    folder: str
    segment: Segment | None = None
    findings: list[Finding] = field(default_factory=list)
    is_compared: bool = False


class Inspection:
    """Checks of one archive, the quick ones first; nothing is read that was not proven before."""

    def __init__(self, place: Place) -> None:
        """Reads the manifests."""
        self.place = place
        segments, findings = survey(place)
        folders = [name for name in place.names() if range_of(name) is not None]
        self.folders = {folder: Checked(folder) for folder in folders}
        self.segments = segments
        for segment in segments:
            self.folders[segment.folder].segment = segment
        self._add(findings)
        for folder, checked in self.folders.items():
            if checked.segment is None and not checked.findings:
                message = "is missing: without it this is no segment; delete the folder, or seal again"
                self._add([Finding(f"{folder}/segment.json", message)])

    @property
    def findings(self) -> list[Finding]:
        """All of them, in the order of the segments."""
        return [finding for checked in self.folders.values() for finding in checked.findings]

    @property
    def end(self) -> int:
        """The last position of any segment."""
        return max((segment.last for segment in self.segments), default=0)

    @property
    def total_bytes(self) -> int:
        """Of all files, as their manifests say."""
        return sum(segment.manifest.total_bytes for segment in self.segments)

    def check_files(self, progress: Progress) -> None:
        """Proves sizes and SHA-256 of every file; `progress` counts bytes."""
        self._add(check_files(self.place, self.segments, KINDS, progress))

    def check_contents(self, work: Path, progress: Progress) -> None:
        """Computes roots and typed rows again from the stored bytes; `progress` counts events.

        It ends where stored events are damaged or missing: members are numbered through all segments.
        """
        with connect(work, memory=LOADING_MEMORY) as duck:
            self.place.register(duck)
            again = _Again(self.place, duck, progress)
            for segment in self.segments:
                checked = self.folders[segment.folder]
                damaged = {finding.subject for finding in checked.findings}
                if segment.first != again.end + 1 or f"{segment.folder}/{file_of(EVENTS)}" in damaged:
                    return
                try:
                    self._add(again.take(segment))
                except (IntegrityError, duckdb.Error) as error:
                    self._add([_finding(segment, file_of(EVENTS), f"cannot be what was sealed ({_line(error)})")])
                    return
                kinds = [kind for kind in RELATIONS if f"{segment.folder}/{file_of(kind)}" not in damaged]
                self._add(again.compare(segment, kinds))
                checked.is_compared = True

    def check_end(self, log: LogRecorder) -> None:
        """Proves that the archive is one of this log."""
        try:
            Archive(self.place, self.segments).belongs_to(log)
        except ArchiveError as error:
            self._add([Finding(self.segments[-1].folder, str(error))])

    def check_log(self, log: LogRecorder, work: Path, progress: Progress) -> None:
        """Computes the roots of the log itself up to the archive's end; `progress` counts events."""
        trees, after = Trees(), 0
        with connect(work, memory=LOADING_MEMORY) as duck, source_of(log) as source:
            for segment in self.segments:
                while after < segment.last:
                    upto = min(segment.last, after + RANGE_EVENTS)
                    source.fill(duck, "raw", after, upto)
                    trees.watch(duck, "raw")
                    duck.execute("DROP TABLE raw")
                    progress(upto - after)
                    after = upto
                if TreeFacts.of(trees.log) != segment.manifest.log:
                    message = f"is not what the log has at positions up to {segment.last}: it is of another log"
                    self._add([Finding(segment.folder, message)])
                    return

    def _add(self, findings: list[Finding]) -> None:
        for finding in findings:
            self.folders[finding.subject.partition("/")[0]].findings.append(finding)


class _Again:
    """Makes the contents of one segment after the other again, from their stored events alone.

    end  the last position taken
    """

    def __init__(self, place: Place, duck: DuckDBPyConnection, progress: Progress) -> None:
        self.end = 0
        self._place = place
        self._duck = duck
        self._progress = progress
        self._loading = Loading(duck, range_events=RANGE_EVENTS)
        self._before: list[Segment] = []
        self._known = 0
        self._wrong_columns: list[int] = []
        duck.execute("CREATE TABLE earlier_binding (position BIGINT NOT NULL, referrer BIGINT NOT NULL)")

    def take(self, segment: Segment) -> list[Finding]:
        """Makes relations of a segment's stored events, and says what is wrong with these.

        Raises:
            IntegrityError, duckdb.Error: they cannot be what was sealed.
        """
        self._known = members(self._duck)
        self._wrong_columns = []
        trees = Trees.after(self._before[-1].manifest if self._before else None)

        def watch(duck: DuckDBPyConnection, table: str) -> None:
            trees.watch(duck, table)
            self._check_columns(duck, table)

        source = ParquetSource([self._path(segment, EVENTS)])
        self._loading.take(source, segment.first - 1, segment.last, watch, self._progress)
        if self._wrong_columns:
            places = ", ".join(map(str, self._wrong_columns[:10]))
            raise IntegrityError(f"its columns at positions {places} are not what the events say")
        self._look_back()
        self._loading.finish(None)
        self._duck.execute(_REMEMBERED)
        self._before.append(segment)
        self.end = segment.last
        return list(self._wrong_with(segment, trees))

    def compare(self, segment: Segment, kinds: Iterable[str]) -> list[Finding]:
        """Which typed files of the segment taken last are not what its events give; forgets its relations."""
        findings: list[Finding] = []
        for kind in kinds:
            is_there = kind in segment.manifest.files
            wrong = self._difference(segment, kind) if is_there else self._left_out(kind)
            if wrong:
                findings.append(_finding(segment, file_of(kind), wrong))
        self._loading.clear()
        return findings

    def _wrong_with(self, segment: Segment, trees: Trees) -> Iterator[Finding]:
        manifest = segment.manifest
        for name, tree, facts in (("log", trees.log, manifest.log), ("content", trees.content.root, manifest.content)):
            if TreeFacts.of(tree) != facts:
                yield _finding(segment, MANIFEST, f"does not have the {name} root of the events, {tree.root().hex()}")
        ends = recorded_ends(self._duck, self._path(segment, EVENTS))
        if (trees.first_leaf.hex(), trees.last_leaf.hex(), *ends) != (
            manifest.archive,
            manifest.last_leaf,
            manifest.first_recorded_at_us,
            manifest.last_recorded_at_us,
        ):
            yield _finding(segment, MANIFEST, "does not have the leaf hashes and times of the events")

    def _check_columns(self, duck: DuckDBPyConnection, table: str) -> None:
        with duck.cursor() as cursor:
            cursor.execute(f"CREATE TEMP VIEW raw_event AS SELECT * FROM {table}")  # noqa: S608  # our own name
            self._wrong_columns += [row[0] for row in cursor.execute(statement("load/other_columns")).fetchall()]

    def _look_back(self) -> None:
        """Finds the orders and bindings of before, in the segments before; most are in the last ones."""
        for segment in reversed(self._before):
            if not self._loading.unknown():
                return
            self._duck.from_parquet(self._path(segment, EVENTS)).create_view("earlier_event", replace=True)
            self._duck.execute(statement("load/known_streams"))

    def _difference(self, segment: Segment, kind: str) -> str:
        """Why a typed file is not what the stored events give; empty: it is."""
        select = RELATIONS[kind].format(known=self._known)
        try:
            self._duck.execute(f"CREATE OR REPLACE TEMP VIEW derived AS {select}")
            columns = ", ".join(self._duck.table("derived").columns)
            self._duck.from_parquet(self._path(segment, kind)).create_view("sealed", replace=True)
            derived, sealed, missing, more = self._duck.execute(_COMPARED.format(columns=columns)).fetchall()[0]
        except duckdb.Error as error:
            return f"cannot be read ({_line(error)})"
        if (missing, more) == (0, 0) and derived == sealed == segment.manifest.files[kind].rows:
            return ""
        return f"is not what the stored events give: {missing} of {derived} rows are missing, {more} are not theirs"

    def _left_out(self, kind: str) -> str:
        """Why an early segment cannot be without a file of a kind; empty: its events give no row, or plans alone do."""
        rows = self._duck.execute(f"SELECT count(*) FROM ({RELATIONS[kind]})").fetchall()[0][0]  # noqa: S608  # our own
        return "" if kind == MINIMUMS or not rows else f"is not there, and the stored events give {rows} rows of it"

    def _path(self, segment: Segment, kind: str) -> str:
        return self._place.readable(f"{segment.folder}/{file_of(kind)}")


# For segments to come, whose facts refer to them.
_REMEMBERED = "INSERT INTO earlier_binding SELECT position, referrer FROM binding_fact WHERE kind = 'bound'"

# Keys are unique, so sets and counts say it all.
_COMPARED = """
SELECT
    (SELECT count(*) FROM derived),
    (SELECT count(*) FROM sealed),
    (SELECT count(*) FROM (SELECT {columns} FROM derived EXCEPT SELECT {columns} FROM sealed)),
    (SELECT count(*) FROM (SELECT {columns} FROM sealed EXCEPT SELECT {columns} FROM derived))
"""


def _finding(segment: Segment, file: str, message: str) -> Finding:
    return Finding(f"{segment.folder}/{file}", f"{message}: {mend_of(segment.folder)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
