"""Controls of the log itself: positions and versions without gaps, times that never run backwards, events as written.

They read what is stored, whatever it is: a log that is broken in one place is still looked at everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger.clock import to_micros
from ledger.commands import AHEAD_MAX
from ledger.errors import CorruptEventError
from ledger.findings import Finding, instant
from ledger.garbage import collection_paused
from ledger.mapper import decode_row
from ledger.records import Command
from ledger.store.recorder import READ_CHUNK, LogRecorder, Recorded
from ledger.store.session import load

# Of one kind; whoever looks at more has seen enough.
FINDINGS_MAX = 1_000

_POSITION_GAPS = load("ledger.store", "select_position_gaps")
_VERSION_GAPS = load("ledger.store", "select_version_gaps")
_BACKWARDS = load("ledger.store", "select_recorded_backwards")
_STORED = load("ledger.store", "select_stored")

Progress = Callable[[int], None]


def check_positions(log: LogRecorder) -> Iterator[Finding]:
    """Positions are 1, 2, 3 ... (G-2); so are the versions of every stream, in the order of their positions."""
    with log.reading() as session:
        positions = session.rows(_POSITION_GAPS, most=FINDINGS_MAX)
        versions = session.rows(_VERSION_GAPS, most=FINDINGS_MAX)
    for position, before in positions:
        yield Finding(f"position {position}", f"follows position {before}", (position,))
    for stream, version, position, before in versions:
        yield Finding(stream, f"version {version} follows version {before}", (position,))


def check_recorded_at(log: LogRecorder) -> Iterator[Finding]:
    """recorded_at never runs backwards along the log (G-2)."""
    with log.reading() as session:
        rows = session.rows(_BACKWARDS, most=FINDINGS_MAX)
    for position, recorded_at_us, before_us in rows:
        message = f"was recorded {(before_us - recorded_at_us) / 1e6:f} s before the event before it"
        yield Finding(f"position {position}", message, (position - 1, position))


def check_events(log: LogRecorder, progress: Progress) -> Iterator[Finding]:
    """Every event decodes, is canonical, lies under its own columns, and says what was asked (V-2, G-2, G-6)."""
    head, after = log.head(), 0
    while after < head:
        with log.reading() as session:
            rows = session.rows(_STORED, after=after, upto=min(after + READ_CHUNK, head))
        # Read whole before anybody sees one: what they do in between may need the collector.
        with collection_paused():
            findings = [finding for *row, at_us in rows for finding in _examined(Recorded._make(row), at_us)]
        yield from findings
        progress(min(READ_CHUNK, head - after))
        after += READ_CHUNK


def _examined(row: Recorded, recorded_at_us: int) -> Iterator[Finding]:
    for message in _faults(row, recorded_at_us):
        yield Finding(row.stream, message, (row.position,))


def _faults(row: Recorded, recorded_at_us: int) -> Iterator[str]:
    try:
        event = decode_row(row)
    except CorruptEventError as error:
        yield str(error)
        return
    if to_micros(event.recorded_at) != recorded_at_us:
        yield f"says it was recorded at {event.recorded_at}, its row says {instant(recorded_at_us)}"
    asked: Command | None = getattr(event.data, "asked", None)
    if event.content != (None if asked is None else asked.content_hash()):
        yield "its content hash is not that of what was asked"
    if asked is None:
        return
    if (event.id, event.stream, event.occurred_at) != (asked.id, asked.stream(event.source), asked.at):
        yield "its id, stream or occurred_at is not that of what was asked"
    if event.occurred_at > event.recorded_at and event.occurred_at - event.recorded_at > AHEAD_MAX:
        yield f"says it occurred at {event.occurred_at}, more than 5 minutes after it was recorded"
