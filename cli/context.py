"""What every command shares: the open ledger, the question's coordinates, progress, and errors as people read them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError

from cli.output import FORMATS, Format
from ledger.application import Ledger
from ledger.clock import parse_instant, system_clock
from ledger.errors import (
    IntegrityError,
    LedgerError,
    NotFoundError,
    NotInitialisedError,
    PositionError,
    RefusedError,
    UnreachableError,
)
from ledger.store import migrate as migrations
from ledger.store.sqlite import URL_PREFIX, path_of
from projections.view import PACKAGES

# Exit statuses of the whole tool.
DONE, UNEXPECTED, USAGE, DISAGREE, NOT_FOUND, CONFLICT, REFUSED, BEHIND, UNREACHABLE = range(9)


@dataclass(frozen=True, slots=True)
class Settings:
    """Options before the command."""

    url: str
    actor: str
    verbosity: int


def say(message: str, *, at: int = 0) -> None:
    """A line for the person at the terminal; never on standard output."""
    settings = cast("Settings | None", getattr(click.get_current_context(silent=True), "obj", None))
    if settings is None or settings.verbosity >= at:
        click.echo(message, err=True)


def status_of(error: BaseException) -> int:
    """The exit status an error ends with."""
    kinds: tuple[tuple[type[BaseException], int], ...] = (
        (NotFoundError, NOT_FOUND),
        (PositionError, NOT_FOUND),
        (NotInitialisedError, NOT_FOUND),
        (RefusedError, REFUSED),
        (UnreachableError, UNREACHABLE),
        (IntegrityError, DISAGREE),
        (OperationalError, UNREACHABLE),
        (InterfaceError, UNREACHABLE),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), UNEXPECTED)


def explain_and_exit(error: BaseException) -> None:
    """Prints an error in one line and ends the process with its status; a traceback only on request."""
    if isinstance(error, BrokenPipeError):
        # The reader had enough: nothing more can be written, not even by the interpreter at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    if os.environ.get("REFLEDGER_DEBUG"):
        traceback.print_exception(error)
    status = status_of(error)
    text = str(error).strip() or type(error).__name__
    if status == UNREACHABLE:
        text = f"the database cannot be reached, or went away: {text}"
    elif not isinstance(error, LedgerError | OSError | PersistenceError):
        text = f"unexpected {type(error).__name__}: {text} (set REFLEDGER_DEBUG=1 for details)"
    click.echo(f"error: {text}", err=True)
    sys.exit(status)


@contextmanager
def opened(settings: Settings) -> Generator[Ledger]:
    """The ledger of `--db`, at the schema of this program.

    Raises:
        NotInitialisedError: there is none: `refledger init` makes one.
    """
    if settings.url.startswith(URL_PREFIX):
        path = path_of(settings.url)
        if not path.startswith("file:") and not Path(path).is_file():
            raise NotInitialisedError(f"there is no ledger at {path}: run `refledger init`, or name another with --db")
    ledger = Ledger(settings.url, actor=settings.actor)
    try:
        with ledger.log.reading() as session:
            migrations.check(session, PACKAGES)
        yield ledger
    finally:
        ledger.close()


@contextmanager
def progress(label: str, length: int | None) -> Generator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing elsewhere; call it with how much more is done."""
    if not sys.stderr.isatty() or not length:
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr, width=30, show_pos=True) as bar:
        yield bar.update


class InstantParam(click.ParamType[datetime]):
    """A time with a zone, a date (with `--tz`), or `now`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401  # click's signature
        """Parses RFC 3339; a bare date is the start of that day in `--tz`."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        if text == "now":
            return system_clock()
        try:
            if len(text) == len("2026-01-31"):
                return self._start_of_day(text, ctx)
            return parse_instant(text)
        except ValueError as error:
            self.fail(f"{text!r} {error}", param, ctx)

    def _start_of_day(self, text: str, ctx: click.Context | None) -> datetime:
        zone = ctx.params.get("tz") if ctx is not None else None
        if zone is None:
            message = (
                "is a date without a time: say in which zone with --tz, as in --tz Europe/London, or give the time"
            )
            raise ValueError(message)
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError) as error:
            message = f"is no date, or {zone!r} no time zone: {error}"
            raise ValueError(message) from None


INSTANT = InstantParam()

Command = Callable[..., Any]


def asking(command: Command) -> Command:
    """Options of every command that reads: coordinates of the question, and how to print the answer."""
    for option in (
        click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            help="Default: table on a terminal, tsv otherwise. Amounts are minor units but in tables.",
        ),
        click.option(
            "--at-position",
            type=click.IntRange(min=0),
            help="What was known: up to this position of the log. Default: all.",
        ),
        click.option(
            "--as-of",
            type=INSTANT,
            default="now",
            show_default=True,
            help="Business time: 2026-01-31T00:00:00Z, or a date with --tz.",
        ),
        click.option("--tz", is_eager=True, help="Time zone of dates given without a time, as in Europe/London."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Question:
    """Coordinates and form of an answer (rule G-5)."""

    as_of: datetime
    at_position: int | None
    form: Format | None
    output: Path | None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Question:
        """From the options of `asking`; takes them out of `options`."""
        options.pop("tz")
        return cls(options.pop("as_of"), options.pop("at_position"), options.pop("form"), options.pop("output"))
