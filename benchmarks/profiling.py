"""Where the time goes: a case under cProfile."""

from __future__ import annotations

import pstats
from cProfile import Profile
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import ingest
from benchmarks.child import CASES
from benchmarks.engines import engines
from benchmarks.measure import Job, Stopwatch
from benchmarks.streams import generated

FUNCTIONS_SHOWN = 25


def profile(case: str, store: str, events: int) -> None:
    """Prints the functions that take most time by themselves. The profiler costs calls dearly: mind the shares."""
    profiler = Profile()
    with TemporaryDirectory(prefix="refledger-benchmark-") as folder, engines([store], server_settings={}) as (engine,):
        stream = generated(Path(folder), "generated", count=events, beginning=1)
        with engine.fresh("profile") as url:
            job = Job(case=case, log=url, file=str(stream.whole))
            if case != "ingest":
                ingest(job, Stopwatch())
                engine.settle()
            CASES[case](job, profiler)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(FUNCTIONS_SHOWN)
