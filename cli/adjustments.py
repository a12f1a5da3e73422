"""For finance: corrections of a balance, proposed by one and approved by another."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

import click
from click.core import ParameterSource

from cli.actors import warn_of_labels
from cli.answers import against, told
from cli.context import NOT_FOUND, REFUSED, Settings, opened, viewed
from cli.options import ID, INSTANT, REASON, CheckedParam, Question, asking, tz_option
from cli.output import Report, Section, emit, with_source
from cli.terminal import counted, printable, say, typed
from ledger.application import Ledger
from ledger.clock import system_clock
from ledger.commands import command_from
from ledger.currencies import check_currency, format_minor
from ledger.ids import DEFAULT_SOURCE, check_source, stream_of
from ledger.outcomes import Outcome
from ledger.payouts.adjustments import approve_adjustments, reject_adjustments
from ledger.payouts.state import read_adjustments
from projections.adjustments import AdjustmentFound, adjustments

COLUMNS = (
    "id",
    "member",
    "currency",
    "amount_minor",
    "value_at",
    "reason",
    "state",
    "proposed_by",
    "decided_by",
    "decided_at",
    "decided_reason",
)

Decide = Callable[[Ledger, Sequence[str], str], list[Outcome]]


source_option = click.option(
    "--source",
    type=CheckedParam("name", check_source),
    default=DEFAULT_SOURCE,
    show_default=True,
    help="Where the proposals came from.",
)


@click.group(short_help="Correct a balance: propose, approve.")
def adjustment() -> None:
    """Give a member money outside of any order, or take it; what one proposes somebody else approves.

    \b
    refledger --actor ann adjustment propose --member cat --currency GBP --amount 500 --reason "promised by phone"
    refledger adjustment list                        what waits, and what became of the others
    refledger --actor ben adjustment approve ID      posts it; --all: everything that waits
    refledger --actor ben adjustment reject ID --reason "not what was promised"

    A proposal posts nothing. Many come by `ingest`, as records {"type":"adjustment","id":..,"at":..,"member":..,
    "currency":..,"amount":..,"reason":..}. On PostgreSQL whoever acts is the role that logged in, and approving needs
    the role refledger_approver.
    """


@adjustment.command("propose", short_help="Propose one.")
@click.option("--member", required=True, type=ID, help="Whose balance.")
@click.option("--currency", required=True, type=CheckedParam("code", check_currency), help="In which currency.")
@click.option("--amount", required=True, type=int, metavar="MINOR", help="Minor units; -250 takes 2.50.")
@click.option("--reason", required=True, type=REASON, help="Why; goes into the event and onto the statement.")
@click.option("--at", type=INSTANT, default="now", show_default=True, help="When it counts, once approved.")
@tz_option
@click.option("--id", "adjustment_id", type=ID, help="Its id; given again, it is a repeat. Default: a new one.")
@click.pass_context
def propose_command(ctx: click.Context, adjustment_id: str | None, **options: Any) -> None:
    """Propose to add MINOR units to a member's available balance, or to take them; print the proposal's id.

    Nothing is posted until somebody else approves it. Give an --id wherever the command may run twice; without --at it
    counts from when it ran first.

    \b
    refledger adjustment propose --member cat --currency GBP --amount 500 --reason "promised by phone" --id call-81
    refledger adjustment propose --member cat --currency JPY --amount -20 --reason "paid twice" --at 2026-01-31 --tz UTC
    """
    options.pop("tz")
    settings: Settings = ctx.obj
    is_timed = ctx.get_parameter_source("at") is not ParameterSource.DEFAULT
    known_id, adjustment_id = adjustment_id, adjustment_id or uuid4().hex
    with opened(settings) as ledger:
        if known_id is not None and not is_timed and (at := _proposed_at(ledger, known_id)) is not None:
            options["at"] = at
        command = command_from({"type": "adjustment", "id": adjustment_id, **options})
        warn_of_labels(settings)
        outcome = ledger.submit([command], source=DEFAULT_SOURCE)[0]
    amount = f"{format_minor(options['amount'], options['currency'])} {options['currency']}"
    follows = f"somebody else approves it: {typed(['adjustment', 'approve'], adjustment_id)}"
    told(outcome, f"proposed: {amount} for {options['member']}; {follows}", "that is proposed already")
    click.echo(adjustment_id)


@adjustment.command("approve", short_help="Approve some, or all that wait.")
@click.argument("adjustment_ids", nargs=-1, metavar="[ID]...", type=ID)
@click.option("--all", "is_all", is_flag=True, help="Every proposal that waits, of every source or that of --source.")
@source_option
@click.pass_context
def approve_command(ctx: click.Context, adjustment_ids: tuple[str, ...], *, is_all: bool, source: str) -> None:
    """Approve adjustments that somebody else proposed, and post them; each is decided by itself.

    What cannot be approved is named with the reason, and the others are posted all the same; then the status is 6, or 4
    if all that is wrong is an id that nobody proposed.

    \b
    refledger adjustment approve call-81 call-82
    refledger adjustment approve --all
    """
    if is_all == bool(adjustment_ids):
        raise click.UsageError("name the adjustments, or all of them with --all")
    settings: Settings = ctx.obj
    is_one_source = ctx.get_parameter_source("source") is not ParameterSource.DEFAULT
    with opened(settings) as ledger:
        warn_of_labels(settings)
        chosen = _waiting(ledger, source if is_one_source else None) if is_all else {source: list(adjustment_ids)}
        decided = _decided(ledger, chosen, lambda ledger, ids, source: approve_adjustments(ledger, ids, source=source))
    _tell(decided, "approved")


@adjustment.command("reject", short_help="Turn some down.")
@click.argument("adjustment_ids", nargs=-1, required=True, metavar="ID...", type=ID)
@click.option("--reason", required=True, type=REASON, help="Why; goes into the event.")
@source_option
@click.pass_obj
def reject_command(settings: Settings, adjustment_ids: tuple[str, ...], reason: str, source: str) -> None:
    """Turn adjustments down; whoever proposed one may take it back in this way. Posts nothing.

    \b
    refledger adjustment reject call-82 --reason "not what was promised"
    """
    with opened(settings) as ledger:
        warn_of_labels(settings)
        outcomes = reject_adjustments(ledger, adjustment_ids, reason, source=source)
    _tell([(_named(one, source), outcome) for one, outcome in zip(adjustment_ids, outcomes, strict=True)], "rejected")


@adjustment.command("list", short_help="List adjustments.")
@click.option("--member", type=ID, help="Only this member's.")
@click.option("--state", type=click.Choice(["proposed", "posted", "rejected"]), help="Only those in this state.")
@asking
@click.pass_obj
def list_command(settings: Settings, member: str | None, state: str | None, **options: Any) -> None:
    """List adjustments that count by --as-of, oldest proposal first, with what became of each.

    \b
    refledger adjustment list --state proposed
    refledger adjustment list --member cat --format json
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        found = [
            row for row in adjustments(session, member) if row.value_at <= question.as_of and state in {None, row.state}
        ]
    emit(adjustments_report(found), question.form, question.output)


