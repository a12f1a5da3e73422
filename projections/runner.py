"""The runner: takes a projection along the log in batches, one transaction per batch together with its checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ledger.garbage import collection_paused
from ledger.store.recorder import POSITION_MAX, LogRecorder, read_log
from projections.changes import Changes, read_changes
from projections.checkpoint import CheckpointMovedError, begin, checkpoint, generation, move
from projections.commissions import Commissions

BATCH_SIZE = 20_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events up to a position, read."""

    last: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class Ahead:
    """A batch that is being read before it is asked for."""

    after: int
    upto: int
    most: int
    batch: Future[Batch]


class Runner:
    """Keeps one projection of a log in a store: the log's own, or another that holds a view of the past.

    While one batch is written, the next is read in a thread of its own.
    """

    def __init__(self, log: LogRecorder, store: LogRecorder | None = None, *, batch_size: int = BATCH_SIZE) -> None:
        self.log = log
        self._store = store or log
        self._batch_size = batch_size
        self._projection = Commissions()
        self._checkpoint: int | None = None
        self._generation = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="refledger-reader")
        self._ahead: Ahead | None = None

    def step(self, upto: int = POSITION_MAX, most: int | None = None) -> int:
        """Projects the next batch and returns how many events it had; 0: caught up.

        Args:
            upto: the last position to project.
            most: how many events at most; None: the runner's batch size.

        Raises:
            CheckpointMovedError: another runner is at work; the next step starts from where it came to.
            CorruptEventError, IntegrityError: the log is not one this ledger wrote; the checkpoint stays.
        """
        most = most or self._batch_size
        after = self._checkpoint if self._checkpoint is not None else self._resume()
        batch = self._read_ahead(after, upto, most) or self._read(after, upto, most)
        if batch.last == after:
            return 0
        if batch.last - after >= most and batch.last < upto:
            self._ahead = Ahead(batch.last, upto, most, self._reader.submit(self._read, batch.last, upto, most))
        # Whatever happens from here on, memory is only right once the transaction has committed.
        self._checkpoint = None
        with self._store.writing() as session:
            begin(session, self._projection.name)
            # First of all: a second runner waits here, and then finds that the batch is done.
            move(session, self._projection.name, after=after, upto=batch.last)
            if generation(session) != self._generation:
                raise CheckpointMovedError(f"the tables of {self._projection.name} were rebuilt")
            self._projection.project(session, batch.changes)
        self._checkpoint = batch.last
        return batch.last - after

    def catch_up(self, upto: int = POSITION_MAX, progress: Progress | None = None) -> int:
        """Projects until nothing is left up to a position; returns how many events that were."""
        total = 0
        with collection_paused():
            while events := self.step(upto):
                total += events
                if progress is not None:
                    progress(events)
        return total

    def _read(self, after: int, upto: int, most: int) -> Batch:
        with self.log.reading() as session:
            rows = read_log(session, after, upto, most)
        return Batch(rows[-1].position if rows else after, read_changes(rows))

    def _read_ahead(self, after: int, upto: int, most: int) -> Batch | None:
        """The batch that was read while the one before it was written, if it is still the one wanted."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.after != after or ahead.upto != upto or ahead.most != most:
            return None
        batch = ahead.batch.result()
        # Read too early to find anything: there may be something by now.
        return batch if batch.last > after else None

    def _resume(self) -> int:
        with self._store.reading() as session:
            self._generation = generation(session)
            position = checkpoint(session, self._projection.name)
        with self.log.reading() as session:
            self._projection.resume(session, position)
        self._checkpoint = position
        return position
