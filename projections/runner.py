"""The runner: takes a projection along the log in batches, one transaction per batch together with its checkpoint."""

from __future__ import annotations

from collections.abc import Callable

from ledger.garbage import collection_paused
from ledger.store.recorder import POSITION_MAX, LogRecorder, read_log
from projections.checkpoint import begin, checkpoint, move
from projections.commissions import Commissions

BATCH_SIZE = 5_000

Progress = Callable[[int], None]


class Runner:
    """Keeps one projection of a log in a store: the log's own, or another that holds a view of the past."""

    def __init__(self, log: LogRecorder, store: LogRecorder | None = None, *, batch_size: int = BATCH_SIZE) -> None:
        self.log = log
        self._store = store or log
        self._batch_size = batch_size
        self._projection = Commissions()
        self._checkpoint: int | None = None

    def step(self, upto: int = POSITION_MAX, most: int | None = None) -> int:
        """Projects the next batch and returns how many events it had; 0: caught up.

        Args:
            upto: no event after this position.
            most: events of the batch; None: as many as the runner was made for.

        Raises:
            CheckpointMovedError: another runner is at work; the next step starts from where it came to.
            CorruptEventError, IntegrityError: the log is not one this ledger wrote; the checkpoint stays.
        """
        after = self._checkpoint if self._checkpoint is not None else self._resume()
        with self.log.reading() as session:
            batch = read_log(session, after, upto, most or self._batch_size)
        if not batch:
            return 0
        # Whatever happens from here on, memory is only right once the transaction has committed.
        self._checkpoint = None
        with self._store.writing() as session:
            begin(session, self._projection.name)
            # First of all: a second runner waits here, and then finds that the batch is done.
            move(session, self._projection.name, after=after, upto=batch[-1].position)
            self._projection.project(session, batch)
        self._checkpoint = batch[-1].position
        return len(batch)

    def catch_up(self, upto: int = POSITION_MAX, progress: Progress | None = None) -> int:
        """Projects until nothing is left up to a position; returns how many events that were."""
        total = 0
        with collection_paused():
            while events := self.step(upto):
                total += events
                if progress is not None:
                    progress(events)
        return total

    def _resume(self) -> int:
        with self._store.reading() as session:
            position = checkpoint(session, self._projection.name)
        with self.log.reading() as session:
            self._projection.resume(session, position)
        self._checkpoint = position
        return position
