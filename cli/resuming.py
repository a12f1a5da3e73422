"""Going on where an interrupted ingest stopped: which first lines of a file are decided already."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cli.records import Line, open_records
from ledger.application import Ledger
from ledger.marks import Mark, mark_of

CHUNK_LINES = 10_000


class Prefix:
    """The lines read so far, as one running hash."""

    def __init__(self, source: str) -> None:
        """Of an input whose ids belong to `source`."""
        self._source = source
        self._first = ""
        self._hash = hashlib.sha256()
        self.lines = 0

    def add(self, lines: Sequence[Line]) -> None:
        """Takes the next lines."""
        if not lines:
            return
        if self.lines == 0:
            self._first = hashlib.sha256(lines[0].text + b"\n").hexdigest()
        self._hash.update(b"\n".join([line.text for line in lines]) + b"\n")
        self.lines += len(lines)

    def mark(self) -> Mark:
        """Where we are."""
        return Mark(self._source, self._first, self.lines, self._hash.hexdigest())


def lines_decided(ledger: Ledger, file: str, source: str) -> int:
    """How many first lines of a file an interrupted run has decided; 0 for a file nobody began, or that changed since.

    Reads those lines once, to be sure that they are the same.
    """
    prefix, mark = Prefix(source), None
    with open_records(file) as records:
        if records.size is None:
            return 0
        for batch in records.batches(CHUNK_LINES):
            if mark is None:
                mark = _mark_of(ledger, source, batch[0])
                if mark is None:
                    return 0
            prefix.add(batch[: mark.lines - prefix.lines])
            if prefix.lines == mark.lines:
                break
    return mark.lines if mark is not None and prefix.mark() == mark else 0


def _mark_of(ledger: Ledger, source: str, first: Line) -> Mark | None:
    prefix = Prefix(source)
    prefix.add([first])
    with ledger.log.reading() as session:
        return mark_of(session, source, prefix.mark().input)
