"""A run of the replay at scale: what is measured of each log, beside programs that read journals."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.engines import Engine
from benchmarks.journals import PEERS, left_by_peer, read_left
from benchmarks.measure import Job, Measured, expect
from benchmarks.programs import Ended, LimitError, Limits, run_program
from benchmarks.replays import AS_OF, END
from benchmarks.run import ROOT, Say, spawn
from benchmarks.streams import Stream, generated, of_orders
from cli.ingest import BATCH_SIZE
from ledger.events import OrderPlaced

REFLEDGER = (sys.executable, "-c", "from cli.main import main; main()")
PYTHON = "python"
COMMAND, INSIDE = "command", "inside"

# A peer that runs out of memory gets so many times fewer events.
FEWER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSizes:
    """How much is measured.

    events             lines of the generated streams, smallest first
    orders             of the stream whose journal the peers read
    python_events_max  the Python engine replays logs up to this one
    repeat             how often everything is measured
    limits             of each program
    """

    events: tuple[int, ...] = (1_000_000, 10_000_000)
    orders: int = 1_000_000
    python_events_max: int = 2_000_000
    repeat: int = 1
    limits: Limits = field(default_factory=Limits)


QUICK_SCALE = ScaleSizes(events=(20_000, 50_000), orders=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log, or its beginning, and where what is made of it lies."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. way: `command`, a process from its start to its end, or `inside` one that has started; peak in MB."""

    log: str
    case: str
    way: str
    events: int
    orders: int
    seconds: float
    peak_mb: float
    digest: str = ""


@dataclass(slots=True)
class Scale:
    """A run under way: its rows so far, and what has no figure and why.

    folder  for journals, archives and what programs print
    inputs  for generated streams
    """

    engine: Engine
    sizes: ScaleSizes
    folder: Path
    inputs: Path
    say: Say
    rows: list[Row] = field(default_factory=list[Row])
    failures: list[str] = field(default_factory=list[str])

    @property
    def names(self) -> list[str]:
        """Of the logs whose costs are compared, smallest first."""
        return [f"lines_{count}" for count in self.sizes.events]

    def run(self) -> None:
        """Measures everything; a case that fails costs no other its figure."""
        orders = self.sizes.orders
        with self._log(of_orders(self.inputs, f"orders_{orders}", orders=orders)) as log:
            self._replays(log, journal=str(log.journal))
            for name in PEERS:
                self._peer(log, name)
        for name, count in zip(self.names, self.sizes.events, strict=True):
            with self._log(generated(self.inputs, name, count=count, beginning=1)) as log:
                self._replays(log)

    @contextmanager
    def _log(self, stream: Stream) -> Generator[Log]:
        """The stream, ingested."""
        self.say(f"log of {stream.name}")
        with self.engine.fresh(stream.name) as url:
            spawned(Job(case="ingest", log=url, file=str(stream.whole), batch_size=BATCH_SIZE))
            with psycopg.connect(url) as connection:
                query = "SELECT count(*), count(*) FILTER (WHERE topic = %s) FROM event"
                ((events, orders),) = connection.execute(query, (OrderPlaced.TOPIC,)).fetchall()
            yield Log(name=stream.name, url=url, events=events, orders=orders, folder=self.folder)

    def _replays(self, log: Log, journal: str = "") -> None:
        """Every engine and way; all must come to one digest."""
        if log.events <= self.sizes.python_events_max:
            self._inside(log, Job(case=PYTHON, log=log.url, file=journal))
            self._command(log, PYTHON, "--engine", "python")
        digests = {row.digest for row in self.rows if row.log == log.name and row.digest}
        if len(digests) > 1:
            self._fail(f"replays of {log.name} have {len(digests)} digests: no figure of it counts")

    def _inside(self, log: Log, job: Job) -> None:
        """A case of ours in a process that has started."""

        def measure() -> Row:
            found = spawned(job)
            expect("events replayed", found=found.events, wanted=log.events)
            return _row(log, job.case, INSIDE, Ended(found.seconds, found.peak_mb), found.digest)

        self._measure(log, f"{job.case}, {INSIDE}", measure)

    def _command(self, log: Log, case: str, *words: str) -> None:
        """`refledger replay`, from its start to its end."""

        def measure() -> Row:
            out = self.folder / "printed.json"
            asked = ("--db", log.url, "replay", *words, "--as-of", AS_OF.isoformat(), "--format", "json")
            ended = run_program((*REFLEDGER, *asked), out, self.sizes.limits, {"PYTHONPATH": str(ROOT)})
            document = json.loads(out.read_bytes())
            expect("events replayed", found=document["events"], wanted=log.events)
            return _row(log, case, COMMAND, ended, document["digest"])

        self._measure(log, f"{case}, {COMMAND}", measure)

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

        if not self._measure(log, name, partial(measure, log)):
            beginning = self._beginning(log)
            self._measure(beginning, name, partial(measure, beginning))

    def _beginning(self, log: Log) -> Log:
        """The first events of a log, with a journal."""
        upto = log.events // FEWER
        part = replace(log, name=f"{log.name}_{upto}", events=upto)
        found = spawned(Job(case=PYTHON, log=log.url, file=str(part.journal), upto=upto))
        return replace(part, orders=int(found.figures["orders"]))

    def _measure(self, log: Log, case: str, measure: Callable[[], Row]) -> bool:
        """Adds a row, the median of some runs; False: a program was ended at its limits."""
        try:
            rows: list[Row] = []
            for _ in range(self.sizes.repeat):
                self.engine.settle()
                rows.append(measure())
        except (LimitError, RuntimeError) as error:
            self._fail(f"{case} of {log.name}: {error}")
            return not isinstance(error, LimitError)
        seconds, peak_mb = median(row.seconds for row in rows), median(row.peak_mb for row in rows)
        self.rows.append(replace(rows[0], seconds=seconds, peak_mb=peak_mb))
        self.say(f"  {case:27} {seconds:9.2f} s {rows[0].events / seconds:12,.0f} events/s {peak_mb:8,.0f} MB")
        return True

    def _fail(self, text: str) -> None:
        self.failures.append(text)
        self.say(f"  {text}")


def spawned(job: Job) -> Measured:
    """Measures in a fresh process.

    Raises:
        RuntimeError: it failed.
    """
    measured = spawn(job)
    if measured is None:
        raise RuntimeError(f"{job.case} hung")
    return measured


def _row(log: Log, case: str, way: str, ended: Ended, digest: str = "") -> Row:
    return Row(
        log=log.name,
        case=case,
        way=way,
        events=log.events,
        orders=log.orders,
        seconds=ended.seconds,
        peak_mb=ended.peak_mb,
        digest=digest,
    )