def adjustments_report(found: list[AdjustmentFound]) -> Report:
    """Adjustments as a report."""
    rows = [asdict(row) for row in found]
    section = Section(with_source(COLUMNS, rows, after="id"), rows, frozenset({"amount_minor"}))
    return Report([section], rows, Section([*COLUMNS, "source", "position", "decided_position"], rows))


def _proposed_at(ledger: Ledger, adjustment_id: str) -> datetime | None:
    """When a proposal that is recorded counts: one that is repeated without a time has no other."""
    stream = stream_of("adjustment", adjustment_id)
    with ledger.log.reading() as session:
        found = read_adjustments(session, [stream])
    return found[stream].proposed.asked.at if stream in found else None


def _waiting(ledger: Ledger, source: str | None) -> dict[str, list[str]]:
    """Every proposal nobody has decided about, by source: of all of them, or of one."""
    with viewed(ledger, Question(system_clock(), None, None, None)) as (session, _):
        found = [row for row in adjustments(session) if row.state == "proposed" and source in {None, row.source}]
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for row in found:
        by_source[row.source].append(row.id)
    return by_source


def _decided(ledger: Ledger, chosen: dict[str, list[str]], decide: Decide) -> list[tuple[str, Outcome]]:
    """What became of each."""
    return [
        (_named(one, source), outcome)
        for source, ids in chosen.items()
        for one, outcome in zip(ids, decide(ledger, ids, source), strict=True)
    ]


def _named(adjustment_id: str, source: str) -> str:
    """An adjustment as a message names it: two sources may have the same id."""
    return adjustment_id if source == DEFAULT_SOURCE else f"{adjustment_id} of source {source}"


def _tell(decided: list[tuple[str, Outcome]], done: str) -> None:
    """Says how many were decided, and of each of the others why not; these end the command with a status."""
    names = [outcome.name for _, outcome in decided]
    if recorded := names.count("recorded"):
        say(f"{counted(recorded, 'adjustment')} {done}")
    if repeats := names.count("repeat"):
        say(f"{counted(repeats, 'adjustment')} {done} already")
    if not decided:
        say("no adjustment waits")
    statuses: set[int] = set()
    for named, outcome in decided:
        if outcome.name not in {"recorded", "repeat"}:
            click.echo(f"error: {printable(f'{named}: {against(outcome)}')}", err=True)
            statuses.add(NOT_FOUND if outcome.reason == "unknown_adjustment" else REFUSED)
    if statuses:
        sys.exit(max(statuses))
