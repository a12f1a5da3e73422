"""Every bind and unbind of the log decided again by the second decider, against what was recorded."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.clock import format_instant, from_micros
from ledger.findings import Finding
from projections.books import Books
from projections.runner import Progress


def check_bindings(books: Books, progress: Progress) -> Iterator[Finding]:
    """What was decided when requests were recorded is what the rules decide from the log before them (B-1 to B-9).

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    for row in books.decided(progress):
        message = f"was recorded as {row.recorded}; the rules say {row.decided}"
        yield Finding(f"request at position {row.position}", message, (row.position,))
    for row in books.bindings_otherwise(progress):
        recorded = _told(row.recorded_ends_at_us, row.recorded_released_at_us)
        decided = _told(row.decided_ends_at_us, row.decided_released_at_us)
        subject = f"binding of {row.member} at position {row.bind}"
        yield Finding(subject, f"is recorded with {recorded}; the rules say {decided}", (row.bind,))


def _told(ends_at_us: int | None, released_at_us: int | None) -> str:
    end = "no end" if ends_at_us is None else f"an end at {format_instant(from_micros(ends_at_us))}"
    return end if released_at_us is None else f"{end}, released at {format_instant(from_micros(released_at_us))}"
