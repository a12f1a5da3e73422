"""The command `refledger`."""

from __future__ import annotations

import signal
import sys
from importlib import metadata
from types import FrameType

import click

from cli import context
from cli.elsewhere import GroupWithMore
from cli.options import CheckedParam
from ledger.application import check_url
from ledger.ids import check_id

DEFAULT_URL = "sqlite:///refledger.db"
COMMANDS = {
    "adjustment": "cli.adjustments:adjustment",
    "archive": "cli.archiving:archive",
    "audit": "cli.auditing:audit",
    "balance": "cli.balances:balance",
    "demo": "cli.demo:demo",
    "diff": "cli.differences:diff",
    "expire": "cli.workers:expire",
    "explain": "cli.balances:explain",
    "export": "cli.exporting:export",
    "head": "cli.heads:head",
    "ingest": "cli.ingest:ingest",
    "init": "cli.workers:init",
    "payout": "cli.payouts:payout",
    "period": "cli.periods:period",
    "plan": "cli.plans:plan",
    "replay": "cli.replays:replay",
    "statement": "cli.statements:statement",
    "team": "cli.teams:team",
    "verify": "cli.verifying:verify",
    "worker": "cli.workers:worker",
}


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
    cls=GroupWithMore,
    elsewhere=COMMANDS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "REFLEDGER",
        "max_content_width": 100,
    },
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
