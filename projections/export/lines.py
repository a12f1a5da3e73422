"""Export of the log: the exact stored bytes, one event a line, readable without a database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import CorruptEventError
from ledger.store.recorder import LogRecorder, Recorded


def export_events(log: LogRecorder, path: Path, upto: int) -> int:
    """Writes positions 1..upto as JSON Lines; returns the number of bytes. The file is whole or not there."""
    partial = path.with_name(f"{path.name}.partial")
    size = 0
    with partial.open("wb") as file:
        for row in log.read(upto=upto):
            size += file.write(row.state + b"\n")
    partial.replace(path)
    return size


def read_events(path: Path) -> Iterator[Recorded]:
    """The rows of an exported log; a line's number is its position.

    Raises:
        CorruptEventError: a line that is no envelope.
    """
    with path.open("rb") as file:
        for position, line in enumerate(file, start=1):
            state = line.removesuffix(b"\n")
            try:
                envelope = json.loads(state)
                yield Recorded(position, envelope["stream"], envelope["seq"], envelope["type"], state)
            except (ValueError, KeyError, TypeError) as error:
                raise CorruptEventError(f"{path}: line {position} is no event: {error}") from None
