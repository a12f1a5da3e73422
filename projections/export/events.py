"""Events for whoever only wants to look at them, without proofs: as stored, as a table, as CloudEvents."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal
from urllib.parse import quote

from duckdb import DuckDBPyConnection

from ledger.canonical import quoted as json_text
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from projections.as_named import as_named
from projections.export.asked import Bars
from projections.export.forms import copy_rows, quoted, steady
from projections.export.selection import Selection
from projections.export.statements import statement
from projections.replay.arrow import STORED_COLUMNS, arrow_rows
from projections.replay.session import Setup, connected
from projections.replay.source import EVENTS_AT_A_TIME, fetched, source_of
from projections.replay.statements import statement as replay_statement

Form = Literal["jsonl", "csv", "parquet", "cloudevents"]
FORMS: tuple[Form, ...] = ("jsonl", "csv", "parquet", "cloudevents")
RANGE_EVENTS = 100_000

# A row of sql/stated_event.sql: position, stream, seq, type, occurred_at, state.
_Row = tuple[int, str, int, str, str, bytes]


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody wants to see.

    first, last  positions; last below first: none
    chosen       which of them
    form         how
    origin       names the log in CloudEvents
    """

    first: int
    last: int
    chosen: Selection
    form: Form
    origin: str


def write_events(log: LogRecorder, look: Look, out: IO[bytes], bars: Bars) -> int:
    """Writes the events that are to be seen; returns how many.

    Raises:
        IntegrityError: the log has a gap.
    """
    # Orders of a member may stand before the range, and their refunds in it.
    after = 0 if look.chosen.members else look.first - 1
    with connected(Setup()) as duck, tempfile.TemporaryDirectory(prefix="refledger-export-") as work:
        look.chosen.prepare(duck, look.first)
        writer = _writer(duck, look, out, Path(work))
        # So that a table of nothing has its columns too.
        duck.from_arrow(arrow_rows(STORED_COLUMNS, [])).create("nothing")
        look.chosen.take(duck, "nothing")
        writer.take()
        with source_of(log) as source, collection_paused(), bars("reading", max(0, look.last - after)) as advance:
            for table, count in fetched(duck, source, after, look.last, RANGE_EVENTS):
                look.chosen.take(duck, table)
                writer.take()
                advance(count)
        writer.finish()
        return writer.count


def _writer(duck: DuckDBPyConnection, look: Look, out: IO[bytes], work: Path) -> _Lines | _Csv | _Parquet:
    if look.form in {"jsonl", "cloudevents"}:
        return _Lines(duck, out, look)
    duck.execute(replay_statement("load/macro_micros"))
    steady(duck)
    return _Csv(duck, out, work) if look.form == "csv" else _Parquet(duck, out, work)


class _Lines:
    """Lines, as the events come."""

    def __init__(self, duck: DuckDBPyConnection, out: IO[bytes], look: Look) -> None:
        self.count = 0
        self._duck = duck
        self._out = out
        self._line = _stored if look.form == "jsonl" else _cloud_event(look.origin)

    def take(self) -> None:
        """Writes those chosen of the range at hand."""
        events = self._duck.execute(statement("stated_event"))
        while rows := events.fetchmany(EVENTS_AT_A_TIME):
            self._out.write(b"".join(map(self._line, rows)))
            self.count += len(rows)

    def finish(self) -> None:
        """Nothing is left to do."""


class _Csv:
    """A table whose parts follow each other, the first one with a header."""

    def __init__(self, duck: DuckDBPyConnection, out: IO[bytes], work: Path) -> None:
        self.count = 0
        self._duck = duck
        self._out = out
        self._part = work / "part.csv"
        self._is_first = True

    def take(self) -> None:
        """Writes those chosen of the range at hand."""
        self.count += copy_rows(self._duck, statement("flat_event"), self._part, "csv", header=self._is_first)
        self._is_first = False
        with self._part.open("rb") as file:
            shutil.copyfileobj(file, self._out)

    def finish(self) -> None:
        """Nothing is left to do."""


class _Parquet:
    """A table that is kept in a file for each range until all are there: Parquet cannot be added to."""

    def __init__(self, duck: DuckDBPyConnection, out: IO[bytes], work: Path) -> None:
        self.count = 0
        self._duck = duck
        self._out = out
        self._work = work
        self._parts = list[str]()

    def take(self) -> None:
        """Keeps those chosen of the range at hand."""
        part = self._work / f"{len(self._parts)}.parquet"
        self.count += copy_rows(self._duck, statement("flat_event"), part, "parquet")
        self._parts.append(quoted(as_named(part)))

    def finish(self) -> None:
        """Writes all of them."""
        whole = self._work / "whole.parquet"
        copy_rows(self._duck, f"FROM read_parquet([{', '.join(self._parts)}])", whole, "parquet")
        with whole.open("rb") as file:
            shutil.copyfileobj(file, self._out)


def _stored(row: _Row) -> bytes:
    return row[5] + b"\n"


def _cloud_event(origin: str) -> Callable[[_Row], bytes]:
    """Events as CloudEvents 1.0: `data` is the stored event, word for word; `sequence` the position."""
    source = json_text(quote(origin, safe="/:@-._~"))

    def line(row: _Row) -> bytes:
        position, stream, seq, kind, occurred_at, state = row
        before = (
            f'{{"specversion":"1.0","id":{json_text(f"{stream}/{seq}")},"source":{source},"type":"refledger.{kind}",'
            f'"subject":{json_text(stream)},"time":"{occurred_at}","sequence":"{position:019}",'
            '"datacontenttype":"application/json","data":'
        )
        return before.encode() + state + b"}\n"

    return line
