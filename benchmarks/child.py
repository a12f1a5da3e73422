"""The process that measures one case and ends: `python -m benchmarks.child JOB`, with a `Job` as JSON."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module

from benchmarks import callers, cases, limits, peers, questions, replays, trees, visible
from benchmarks.measure import Case, Job, Measured, Stopwatch

CASES: Mapping[str, Case] = {
    "ingest": cases.ingest,
    "save": cases.save,
    "project": cases.project,
    "replay": cases.replay,
    "peer: save": peers.save,
    "peer: project": peers.project,
    "limit: append": limits.append,
    "limit: read": limits.read,
    "callers": callers.callers,
    "submit": callers.submit,
    "submit, vacuumed": callers.submit_vacuumed,
    "visible": visible.visible,
    "one balance": questions.one_balance,
    "one team": questions.one_team,
    "python": replays.python,
    "tree": trees.tree,
    "sign": trees.sign,
    "one proof": trees.one_proof,
    "limit: hash": trees.limit,
    "peer: tlog-scales": trees.peer,
}
# DuckDB takes 20 MB when it is imported, which are not the other cases'.
LATE: Mapping[str, tuple[str, str]] = {
    "audit": ("audits", "audit"),
    "duckdb": ("duck_replays", "duckdb"),
    "shops' digest": ("duck_replays", "shops_digest"),
    "export": ("exports", "bundle"),
    "export, table": ("exports", "table"),
    "peer: dump": ("exports", "dump"),
    "limit: states": ("exports", "states"),
    "peer: replay": ("evidence", "replay_export"),
    "limit: hash lines": ("evidence", "hash_lines"),
}
COMMANDS = ("ingest", "project", "replay")
# What integrators run collects garbage as it does in their programs.
COLLECTING = (
    *COMMANDS,
    "audit",
    "tree",
    "sign",
    "callers",
    "submit",
    "submit, vacuumed",
    "visible",
    "python",
    "duckdb",
    "export",
    "export, table",
    "peer: replay",
)


def main() -> None:
    """Measures and prints the answer as JSON."""
    job, watch = Job(**json.loads(sys.argv[1])), Stopwatch()
    if job.case not in COLLECTING:
        # Nothing else pays for it.
        gc.freeze()
        gc.disable()
    done = _case(job.case)(job, watch)
    json.dump(asdict(Measured(**asdict(done), seconds=watch.seconds, peak_mb=watch.peak_mb)), sys.stdout)


def _case(name: str) -> Case:
    if name in CASES:
        return CASES[name]
    module, function = LATE[name]
    case: Case = getattr(import_module(f"benchmarks.{module}"), function)
    return case


if __name__ == "__main__":
    main()
