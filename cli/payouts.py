"""For finance: payout batches, from what is payable to what was approved."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from cli.actors import warn_of_labels
from cli.answers import told
from cli.context import Settings, opened, viewed
from cli.elsewhere import GroupWithMore
from cli.key_files import read_key
from cli.options import ID, INSTANT, REASON, CheckedParam, Question, format_option, tz_option
from cli.output import emit
from cli.payees import BadPayeesError, payees_in
from cli.payout_reports import proposal_report
from cli.terminal import counted, progress, say, typed
from ledger.application import Ledger
from ledger.clock import format_instant, system_clock
from ledger.commands import command_from
from ledger.currencies import check_currency, format_minor
from ledger.errors import RefusedError
from ledger.garbage import collection_paused
from ledger.ids import DEFAULT_SOURCE
from ledger.outcomes import Outcome
from ledger.payout_commands import PrepareBatch, check_batch_id
from ledger.payouts.approving import SignedApproval, approve, reject
from ledger.payouts.preparing import prepare
from ledger.rules.payout import approval_text
from ledger.tree.note import sign_note
from projections.agreement import Means, check_agreed
from projections.archive.reading import Archive
from projections.batches import BatchFound, batch_of
from projections.payable import payable_at_head
from projections.payments.payee import Payee
from projections.payouts import Proposal, propose
from projections.replay.session import MEMORY_LIMIT, Setup

# Somebody else's batch may come in between while one is computed; then it is computed again.
ATTEMPTS_MAX = 3

OTHERS = {
    "export": "cli.payment_files:export_command",
    "list": "cli.payout_views:list_command",
    "reconcile": "cli.payout_views:reconcile_command",
    "replay": "cli.payout_views:replay_command",
    "settle": "cli.payment_files:settle_command",
    "show": "cli.payout_views:show_command",
}

BATCH_ID = CheckedParam("id", check_batch_id)

payees_option = click.option(
    "--payees",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Where payees' accounts are: CSV or JSON Lines. Their details stay in that file.",
)
archive_option = click.option(
    "--archive", metavar="DIR", help="Read what is sealed from this archive: quicker for many millions."
)
memory_option = click.option(
    "--memory-limit", default=MEMORY_LIMIT, show_default=True, help="Of the independent replay."
)


@click.group(cls=GroupWithMore, elsewhere=OTHERS, short_help="Pay members: prepare, approve, send, settle.")
def payout() -> None:
    """Payout batches, from what is payable to what was paid.

    \b
    refledger payout prepare --currency GBP --id march --payees payees.csv
    refledger payout show march                       who is paid, and who is not and why
    refledger payout approve march                    by somebody else
    refledger payout export march --format pain.001 --payees payees.csv --debtor shop.toml -o march.xml
    refledger payout settle provider.csv              what became of each payment
    refledger payout reconcile                        batch, provider and ledger; what is open, and for how long

    Preparing reserves nothing, approving does. Every step is an event, decided by what is recorded before it, and safe
    to repeat. On PostgreSQL whoever acts is the role that logged in, and approving needs the role refledger_approver.
    """


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be prepared."""

    command: PrepareBatch
    payees: Path | None
    means: Means


class CutOffError(RefusedError):
    """A batch of what is not available yet."""

    code = "cut_off_in_the_future"


@payout.command("prepare", short_help="Prepare a batch.")
@click.option("--currency", required=True, type=CheckedParam("code", check_currency), help="Which currency to pay out.")
@click.option(
    "--cut-off",
    type=INSTANT,
    default="now",
    show_default=True,
    help="Pay what is available by then; not in the future.",
)
@tz_option
@click.option("--id", "batch_id", type=BATCH_ID, help="The batch's id. Default: made of currency and cut-off.")
@payees_option
@click.option("--dry-run", is_flag=True, help="Show what would be prepared; record nothing.")
@format_option
@archive_option
@memory_option
@click.pass_obj
def prepare_command(settings: Settings, **options: Any) -> None:
    """Prepare a batch: a line for everyone whose payable balance reaches the plan's minimum.

    It is computed twice, from the live tables and by an independent replay of the events that decides every binding
    again; unless both agree, nothing is recorded (status 3). The same --id and --cut-off again is a repeat, also with
    other figures: the batch that is recorded stands. `payout show` lists whom it pays, and everyone else with the
    reason.

    Without --payees no payment file can be made of it: only what is prepared with a payee's details is sent.
    """
    at = system_clock()
    cut_off: datetime = options["cut_off"]
    currency: str = options["currency"]
    batch_id = options["batch_id"] or f"{currency}-{format_instant(cut_off)[:19].replace(':', '')}Z"
    asked = {"at": at, "currency": currency, "cut_off": cut_off, "id": batch_id}
    means = means_of(options["archive"], options["memory_limit"])
    wanted = Wanted(PrepareBatch.model_validate(asked), options["payees"], means)
    if cut_off > at:
        raise CutOffError(f"the cut-off {format_instant(cut_off)} is in the future: pay what is available by now")
    with opened(settings) as ledger, collection_paused():
        if options["dry_run"]:
            emit(proposal_report(_agreed(ledger, wanted)), options["form"], None)
            return
        outcome, proposal = _prepared(ledger, wanted)
    sum_of = format_minor(proposal.total_minor, currency)
    done = f"batch {batch_id} is prepared: {counted(len(proposal.lines), 'payout')}, {sum_of} {currency} in all; "
    follows = f"somebody else approves it: {typed(['payout', 'approve'], batch_id)}"
    if outcome.name == "recorded" and wanted.payees is None:
        say("note: without --payees no payment file can be made of this batch: reject it and prepare it with them")
    told(outcome, done + follows, f"batch {batch_id} is prepared already")


