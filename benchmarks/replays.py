"""Replays inside a process: from opening what they read to a digest."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.journals import left, write_journal, write_left
from benchmarks.measure import Done, Job, Watch, expect
from benchmarks.shops import digest_of_shops, sums
from cli.plans import plan_in
from ledger.application import Ledger
from projections.archive.reading import Archive
from projections.replay.session import Session, replaying
from projections.replay_python import replay

# The end of the generated year: all its orders, some on hold, and the refunds so far.
END = date(2025, 1, 1)
AS_OF = datetime(2024, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def python(job: Job, watch: Watch) -> Done:
    """A fold over the log. Afterwards it writes the journal of the same events, and what members have left by it."""
    with watch, closing(Ledger(job.log)) as ledger:
        upto = min(job.upto, ledger.log.head())
        found = replay(ledger.log.read(upto=upto), AS_OF)
    expect("events replayed", found=found.events, wanted=upto)
    figures: dict[str, float] = dict(sums(found))
    if job.file:
        with closing(Ledger(job.log)) as ledger, Path(job.file).open("w", encoding="utf-8") as out:
            journal = write_journal(ledger.log.read(upto=upto), out)
        write_left(left(found.balances), Path(job.file))
        figures |= {"orders": journal.orders, "transactions": journal.transactions, "postings": journal.postings}
    return Done(events=found.events, digest=found.digest, figures=figures)


def duckdb(job: Job, watch: Watch) -> Done:
    """DuckDB's replay, of the store or of an archive; with a plan file, what if that plan had been in force."""
    with watch, _session(job) as session:
        if job.file:
            session.suppose(plan_in(Path(job.file)))
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
