"""Replay, Spark engine: the same statements over an archive that every machine of the cluster can read."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime

import duckdb

from ledger.clock import to_micros
from ledger.errors import PositionError, RefusedError
from projections.archive.errors import AddressError
from projections.archive.manifest import MEMBERS
from projections.archive.reading import Archive
from projections.figures import Replay
from projections.replay.pipeline import Question
from projections.replay.relations import RELATIONS, content_of
from projections.replay.spark import Spark, session, stop
from projections.replay.summary import answered

MASTER = "local[*]"
# Figures need none of these.
_UNREAD = frozenset(("request_fact", "minimum_fact", "freeze_fact"))
# In a path Spark would read other files than those that were proven.
PATTERNS = frozenset("*?[]{}\\")


class NoSparkError(RefusedError):
    """Spark cannot be started here."""

    code = "no_spark"


@contextmanager
def replaying_on_spark(
    archive: Archive, at_position: int, as_of: datetime, master: str = MASTER
) -> Generator[tuple[Replay, Question]]:
    """The figures at (T, P), and the question they answer; Spark ends with the context.

    Args:
        archive: holds everything up to P, at an address that the workers can read too.
        at_position: P.
        as_of: T.
        master: local[2], spark://host:7077, yarn, ...

    Raises:
        PositionError: the archive ends before P.
        AddressError: Spark would take the address for a pattern.
        ArchiveError: a file is not as it was sealed.
        NoSparkError: PySpark or Java is not installed, or does not start.
    """
    started = time.perf_counter()
    if at_position > archive.end:
        raise PositionError(
            f"the archive ends at position {archive.end}, before {at_position}: run `refledger archive seal` first, "
            f"or ask with --at-position {archive.end}"
        )
    if set(archive.place.address) & PATTERNS:
        raise AddressError(f"{archive.place.address}: Spark takes {' '.join(sorted(PATTERNS))} for patterns: rename it")
    kinds = {name: kind for name, kind in (*RELATIONS.items(), ("member_name", MEMBERS)) if name not in _UNREAD}
    archive.verify(kinds.values(), at_position)
    with duckdb.connect() as duck:
        archive.register(duck)
        content = content_of(duck, archive, at_position).hex()
    relations = {name: _paths(archive, kind, at_position) for name, kind in kinds.items()}
    with _started(master, relations) as engine:
        question = Question(engine, as_of_us=to_micros(as_of), at_position=at_position)
        found = answered(
            question, as_of=as_of, at_position=at_position, engine="spark", content_root=content, started=started
        )
        yield found, question


def _paths(archive: Archive, kind: str, upto: int) -> list[str]:
    """Files as every machine of the cluster calls them."""
    place = archive.place
    root = place.address if place.folder is None else str(place.folder)
    return [f"{root}/{name}" for name in archive.names(kind, upto)]


@contextmanager
def _started(master: str, relations: Mapping[str, list[str]]) -> Generator[Spark]:
    """A Spark of our own, over these files."""
    try:
        from pyspark.errors import PySparkRuntimeError  # noqa: PLC0415  # optional
    except ImportError:
        raise NoSparkError(
            "the engine spark needs PySpark, which is not installed: pip install 'refledger[spark]'"
        ) from None
    try:
        spark = session(master)
    except PySparkRuntimeError as error:
        raise NoSparkError(f"Spark does not start, it needs Java 17 or newer (JAVA_HOME): {error}") from None
    try:
        spark.sparkContext.setLogLevel("ERROR")
        yield Spark(spark, relations)
    finally:
        stop(spark)