def means_of(archive: str | None, memory_limit: str) -> Means:
    """What an independent replay reads and takes, as the options say."""
    return Means(None if archive is None else Archive.open(archive), Setup(memory_limit))


def _prepared(ledger: Ledger, wanted: Wanted) -> tuple[Outcome, Proposal]:
    """Computes and records; computes again if another batch came in between."""
    for _ in range(ATTEMPTS_MAX - 1):
        outcome, proposal = _prepared_once(ledger, wanted)
        if outcome.name != "retryable":
            return outcome, proposal
    return _prepared_once(ledger, wanted)


def _prepared_once(ledger: Ledger, wanted: Wanted) -> tuple[Outcome, Proposal]:
    proposal = _agreed(ledger, wanted)
    if wanted.payees is None:
        return prepare(ledger, wanted.command, proposal.draft()), proposal
    members = {line.member for line in proposal.lines}
    payees = payees_in(wanted.payees, currency=proposal.currency, members=members)
    if members and not payees:
        raise BadPayeesError(f"{wanted.payees} has no details of anybody whom this batch pays")
    if missing := len(members) - len(payees):
        unknown = counted(missing, "payee")
        say(f"note: {wanted.payees} has no details of {unknown}: the approval drops them, another batch pays them")
    salt = secrets.token_hex(16)
    return prepare(ledger, wanted.command, proposal.draft(_hashed(payees, salt), salt)), proposal


def _agreed(ledger: Ledger, wanted: Wanted) -> Proposal:
    """What both implementations say is to be paid (X-2)."""
    command = wanted.command
    with viewed(ledger, Question(command.cut_off, None, None, None)) as (session, position):
        proposal = propose(session, ledger.log, command.currency, command.cut_off)
    with progress("replaying", position) as advance:
        check_agreed(ledger.log, proposal, wanted.means, advance)
    return proposal


def _hashed(payees: Mapping[str, Payee], salt: str) -> dict[str, str]:
    return {member: payee.salted_hash(bytes.fromhex(salt)) for member, payee in payees.items()}


@payout.command("approve", short_help="Approve a batch.")
@click.argument("batch_id", metavar="ID", type=ID)
@click.option(
    "--sign-key",
    type=click.Path(path_type=Path),
    help="Sign the approval with this private key, as `head keygen` makes one.",
)
@click.pass_obj
def approve_command(settings: Settings, batch_id: str, sign_key: Path | None) -> None:
    """Approve batch ID, which somebody else prepared, and reserve its money.

    Every line is looked at once more: one that a refund or another batch no longer covers, whose member was frozen, or
    whose payee had no details is dropped with its reason, and the others are reserved.
    """
    with opened(settings) as ledger:
        warn_of_labels(settings)
        with viewed(ledger, Question(system_clock(), None, None, None)) as (session, _):
            batch = batch_of(session, batch_id)
        if batch.salt is None:
            say(f"note: no payment file can be made of batch {batch_id}: it was prepared without payees' details")
        signed = None if sign_key is None else _signed(batch, sign_key)
        approval = approve(ledger, batch_id, payable_at_head, signed=signed)
    for line, reason in approval.dropped:
        say(f"dropped: {line.member}, {format_minor(line.amount_minor, batch.currency)} {batch.currency}: {reason}")
    total = f"{format_minor(approval.total_minor, batch.currency)} {batch.currency}"
    done = f"batch {batch_id} is approved: {counted(approval.reserved, 'payout')}, {total} reserved"
    told(approval.outcome, done, f"batch {batch_id} is approved already")


def _signed(batch: BatchFound, sign_key: Path) -> SignedApproval:
    text = approval_text(
        batch.id, lines=batch.lines_hash, count=batch.lines, total_minor=batch.total_minor, currency=batch.currency
    )
    key = read_key(sign_key)
    return SignedApproval(sign_note(text, key), key.verifier)


@payout.command("reject", short_help="Turn a batch down.")
@click.argument("batch_id", metavar="ID", type=ID)
@click.option("--reason", required=True, type=REASON, help="Why; goes into the event.")
@click.pass_obj
def reject_command(settings: Settings, batch_id: str, reason: str) -> None:
    """Turn batch ID down. Preparing reserved nothing, so nothing is released."""
    with opened(settings) as ledger:
        outcome = reject(ledger, batch_id, reason)
    told(outcome, f"batch {batch_id} is rejected", f"batch {batch_id} is rejected already")


@payout.command("freeze", short_help="Pay a member nothing for the time being.")
@click.argument("member", type=ID)
@click.option("--reason", required=True, type=REASON, help="Why; goes into the event.")
@click.pass_obj
def freeze_command(settings: Settings, member: str, reason: str) -> None:
    """Leave MEMBER out of every batch until `payout unfreeze`; what is reserved already is dropped at approval."""
    _submit(settings, "freeze", member, reason)


@payout.command("unfreeze", short_help="Pay a member again.")
@click.argument("member", type=ID)
@click.option("--reason", required=True, type=REASON, help="Why; goes into the event.")
@click.pass_obj
def unfreeze_command(settings: Settings, member: str, reason: str) -> None:
    """End the freeze of MEMBER."""
    _submit(settings, "unfreeze", member, reason)


def _submit(settings: Settings, kind: str, member: str, reason: str) -> None:
    record = {"type": kind, "id": uuid4().hex, "at": system_clock(), "member": member, "reason": reason}
    with opened(settings) as ledger:
        outcome = ledger.submit([command_from(record)], source=DEFAULT_SOURCE)[0]
    told(outcome, f"{member} is {'frozen' if kind == 'freeze' else 'no longer frozen'}", "done already")
