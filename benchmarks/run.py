"""The run: every case in a process of its own, on fresh stores, beside its peers and limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median

from benchmarks.callers import THREADS
from benchmarks.engines import Engine, Postgres
from benchmarks.measure import Job, Measured
from benchmarks.streams import Stream
from benchmarks.visible import APPENDS_PER_SECOND
from cli.ingest import BATCH_SIZE as INGESTED_SIZE
from projections.pace import BATCH_SIZE_MAX as INTEGRATED_SIZE
from projections.runner import BATCH_SIZE as PROJECTED_SIZE

ROOT = Path(__file__).parents[1]

# A peer takes seconds; after this long it hangs (see `Postgres.save_batch_size`).
PEER_SECONDS_MAX = 120

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured.

    events           lines of the generated stream, of each size
    beginning        lines that are ingested, saved and projected one by one
    saved            events that are saved in batches, with our recorder and with the library's
    called           commands of the callers
    submitted        commands that are submitted in batches, with and without VACUUM beside
    visible_seconds  how long single commands are appended at an even pace
    asked            members whose balance and team are asked for; events that are proven
    leaves           of the tree in which they are
    peered           events that another implementation takes into its tree
    repeat           how often everything is done
    """

    events: tuple[int, ...] = (1_000_000,)
    beginning: int = 5_000
    saved: int = 50_000
    called: int = 50_000
    submitted: int = 200_000
    visible_seconds: int = 30
    asked: int = 1_000
    leaves: int = 10_000_000
    peered: int = 200_000
    repeat: int = 1


QUICK = Sizes(
    events=(50_000,),
    beginning=1_000,
    saved=10_000,
    called=10_000,
    submitted=20_000,
    visible_seconds=5,
    asked=200,
    leaves=200_000,
    peered=20_000,
)

