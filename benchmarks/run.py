"""The run: every case in a process of its own, on fresh stores, beside its peers and limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.engines import Engine
from benchmarks.measure import Job, Measured, expect
from benchmarks.streams import Stream

ROOT = Path(__file__).parents[1]

# A peer takes seconds; after this long it hangs (see `Postgres.save_batch_size`).
PEER_SECONDS_MAX = 120

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

    limit: str = ""
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
    batch_size: int
    lines: int
    events: int
    seconds: float
    lines_per_second: float
    events_per_second: float
    peak_mb: float
    ratio_to_peer: float | None
    ratio_to_limit: float | None
    runs_seconds: list[float]


@dataclass(frozen=True, slots=True)
class Run:
    """One row, once."""

    job: Job
    measured: Measured


Runs = Mapping[str, Sequence[Run]]


def run(engines: Sequence[Engine], streams: Sequence[Stream], sizes: Sizes, say: Say) -> list[Result]:
    """Measures everything and returns the rows of the table, in order.

    Raises:
        RuntimeError: a case failed, or live and replayed balances differ.
    """
    runs: defaultdict[tuple[str, str], defaultdict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for number in range(1, sizes.repeat + 1):
        for stream in streams:
            for engine in engines:
                say(f"{stream.name} stream on {engine.store}, run {number} of {sizes.repeat}")
                for row, one in _runs(engine, stream, sizes, say):
                    done = one.measured
                    say(f"  {row:27} {done.seconds:9.2f} s {done.events / done.seconds:12,.0f} events/s")
                    runs[stream.name, engine.store][row].append(one)
    return [
        _result(stream, store, row, rows)
        for (stream, store), rows in runs.items()
        for row in [*AGAINST, *sorted(rows.keys() - AGAINST.keys())]
    ]


def _runs(engine: Engine, stream: Stream, sizes: Sizes, say: Say) -> Iterator[tuple[str, Run]]:
    """Every row once, over one stream on one engine."""
    name = f"{stream.name}_{engine.store}"
    digests: set[str] = set()
    with engine.fresh(f"{name}_whole") as whole, engine.fresh(f"{name}_beginning") as beginning:
        for row, job in _jobs(engine, stream, sizes, whole=whole, beginning=beginning).items():
            one = _once(engine, job)
            if one is None and job.batch_size > 1:
                say(f"  {row:27} hung at {job.batch_size} events per transaction: once more with a fifth")
                one = _once(engine, replace(job, batch_size=job.batch_size // 5))
            if one is None:
                say(f"  {row:27} hung: no figure")
                continue
            if job.log == whole and one.measured.digest:
                digests.add(one.measured.digest)
            yield row, one
    expect("different balances", found=len(digests), wanted=1)


def _jobs(engine: Engine, stream: Stream, sizes: Sizes, *, whole: str, beginning: str) -> dict[str, Job]:
    """The rows of one run, in the order in which they can be measured."""
    return {
        "ingest": Job(case="ingest", log=whole, file=str(stream.whole)),
        "limit: append": Job(case="limit: append", log=whole),
        "limit: read": Job(case="limit: read", log=whole),
        "project": Job(case="project", log=whole),
        "replay": Job(case="replay", log=whole),
        "save": Job(case="save", log=whole, upto=sizes.saved),
        "peer: save": Job(case="peer: save", log=whole, batch_size=engine.save_batch_size, upto=sizes.saved),
        "ingest, one by one": Job(case="ingest", log=beginning, file=str(stream.beginning), batch_size=1),
        "limit: append, one by one": Job(case="limit: append", log=beginning, batch_size=1),
        "peer: save, one by one": Job(case="peer: save", log=beginning, batch_size=1),
        "peer: project": Job(case="peer: project", log=beginning, batch_size=1),
    }


def _once(engine: Engine, job: Job) -> Run | None:
    """One row with a quiet disk and, where it saves, an empty store; None: the library hung."""
    with engine.fresh("target") if "save" in job.case else nullcontext("") as target:
        engine.settle()
        measured = _spawn(replace(job, target=target))
    return None if measured is None else Run(job, measured)


def _spawn(job: Job) -> Measured | None:
    """Measures in a fresh process: neither memory nor caches of one case help or hinder the next."""
    command = [sys.executable, "-m", "benchmarks.child", json.dumps(asdict(job))]
    timeout = PEER_SECONDS_MAX if job.case.startswith("peer") else None
    try:
        # The child's talk is kept: on a terminal it would draw progress bars.
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return None
    if ended.returncode:
        raise RuntimeError(f"{job.case} failed on {job.log}:\n{ended.stderr.strip()}")
    return Measured(**json.loads(ended.stdout))


def _result(stream: str, store: str, row: str, rows: Runs) -> Result:
    first, against = rows[row][0], AGAINST.get(row, Against())
    seconds, rate = _seconds(rows[row]), _rate(rows[row])
    return Result(
        stream=stream,
        case=row,
        store=store,
        batch_size=first.job.batch_size,
        lines=first.measured.lines,
        events=first.measured.events,
        seconds=seconds,
        lines_per_second=first.measured.lines / seconds,
        events_per_second=rate,
        peak_mb=median(one.measured.peak_mb for one in rows[row]),
        ratio_to_peer=rate / _rate(rows[against.peer]) if against.peer in rows else None,
        ratio_to_limit=rate / _rate(rows[against.limit]) if against.limit in rows else None,
        runs_seconds=[one.measured.seconds for one in rows[row]],
    )


def _seconds(runs: Sequence[Run]) -> float:
    return median(one.measured.seconds for one in runs)


def _rate(runs: Sequence[Run]) -> float:
    """Events per second."""
    return runs[0].measured.events / _seconds(runs)
