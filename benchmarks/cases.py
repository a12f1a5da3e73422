"""What is measured of ours: ingest, saving, projection and replay, each along the path it takes in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import cast

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol

from benchmarks.measure import Done, Job, Watch, expect, memory_mb
from cli.ingest import How, Rejects, Tally, feed
from cli.records import open_records
from ledger.application import Ledger
from ledger.commands import command_from
from ledger.mapper import decode
from projections.balances import balances_at, digest
from projections.replay_python import replay as replay_log
from projections.runner import Runner

LATER = datetime(2100, 1, 1, tzinfo=UTC)

# For a stream that brings none.
PLAN = {"plan": 1, "type": "plan", "at": "2000-01-01T00:00:00Z", "rates_ppm": [100_000, 50_000, 20_000]}


def ingest(job: Job, watch: Watch) -> Done:
    """`refledger ingest`: read, parse, validate, decide, append, in batches of one transaction each."""
    with closing(Ledger(job.log, actor="benchmark")) as ledger, open_records(job.file) as records:
        if not records.starts_with_plan():
            ledger.submit([command_from(PLAN)])
        before, tally = ledger.log.head(), Tally()
        with watch:
            feed(ledger, records, tally, Rejects(None, shown_max=0), How(batch_size=job.batch_size))
        return Done(events=ledger.log.head() - before, lines=tally.by_name.total())


def save(job: Job, watch: Watch) -> Done:
    """The library's `app.save(...)` with our recorder and mapper: events that are made and decided already."""
    with closing(Ledger(job.log)) as source, closing(Ledger(job.target)) as ledger:
        rows = source.log.read(upto=job.upto)
        events = (cast("DomainEventProtocol[str]", decode(row.topic, row.state)) for row in rows)
        return Done(events=save_all(ledger, events, job.batch_size, watch))


def project(job: Job, watch: Watch) -> Done:
    """`refledger worker run --once`: the commissions projection from nothing to the head."""
    with closing(Ledger(job.log)) as ledger:
        head, memory = ledger.log.head(), list[float]()
        with watch:
            events = Runner(ledger.log, batch_size=job.batch_size).catch_up(
                progress=lambda _: memory.append(memory_mb())
            )
        expect("events projected", found=events, wanted=head)
        return Done(events=events, digest=live_digest(ledger), figures=_thirds(memory))


def replay(job: Job, watch: Watch) -> Done:
    """`refledger replay --engine python`: all balances from nothing but the events."""
    with closing(Ledger(job.log)) as ledger:
        head = ledger.log.head()
        with watch:
            found = replay_log(ledger.log.read(chunk=job.batch_size), LATER)
        expect("events replayed", found=found.events, wanted=head)
        return Done(events=found.events, digest=found.digest)


def _thirds(memory: Sequence[float]) -> dict[str, float]:
    """The most memory resident between batches in the first third of a run and in its last: flat, or does it grow?"""
    third = -(-len(memory) // 3)
    return {"memory_first_third_mb": max(memory[:third]), "memory_last_third_mb": max(memory[-third:])}


def save_all(app: Application[str], events: Iterator[DomainEventProtocol[str]], size: int, watch: Watch) -> int:
    """Saves events in batches of one transaction each, all of them; returns how many. Making them is not timed."""
    # Asked first, so that connecting is not timed.
    count = app.recorder.max_notification_id() or 0
    while batch := list(islice(events, size)):
        with watch:
            app.save(*batch)
        count += len(batch)
    expect("events saved", found=app.recorder.max_notification_id(), wanted=count)
    return count


def live_digest(ledger: Ledger) -> str:
    """Digest of the balances in the projection's tables."""
    with ledger.log.reading() as session:
        return digest(balances_at(session, LATER))
