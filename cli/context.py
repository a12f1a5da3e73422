"""What every command stands on: the settings, the open ledger, a view of it, and errors as people read them."""

from __future__ import annotations

import os
import sqlite3
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg
from eventsourcing.persistence import DatabaseError, InterfaceError, OperationalError, PersistenceError
from psycopg.errors import DiskFull

from cli.options import Question
from cli.output import readable
from cli.terminal import printable, progress, say
from ledger.application import Ledger
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
from ledger.store.postgres import CONNECT_TIMEOUT_SECONDS
from ledger.store.session import Session
from ledger.store.sqlite import URL_PREFIX, path_of
from projections.heads import TreeBehindError
from projections.view import PACKAGES, pending, view_at

# Exit statuses of the whole tool.
DONE, UNEXPECTED, USAGE, DISAGREE, NOT_FOUND, CONFLICT, REFUSED, BEHIND, UNREACHABLE = range(9)

_STATUSES: tuple[tuple[type[BaseException], int], ...] = (
    (NotFoundError, NOT_FOUND),
    (PositionError, NOT_FOUND),
    (NotInitialisedError, NOT_FOUND),
    (TreeBehindError, BEHIND),
    (RefusedError, REFUSED),
    (UnreachableError, UNREACHABLE),
    (IntegrityError, DISAGREE),
    (OperationalError, UNREACHABLE),
    (InterfaceError, UNREACHABLE),
)
# Of SQLite, where the file and not the statement is at fault.
_FILE_TROUBLES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_DAMAGES = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@dataclass(frozen=True, slots=True)
class Settings:
    """Options before the command."""

    url: str
    actor: str
    verbosity: int


def status_of(error: BaseException) -> int:
    """The exit status an error ends with."""
    # A file that is no database, or cannot be read or written; other subclasses of these are defects of a statement.
    if type(error) in {DatabaseError, sqlite3.DatabaseError} or _sqlite_code(error) in _FILE_TROUBLES:
        return UNREACHABLE
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), UNEXPECTED)


def is_damage(error: PersistenceError) -> bool:
    """Whether the store answered, and has not what it must: a table that is gone, pages that cannot be read."""
    cause = error.__cause__ or error
    if isinstance(cause, psycopg.Error):
        return not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    return _sqlite_code(error) in _DAMAGES


def explain_and_exit(error: BaseException) -> None:
    """Prints an error in one line and ends the process with its status; a traceback only on request."""
    if os.environ.get("REFLEDGER_DEBUG"):
        traceback.print_exception(error)
    _give_up_output()
    status = status_of(error)
    text = " ".join(str(error).split()) or type(error).__name__
    if status == UNREACHABLE:
        text = f"{_what_failed(error)}: {text}"
    elif not isinstance(error, LedgerError | OSError | PersistenceError):
        text = f"unexpected {type(error).__name__}: {text} (set REFLEDGER_DEBUG=1 for details)"
    click.echo(f"error: {printable(text)}", err=True)
    sys.exit(status)


def _give_up_output() -> None:
    """Lets go of output that cannot be written, or the interpreter tries again at its end and has the last word."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _what_failed(error: BaseException) -> str:
    """What is wrong with the database, and what helps where that can be told."""
    if isinstance(error.__cause__ or error, DiskFull) or _sqlite_code(error) == sqlite3.SQLITE_FULL:
        return "the disk of the database is full, make room and run the same command again"
    if _sqlite_code(error) == sqlite3.SQLITE_IOERR:
        return "the file of the database cannot be read or written, its disk may be full"
    return "the database cannot be reached, or went away"


def _sqlite_code(error: BaseException) -> int | None:
    """SQLite's own code, without the detail in its upper bits."""
    code: int | None = getattr(error.__cause__ or error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


@contextmanager
def opened(settings: Settings) -> Generator[Ledger]:
    """The ledger of `--db`, at the schema of this program.

    Raises:
        NotInitialisedError: there is none: `refledger init` makes one.
        UnreachableError: no database answers.
    """
    _knock(settings.url)
    ledger = Ledger(settings.url, actor=settings.actor)
    try:
        with ledger.log.reading() as session:
            migrations.check(session, PACKAGES)
        yield ledger
    finally:
        ledger.close()


def _knock(url: str) -> None:
    """Finds out at once, and with the server's own words, that there is no database: a pool only says it waited."""
    if url.startswith(URL_PREFIX):
        path = path_of(url)
        if not path.startswith("file:") and not Path(path).is_file():
            raise NotInitialisedError(f"there is no ledger at {path}: run `refledger init`, or name another with --db")
        return
    try:
        psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS).close()
    except psycopg.OperationalError as error:
        raise UnreachableError(str(error)) from None


@contextmanager
def viewed(ledger: Ledger, question: Question) -> Generator[tuple[Session, int]]:
    """The projection's tables at the question's position, and that position."""
    behind = pending(ledger.log, question.at_position)
    with progress("projecting", behind) as advance, view_at(ledger.log, question.at_position, advance) as view:
        say(f"as of {readable(question.as_of)}, at position {view[1]} of {ledger.log.head()}", at=1)
        yield view
