"""The command `refledger`."""

from __future__ import annotations

import signal
import sys
from importlib import metadata
from types import FrameType

import click

from cli import context
from cli.adjustments import adjustment
from cli.archiving import archive
from cli.auditing import audit
from cli.balances import balance, explain
from cli.booked import journal, postings
from cli.demo import demo
from cli.differences import diff
from cli.exporting import export
from cli.head_proofs import consistency, prove, show
from cli.heads import head
from cli.ingest import ingest
from cli.options import CheckedParam
from cli.payment_files import export_command, settle_command
from cli.payouts import payout
from cli.periods import period
from cli.plans import plan
from cli.rebuilding import worker_rebuild
from cli.replays import replay
from cli.statements import statement
from cli.teams import team
from cli.verifying import verify
from cli.witnessing import witness
from cli.workers import expire, init, worker
from ledger.application import check_url
from ledger.ids import check_id

DEFAULT_URL = "sqlite:///refledger.db"


def _version() -> str:
    try:
        return metadata.version("refledger")
    except metadata.PackageNotFoundError:
        return "of a checkout that is not installed"


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a command as Ctrl-C does: what is committed stays, files are finished, words are said."""
    del number, frame
    raise KeyboardInterrupt


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "REFLEDGER",
        "max_content_width": 100,
    }
)
@click.version_option(_version())
@click.option(
    "--db",
    "url",
    envvar="REFLEDGER_DB",
    type=CheckedParam("url", check_url, is_secret=True),
    default=DEFAULT_URL,
    show_default=True,
    help="The store: sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
)
@click.option(
    "--actor",
    envvar="REFLEDGER_ACTOR",
    type=CheckedParam("name", check_id),
    default="anonymous",
    show_default=True,
    help="Who is acting: a label that goes into every event.",
)
@click.option("-v", "--verbose", count=True, help="Say more.")
@click.option("-q", "--quiet", count=True, help="Say less: errors only.")
@click.option("--no-input", is_flag=True, help="Never ask. (No command asks yet; scripts may set it already.)")
@click.pass_context
def refledger(ctx: click.Context, *, url: str, actor: str, verbose: int, quiet: int, no_input: bool) -> None:
    """An event-sourced referral ledger: every commission explained, replayed and provable.

    \b
    First steps:
      refledger init                        make the store
      refledger plan publish plan.toml      say what is paid
      refledger ingest shop.jsonl.gz        feed in invites, binds, orders, refunds
      refledger balance                     who earned what
      refledger explain order ID            and why
      refledger replay                      compute it all again from the events

    Data goes to standard output, everything else to standard error. Every option has an environment variable, as
    REFLEDGER_INGEST_SOURCE for `ingest --source`. Exit status: 0 done, 1 unexpected, 2 usage, 3 the books disagree,
    4 not found, 5 conflict, 6 refused by a rule, 7 behind, 8 database unreachable.
    """
    del no_input
    ctx.obj = context.Settings(url, actor, verbose - quiet)


for command in (
    init,
    plan,
    ingest,
    expire,
    balance,
    team,
    explain,
    statement,
    adjustment,
    period,
    replay,
    diff,
    payout,
    archive,
    head,
    export,
    verify,
    audit,
    worker,
    demo,
):
    refledger.add_command(command)
for command in (show, prove, consistency, witness):
    head.add_command(command)
for command in (postings, journal):
    export.add_command(command)
payout.add_command(export_command)
payout.add_command(settle_command)
worker.add_command(worker_rebuild)


def main() -> None:
    """Entry point: runs a command; errors become one line and an exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        refledger(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        click.echo("interrupted; run the same command again to go on", err=True)
        sys.exit(context.UNEXPECTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  # the one place where every error becomes a status
        context.explain_and_exit(error)
