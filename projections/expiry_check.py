"""Recorded lapses against the bindings that they end: each is one that happened, and is there once (B-4)."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.clock import DAY_US, to_micros
from ledger.commands import AHEAD_MAX
from ledger.findings import Finding, Note, instant
from projections.books import Books, Row
from projections.runner import Progress


def check_expiries(books: Books, progress: Progress) -> Iterator[Finding | Note]:
    """Every BindingExpired is of a binding that lapsed at just that instant, and none comes twice or before it (B-4).

    Where the member was bound again, it comes before that. Nothing decides from one, so when it was recorded is no
    finding: late ones are noted, and lapses not recorded yet.

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    books.read(progress)
    for row in books.find("lapses_otherwise", ahead_us=AHEAD_MAX.seconds * 1_000_000):
        yield _fault(row)
    for name, bind, next_bind, ended_us in books.find("lapses_missing"):
        message = f"lapsed at {instant(ended_us)}, and {name} was bound again with no record of that before"
        yield Finding(f"binding of {name} at position {bind}", message, (bind, next_bind))
    yield from _notes(books)


def _fault(row: Row) -> Finding:
    position, bind, at_us, bind_position, fault, ends_us, released_us, first, recorded_at_us, stream = row
    says = f"says that {bind} lapsed at {instant(at_us)}"
    match fault:
        case "no binding":
            message = f"names {bind}, which is no binding before it"
        case "of others":
            message = f"names {bind}, which bound somebody else, or to somebody else"
        case "released":
            message = f"names {bind}, which was released at {instant(released_us)}"
        case "other end":
            message = f"{says}; it {'never lapses' if ends_us is None else f'lapses at {instant(ends_us)}'}"
        case "twice":
            message = f"{says}, once more"
        case "too early":
            message = f"{says}, but was recorded at {instant(recorded_at_us)}"
        case _:
            message = f"lies in stream {stream}, not in that of this lapse of {bind}"
    behind = first if fault == "twice" else bind_position
    return Finding(f"lapse at position {position}", message, (position,) if behind is None else (behind, position))


def _notes(books: Books) -> Iterator[Note]:
    late, most_us, latest = books.find("lapses_late", late_us=DAY_US)[0]
    if late:
        recorded = "lapse was" if late == 1 else "lapses were"
        days = f"{most_us // DAY_US} day{'s' if most_us // DAY_US > 1 else ''}"
        message = f"{late} {recorded} recorded more than a day after falling due, the latest {days}"
        yield Note(message, (latest,))
    due, first_us, first = books.find("lapses_due", as_of_us=to_micros(books.as_of))[0]
    if due:
        message = (
            f"{due} {'lapse is' if due == 1 else 'lapses are'} not recorded yet, the first of {instant(first_us)[:10]}"
        )
        yield Note(message, (first,))
