"""For finance and accountants: every posting carried out of the store, as a table or as a journal."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import click

from cli.context import Settings, opened, viewed
from cli.exporting import STANDARD_OUTPUT, output_at
from cli.options import Question, as_options, coordinates
from cli.output import readable
from cli.periods import WhichPeriod, period_option
from cli.terminal import counted, progress, say
from ledger.application import Ledger
from ledger.clock import format_instant, from_micros, to_micros
from ledger.errors import NotFoundError, PositionError
from ledger.garbage import collection_paused
from ledger.store.recorder import READ_CHUNK, LogRecorder, Recorded
from projections.export.booked import FORMS, Form, write_booked
from projections.journals.dialects import Form as Program
from projections.journals.journal import Journal
from projections.journals.posting import Posting
from projections.periods import Booked, Calendar, booked, closed_periods

PROGRAMS: tuple[Program, ...] = get_args(Program)
_ENDINGS: dict[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

wanting = as_options(
    click.option(
        "-o", "--output", required=True, type=click.Path(path_type=Path), help="The file; - is standard output."
    ),
    coordinates,
    period_option,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which postings: those of events up to a position that count by T, or of these the ones of one period."""

    as_of: datetime
    at_position: int | None
    period: WhichPeriod | None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Wanted:
        """From the options of `wanting`."""
        return cls(options["as_of"], options["at_position"], options["period"])


@dataclass(frozen=True, slots=True)
class Books:
    """Postings in order, the periods closed by their position, and that position."""

    rows: Iterator[Booked]
    calendar: Calendar
    at_position: int


@click.command(short_help="Every posting, as a table.")
@wanting
@click.option(
    "--format", "form", type=click.Choice(FORMS), help="Default: by the file's ending; csv for standard output."
)
@click.pass_obj
def postings(settings: Settings, *, output: Path, form: Form | None, **options: Any) -> None:
    """Export every posting that counts by --as-of: from which account to which, how much, when, in which period.

    A member's balance is what its accounts were credited less what they were debited. Columns are those of a bundle's
    table, amounts minor units: order (or the stream of an adjustment or a payout), kind, level, position, value_at,
    debit, credit, currency, amount; then `period`, the end of the closed period that a posting is booked in (empty:
    the open one), and `belongs`, the end of the one that its time lies in, if it was recorded too late for that.

    \b
    refledger export postings -o postings.csv
    refledger export postings -o q1.parquet --period 2026-04-01T00:00:00Z
    refledger export postings -o - --format jsonl --as-of 2026-04-01T00:00:00Z | jq 'select(.kind == "payment")'
    """
    form = form or _form_of(output)
    if form == "parquet" and output == STANDARD_OUTPUT and sys.stdout.isatty():
        raise click.UsageError("Parquet is nothing for a terminal: name a file")
    with opened(settings) as ledger, _books(ledger, Wanted.of(options)) as books, output_at(output) as out:
        count = write_booked(books.rows, out, form)
    say(counted(count, "posting") + _where(output))


@click.command(short_help="The journal, for an accounting program.")
@wanting
@click.option("--format", "program", type=click.Choice(PROGRAMS), required=True, help="Which program it is for.")
@click.option("--closing", is_flag=True, help="End with the balance of every account, for the program to check.")
@click.pass_obj
def journal(settings: Settings, *, output: Path, program: Program, closing: bool, **options: Any) -> None:
    """Export every posting that counts by --as-of as a journal for ledger, hledger or beancount.

    Members' accounts are liabilities: what a member has is negative. A transaction is what one event moved at one
    instant, all levels of an order or a payout; it carries its stream, position, exact time and closed period. All
    accounts and currencies are declared, so that the strictest check of the program has nothing to say.

    \b
    refledger export journal -o books.journal --format hledger --closing && hledger -f books.journal check --strict
    refledger export journal -o - --format ledger --period 2026-04-01T00:00:00Z | ledger -f - --depth 3 balance
    refledger export journal -o books.beancount --format beancount && bean-check books.beancount
    """
    wanted, made = Wanted.of(options), Journal(program)
    with opened(settings) as ledger, _books(ledger, wanted) as books, output_at(output) as out:
        notes = [f"as of {readable(wanted.as_of)}, at position {books.at_position} of the ledger"]

        def booked_in(posting: Posting) -> str | None:
            end = books.calendar.period_of(posting.position, posting.value_at_us)
            return None if end is None else format_instant(from_micros(end))

        texts = made.texts((row.posting for row in books.rows), period_of=booked_in, notes=notes, is_closed=closing)
        for text in texts:
            out.write(text.encode())
    say(f"{counted(made.transactions, 'transaction')}, {counted(made.postings, 'posting')}{_where(output)}")


@contextmanager
def _books(ledger: Ledger, wanted: Wanted) -> Generator[Books]:
    """The postings that are wanted, in order.

    Raises:
        PositionError: the log has no such position.
        NotFoundError: the period is not closed.
    """
    # Which periods were closed by an earlier position is also in the tables of the head.
    with viewed(ledger, Question(wanted.as_of, None, None, None)) as (session, head):
        position = head if wanted.at_position is None else wanted.at_position
        if position > head:
            raise PositionError(f"the log has positions 1 to {head}, not {position}")
        closed = [row for row in closed_periods(session) if row.position <= position]
    calendar = Calendar((to_micros(row.end), row.at_position) for row in closed)
    with progress("reading", position) as advance, collection_paused():
        rows = booked(_told(ledger.log, position, advance), calendar)
        yield Books(_chosen(rows, calendar, wanted), calendar, position)


def _told(log: LogRecorder, position: int, advance: Any) -> Iterator[Recorded]:  # noqa: ANN401  # a bar's update
    """The log up to a position; the bar moves now and then."""
    for row in log.read(upto=position):
        if row.position % READ_CHUNK == 0:
            advance(READ_CHUNK)
        yield row


def _chosen(rows: Iterator[Booked], calendar: Calendar, wanted: Wanted) -> Iterator[Booked]:
    until = to_micros(wanted.as_of)
    due = (row for row in rows if row.posting.value_at_us <= until)
    if wanted.period is None:
        return due
    end = to_micros(wanted.period) if isinstance(wanted.period, datetime) else None
    if end is not None and not calendar.has(end):
        raise NotFoundError(f"no period that ends at {format_instant(from_micros(end))} is closed")
    return (row for row in due if row.period_us == end)


def _form_of(output: Path) -> Form:
    form = "csv" if output == STANDARD_OUTPUT else _ENDINGS.get(output.suffix)
    if form is None:
        raise click.UsageError(f"{output} does not say by its ending what it is to be: give --format")
    return form


def _where(output: Path) -> str:
    return "" if output == STANDARD_OUTPUT else f" in {output}"
