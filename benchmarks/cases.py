"""What is measured of ours: ingest, projection and replay, each along the path of its command."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from benchmarks.measure import Done, Job, Watch, expect
from cli.demo import STANDARD_PLAN
from cli.ingest import How, Rejects, Tally, feed
from cli.records import open_records
from ledger.application import Ledger
from ledger.commands import command_from
from projections.balances import balances_at, digest
from projections.replay_python import replay as replay_log
from projections.runner import Runner

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def ingest(job: Job, watch: Watch) -> Done:
    """`refledger ingest`: read, parse, validate, decide, append, in batches of one transaction each."""
    with closing(Ledger(job.log, actor="benchmark")) as ledger, open_records(job.file) as records:
        if not records.starts_with_plan():
            ledger.submit([command_from(STANDARD_PLAN)])
        before, tally = ledger.log.head(), Tally()
        with watch:
            feed(ledger, records, tally, Rejects(None, shown_max=0), How(batch_size=job.batch_size))
        return Done(events=ledger.log.head() - before, lines=tally.by_name.total())


def project(job: Job, watch: Watch) -> Done:
    """`refledger worker run --once`: the commissions projection from nothing to the head."""
    with closing(Ledger(job.log)) as ledger:
        head = ledger.log.head()
        with watch:
            events = Runner(ledger.log).catch_up()
        expect("events projected", found=events, wanted=head)
        return Done(events=events, digest=live_digest(ledger))


def replay(job: Job, watch: Watch) -> Done:
    """`refledger replay --engine python`: all balances from nothing but the events."""
    with closing(Ledger(job.log)) as ledger:
        head = ledger.log.head()
        with watch:
            found = replay_log(ledger.log.read(), LATER)
        expect("events replayed", found=found.events, wanted=head)
        return Done(events=found.events, digest=found.digest)


def live_digest(ledger: Ledger) -> str:
    """Digest of the balances in the projection's tables."""
    with ledger.log.reading() as session:
        return digest(balances_at(session, LATER))
