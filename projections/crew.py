"""The workers of one process: a thread for each projection, and one that reports on all of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from ledger.application import Ledger
from ledger.clock import system_clock
from projections import status
from projections.duty import EXPIRY, duty_of, lag_of
from projections.lease import lease_of
from projections.runner import Progress
from projections.status import Standing
from projections.worker import ProjectionFailedError, Worker

REPORT_SECONDS = 1.0
RATE_SECONDS = 10
# Lapses are looked for so many times more rarely than events.
EXPIRY_POLLS = 10

_LOOK_SECONDS = 0.1


def workers_of(ledger: Ledger, url: str, standings: Sequence[Standing], poll_seconds: float) -> list[Worker]:
    """A worker for each projection, none of them at work yet."""
    return [
        Worker(
            duty_of(standing.projection, ledger),
            lease_of(url, standing.projection),
            ledger.log,
            standing,
            poll_seconds=poll_seconds * (EXPIRY_POLLS if standing.projection == EXPIRY else 1),
        )
        for standing in standings
    ]


class Stop:
    """A request to stop, for one thread that waits for it.

    A handler of signals may make it in that same thread, at any moment: inside `threading.Event.wait` the handler's
    `set` would wait for a lock that its own thread holds. A SimpleQueue may be put into wherever it is waited at.
    """

    def __init__(self) -> None:
        self._requests: SimpleQueue[None] = SimpleQueue()
        self._is_asked = False

    def ask(self) -> None:
        """Makes the request; again is the same."""
        self._requests.put(None)

    def wait(self, seconds: float) -> bool:
        """Waits for the request, at most so long; whether it was made."""
        if not self._is_asked:
            with suppress(Empty):
                self._requests.get(timeout=seconds)
                self._is_asked = True
        return self._is_asked


def follow(ledger: Ledger, workers: Sequence[Worker], stop: Stop, drain_seconds: float) -> bool:
    """Lets workers work until they are told to stop, or none is left, and then waits for their last batches.

    Returns:
        Whether all ended by themselves; False: some are still in a batch after `drain_seconds`.
    """
    stopped = threading.Event()
    threads = [
        threading.Thread(target=worker.run, args=(stopped,), name=worker.standing.projection, daemon=True)
        for worker in workers
    ]
    reporter = threading.Thread(
        target=report, args=(ledger, [worker.standing for worker in workers], stopped), name="report", daemon=True
    )
    for thread in (*threads, reporter):
        thread.start()
    while not stop.wait(_LOOK_SECONDS) and any(thread.is_alive() for thread in threads):
        pass
    stopped.set()
    deadline = time.monotonic() + drain_seconds
    for thread in (*threads, reporter):
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def run_once(ledger: Ledger, workers: Sequence[Worker], progress: Progress) -> None:
    """Lets one worker after the other work until nothing is left to do; the standings say how much that was.

    Raises:
        ProjectionFailedError: of the first that failed, after the others had their turn.
    """
    ended = threading.Event()
    standings = [worker.standing for worker in workers]
    reporter = threading.Thread(target=report, args=(ledger, standings, ended), name="report", daemon=True)
    reporter.start()
    failed: ProjectionFailedError | None = None
    try:
        for worker in sorted(workers, key=lambda worker: worker.duty.name != EXPIRY):
            # Last of all what follows the log: the others append to it.
            try:
                worker.run_once(progress)
            except ProjectionFailedError as error:
                failed = failed or error
    finally:
        ended.set()
        reporter.join()
    if failed is not None:
        raise failed


def report(ledger: Ledger, standings: Sequence[Standing], stopped: threading.Event) -> None:
    """Once a second: measures every projection, and writes a sign of life for those that are led here.

    In transactions of its own, so that no batch waits for them. What goes wrong here goes wrong for the workers too,
    and they say so.
    """
    start = time.monotonic()
    counts = {standing.projection: deque([(start, standing.events)], RATE_SECONDS) for standing in standings}
    while not stopped.wait(REPORT_SECONDS):
        for standing in standings:
            seen = counts[standing.projection]
            seen.append((time.monotonic(), standing.events))
            (since, before), (now, events) = seen[0], seen[-1]
            standing.events_per_second = round((events - before) / (now - since)) if now > since else 0
            lag = None
            with suppress(Exception):
                with ledger.log.reading() as session:
                    lag = lag_of(session, standing.projection, system_clock())
                if standing.state == "running":
                    status.update(ledger.log, standing)
            standing.lag = lag
