"""From lines to inputs: in this process, or ahead of it in a process of its own.

    python -m cli.parsing SOURCE     answers every frame of lines on standard input with a frame of what they are

A frame is eight bytes of length and a marshalled list. Parsing takes half the time of an ingest and needs no database,
so a large file is parsed by a child while its parent decides what came before. The child ends with its parent,
however that ends: its standard input does.
"""

from __future__ import annotations

import marshal
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple, TypeVar, cast

from ledger.commands import parse_command
from ledger.errors import InvalidRecordError, LedgerError, RefusedError
from ledger.garbage import collection_paused
from ledger.inputs import INPUTS, AnyInput, input_of

LENGTH_BYTES = 8

# Below it a child costs more than it saves.
BYTES_MIN = 1_000_000

# Batches that are read and parsed before their turn.
BATCHES_AHEAD = 3


class Unfit(NamedTuple):
    """A line that is no record, and why. `kind` tells it from an input."""

    kind: str
    reason: str
    message: str


Parsed = AnyInput | Unfit
Parse = Callable[[Sequence[bytes]], list[Parsed]]
T = TypeVar("T")


class ParserEndedError(LedgerError):
    """The child is gone: somebody ended it, or the machine ran out of memory."""

    code = "parser_ended"
    can_retry = True


def parse_lines(texts: Iterable[bytes], source: str) -> list[Parsed]:
    """What each line is."""
    return [_parsed(text, source) for text in texts]


@contextmanager
def parser(source: str, size: int | None) -> Generator[Parse]:
    """Parses lines of one source; in a child where the input is a file that is large enough for it."""
    if size is None or size < BYTES_MIN:
        yield lambda texts: parse_lines(texts, source)
        return
    # -P: a folder `cli` where the user happens to be is none of ours.
    command = [sys.executable, "-P", "-m", "cli.parsing", source]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own module
    try:
        yield lambda texts: _ask(child, texts)
    finally:
        child.kill()
        # What a child that was ended did not take cannot be written when its pipe is closed either.
        with suppress(BrokenPipeError):
            child.communicate()


def ahead(batches: Iterable[T], parse: Callable[[T], list[Parsed]], most: int) -> Generator[tuple[T, list[Parsed]]]:
    """Batches with what their lines are, up to `most` of them parsed before they are asked for."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[tuple[T, Future[list[Parsed]]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, pool.submit(parse, batch)))
                if len(waiting) > most:
                    yield _next(waiting)
        except RefusedError:
            # The input is damaged from here on; what was read of it is not.
            while waiting:
                yield _next(waiting)
            raise
        else:
            while waiting:
                yield _next(waiting)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(waiting: deque[tuple[T, Future[list[Parsed]]]]) -> tuple[T, list[Parsed]]:
    batch, parsed = waiting.popleft()
    return batch, parsed.result()


def _parsed(text: bytes, source: str) -> Parsed:
    try:
        return input_of(parse_command(text), source)
    except InvalidRecordError as error:
        return Unfit("", error.reason, error.message)


def _ask(child: subprocess.Popen[bytes], texts: Sequence[bytes]) -> list[Parsed]:
    try:
        _write(cast("IO[bytes]", child.stdin), list(texts))
        answer = _read(cast("IO[bytes]", child.stdout))
    except OSError:
        answer = None
    if answer is None:
        raise ParserEndedError("the process that parses the input was ended; run the same command again to go on")
    return [INPUTS[row[0]]._make(row) if row[0] else Unfit._make(row) for row in answer]


def _write(stream: IO[bytes], rows: list[bytes] | list[tuple[object, ...]]) -> None:
    frame = marshal.dumps(rows)
    stream.write(len(frame).to_bytes(LENGTH_BYTES) + frame)
    stream.flush()


def _read(stream: IO[bytes]) -> list[tuple[str, ...]] | None:
    """The next frame; None at the end."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    frame = stream.read(int.from_bytes(length))
    return marshal.loads(frame) if len(frame) == int.from_bytes(length) else None  # noqa: S302  # of our own process


def _serve(source: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    with collection_paused(), suppress(BrokenPipeError):
        while (texts := cast("list[bytes] | None", _read(sys.stdin.buffer))) is not None:
            _write(sys.stdout.buffer, [tuple(parsed) for parsed in parse_lines(texts, source)])


if __name__ == "__main__":
    _serve(sys.argv[1])
