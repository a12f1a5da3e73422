"""For finance: periods, and closing one."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

import click

from cli.answers import told
from cli.context import Settings, opened, viewed
from cli.heads import grow
from cli.options import INSTANT, Question, asking, tz_option
from cli.output import Report, Section, emit, readable
from ledger.clock import system_clock
from ledger.payout_commands import ClosePeriod
from ledger.payouts.periods import close_period
from projections.periods import Period, closed_periods, figures_at_head

COLUMNS = ("end", "position", "at_position", "closed_at", "closed_by", "digest", "root")
ACCOUNTS = {
    "expense:commission": "commission_minor",
    "members:pending": "pending_minor",
    "members:available": "available_minor",
    "members:reserved": "reserved_minor",
    "house:payout": "payout_minor",
    "house:adjustment": "adjustment_minor",
}

OPEN: Literal["open"] = "open"
WhichPeriod = datetime | Literal["open"]


class PeriodParam(click.ParamType[WhichPeriod]):
    """A period: the time it ends at, or the word for the one that has no end yet."""

    name = "end"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> WhichPeriod:  # noqa: ANN401  # click's signature
        """Parses the end as any other time."""
        return OPEN if value == OPEN else INSTANT.convert(value, param, ctx)


period_option = click.option(
    "--period",
    type=PeriodParam(),
    metavar="END|open",
    help="Only what is booked in the period that ends then, or in the open one.",
)


@click.group(short_help="Close the books of a period.")
def period() -> None:
    """Periods of the books. What is recorded after a period was closed is booked in a later one, whatever its time.

    \b
    refledger period close --end 2026-04-01 --tz Europe/London      everything before April
    refledger period list                                           digests and trial balances
    refledger statement cat --currency GBP --period 2026-04-01T00:00:00Z
    refledger export journal -o q1.journal --format hledger --period 2026-04-01T00:00:00Z

    A closed period is known by its end. Its statements, journals and figures stay as they are for ever.
    """


@period.command("close", short_help="Close a period.")
@click.option("--end", required=True, type=INSTANT, help="Where it ends; what counts then is of the next one.")
@tz_option
@click.pass_obj
def close_command(settings: Settings, *, end: datetime, tz: object) -> None:
    """Close everything before --end that no earlier period has, with all that is recorded by now.

    The event says the digest of all balances, the root of the log's tree and the trial balance, which has to be 0 in
    every currency (status 3 otherwise). A period that is closed stays closed; the same --end again is a repeat.

    \b
    refledger period close --end 2026-04-01 --tz Europe/London
    """
    del tz
    with opened(settings) as ledger:
        # What comes in between is little: while the period is closed nobody else can record anything.
        with viewed(ledger, Question(end, None, None, None)):
            pass
        grow(ledger.log)
        command = ClosePeriod.model_validate({"at": system_clock(), "end": end, "type": "period"})
        outcome = close_period(ledger, command, figures_at_head)
    told(outcome, f"closed: everything before {readable(end)}; see `refledger period list`", "that is closed already")


@period.command("list", short_help="List closed periods.")
@asking
@click.pass_obj
def list_command(settings: Settings, **options: Any) -> None:
    """List the periods that were closed by --as-of, in order, with the trial balance of each.

    A period's digest is that of all balances as of the last instant before its end, at its position:
    `refledger replay --as-of T --at-position P --check DIGEST`.
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        found = [row for row in closed_periods(session) if row.closed_at <= question.as_of]
    emit(periods_report(found), question.form, question.output)


def periods_report(found: list[Period]) -> Report:
    """Closed periods as a report."""
    rows = [asdict(row) for row in found]
    document = [row | {"trial_balance": json.loads(row["trial_balance"])} for row in rows]
    sums = [
        {"end": row["end"], "currency": currency, **{name: classes[account] for account, name in ACCOUNTS.items()}}
        for row in document
        for currency, classes in row["trial_balance"].items()
    ]
    balances = Section(
        ["end", "currency", *ACCOUNTS.values()],
        sums,
        frozenset(ACCOUNTS.values()),
        title="trial balance: credits less debits of each class of accounts",
    )
    flat = Section([*COLUMNS, "trial_balance"], rows)
    return Report([Section(COLUMNS, rows), balances], document, flat)
