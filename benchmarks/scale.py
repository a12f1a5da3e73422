"""A run of the replay at scale: what is measured of each log, beside programs that read journals."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.engines import Engine
from benchmarks.journals import PEERS, left_by_peer, read_left
from benchmarks.measure import Job, expect
from benchmarks.programs import Ended, Limits, run_program
from benchmarks.replays import AS_OF, END
from benchmarks.rows import COMMAND, INSIDE, Row, Rows, spawned
from benchmarks.run import ROOT
from benchmarks.shops import SHOPS_MAX, side_by_side
from benchmarks.streams import Stream, generated, of_orders
from cli import history
from cli.history import Shape
from cli.ingest import BATCH_SIZE
from ledger.events import OrderPlaced
from projections.archive.reading import Archive

# As it is installed beside this Python; PYTHONPATH makes it this checkout's.
REFLEDGER = str(Path(sys.executable).with_name("refledger"))
PYTHON, SEAL = "python", "seal"
STORE, ARCHIVE, WHAT_IF, SPARK = "duckdb, store", "duckdb, archive", "what if, archive", "spark, archive"

WHAT_IF_DAYS = 30
SPARK_MASTER = "local[2]"
SPARK_LIMITS = Limits(seconds=300)
# A peer that would take too much reads a journal of so many times fewer events.
FEWER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSizes:
    """How much is measured.

    events             lines of the streams, smallest first
    ingested_max       a log of more lines is made of the one before it, several times over
    orders             of the stream whose journal the peers read
    python_events_max  the Python engine replays logs up to this one
    repeat             how often everything is measured
    limits             of each program
    """

    events: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000)
    ingested_max: int = 10_000_000
    orders: int = 1_000_000
    python_events_max: int = 2_000_000
    repeat: int = 1
    limits: Limits = field(default_factory=Limits)

    def name(self, count: int) -> str:
        """Of the log of so many lines."""
        return f"lines_{count}" if count <= self.ingested_max else f"shops_{count}"

    @property
    def names(self) -> list[str]:
        """Of the logs whose costs are compared, smallest first."""
        return [self.name(count) for count in self.events]

    def shops(self, count: int) -> int:
        """How many logs of the largest size that is ingested make one of so many lines.

        Raises:
            ValueError: no whole number up to 10.
        """
        ingested = [size for size in self.events if size <= self.ingested_max]
        shops, rest = divmod(count, ingested[-1]) if ingested else (0, 1)
        if rest or not 1 < shops <= SHOPS_MAX:
            largest = ingested[-1] if ingested else self.ingested_max
            raise ValueError(f"{count} lines are not 2 to {SHOPS_MAX} times {largest}, the most that is ingested here")
        return shops


QUICK_SCALE = ScaleSizes(events=(10_000, 20_000, 200_000), ingested_max=20_000, orders=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log, or its beginning, and where what is made of it lies. url: of its store; empty: it has none."""

    name: str
    url: str
    events: int
    orders: int
    folder: Path

    @property
    def archive(self) -> Path:
        """Its sealed segments."""
        return self.folder / f"{self.name}.archive"

    @property
    def journal(self) -> Path:
        """Its postings for the peers."""
        return self.folder / f"{self.name}.journal"


