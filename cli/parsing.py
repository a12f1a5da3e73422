"""From lines to inputs: in this process, or ahead of it in a process of its own.

    python -P -m cli.parsing SOURCE BATCH_SIZE <FILE     a frame for every batch of lines, and a last one at the end

Reading and parsing take half the time of an ingest and need no database, so a large file is read by a child while its
parent decides what came before. The child ends with its parent, however that ends: nobody reads its pipe then.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any, NamedTuple, Self, cast

from cli.records import READ_BYTES, Line, Records
from cli.resuming import Prefix
from ledger.commands import LINE_BYTES_MAX, parse_command
from ledger.errors import InvalidRecordError, LedgerError, RefusedError
from ledger.frames import PIPE_BYTES, loads, read_frame, write_frame
from ledger.garbage import collection_paused
from ledger.inputs import INPUTS, AnyInput, input_of
from ledger.marks import Mark

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


class Batch(NamedTuple):
    """Lines of a file and what they are, in columns.

    numbers     of the lines, from 1
    texts       as in `Line`
    parsed      what each is
    mark        how far the file is read with them
    blank       blank lines so far
    bytes_read  as `Records.bytes_read`
    """

    numbers: Sequence[int]
    texts: Sequence[bytes]
    parsed: Sequence[Parsed]
    mark: Mark
    blank: int
    bytes_read: int

    def split(self, count: int) -> tuple[Self, Self]:
        """Its first lines, and the rest."""
        return self._part(slice(count)), self._part(slice(count, None))

    def _part(self, part: slice) -> Self:
        return self._replace(numbers=self.numbers[part], texts=self.texts[part], parsed=self.parsed[part])


class ParserEndedError(LedgerError):
    """The child is gone: somebody ended it, or the machine ran out of memory."""

    code = "parser_ended"
    can_retry = True


def parse_lines(lines: Sequence[Line], source: str) -> list[Parsed]:
    """What each line is."""
    return [_parsed(line, source) for line in lines]


@contextmanager
def reading(records: Records, source: str, batch_size: int) -> Generator[Iterator[Batch]]:
    """The batches of an input: a file that is large enough for it is read by a child, ahead of their turn.

    They raise RefusedError for damaged gzip data, OSError for a file that cannot be read: after what came before it.
    `records.blank` is right once they are through.
    """
    if records.size is None or records.size < BYTES_MIN:
        yield read_batches(records, source, batch_size)
        return
    # -P: a folder `cli` where the user happens to be is none of ours.
    command = [sys.executable, "-P", "-m", "cli.parsing", source, str(batch_size)]
    with ThreadPoolExecutor(1) as thread:
        # In a group of its own: Ctrl-C is for the parent.
        child = subprocess.Popen(  # noqa: S603  # our own module
            command, stdin=records.at_its_start(), stdout=subprocess.PIPE, pipesize=PIPE_BYTES, process_group=0
        )
        try:
            yield _received(cast("IO[bytes]", child.stdout), thread, records)
        finally:
            # First of all, or the thread would wait for a child that waits for the thread.
            child.kill()
            thread.shutdown(cancel_futures=True)
            child.communicate()


def read_batches(records: Records, source: str, batch_size: int) -> Iterator[Batch]:
    """The batches of an input, each read when it is asked for."""
    prefix = Prefix(source)
    for lines in records.batches(batch_size):
        prefix.add(lines)
        numbers, texts, _ = zip(*lines, strict=True)
        yield Batch(numbers, texts, parse_lines(lines, source), prefix.mark(), records.blank, records.bytes_read())


def _parsed(line: Line, source: str) -> Parsed:
    if line.size > LINE_BYTES_MAX:
        return Unfit("", "line_too_long", f"{line.size} bytes; a record has at most {LINE_BYTES_MAX}")
    try:
        return input_of(parse_command(line.text), source)
    except InvalidRecordError as error:
        return Unfit("", error.reason, error.message)


# ---- The parent's side


def _received(stream: IO[bytes], thread: ThreadPoolExecutor, records: Records) -> Iterator[Batch]:
    """What the child sends, up to BATCHES_AHEAD received before they are asked for."""
    waiting: list[Future[Batch | _End]] = [thread.submit(_receive, stream) for _ in range(BATCHES_AHEAD)]
    while True:
        frame = waiting.pop(0).result()
        if isinstance(frame, _End):
            records.blank = frame.blank
            frame.raise_error()
            return
        waiting.append(thread.submit(_receive, stream))
        yield frame


_ERRORS: dict[str, type[Exception]] = {"damaged": RefusedError, "unreadable": OSError}


class _End(NamedTuple):
    """The last frame.

    error  what stopped the reading, of _ERRORS; "" at the end of the file
    """

    blank: int
    error: str
    message: str

    def raise_error(self) -> None:
        if self.error:
            raise _ERRORS[self.error](self.message)


def _receive(stream: IO[bytes]) -> Batch | _End:
    """The next frame as what it was before it was sent."""
    data = read_frame(stream)
    if data is None:
        raise ParserEndedError("the process that parses the input was ended; run the same command again to go on")
    frame = cast("tuple[Any, ...]", loads(data))
    if len(frame) == len(_End._fields):
        return _End._make(frame)
    numbers, texts, rows, mark, *rest = frame
    parsed = [INPUTS[row[0]]._make(row) if row[0] else Unfit._make(row) for row in rows]
    return Batch(numbers, texts, parsed, Mark(*mark), *rest)


# ---- The child's side


def _serve(source: str, batch_size: int) -> None:
    # It ends without a word where nobody reads.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    file = io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), READ_BYTES)
    records = Records(file, os.fstat(file.fileno()).st_size)
    error, message = "", ""
    try:
        for batch in read_batches(records, source, batch_size):
            rows = [tuple(one) for one in batch.parsed]
            write_frame(sys.stdout.buffer, tuple(batch._replace(parsed=rows, mark=tuple(batch.mark))))
    except (RefusedError, OSError) as stopped:
        error, message = "damaged" if isinstance(stopped, RefusedError) else "unreadable", str(stopped)
    write_frame(sys.stdout.buffer, tuple(_End(records.blank, error, message)))


if __name__ == "__main__":
    with collection_paused():
        _serve(sys.argv[1], int(sys.argv[2]))
