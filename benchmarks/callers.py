"""What integrators do: one command each, from many threads through the micro-batcher, or one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import islice

from benchmarks.cases import PLAN
from benchmarks.measure import Done, Job, Watch, percentile
from benchmarks.vacuum import vacuuming
from cli.records import open_records
from ledger.application import Ledger
from ledger.batching import MicroBatcher
from ledger.commands import AnyCommand, PublishPlan, command_from, parse_command
from ledger.inputs import AnyInput
from ledger.marks import Mark
from ledger.outcomes import Outcome

THREADS = 64


class CountingLedger(Ledger):
    """A ledger that knows how many transactions it made."""

    transactions = 0

    def record(
        self, inputs: Sequence[AnyInput], *, source: str, allow_no_plan: bool = False, mark: Mark | None = None
    ) -> list[Outcome]:
        """As it is, and counted."""
        self.transactions += 1
        return super().record(inputs, source=source, allow_no_plan=allow_no_plan, mark=mark)


def callers(job: Job, watch: Watch) -> Done:
    """Sixty-four threads, each with one command at a time: the next one as soon as the last is answered."""
    commands, waits_ms = list(_commands(job)), list[float]()
    with closing(CountingLedger(job.log, actor="benchmark")) as ledger:
        _publish(ledger, commands)
        before, left, lock = ledger.log.head(), iter(_facts(commands)), threading.Lock()
        ledger.transactions = 0

        def call(batcher: MicroBatcher) -> None:
            while True:
                with lock:
                    command = next(left, None)
                if command is None:
                    return
                started = time.perf_counter()
                batcher.submit(command)
                waits_ms.append((time.perf_counter() - started) * 1_000)

        with MicroBatcher(ledger) as batcher, ThreadPoolExecutor(THREADS) as threads, watch:
            for future in [threads.submit(call, batcher) for _ in range(THREADS)]:
                future.result()
        return Done(
            events=ledger.log.head() - before,
            lines=len(waits_ms),
            figures={
                "answer_p50_ms": percentile(waits_ms, 50),
                "answer_p99_ms": percentile(waits_ms, 99),
                "commands_per_transaction": len(waits_ms) / ledger.transactions,
            },
        )


def submit(job: Job, watch: Watch) -> Done:
    """`Ledger.submit` in batches, parsed beforehand: the slowest batch is what a caller may have to wait for."""
    return _submit(job, watch, nullcontext(dict[str, float]()))


def submit_vacuumed(job: Job, watch: Watch) -> Done:
    """The same while VACUUM of all tables runs again and again and autovacuum is as eager as it can be."""
    return _submit(job, watch, vacuuming(job.log))


def _submit(job: Job, watch: Watch, beside: AbstractContextManager[dict[str, float]]) -> Done:
    commands, batches_ms = _commands(job), list[float]()
    with closing(Ledger(job.log, actor="benchmark")) as ledger:
        first = list(islice(commands, job.batch_size))
        _publish(ledger, first)
        before, batch, lines = ledger.log.head(), _facts(first), 0
        with beside as figures:
            while batch:
                started = time.perf_counter()
                with watch:
                    ledger.submit(batch)
                batches_ms.append((time.perf_counter() - started) * 1_000)
                lines += len(batch)
                batch = _facts(list(islice(commands, job.batch_size)))
        found = {"batch_p50_ms": percentile(batches_ms, 50), "slowest_batch_ms": max(batches_ms)}
        return Done(events=ledger.log.head() - before, lines=lines, figures=found | figures)


def _commands(job: Job) -> Iterator[AnyCommand]:
    """The first commands of the input."""
    with open_records(job.file) as records:
        lines = (line.text for batch in records.batches(job.batch_size) for line in batch)
        yield from map(parse_command, islice(lines, job.count))


def _publish(ledger: Ledger, commands: Sequence[AnyCommand]) -> None:
    """The plans, before anything is timed; ours if there are none."""
    ledger.submit([command for command in commands if isinstance(command, PublishPlan)] or [command_from(PLAN)])


def _facts(commands: Sequence[AnyCommand]) -> list[AnyCommand]:
    return [command for command in commands if not isinstance(command, PublishPlan)]