@dataclass(frozen=True, slots=True)
class Scale:
    """A run. folder: for journals, archives and what programs print; inputs: for generated streams."""

    engine: Engine
    sizes: ScaleSizes
    folder: Path
    inputs: Path
    rows: Rows

    def run(self) -> None:
        """Measures everything; a case that fails costs no other its figure."""
        orders, one = self.sizes.orders, None
        name = f"orders_{orders}"
        with self.rows.about(name), self._log(of_orders(self.inputs, name, orders=orders)) as log:
            self._replays(log, journal=str(log.journal))
            for peer in PEERS:
                self._peer(log, peer)
        for name, count in zip(self.sizes.names, self.sizes.events, strict=True):
            with self.rows.about(name):
                if count > self.sizes.ingested_max:
                    self._shops(one, name, self.sizes.shops(count))
                    continue
                with self._log(generated(self.inputs, name, count=count, beginning=1)) as one:
                    self._replays(one)
                    self._questions(one)

    @contextmanager
    def _log(self, stream: Stream) -> Generator[Log]:
        """The stream, ingested."""
        with self.engine.fresh(stream.name) as url:
            spawned(Job(case="ingest", log=url, file=str(stream.whole), batch_size=BATCH_SIZE))
            with psycopg.connect(url) as connection:
                query = "SELECT count(*), count(*) FILTER (WHERE topic = %s) FROM event"
                ((events, orders),) = connection.execute(query, (OrderPlaced.TOPIC,)).fetchall()
            yield Log(name=stream.name, url=url, events=events, orders=orders, folder=self.folder)

    def _replays(self, log: Log, journal: str = "") -> None:
        """What was recorded, by every engine and way; all must come to one digest."""
        if log.events <= self.sizes.python_events_max:
            self._inside(log, PYTHON, Job(case="python", log=log.url, file=journal))
            self._replay(log, PYTHON, "python")
        self._inside(log, STORE, Job(case="duckdb", log=log.url))
        self._replay(log, STORE, "duckdb")
        self._seal(log)
        self._of_archive(log)
        self._expect_one_digest(log, PYTHON, STORE, ARCHIVE)

    def _questions(self, log: Log) -> None:
        """Another plan, and another engine."""
        plan = self.folder / "plan.json"
        plan.write_text(json.dumps(_other_plan()), encoding="utf-8")
        self._inside(log, WHAT_IF, Job(case="duckdb", archive=str(log.archive), file=str(plan)))
        self._replay(log, WHAT_IF, "duckdb", "--plan", str(plan), *_sealed(log))
        self._expect_one_digest(log, WHAT_IF)
        if {row.digest for row in self._rows(log, WHAT_IF)} & {row.digest for row in self._rows(log, ARCHIVE)}:
            self.rows.fail(f"what if of {log.name} has the digest of what was: no figure of it counts")
        self._replay(log, SPARK, "spark", "--master", SPARK_MASTER, *_sealed(log), limits=SPARK_LIMITS)
        self._expect_one_digest(log, SPARK, ARCHIVE)

    def _shops(self, one: Log | None, name: str, shops: int) -> None:
        """An archive of several shops like one: the digest must be theirs, every total so many times that of one."""
        if one is None:
            raise RuntimeError("there is no smaller log to make it of")
        log = replace(one, name=name, url="", events=one.events * shops, orders=one.orders * shops)
        expect("events", found=side_by_side(str(one.archive), shops, log.archive), wanted=log.events)
        self._of_archive(log)
        self._expect_one_digest(log, ARCHIVE)
        wanted = spawned(Job(case="shops' digest", archive=str(one.archive), count=shops)).digest
        totals = {key: value * shops for row in self._rows(one, ARCHIVE) for key, value in row.figures.items()}
        for row in self._rows(log, ARCHIVE):
            if row.digest != wanted or (row.way == INSIDE and row.figures != totals):
                self.rows.fail(
                    f"{row.case}, {row.way} of {name} is not {shops} times {one.name}: no figure of it counts"
                )

    def _of_archive(self, log: Log) -> None:
        self._inside(log, ARCHIVE, Job(case="duckdb", archive=str(log.archive)))
        self._replay(log, ARCHIVE, "duckdb", *_sealed(log))

    def _inside(self, log: Log, case: str, job: Job) -> None:
        """A case of ours in a process that has started."""

        def measure() -> Row:
            found = spawned(job)
            expect("events replayed", found=found.events, wanted=log.events)
            ended = Ended(found.seconds, found.peak_mb)
            return replace(_row(log, case, INSIDE, ended), digest=found.digest, figures=found.figures)

        self.rows.measure(f"{case} of {log.name}, {INSIDE}", measure)

    def _replay(self, log: Log, case: str, engine: str, *words: str, limits: Limits | None = None) -> None:
        """`refledger replay`, from its start to its end."""

        def measure() -> Row:
            out = self.folder / "printed.json"
            asked = ("replay", "--engine", engine, *words, "--as-of", AS_OF.isoformat(), "--format", "json")
            ended = self._refledger(log, *asked, out=out, limits=limits)
            document = json.loads(out.read_bytes())
            expect("engine", found=document["engine"], wanted=engine)
            expect("events replayed", found=document["events"], wanted=log.events)
            return replace(_row(log, case, COMMAND, ended), digest=document["digest"])

        self.rows.measure(f"{case} of {log.name}, {COMMAND}", measure)

    def _seal(self, log: Log) -> None:
        """`refledger archive seal` from nothing to the head."""

        def measure() -> Row:
            shutil.rmtree(log.archive, ignore_errors=True)
            ended = self._refledger(log, "archive", "seal", str(log.archive), out=self.folder / "sealed.txt")
            expect("events sealed", found=Archive.open(str(log.archive)).end, wanted=log.events)
            return _row(log, SEAL, COMMAND, ended)

        self.rows.measure(f"{SEAL} of {log.name}, {COMMAND}", measure)

    def _refledger(self, log: Log, *words: str, out: Path, limits: Limits | None = None) -> Ended:
        """Our own command, on the log's store if it has one."""
        store = ("--db", log.url) if log.url else ()
        return run_program((REFLEDGER, *store, *words), out, limits or self.sizes.limits, {"PYTHONPATH": str(ROOT)})

    def _peer(self, log: Log, name: str) -> None:
        """A peer reads the log's journal; one that may not take as much as it wants, that of the log's beginning."""

        def measure(part: Log) -> Row:
            out = self.folder / f"{name}.txt"
            ended = run_program(PEERS[name].command(part.journal, END), out, self.sizes.limits)
            with out.open(encoding="utf-8") as printed:
                found = left_by_peer(PEERS[name], printed)
            if found != read_left(part.journal):
                raise RuntimeError("what it says that members have left is not what ours says")
            return _row(part, name, COMMAND, ended)

        if not self.rows.measure(f"{name} of {log.name}", partial(measure, log)):
            beginning = self._beginning(log)
            self.rows.measure(f"{name} of {beginning.name}", partial(measure, beginning))

    def _beginning(self, log: Log) -> Log:
        """The first events of a log, with a journal."""
        upto = log.events // FEWER
        part = replace(log, name=f"{log.name}_{upto}", events=upto)
        found = spawned(Job(case="python", log=log.url, file=str(part.journal), upto=upto))
        return replace(part, orders=int(found.figures["orders"]))

    def _rows(self, log: Log, case: str) -> list[Row]:
        return [row for row in self.rows.done if (row.log, row.case) == (log.name, case)]

    def _expect_one_digest(self, log: Log, *cases: str) -> None:
        digests = {row.digest for case in cases for row in self._rows(log, case)}
        if len(digests) > 1:
            self.rows.fail(f"{', '.join(cases)} of {log.name} have {len(digests)} digests: no figure of them counts")


def _row(log: Log, case: str, way: str, ended: Ended) -> Row:
    return Row(log=log.name, case=case, way=way, events=log.events, orders=log.orders, ended=ended)


def _sealed(log: Log) -> tuple[str, ...]:
    """To read the archive; where there is no store besides, that it holds all that is asked for."""
    words = ("--archive", str(log.archive))
    return words if log.url else (*words, "--at-position", str(log.events))


def _other_plan() -> dict[str, Any]:
    """The generator's first plan with shorter bindings."""
    first = next(history.records(Shape()))
    terms = {name: value for name, value in first.items() if name not in {"type", "id"}}
    return terms | {"binding": terms["binding"] | {"ttl_days": WHAT_IF_DAYS}}
