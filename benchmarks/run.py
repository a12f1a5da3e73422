"""The run: every case in a process of its own, on fresh stores, beside its peers and limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.engines import Engine
from benchmarks.measure import Job, Measured, expect
from benchmarks.streams import Stream

ROOT = Path(__file__).parents[1]
SECONDS_MAX = 7_200

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured.

    events     lines of the generated stream
    beginning  lines that are ingested, saved and projected one by one
    saved      events that are saved in batches, with our recorder and with the library's
    repeat     how often everything is done
    """

    events: int = 1_000_000
    beginning: int = 5_000
    saved: int = 50_000
    repeat: int = 1


QUICK = Sizes(events=50_000, beginning=1_000, saved=10_000)


@dataclass(frozen=True, slots=True)
class Against:
    """The rows a row is compared with."""

    limit: str
    peer: str = ""


AGAINST: Mapping[str, Against] = {
    "ingest": Against("limit: append", "peer: save"),
    "save": Against("limit: append", "peer: save"),
    "ingest, one by one": Against("limit: append, one by one", "peer: save, one by one"),
    "project": Against("limit: read", "peer: project"),
    "replay": Against("limit: read"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the table. Seconds and memory are medians; the ratios are of events per second."""

    stream: str
    case: str
    store: str
    lines: int
    events: int
    seconds: float
    lines_per_second: float
    events_per_second: float
    peak_mb: float
    ratio_to_peer: float | None
    ratio_to_limit: float | None
    runs_seconds: list[float]


class Stores(NamedTuple):
    """URLs of the stores of one run: of the whole stream, of its first lines, and an empty one to save to."""

    whole: str
    beginning: str
    saved: str


Runs = dict[tuple[str, str], dict[str, list[Measured]]]


def run(engines: Sequence[Engine], streams: Sequence[Stream], sizes: Sizes, say: Say) -> list[Result]:
    """Measures everything and returns the rows of the table, in order.

    Raises:
        RuntimeError: a case failed, or live and replayed balances differ.
    """
    runs: Runs = defaultdict(lambda: defaultdict(list))
    for number in range(1, sizes.repeat + 1):
        for stream in streams:
            for engine in engines:
                say(f"{stream.name} stream on {engine.store}, run {number} of {sizes.repeat}")
                for row, measured in _measured(engine, stream, sizes):
                    say(f"  {row:27} {measured.seconds:9.2f} s {measured.events / measured.seconds:12,.0f} events/s")
                    runs[stream.name, engine.store][row].append(measured)
    return [
        _result(stream, store, row, rows)
        for (stream, store), rows in runs.items()
        for row in [*AGAINST, *sorted(rows.keys() - AGAINST.keys())]
    ]


def _measured(engine: Engine, stream: Stream, sizes: Sizes) -> Iterator[tuple[str, Measured]]:
    """One run over one stream on one engine: the whole of it in one store, its beginning in another."""
    name = f"{stream.name}_{engine.store}"
    digests: set[str] = set()
    with ExitStack() as stack:
        stores = Stores(*[stack.enter_context(engine.fresh(f"{name}_{part}")) for part in Stores._fields])
        for row, job in _jobs(engine, stream, sizes, stores).items():
            engine.settle()
            measured = _spawn(job)
            if job.log == stores.whole and measured.digest:
                digests.add(measured.digest)
            yield row, measured
    expect("different balances", found=len(digests), wanted=1)


def _jobs(engine: Engine, stream: Stream, sizes: Sizes, stores: Stores) -> dict[str, Job]:
    """The rows of one run, in the order in which they can be measured."""
    whole, beginning = stores.whole, stores.beginning
    return {
        "ingest": Job(case="ingest", log=whole, file=str(stream.whole)),
        "limit: append": Job(case="limit: append", log=whole),
        "limit: read": Job(case="limit: read", log=whole),
        "project": Job(case="project", log=whole),
        "replay": Job(case="replay", log=whole),
        "save": Job(case="save", log=whole, target=stores.saved, upto=sizes.saved),
        "peer: save": Job(case="peer: save", log=whole, batch_size=engine.save_batch_max, upto=sizes.saved),
        "ingest, one by one": Job(case="ingest", log=beginning, file=str(stream.beginning), batch_size=1),
        "limit: append, one by one": Job(case="limit: append", log=beginning, batch_size=1),
        "peer: save, one by one": Job(case="peer: save", log=beginning, batch_size=1),
        "peer: project": Job(case="peer: project", log=beginning),
    }


def _spawn(job: Job) -> Measured:
    """Measures in a fresh process: neither memory nor caches of one case help or hinder the next."""
    command = [sys.executable, "-m", "benchmarks.child", json.dumps(asdict(job))]
    # The child's talk is kept: on a terminal it would draw progress bars.
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if ended.returncode:
        raise RuntimeError(f"{job.case} failed on {job.log}:\n{ended.stderr.strip()}")
    return Measured(**json.loads(ended.stdout))


def _result(stream: str, store: str, row: str, rows: Mapping[str, Sequence[Measured]]) -> Result:
    measured, against = rows[row], AGAINST.get(row, Against(""))
    seconds, rate = median(one.seconds for one in measured), _rate(measured)
    return Result(
        stream=stream,
        case=row,
        store=store,
        lines=measured[0].lines,
        events=measured[0].events,
        seconds=seconds,
        lines_per_second=measured[0].lines / seconds,
        events_per_second=rate,
        peak_mb=median(one.peak_mb for one in measured),
        ratio_to_peer=rate / _rate(rows[against.peer]) if against.peer else None,
        ratio_to_limit=rate / _rate(rows[against.limit]) if against.limit else None,
        runs_seconds=[one.seconds for one in measured],
    )


def _rate(measured: Sequence[Measured]) -> float:
    """Events per second."""
    return measured[0].events / median(one.seconds for one in measured)
