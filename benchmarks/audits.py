"""The audit inside a process: every control, and how long each of them takes."""

from __future__ import annotations

import time
from contextlib import closing

from benchmarks.measure import Done, Job, Watch, expect
from cli.auditing import CONTROLS
from ledger.application import Ledger
from ledger.clock import system_clock
from ledger.findings import Finding
from projections.books import opened_books


def audit(job: Job, watch: Watch) -> Done:
    """`refledger audit`: every control over the log and what is kept of it, as of now."""
    found, figures = list[Finding](), dict[str, float]()
    with closing(Ledger(job.log)) as ledger:
        head = ledger.log.head()
        with watch, opened_books(ledger.log, system_clock()) as books:
            for control in CONTROLS:
                started = time.perf_counter()
                found += [one for one in control.find(books, lambda _: None) if isinstance(one, Finding)]
                figures[f"{control.name}_s"] = time.perf_counter() - started
    expect("findings", found=found, wanted=[])
    return Done(events=head, figures=figures)
