"""The log read ahead by a process of its own: reading and checking events takes as long as projecting them.

    python -m projections.ahead     takes where to read on standard input, answers with one frame per batch

The child ends with its parent, however that ends: nobody reads its pipe any more.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import IO, Any, cast, get_args

from ledger.application import Ledger
from ledger.errors import CorruptEventError, IntegrityError
from ledger.frames import PIPE_BYTES, loads, read_frame, write_frame
from ledger.garbage import collection_paused
from ledger.store.recorder import read_log
from projections.changes import Change, Changes, OrderChange, read_changes
from projections.payout_changes import PayoutChange

# With less before it, or in smaller batches, a child costs more than it saves.
EVENTS_MIN = 100_000
BATCH_SIZE_MIN = 4_000

FRAMES_KEPT = 2

_KINDS: tuple[type[Change], ...] = (*get_args(OrderChange), *get_args(PayoutChange))
_NUMBERS: dict[type[Change], int] = {kind: number for number, kind in enumerate(_KINDS)}
_MAKE: list[Callable[[Iterable[Any]], Change]] = [kind._make for kind in _KINDS]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events up to a position, read."""

    last: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class Span:
    """Positions `(after, upto]`, in batches of `most` events."""

    after: int
    upto: int
    most: int


class ReadingAhead:
    """Batches of a span of the log of `url`, as far as its head now, read by a child."""

    def __init__(self, url: str, span: Span, head: int) -> None:
        """Starts the child."""
        self._span = span
        # -P: a folder `projections` where the user happens to be is none of ours.
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "projections.ahead"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            process_group=0,  # Ctrl-C is for the parent
        )
        # On its standard input, not among its arguments: the URL may hold a password.
        with suppress(OSError):
            write_frame(cast("IO[bytes]", self._child.stdin), (url, span.after, min(head, span.upto), span.most))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="refledger-ahead")
        self._frames: deque[Future[bytes | None]] = deque()
        for _ in range(FRAMES_KEPT):
            self._ask()

    def take(self, after: int, upto: int, most: int) -> Batch | None:
        """The next batch, if it is the one that is asked for; None: it is not, or the child is through, or gone.

        Raises:
            CorruptEventError, IntegrityError: the log is not one this ledger wrote.
        """
        if self._span != Span(after, upto, most) or (frame := self._frames.popleft().result()) is None:
            return None
        self._ask()
        last, rows, error = cast("tuple[int, list[tuple[int, tuple[Any, ...]]], str | None]", loads(frame))
        if error is not None:
            raise CorruptEventError(error)
        self._span = replace(self._span, after=last)
        return Batch(last, [_MAKE[number](row) for number, row in rows])

    def close(self) -> None:
        """Ends the child."""
        self._child.kill()
        with suppress(BrokenPipeError):
            cast("IO[bytes]", self._child.stdin).close()
        self._thread.shutdown(cancel_futures=True)
        cast("IO[bytes]", self._child.stdout).close()
        self._child.wait()

    def _ask(self) -> None:
        self._frames.append(self._thread.submit(read_frame, cast("IO[bytes]", self._child.stdout)))


def _serve() -> None:
    # It ends without a word where nobody reads.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    url, after, upto, most = loads(read_frame(sys.stdin.buffer) or b"")
    with closing(Ledger(url)) as ledger, collection_paused():
        while after < upto:
            try:
                with ledger.log.reading() as session:
                    rows = read_log(session, after, upto, most)
                changes = read_changes(rows)
            except IntegrityError as error:
                write_frame(sys.stdout.buffer, (after, [], str(error)))
                return
            after = rows[-1].position
            changed = [(_NUMBERS[type(one)], tuple[Any, ...](one)) for one in changes]
            write_frame(sys.stdout.buffer, (after, changed, None))


if __name__ == "__main__":
    # Whatever else goes wrong, the parent finds out when it reads the log itself.
    with suppress(Exception):
        _serve()
