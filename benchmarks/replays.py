"""The Python replay inside a process: from opening the log to a digest; and the question all replays are asked."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.journals import left, write_journal, write_left
from benchmarks.measure import Done, Job, Watch, expect
from ledger.application import Ledger
from projections.figures import Replay
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


def sums(found: Replay) -> dict[str, int]:
    """Every total and count of a replay, by name: of several shops each is so many times that of one."""
    totals = {
        f"{currency} {name}": value for currency, total in found.totals.items() for name, value in asdict(total).items()
    }
    levels = {
        f"{currency} level {level} {name}": value
        for currency, by_level in found.levels.items()
        for level, total in by_level.items()
        for name, value in asdict(total).items()
    }
    return totals | levels | dict(found.outcomes)
