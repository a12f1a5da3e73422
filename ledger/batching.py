"""Group commit: commands of many callers, one each, decided together in as few transactions as they allow.

While one transaction commits, the next one gathers. So a lone command waits for nobody, and many share one commit.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from eventsourcing.persistence import InterfaceError, OperationalError

from ledger.application import Ledger
from ledger.commands import AnyCommand
from ledger.errors import ClosedError, NoPlanError, TimedOutError
from ledger.ids import DEFAULT_SOURCE, check_source
from ledger.inputs import AnyInput, input_of
from ledger.outcomes import Outcome

BATCH_SIZE_MAX = 500
QUEUE_SIZE_MAX = 2_000

# Nothing of the batch is wrong: the database went away, and would be away for each command of it by itself.
_CONNECTION_ERRORS = (OperationalError, InterfaceError)

Answer = Outcome | Exception
# What one transaction has in common: the source, and whether orders without a plan are recorded.
Terms = tuple[str, bool]


class _Waiting:
    """One command of one caller, who sleeps until it is answered."""

    __slots__ = ("answer", "input", "terms", "wake")

    # There once `wake` is let go.
    answer: Answer

    def __init__(self, asked: AnyInput, terms: Terms) -> None:
        self.input = asked
        self.terms = terms
        # A bare lock that is let go once: an eighth of what an Event or a Future costs.
        self.wake = threading.Lock()
        self.wake.acquire()


class MicroBatcher:
    """Takes single commands from any number of threads; a thread of its own records what has gathered.

        with MicroBatcher(ledger) as batcher:
            outcome = batcher.submit(command)

    Commands are decided in their order of arrival; among those that wait at the same time, all of one source (and one
    `allow_no_plan`) go first if one of them came first. A transaction holds commands of one source.
    """

    def __init__(
        self, ledger: Ledger, *, batch_size_max: int = BATCH_SIZE_MAX, queue_size_max: int = QUEUE_SIZE_MAX
    ) -> None:
        """Starts its thread. The ledger stays the caller's, to use beside it and to close after it.

        Args:
            ledger: where commands are recorded.
            batch_size_max: commands of one transaction, at most.
            queue_size_max: commands that wait, at most; whoever brings one more waits for a place.
        """
        self._ledger = ledger
        self._batch_size_max = batch_size_max
        self._queue_size_max = queue_size_max
        self._queue: deque[_Waiting] = deque()
        self._is_closed = False
        # One lock for the queue; each side sleeps on a condition of its own.
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._has_room = threading.Condition(lock)
        self._thread = threading.Thread(target=self._run, name="refledger-batcher", daemon=True)
        self._thread.start()

    def submit(
        self,
        command: AnyCommand,
        *,
        source: str = DEFAULT_SOURCE,
        allow_no_plan: bool = False,
        timeout_seconds: float | None = None,
    ) -> Outcome:
        """Decides and records one command, as `Ledger.submit([command])`; returns once that is on disk.

        Args:
            command: what is asked.
            source: where it comes from.
            allow_no_plan: as in `Ledger.submit`.
            timeout_seconds: how long to wait for the answer; None: as long as it takes.

        Raises:
            NoPlanError: of this command; those beside it are decided all the same.
            ClosedError: the batcher was closed before; nothing was recorded.
            TimedOutError: says whether the command may have been recorded.
            eventsourcing.persistence.PersistenceError: the database failed. It may have recorded the command:
                submit the same again, by its id it counts once (G-6).
        """
        # Made here, while others wait for the disk, rather than between two transactions.
        waiting = _Waiting(input_of(command, check_source(source)), (source, allow_no_plan))
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._enqueue(waiting, deadline)
        try:
            is_answered = waiting.wake.acquire(timeout=_seconds_left(deadline))
        except BaseException:
            # The caller was interrupted: what is not under way must not happen behind its back.
            self._withdraw(waiting)
            raise
        if not is_answered:
            raise TimedOutError(command.id, may_be_recorded=not self._withdraw(waiting))
        if isinstance(waiting.answer, Outcome):
            return waiting.answer
        raise waiting.answer

    def close(self) -> None:
        """Takes no more commands, decides those it has, and ends; safe to repeat."""
        with self._arrived:
            self._is_closed = True
            self._arrived.notify()
            self._has_room.notify_all()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- the callers' side

    def _enqueue(self, waiting: _Waiting, deadline: float | None) -> None:
        with self._has_room:
            while len(self._queue) >= self._queue_size_max and not self._is_closed:
                left = _seconds_left(deadline)
                if not self._has_room.wait(None if left < 0 else left):
                    raise TimedOutError(waiting.input.id, may_be_recorded=False)
            if self._is_closed:
                raise ClosedError(waiting.input.id)
            self._queue.append(waiting)
            if len(self._queue) == 1:
                self._arrived.notify()

    def _withdraw(self, waiting: _Waiting) -> bool:
        """Takes a command back; False: it is being decided, or was."""
        with self._has_room:
            try:
                self._queue.remove(waiting)
            except ValueError:
                return False
            self._has_room.notify()
            return True

    # -- the batcher's own thread

    def _run(self) -> None:
        while batch := self._next_batch():
            for group in _groups(batch):
                self._decide(group)

    def _next_batch(self) -> list[_Waiting]:
        """What has gathered, once there is something; nothing: closed, and all is done."""
        with self._arrived:
            while not self._queue and not self._is_closed:
                self._arrived.wait()
            count = min(len(self._queue), self._batch_size_max)
            batch = [self._queue.popleft() for _ in range(count)]
            self._has_room.notify(count)
        return batch

    def _decide(self, group: list[_Waiting]) -> None:
        """Answers everybody of a group, with as many transactions as it takes."""
        while group:
            try:
                answers = self._record(group)
            except NoPlanError as error:
                # Nothing was recorded (P-5). The error is one caller's; for all others it never happened.
                refused = group.pop(error.index)
                error.index = 0
                _answer([refused], [error])
            except _CONNECTION_ERRORS as error:
                _answer(group, _copies(error, len(group)))
                return
            except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to a caller
                if len(group) == 1:
                    _answer(group, [error])
                    return
                # One command made it fail, and nothing was recorded: each by itself finds out which.
                for waiting in group:
                    self._decide([waiting])
                return
            else:
                _answer(group, answers)
                return

    def _record(self, group: Sequence[_Waiting]) -> list[Outcome]:
        source, allow_no_plan = group[0].terms
        return self._ledger.record([waiting.input for waiting in group], source=source, allow_no_plan=allow_no_plan)


def _groups(batch: Iterable[_Waiting]) -> Iterable[list[_Waiting]]:
    """A batch by what one transaction has in common, each in order of arrival."""
    groups: dict[Terms, list[_Waiting]] = {}
    for waiting in batch:
        groups.setdefault(waiting.terms, []).append(waiting)
    return groups.values()


def _answer(group: Iterable[_Waiting], answers: Iterable[Answer]) -> None:
    for waiting, answer in zip(group, answers, strict=True):
        waiting.answer = answer
        waiting.wake.release()


def _seconds_left(deadline: float | None) -> float:
    """Until the deadline, 0 past it; -1, a lock's word for ever, without one."""
    return -1 if deadline is None else max(0.0, deadline - time.monotonic())


def _copies(error: Exception, count: int) -> list[Exception]:
    """One error for many callers: raised by several threads it would gather the frames of all."""
    return [type(error)(*error.args).with_traceback(error.__traceback__) for _ in range(count)]
