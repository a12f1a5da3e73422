"""For finance and members: one member's books between two instants or of a period, posting by posting."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from cli.balances import BALANCE_MONEY
from cli.context import Settings, opened, viewed
from cli.earned import COLUMNS, MONEY, NARROW, earned_cells
from cli.files import replacing
from cli.options import ID, INSTANT, TEXT, CheckedParam, Question, asking
from cli.output import Report, Section, emit, readable, with_source
from cli.periods import OPEN, WhichPeriod, period_option
from cli.terminal import counted, say
from ledger.clock import from_micros
from ledger.currencies import check_currency, format_minor
from ledger.errors import NotFoundError
from ledger.ids import split_stream
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session
from projections.balances import Balance, balances_at, digest
from projections.member_books import Account
from projections.member_statements import Statement, StatementLine, statement_between, statement_of_period
from projections.periods import INSTANT as ONE_INSTANT
from projections.periods import closed_periods, last_instant
from projections.statement_entries import Proof, shown, total_of
from projections.statement_pages.page import statement_page

LAST = datetime.max.replace(tzinfo=UTC)
CHANGES = ("pending_minor", "available_minor", "reserved_minor")
_MONEY = MONEY | {"amount_minor", *CHANGES, *BALANCE_MONEY}
FLAT_COLUMNS = (
    "value_at",
    "kind",
    "id",
    "source",
    "position",
    "debit",
    "credit",
    "currency",
    "amount_minor",
    *CHANGES,
    *COLUMNS,
    "belongs",
)
NARROW_COLUMNS = ("value_at", "kind", "id", *NARROW, *CHANGES, "belongs")


@dataclass(frozen=True, slots=True)
class Span:
    """What a statement is to cover: from when to when, or a period."""

    start: datetime | None
    end: datetime | None
    period: WhichPeriod | None


@click.command(short_help="A member's statement, posting by posting.")
@click.argument("member", type=ID)
@click.option("--currency", required=True, type=CheckedParam("code", check_currency), help="In which currency.")
@click.option("--from", "start", type=INSTANT, help="From this time on. Default: the beginning.")
@click.option("--to", "end", type=INSTANT, help="Up to this time, not included. Default: up to --as-of, included.")
@period_option
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page for the member to this file."
)
@click.option("--issuer", type=TEXT, help="Who owes the money, as the page says it. Default: the store's name.")
@asking
@click.pass_context
def statement(ctx: click.Context, member: str, currency: str, html: Path | None, **options: Any) -> None:
    """Show what MEMBER had, every posting on their accounts, and what they have then; it adds up to the minor unit.

    By time (--from, --to) a statement says what counts then, as it is known at --at-position. By --period it says what
    is booked in that period: a closed one never changes, and what was recorded too late for one is in a later one, with
    the end of the period it `belongs` to. The open period goes up to --as-of, the others say themselves where they
    end.

    In a table amounts are changes of what is on hold (pending), available and reserved. CSV, TSV and JSON have all
    columns; in CSV and TSV the opening and the closing balance are rows too.

    \b
    refledger statement cat --currency GBP
    refledger statement cat --currency GBP --from 2026-01-01 --to 2026-04-01 --tz Europe/London --format csv
    refledger statement cat --currency GBP --period open
    refledger statement cat --currency GBP --period 2026-04-01T00:00:00Z --html cat.html --issuer "Example Shop Ltd"
    """
    settings: Settings = ctx.obj
    issuer: str | None = options.pop("issuer")
    span = _span(options.pop("start"), options.pop("end"), options.pop("period"))
    question, account = Question.of(options), Account(member, currency)
    _check(span, question.as_of, is_timed=ctx.get_parameter_source("as_of") is ParameterSource.COMMANDLINE)
    if issuer is not None and html is None:
        raise click.UsageError("--issuer is for the page that --html writes")
    if html is not None and (question.form, question.output) != (None, None):
        raise click.UsageError("--html is a form, and a file, of its own: leave out --format and --output")
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        found = _found(session, ledger.log, account, span, question.as_of)
        if html is None:
            emit(statement_report(found), question.form, question.output)
            return
        page = _page(session, found, span.period, question.as_of, issuer or store_name(settings.url))
    with replacing(html) as file:
        file.write(page)
    closing = format_minor(total_of(found.closing), currency)
    say(f"the statement is in {html}: {counted(len(found.lines), 'posting')}, closing with {closing} {currency}")


def statement_report(found: Statement) -> Report:
    """A statement as a report."""
    currency = found.account.currency
    lines = [_line(line, currency) for line in found.lines]
    opening, closing = asdict(found.opening), asdict(found.closing)
    document = {
        **found.account._asdict(),
        "from": found.start,
        "to": found.end,
        "at_position": found.at_position,
        "opening": opening,
        "lines": lines,
        "closing": closing,
    }
    rows = [_balance_row("opening", found.start, opening), *lines, _balance_row("closing", found.end, closing)]
    return Report(
        [
            Section(BALANCE_MONEY, [opening], _MONEY, title=_title("opening balance", found.start)),
            Section(with_source(NARROW_COLUMNS, lines, after="id"), lines, _MONEY, title="postings"),
            Section(BALANCE_MONEY, [closing], _MONEY, title=_title("closing balance", found.end)),
        ],
        document,
        Section(FLAT_COLUMNS, rows, _MONEY),
    )


def store_name(url: str) -> str:
    """What a store is called: its file without the ending, or its database."""
    return PurePosixPath(urlsplit(url).path).stem or "refledger"


def just_after(at: datetime) -> datetime:
    """The next instant; after the last there is none."""
    return at if at == LAST else at + ONE_INSTANT


def _span(start: datetime | None, end: datetime | None, period: WhichPeriod | None) -> Span:
    if period is not None and (start, end) != (None, None):
        raise click.UsageError("--period says from when to when: leave out --from and --to")
    if start is not None and end is not None and end < start:
        raise click.UsageError("--to is before --from")
    return Span(start, end, period)


def _check(span: Span, as_of: datetime, *, is_timed: bool) -> None:
    """A time that nothing would come of is not asked for."""
    if is_timed and (span.end is not None or isinstance(span.period, datetime)):
        which = "--period" if span.end is None else "--to"
        raise click.UsageError(f"{which} says up to when: leave out --as-of; --at-position says what was known")
    if span.start is not None and span.end is None and as_of < span.start:
        raise click.UsageError(
            f"--from is after {readable(as_of)}, where the statement ends: give a later --as-of, or --to"
        )


def _found(session: Session, log: LogRecorder, account: Account, span: Span, as_of: datetime) -> Statement:
    """The statement that is asked for.

    Raises:
        NotFoundError: there is no such period; or nothing was ever posted by then.
        PeriodError: the open period began later.
    """
    if span.period is None:
        found = statement_between(session, log, account, span.start, span.end or just_after(as_of))
    else:
        end = None if span.period == OPEN else span.period
        found = statement_of_period(session, log, account, end, end or as_of)
    if not found.lines and found.opening == Balance(**account._asdict()):
        raise NotFoundError(f"nothing is posted for {account.member} in {account.currency} by then")
    return found


def _page(session: Session, found: Statement, period: WhichPeriod | None, as_of: datetime, issuer: str) -> str:
    """The page, with the coordinates and the digest that its closing balance can be checked with."""
    if isinstance(period, datetime):
        closed = next(row for row in closed_periods(session) if row.end == period)
        proof = Proof(last_instant(closed.end), closed.at_position, closed.digest)
    else:
        at = as_of if found.end is None else last_instant(found.end)
        proof = Proof(at, found.at_position, digest(balances_at(session, at)))
    return statement_page(shown(session, found, just_after(proof.as_of), issuer, proof))


def _line(line: StatementLine, currency: str) -> dict[str, Any]:
    posting = line.posting
    source, cause = split_stream(posting.stream)
    return {
        "value_at": from_micros(posting.value_at_us),
        "kind": posting.kind,
        "id": cause,
        "source": source,
        "position": posting.position,
        "debit": posting.debit,
        "credit": posting.credit,
        "currency": currency,
        "amount_minor": posting.amount_minor,
        "pending_minor": line.pending_minor,
        "available_minor": line.available_minor,
        "reserved_minor": line.reserved_minor,
        **earned_cells(line.earned, currency),
        "belongs": line.belongs_end,
    }


def _balance_row(kind: str, at: datetime | None, balance: dict[str, Any]) -> dict[str, Any]:
    """A balance among the postings: what was there before them, or is after them."""
    parts = {f"{part}_minor": balance[part] for part in ("pending", "available", "reserved")}
    return {"value_at": at, "kind": kind, "currency": balance["currency"], **parts}


def _title(words: str, at: datetime | None) -> str:
    return words if at is None else f"{words}, before {readable(at)}"
