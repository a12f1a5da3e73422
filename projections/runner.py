"""The runner: takes a projection along the log in batches, one transaction per batch together with its checkpoint."""

from __future__ import annotations

from collections.abc import Callable

from ledger.errors import IntegrityError
from ledger.garbage import collection_paused
from ledger.store.recorder import POSITION_MAX, LogRecorder, head_of, read_log
from projections.ahead import EVENTS_MIN, PIECE_SIZE, Batch, ReadingAhead
from projections.changes import read_changes
from projections.checkpoint import CheckpointMovedError, begin, checkpoint, generation, move
from projections.commissions import Commissions

BATCH_SIZE = 20_000

Progress = Callable[[int], None]


class Runner:
    """Keeps one projection of a log in a store: the log's own, or another that holds a view of the past.

    Far behind, the log is read ahead by a process of its own.
    """

    def __init__(self, log: LogRecorder, store: LogRecorder | None = None, *, batch_size: int = BATCH_SIZE) -> None:
        self.log = log
        self._store = store or log
        self._batch_size = batch_size
        self._projection = Commissions()
        self._checkpoint: int | None = None
        self._generation = 0
        self._ahead: ReadingAhead | None = None

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
        batch = self._next(after, upto, most)
        if batch.last == after:
            return 0
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
            try:
                while events := self.step(upto):
                    total += events
                    if progress is not None:
                        progress(events)
            finally:
                self.close()
        return total

    def close(self) -> None:
        """Ends what reads ahead."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _next(self, after: int, upto: int, most: int) -> Batch:
        """The next batch, as it was read ahead, or else read now."""
        if self._ahead is not None:
            try:
                batch = self._ahead.take(after, upto, most)
            except IntegrityError:
                self.close()
                raise
            if batch is not None:
                return batch
            self.close()
        return self._read(after, upto, most)

    def _read(self, after: int, upto: int, most: int) -> Batch:
        """Reads a batch; what follows is read ahead from then on, if that is much."""
        with self.log.reading() as session:
            rows = read_log(session, after, upto, most)
            head = head_of(session)
        batch = Batch(rows[-1].position if rows else after, read_changes(rows))
        pending = min(head, upto) - batch.last
        if self.log.url is not None and pending >= EVENTS_MIN and most >= PIECE_SIZE:
            self._ahead = ReadingAhead(self.log.url, batch.last, upto, head=head, piece=PIECE_SIZE)
        return batch

    def _resume(self) -> int:
        with self._store.reading() as session:
            self._generation = generation(session)
            position = checkpoint(session, self._projection.name)
        with self.log.reading() as session:
            self._projection.resume(session, position)
        self._checkpoint = position
        return position
