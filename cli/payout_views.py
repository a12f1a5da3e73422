"""For finance: payout batches looked at, computed again, and held against what the provider said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click

from cli.answers import listed
from cli.context import DISAGREE, Settings, opened, viewed
from cli.options import ID, CheckedParam, Question, asking
from cli.output import emit
from cli.payees import payees_in
from cli.payout_reports import batch_report, batches_report, payouts_report, reconciliation_report
from cli.payouts import archive_option, means_of, memory_option, payees_option
from cli.terminal import counted, progress, say
from ledger.application import Ledger
from ledger.clock import system_clock
from ledger.currencies import check_currency, format_minor
from ledger.store.session import Session
from projections.agreement import Means, check_agreed, check_recorded
from projections.batches import BatchFound, batch_of, batches, payouts_in, payouts_of
from projections.payouts import Proposal, propose
from projections.reconciliation import reconcile
from projections.replay.answers import LeftOut
from projections.replay.session import replaying
from projections.view import view_at

currency_option = click.option("--currency", type=CheckedParam("code", check_currency), help="Only this currency.")


@click.command("list", short_help="List batches.")
@currency_option
@asking
@click.pass_obj
def list_command(settings: Settings, currency: str | None, **options: Any) -> None:
    """List every batch, oldest first, with what became of its payouts."""
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        found = batches(session, currency)
    emit(batches_report(found), question.form, question.output)


@click.command("show", short_help="Show a batch, or a member's payouts.")
@click.argument("batch_id", metavar="[ID]", type=ID, required=False)
@click.option("--member", type=ID, help="Only this member; without ID, all payouts of theirs.")
@payees_option
@click.option("--only-payouts", is_flag=True, help="Not who is left out: at once, as nothing is computed again.")
@archive_option
@memory_option
@asking
@click.pass_obj
def show_command(  # noqa: PLR0913  # its options
    settings: Settings,
    *,
    batch_id: str | None,
    member: str | None,
    payees: Path | None,
    only_payouts: bool,
    archive: str | None,
    memory_limit: str,
    **options: Any,
) -> None:
    """Show batch ID: whom it pays, how far each payout is, and everyone it leaves out with the reason.

    Who was left out, and why, follows from the events before the batch, which are replayed for it.

    With --payees it marks those whose details are not what they were when they were last paid. `explain payout ID.NO`
    says why a payout is what it is.
    """
    question = Question.of(options)
    if batch_id is None and member is None:
        raise click.UsageError("name a batch, or a member with --member")
    if batch_id is None and (payees is not None or only_payouts):
        raise click.UsageError("--payees and --only-payouts are about one batch: name it")
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        if batch_id is None:
            report = payouts_report(payouts_of(session, cast("str", member)))
        else:
            batch = batch_of(session, batch_id)
            lines = [line for line in payouts_in(session, batch) if member in {None, line.member}]
            changed = _changed_since(session, batch, payees)
            everyone = () if only_payouts else _left_out(ledger, batch, means_of(archive, memory_limit))
            left_out = [row for row in everyone if member in {None, row.member}]
            report = batch_report(batch, lines, left_out, changed)
    emit(report, question.form, question.output)


def _left_out(ledger: Ledger, batch: BatchFound, means: Means) -> Sequence[LeftOut]:
    """Whom the batch gives nothing, by the replay: a batch is recorded only where both implementations agree."""
    with (
        progress("replaying", batch.at_position) as advance,
        replaying(ledger.log, batch.at_position, means.setup, means.archive, advance) as replay,
    ):
        return replay.payable(batch.cut_off, batch.currency).left_out


def _again(ledger: Ledger, batch: BatchFound) -> Proposal:
    """The batch computed again at its own (cut-off, P) (X-5)."""
    with (
        progress("projecting", batch.at_position) as advance,
        view_at(ledger.log, batch.at_position, advance) as (session, _),
    ):
        return propose(session, ledger.log, batch.currency, batch.cut_off)


def _changed_since(session: Session, batch: BatchFound, file: Path | None) -> set[str]:
    """Members of the batch whose details are not those they were last paid with."""
    if file is None:
        return set()
    members = {line.member for line in payouts_in(session, batch)}
    payees = payees_in(file, currency=batch.currency, members=members)
    last: dict[str, tuple[str, str]] = {}
    for earlier in batches(session, batch.currency):
        if earlier.position >= batch.position or earlier.salt is None:
            continue
        for line in payouts_in(session, earlier):
            if line.state == "paid" and line.details is not None:
                last[line.member] = (earlier.salt, line.details)
    return {
        member
        for member, (salt, details) in last.items()
        if member in payees and payees[member].salted_hash(bytes.fromhex(salt)) != details
    }


@click.command("replay", short_help="Compute a batch again.")
@click.argument("batch_id", metavar="ID", type=ID)
@archive_option
@memory_option
@click.pass_obj
def replay_command(settings: Settings, batch_id: str, archive: str | None, memory_limit: str) -> None:
    """Compute batch ID again from the events up to its position, by both implementations; status 3 if anything differs.

    The same events give the same lines, digest and hash for ever.
    """
    means = means_of(archive, memory_limit)
    with opened(settings) as ledger:
        with viewed(ledger, Question(system_clock(), None, None, None)) as (session, _):
            batch = batch_of(session, batch_id)
            recorded = payouts_in(session, batch)
        proposal = _again(ledger, batch)
        with progress("replaying", batch.at_position) as advance:
            check_agreed(ledger.log, proposal, means, advance)
    check_recorded(batch, recorded, proposal)
    total = format_minor(batch.total_minor, batch.currency)
    say(f"batch {batch_id} comes out the same, by both: {counted(batch.lines, 'payout')}, {total} {batch.currency}")
    click.echo(f"{batch.lines_hash}  {batch_id}")


@click.command("reconcile", short_help="Hold batch, provider and ledger against each other.")
@asking
@click.pass_obj
def reconcile_command(settings: Settings, **options: Any) -> None:
    """Hold what was approved, what the provider said and what was posted against each other; status 3 if they differ.

    Lists what is open, and for how long.
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        found = reconcile(session, question.as_of)
    emit(reconciliation_report(found), question.form, question.output)
    if found.findings:
        where = listed([f"{one.subject}: {one.message}" for one in found.findings], question.form, question.output)
        click.echo(f"error: the sides disagree: {counted(len(found.findings), 'finding')}, {where}", err=True)
        sys.exit(DISAGREE)
