"""DuckDB's replay inside a process: from opening what it reads to a digest."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.measure import Done, Job, Watch
from benchmarks.replays import AS_OF, sums
from benchmarks.shops import digest_of_shops
from cli.plans import plan_in
from ledger.application import Ledger
from projections.archive.reading import Archive
from projections.replay.session import Session, replaying


def duckdb(job: Job, watch: Watch) -> Done:
    """The figures of the store or of an archive; with a plan file, what if that plan had been in force."""
    with watch, _session(job) as session:
        if job.file:
            session.suppose(plan_in(Path(job.file)).terms())
        found = session.answer(AS_OF)
    return Done(events=found.events, digest=found.digest, figures=sums(found))


def shops_digest(job: Job, watch: Watch) -> Done:
    """The digest that so many shops must have, from the balances of one."""
    with watch, _session(job) as session:
        return Done(events=job.count, digest=digest_of_shops(session.balances(AS_OF), job.count))


@contextmanager
def _session(job: Job) -> Generator[Session]:
    if job.archive:
        archive = Archive.open(job.archive)
        with replaying(None, archive.end, archive=archive) as session:
            yield session
        return
    with closing(Ledger(job.log)) as ledger, replaying(ledger.log, ledger.log.head()) as session:
        yield session
