"""A process of our own program that is asked once and answers in frames; it ends with its parent, however that ends.

Nobody reads its pipe any more then, or sends it more.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, cast

from ledger.frames import PIPE_BYTES, loads, read_frame, write_frame

FRAMES_KEPT = 2


class Child:
    """`python -m MODULE` at work; what it answers is fetched a little ahead."""

    def __init__(self, module: str, asked: tuple[Any, ...]) -> None:
        """Starts it, with what frames may hold."""
        # -P: a folder of the module's name where the user happens to be is none of ours.
        self._process = subprocess.Popen(  # noqa: S603  # a module of our own
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            process_group=0,  # Ctrl-C is for the parent
        )
        # On its standard input, not among its arguments: a URL may hold a password.
        with suppress(OSError):
            write_frame(cast("IO[bytes]", self._process.stdin), asked)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"refledger-{module}")
        self._frames: deque[Future[bytes | None]] = deque()
        for _ in range(FRAMES_KEPT):
            self._ask()

    def send(self, data: Any) -> None:  # noqa: ANN401  # whatever marshal takes
        """Gives it more, for its `more`; what is sent to one that is gone is lost."""
        with suppress(OSError):
            write_frame(cast("IO[bytes]", self._process.stdin), data)

    def next(self) -> Any:  # noqa: ANN401  # whatever it sends
        """Its next answer; None: it is through, or gone."""
        if not self._frames or (frame := self._frames.popleft().result()) is None:
            return None
        self._ask()
        return loads(frame)

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        with suppress(BrokenPipeError):
            cast("IO[bytes]", self._process.stdin).close()
        self._thread.shutdown(cancel_futures=True)
        cast("IO[bytes]", self._process.stdout).close()
        self._process.wait()

    def _ask(self) -> None:
        self._frames.append(self._thread.submit(read_frame, cast("IO[bytes]", self._process.stdout)))


def more() -> Iterator[Any]:
    """In the child: what it is sent, as long as there is more."""
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        yield loads(frame)


def answer(find: Callable[..., Iterable[Any]]) -> None:
    """In the child: what `find` gives for what was asked, a frame each. It ends without a word where nobody reads.

    Whatever goes wrong, the parent finds out when it does the work itself.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with suppress(Exception):
        for found in find(*loads(read_frame(sys.stdin.buffer) or b"")):
            write_frame(sys.stdout.buffer, found)
