"""The worker: leads one projection while it has the lease, stands by while another has it, comes back after errors."""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, ProgrammingError

from ledger.errors import IntegrityError, UnreachableError
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from projections import status
from projections.checkpoint import CheckpointMovedError
from projections.duty import Duty, Place
from projections.lease import Lease, LeaseLostError
from projections.pace import BATCH_SIZE_MIN, Search, next_batch_size, pause_seconds
from projections.runner import Progress
from projections.status import Standing

# So that a stand-by leads within a second of its leader's death.
STANDBY_SECONDS = 0.25
# A stop is noticed so soon.
NAP_SECONDS_MAX = 0.25
BATCH_LINE_SECONDS = 1.0

# The database is away, busy, full or changing places: nothing is wrong with the books.
_PASSING = (
    LeaseLostError,
    UnreachableError,
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
    OSError,
)
_PASSING_CAUSES = (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.errors.ReadOnlySqlTransaction)

_log = logging.getLogger("refledger.worker")


class ProjectionFailedError(IntegrityError):
    """A projection cannot go on; nothing was skipped, and the next start tries again from there.

    place  the event it cannot go past; None where the failure is not one event's
    """

    code = "projection_failed"

    def __init__(self, projection: str, place: Place | None, reason: str) -> None:
        stream = f" ({place.stream})" if place and place.stream else ""
        where = f" at position {place.position}{stream}" if place else ""
        super().__init__(f"{projection} failed{where}: {reason}")
        self.place = place
        self.reason = reason


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help, with nothing changed by anybody."""
    return isinstance(error, _PASSING) or isinstance(error.__cause__, _PASSING_CAUSES)


def tell(level: int, event: str, projection: str | None, **facts: str | float | None) -> None:
    """One line of the log."""
    _log.log(level, event, extra={"facts": {"projection": projection, **facts}})


@dataclass(slots=True)
class _Untold:
    """Batches that no line of the log told of yet."""

    events: int = 0
    seconds: float = 0.0
    told_at: float = 0.0


class Worker:
    """One projection in one process. `run` is for a thread of its own, `run_once` for a single time."""

    def __init__(
        self, duty: Duty, lease: Lease, log: LogRecorder, standing: Standing, *, poll_seconds: float = 0.5
    ) -> None:
        self.duty = duty
        self.standing = standing
        self._lease = lease
        self._store = log
        self._poll_seconds = poll_seconds
        self._search = Search()
        self._untold = _Untold()
        self._errors = 0
        self._seconds = 0.0

    def run(self, stopped: threading.Event) -> None:
        """Keeps the projection until it is told to stop, between two batches, or fails for good."""
        while not stopped.is_set():
            try:
                if self._lease.take():
                    self._lead(stopped)
                else:
                    self._stand_by()
                    stopped.wait(STANDBY_SECONDS)
            except Exception as error:  # noqa: BLE001  # whatever it is, the other projections go on
                if not is_passing(error):
                    self._fail(error)
                    return
                self._lease.release()
                self.duty.close()
                stopped.wait(self._back_off(error))
        self._stop()

    def run_once(self, progress: Progress) -> int:
        """Works until nothing is left to do, also beside a worker that leads, and returns how much that was.

        Raises:
            ProjectionFailedError: it cannot go past an event.
        """
        if is_leader := self._lease.take():
            status.take(self._store, self.standing)
            self.standing.enter("running")
        size = BATCH_SIZE_MIN
        try:
            while (events := self._batch(size)) != 0:
                size = self._next_size(size, events)
                progress(events or 0)
        except Exception as error:
            if is_leader and not is_passing(error):
                self._fail(error)
            raise
        if is_leader:
            self._stop()
        return self.standing.events

    # -- leading

    def _lead(self, stopped: threading.Event) -> None:
        status.take(self._store, self.standing)
        if self.standing.state == "backoff":
            self.standing.restarts += 1
        self.standing.enter("running")
        tell(logging.INFO, "leader", self.duty.name)
        size = BATCH_SIZE_MIN
        while not stopped.is_set():
            self._lease.check()
            events = self._batch(size)
            is_through = events == 0 or (self.duty.gathers and events is not None and events < size)
            size = self._next_size(size, events)
            if is_through:
                self._rest(stopped)
            self._tell_of_batches()

    def _batch(self, size: int) -> int | None:
        """Does one batch and returns how much it was; None: it has to be tried anew."""
        most = self._search.most(size)
        started = time.monotonic()
        try:
            # Far behind, nothing else happens for long; at the head garbage is collected as usual.
            with collection_paused() if size > BATCH_SIZE_MIN else nullcontext():
                events = self.duty.step(most)
        except CheckpointMovedError:
            return None
        except Exception as error:
            self.standing.failures += 1
            if is_passing(error) or isinstance(error, ProgrammingError):
                raise
            if self._search.failed(most):
                raise ProjectionFailedError(self.duty.name, self._next(), _reason(error)) from error
            return None
        self._errors = 0
        self._search.passed(events)
        if events:
            self._count(events, time.monotonic() - started)
        return events

    def _count(self, events: int, seconds: float) -> None:
        self.standing.count(events, seconds)
        self._seconds = seconds
        self._untold.events += events
        self._untold.seconds += seconds

    def _next_size(self, size: int, events: int | None) -> int:
        if events is None or self._search.suspects:
            return size
        return next_batch_size(size, events=events, seconds=self._seconds) if events else BATCH_SIZE_MIN

    def _rest(self, stopped: threading.Event) -> None:
        """Until there may be something to do."""
        deadline = time.monotonic() + self._poll_seconds
        while not stopped.is_set() and (left := deadline - time.monotonic()) > 0:
            if self.duty.wait(min(left, NAP_SECONDS_MAX)):
                return

    def _next(self) -> Place | None:
        with self._store.reading() as session:
            return self.duty.next(session)

    # -- changes of state

    def _stand_by(self) -> None:
        self._errors = 0
        if self.standing.enter("standby"):
            tell(logging.INFO, "standby", self.duty.name)

    def _back_off(self, error: BaseException) -> float:
        """Takes note of an error that may pass; returns the pause before the next attempt, in seconds."""
        self._errors += 1
        pause = pause_seconds(self._errors, random.random())  # noqa: S311  # no secret
        self.standing.enter("backoff")
        event = "lease_lost" if isinstance(error, LeaseLostError) else "backoff"
        tell(logging.WARNING, event, self.duty.name, seconds=round(pause, 3), reason=_reason(error))
        return pause

    def _fail(self, error: Exception) -> None:
        """Gives up, loudly, for the table, the log and the metrics."""
        failed = error if isinstance(error, ProjectionFailedError) else None
        place = failed.place if failed else None
        self.standing.bad, self.standing.reason = place, failed.reason if failed else _reason(error)
        self.standing.enter("failed")
        tell(
            logging.CRITICAL,
            "failed",
            self.duty.name,
            position=place.position if place else None,
            stream=place.stream if place else None,
            reason=self.standing.reason,
        )
        self._leave()

    def _stop(self) -> None:
        self._tell_of_batches(at_once=True)
        self.standing.enter("stopped")
        tell(logging.INFO, "stopped", self.duty.name, count=self.standing.events)
        self._leave()

    def _leave(self) -> None:
        """The last word in the table comes before the next leader's first."""
        self.duty.close()
        with suppress(Exception):
            status.update(self._store, self.standing)
        self._lease.release()

    # -- the log

    def _tell_of_batches(self, *, at_once: bool = False) -> None:
        """At most one line a second, or one for each batch where that is wanted."""
        untold, now = self._untold, time.monotonic()
        is_time = at_once or now - untold.told_at >= BATCH_LINE_SECONDS or _log.isEnabledFor(logging.DEBUG)
        if not untold.events or not is_time:
            return
        # A line that cannot be told now is told with the next one.
        with suppress(Exception):
            with self._store.reading() as session:
                place = self.duty.last(session)
            tell(
                logging.INFO,
                "batch",
                self.duty.name,
                position=place.position if place else None,
                count=untold.events,
                seconds=round(untold.seconds, 3),
                stream=place.stream if place else None,
            )
            self._untold = _Untold(told_at=now)


def _reason(error: BaseException) -> str:
    """An error in one line; what nobody thought of, with its kind."""
    text = " ".join(str(error).split())
    return text if isinstance(error, IntegrityError | OperationalError) and text else f"{type(error).__name__}: {text}"
