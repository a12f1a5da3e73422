"""The relations of a log up to P: from its store, or from sealed segments and, after them, from the store."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from ledger.errors import PositionError
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from projections.archive.manifest import EVENTS, MEMBERS, MINIMUMS, PLANS, file_of
from projections.archive.reading import Archive, check_files, error_of
from projections.content import ContentRoot
from projections.replay.load import Loading
from projections.replay.source import ParquetSource, batches, source_of
from projections.replay.statements import statement
from projections.runner import Progress

RELATIONS = {
    "order_fact": "orders",
    "refund_fact": "refunds",
    "reversal_fact": "reversals",
    "binding_fact": "bindings",
    "request_fact": "requests",
    "plan_term": PLANS,
    "minimum_fact": MINIMUMS,
    "adjustment_fact": "adjustments",
    "batch_fact": "batches",
    "line_fact": "lines",
    "drop_fact": "drops",
    "payout_fact": "payouts",
    "freeze_fact": "freezes",
}


def from_store(duck: DuckDBPyConnection, log: LogRecorder | None, upto: int, progress: Progress | None = None) -> str:
    """Makes the relations of positions 1..upto from the store alone; no store has none.

    Returns:
        The content root of those events (G-8).

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    content = ContentRoot()
    loading = Loading(duck)
    if log is not None:
        _take(loading, log, content, 0, upto, progress)
    loading.finish(None)
    return content.hex()


def from_archive(
    duck: DuckDBPyConnection, archive: Archive, log: LogRecorder | None, upto: int, progress: Progress | None = None
) -> str:
    """The same from the archive, and what it does not hold from the store.

    Every file is proven before it is read.

    Args:
        duck: gets views of the files; tables of the rest.
        archive: of this log.
        log: for positions after the archive's end; None: there are none.
        upto: the last position, P.
        progress: called with the number of events there are in what was done since the last call.

    Raises:
        PositionError: the archive ends before `upto`, and there is no log.
        IntegrityError: a file was altered, or the archive is another log's.
    """
    end = min(archive.end, upto)
    if log is None and upto > end:
        raise PositionError(f"the archive ends at position {end}, before {upto}, and there is no store to go on from")
    if log is not None:
        archive.belongs_to(log)
    if end == 0:
        return from_store(duck, log, upto, progress)
    archive.verify([MEMBERS, *RELATIONS.values()], upto)
    archive.register(duck)
    content = content_of(duck, archive, end)
    if progress is not None:
        progress(end)
    _take_early_minimums(duck, archive, end)
    has_rest = log is not None and upto > end
    if log is not None and has_rest:
        loading = Loading(duck)
        duck.execute(f"INSERT INTO member_name SELECT * FROM read_parquet({_list(archive, MEMBERS, end)})")  # noqa: S608  # paths of our own
        _take(loading, log, content, end, upto, progress)
        loading.finish(log)
        for name in RELATIONS:
            duck.execute(f"ALTER TABLE {name} RENAME TO rest_{name}")
    _view_files(duck, archive, upto, has_rest=has_rest)
    return content.hex()


def _take(
    loading: Loading, log: LogRecorder, content: ContentRoot, after: int, upto: int, progress: Progress | None
) -> None:
    def watch(duck: DuckDBPyConnection, table: str) -> None:
        _hash(duck, table, content)

    with source_of(log) as source, collection_paused():
        loading.take(source, after, upto, watch, progress)


def _hash(duck: DuckDBPyConnection, table: str, content: ContentRoot) -> None:
    """Counts the events of a table in the order in which they were put there, which must be that of their positions."""
    with duck.cursor() as reading:
        for batch in batches(reading, f"SELECT position, topic, state FROM {table}"):  # noqa: S608  # our own name
            _, topics, states = zip(*batch, strict=True)
            content.extend(topics, states)


def content_of(duck: DuckDBPyConnection, archive: Archive, upto: int) -> ContentRoot:
    """The content tree after a position of an archive: that of the last segment before, and the events since.

    Raises:
        ArchiveError: the file of those events is not as it was sealed.
    """
    whole = [segment for segment in archive.segments if segment.last <= upto]
    content = ContentRoot(whole[-1].manifest.content.tree if whole else None)
    if len(whole) == len(archive.segments) or archive.segments[len(whole)].first > upto:
        return content
    segment = archive.segments[len(whole)]
    if findings := check_files(archive.place, [segment], [EVENTS]):
        raise error_of(archive.place, findings)
    source = ParquetSource(archive.paths(EVENTS, upto)[-1:])
    with source.reading(duck, "cut_segment", segment.first - 1, upto):
        _hash(duck, "cut_segment", content)
    return content


def _take_early_minimums(duck: DuckDBPyConnection, archive: Archive, upto: int) -> None:
    """Makes `early_minimum`: least payouts of the plans in segments of before these had a file of their own.

    Raises:
        ArchiveError: the events of such a segment are not as they were sealed.
    """
    early = [
        segment
        for segment in archive.upto(upto)
        if MINIMUMS not in segment.manifest.files and segment.manifest.files[PLANS].rows
    ]
    if findings := check_files(archive.place, early, [EVENTS]):
        raise error_of(archive.place, findings)
    duck.execute(statement("load/table_minimum_fact"))
    for segment in early:
        path = archive.place.readable(f"{segment.folder}/{file_of(EVENTS)}")
        with duck.cursor() as reading:
            reading.from_parquet(path).create_view("raw_event")
            reading.execute(statement("load/stage_minimum"))
    duck.execute("ALTER TABLE minimum_fact RENAME TO early_minimum")


def _view_files(duck: DuckDBPyConnection, archive: Archive, upto: int, *, has_rest: bool) -> None:
    """Makes each relation a view of the files and of the table with the rest."""
    for name, kind in RELATIONS.items():
        parts = [f"FROM read_parquet({_list(archive, kind, upto)})"] if archive.names(kind, upto) else []
        parts += [f"FROM rest_{name}"] * has_rest + ["FROM early_minimum"] * (kind == MINIMUMS)
        selects = [f"SELECT * {part} WHERE position <= {upto:d}" for part in parts]  # names and paths of our own
        select = " UNION ALL ".join(selects) or statement(f"none/{name}")
        duck.execute(f"CREATE VIEW {name} AS {select}")
    if not has_rest:
        duck.execute(f"CREATE VIEW member_name AS SELECT * FROM read_parquet({_list(archive, MEMBERS, upto)})")  # noqa: S608


def _list(archive: Archive, kind: str, upto: int) -> str:
    """Paths as DuckDB writes a list of texts."""
    quoted = [path.replace("'", "''") for path in archive.paths(kind, upto)]
    return "[" + ", ".join(f"'{path}'" for path in quoted) + "]"