# Of the callers in step, half are in each transaction.
GROUP_SIZE = THREADS // 2
SUBMIT_SIZE = 1_000


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
    "one balance": Against(),
    "one team": Against(),
    "replay": Against("limit: read"),
    "export": Against("limit: states", "peer: dump"),
    "export, table": Against("limit: states", "peer: dump"),
    "tree": Against("limit: hash", "peer: tlog-scales"),
    "sign": Against("limit: hash"),
    "one proof": Against(),
    "audit": Against("limit: read"),
    "callers": Against("limit: append, in groups", "peer: save, one by one"),
    "submit": Against(),
    "submit, vacuumed": Against(peer="submit"),
    "visible": Against(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the table. Seconds, memory and figures are medians; the ratios are of events per second."""

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
    figures: Mapping[str, float]
    runs_seconds: list[float]


@dataclass(frozen=True, slots=True)
class Report:
    """All rows, and what could not be measured and why."""

    results: list[Result]
    failures: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Run:
    """One row, once."""

    job: Job
    measured: Measured


Runs = Mapping[str, Sequence[Run]]


def run(engines: Sequence[Engine], streams: Sequence[Stream], sizes: Sizes, say: Say) -> Report:
    """Measures everything; a case that fails is in the report and costs no other its figure."""
    runs: defaultdict[tuple[str, str], defaultdict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    failures: list[str] = []

    def fail(text: str) -> None:
        failures.append(text)
        say(f"  {text}")

    for number in range(1, sizes.repeat + 1):
        for stream in streams:
            for engine in engines:
                say(f"{stream.name} stream on {engine.store}, run {number} of {sizes.repeat}")
                for row, one in _runs(engine, stream, sizes, fail):
                    done = one.measured
                    say(f"  {row:27} {done.seconds:9.2f} s {done.events / done.seconds:12,.0f} events/s")
                    runs[stream.name, engine.store][row].append(one)
    results = [
        _result(stream, store, row, rows)
        for (stream, store), rows in runs.items()
        for row in [*(row for row in AGAINST if row in rows), *sorted(rows.keys() - AGAINST.keys())]
    ]
    return Report(results, failures)


def _runs(engine: Engine, stream: Stream, sizes: Sizes, fail: Say) -> Iterator[tuple[str, Run]]:
    """Every row once, over one stream on one engine."""
    digests: set[str] = set()
    with ExitStack() as stack:
        stores = {
            name: stack.enter_context(engine.fresh(f"{stream.name}_{engine.store}_{name}"))
            for name in ("whole", "beginning", "callers", "submit", "vacuumed", "visible", "proofs")
        }
        for row, job in _jobs(engine, stream, sizes, stores).items():
            where = f"{row} of the {stream.name} stream on {engine.store}"
            try:
                one = _once(engine, job)
                if one is None and job.batch_size > 1:
                    fail(f"{where} hung at {job.batch_size} events per transaction: once more with a fifth")
                    one = _once(engine, replace(job, batch_size=job.batch_size // 5))
            except RuntimeError as error:
                fail(f"{where} failed: {error}")
                if row == "ingest":
                    return
                continue
            if one is None:
                fail(f"{where} hung: no figure")
                continue
            if job.log == stores["whole"] and one.measured.digest:
                digests.add(one.measured.digest)
            yield row, one
    if len(digests) != 1:
        fail(f"live and replayed balances of the {stream.name} stream on {engine.store} differ: no figure counts")


def _jobs(engine: Engine, stream: Stream, sizes: Sizes, stores: Mapping[str, str]) -> dict[str, Job]:
    """The rows of one run, in the order in which they can be measured."""
    whole = stores["whole"]
    jobs = {
        "ingest": Job(case="ingest", log=whole, file=str(stream.whole), batch_size=INGESTED_SIZE),
        "limit: append": Job(case="limit: append", log=whole, batch_size=INGESTED_SIZE),
        "limit: read": Job(case="limit: read", log=whole),
        "project": Job(case="project", log=whole, batch_size=PROJECTED_SIZE),
        "one balance": Job(case="one balance", log=whole, batch_size=1, count=sizes.asked),
        "one team": Job(case="one team", log=whole, batch_size=1, count=sizes.asked),
        "replay": Job(case="replay", log=whole),
        "tree": Job(case="tree", log=whole, batch_size=INTEGRATED_SIZE),
        "sign": Job(case="sign", log=whole, batch_size=INTEGRATED_SIZE),
        "limit: hash": Job(case="limit: hash", log=whole, batch_size=INTEGRATED_SIZE),
        # After the tree: an export takes in what is left of it.
        "export": Job(case="export", log=whole),
        "export, table": Job(case="export, table", log=whole),
        "peer: dump": Job(case="peer: dump", log=whole),
        "limit: states": Job(case="limit: states", log=whole),
        "audit": Job(case="audit", log=whole),
    }
    if not stream.is_larger:
        jobs |= _jobs_beside_peers(engine, stream, sizes, stores)
        jobs |= {} if stream.is_public else _jobs_of_integrators(engine, stream, sizes, stores)
    return jobs


def _jobs_beside_peers(engine: Engine, stream: Stream, sizes: Sizes, stores: Mapping[str, str]) -> dict[str, Job]:
    """Rows of the library, and ours beside them, of the stream's beginning."""
    whole, beginning = stores["whole"], stores["beginning"]
    return {
        "save": Job(case="save", log=whole, upto=sizes.saved),
        "peer: save": Job(case="peer: save", log=whole, batch_size=engine.save_batch_size, upto=sizes.saved),
        "ingest, one by one": Job(case="ingest", log=beginning, file=str(stream.beginning), batch_size=1),
        "limit: append, one by one": Job(case="limit: append", log=beginning, batch_size=1),
        "peer: save, one by one": Job(case="peer: save", log=beginning, batch_size=1),
        "peer: project": Job(case="peer: project", log=beginning, batch_size=1),
        "peer: tlog-scales": Job(case="peer: tlog-scales", log=whole, batch_size=INTEGRATED_SIZE, upto=sizes.peered),
    }


def _jobs_of_integrators(engine: Engine, stream: Stream, sizes: Sizes, stores: Mapping[str, str]) -> dict[str, Job]:
    """Rows on stores of their own: many callers, and a tree without a log."""
    log, file, appends = stores["callers"], str(stream.whole), sizes.visible_seconds * APPENDS_PER_SECOND
    jobs = {
        "callers": Job(case="callers", log=log, file=file, batch_size=1, count=sizes.called),
        "limit: append, in groups": Job(case="limit: append", log=log, batch_size=GROUP_SIZE),
        "visible": Job(case="visible", log=stores["visible"], batch_size=1, count=appends),
        "submit": Job(case="submit", log=stores["submit"], file=file, batch_size=SUBMIT_SIZE, count=sizes.submitted),
        "one proof": Job(case="one proof", log=stores["proofs"], batch_size=1, upto=sizes.leaves, count=sizes.asked),
    }
    if engine.store == Postgres.store:
        jobs["submit, vacuumed"] = replace(jobs["submit"], case="submit, vacuumed", log=stores["vacuumed"])
    return jobs


def _once(engine: Engine, job: Job) -> Run | None:
    """One row with a quiet disk and, where it saves, an empty store; None: the library hung."""
    with engine.fresh("target") if "save" in job.case else nullcontext("") as target:
        engine.settle()
        measured = spawn(replace(job, target=target))
    return None if measured is None else Run(job, measured)


def spawn(job: Job) -> Measured | None:
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
        figures={name: median(one.measured.figures[name] for one in rows[row]) for name in first.measured.figures},
        runs_seconds=[one.measured.seconds for one in rows[row]],
    )


def _seconds(runs: Sequence[Run]) -> float:
    return median(one.measured.seconds for one in runs)


def _rate(runs: Sequence[Run]) -> float:
    """Events per second."""
    return runs[0].measured.events / _seconds(runs)
