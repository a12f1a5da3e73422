"""What people ask all day: the balances of one member, and one member's team, at the head of the whole log."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import LiteralString

from benchmarks.measure import Done, Job, Watch, percentile
from ledger.application import Ledger
from ledger.mapper import decode
from ledger.store.session import Session, Sql
from projections.balances import balances_at
from projections.team import downline

LEVELS = 3
SEED = 1

EARNERS = "SELECT DISTINCT member FROM balance ORDER BY member"
BUSIEST_EARNER = "SELECT member_1 FROM order_outcome GROUP BY member_1 ORDER BY count(member_1) DESC LIMIT 1"
REFERRERS = "SELECT DISTINCT referrer FROM team_binding ORDER BY referrer"
BUSIEST_REFERRER = "SELECT referrer FROM team_binding GROUP BY referrer ORDER BY count(*) DESC LIMIT 1"


def one_balance(job: Job, watch: Watch) -> Done:
    """`refledger balance MEMBER` without the command around it, as of the last event."""
    return _ask(
        job, watch, EARNERS, BUSIEST_EARNER, lambda session, member, at: len(balances_at(session, at, [member]))
    )


def one_team(job: Job, watch: Watch) -> Done:
    """`refledger team MEMBER`: everyone below, three levels deep."""
    return _ask(
        job, watch, REFERRERS, BUSIEST_REFERRER, lambda session, member, at: len(downline(session, member, at, LEVELS))
    )


def _ask(
    job: Job,
    watch: Watch,
    everybody: LiteralString,
    busiest: LiteralString,
    question: Callable[[Session, str, datetime], int],
) -> Done:
    """One question each, in a transaction each, of random members and last of the busiest."""
    times_ms, rows = list[float](), 0
    with closing(Ledger(job.log)) as ledger:
        with ledger.log.reading() as session:
            known = [row[0] for row in session.rows(_both(everybody))]
            members = random.Random(SEED).sample(known, min(job.count, len(known)))  # noqa: S311  # not a secret
            members.append(session.rows(_both(busiest))[0][0])
        (last,) = ledger.log.read(ledger.log.head() - 1)
        as_of = decode(last.topic, last.state).occurred_at
        for member in members:
            started = time.perf_counter()
            with watch, ledger.log.reading() as session:
                rows = question(session, member, as_of)
            times_ms.append((time.perf_counter() - started) * 1_000)
    figures = {"p50_ms": percentile(times_ms, 50), "p99_ms": percentile(times_ms, 99), "busiest_ms": times_ms[-1]}
    return Done(events=len(times_ms), figures=figures | {"busiest_rows": rows})


def _both(query: LiteralString) -> Sql:
    return Sql("question", {"postgres": query, "sqlite": query})
