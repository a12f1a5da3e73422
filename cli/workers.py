"""For operators: the store, the projection worker and the expiry of bindings."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import datetime
from types import FrameType
from zoneinfo import ZoneInfo

import click
from psycopg.conninfo import conninfo_to_dict

from cli.context import BEHIND, Settings, opened
from cli.options import INSTANT, format_option, tz_option
from cli.output import Format, Report, Section, emit
from cli.terminal import counted, progress, say
from ledger.store.migrate import migrate
from ledger.store.sqlite import URL_PREFIX
from projections.commissions import NAME
from projections.runner import Runner
from projections.view import PACKAGES, pending
from projections.worker import follow


@click.command(short_help="Create or migrate the store.")
@click.pass_obj
def init(settings: Settings) -> None:
    """Create or migrate the store that --db names; safe to repeat. On PostgreSQL run it as the database's owner."""
    applied = migrate(settings.url, PACKAGES)
    store = _place(settings.url)
    say(f"applied: {', '.join(applied)}", at=1)
    say(f"{store} is {'ready; next: refledger plan publish FILE' if applied else 'up to date'}")


def _place(url: str) -> str:
    """Where a store is, without what opens it."""
    if url.startswith(URL_PREFIX):
        return url
    parts = conninfo_to_dict(url)
    return f"database {parts.get('dbname', '')} on {parts.get('host') or 'this machine'}"


@click.command(short_help="Record every binding that lapsed.")
@click.option("--as-of", type=INSTANT, help="Up to this instant. Default: now.")
@tz_option
@click.pass_obj
def expire(settings: Settings, as_of: datetime | None, tz: ZoneInfo | None) -> None:
    """Record every binding that lapsed. A record for people: a lapsed binding earns nothing, recorded or not."""
    del tz
    with opened(settings) as ledger:
        count = ledger.expire(as_of)
    say(f"{counted(count, 'lapsed binding')} recorded")


@click.group(short_help="Keep balances, teams and outcomes current.")
def worker() -> None:
    """Projection workers keep balances, teams and outcomes current."""


@worker.command("run", short_help="Project the log, once or for ever.")
@click.option("--once", is_flag=True, help="Catch up with the log and end.")
@click.option("--projections", default=NAME, show_default=True, help="Which, separated by commas.")
@click.option(
    "--poll-seconds",
    type=click.FloatRange(min=0.01),
    default=0.5,
    show_default=True,
    help="How often to look for new events.",
)
@click.pass_obj
def worker_run(settings: Settings, *, once: bool, projections: str, poll_seconds: float) -> None:
    """Bring the projections to the head of the log and, without --once, keep them there until SIGTERM or Ctrl-C."""
    unknown = sorted(set(projections.split(",")) - {NAME})
    if unknown:
        raise click.BadParameter(f"no projection {', '.join(unknown)}: there is {NAME}", param_hint="--projections")
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopped.set()

    with opened(settings) as ledger:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        runner = Runner(ledger.log)
        if once:
            with progress("projecting", pending(ledger.log, None)) as advance:
                say(f"{counted(runner.catch_up(progress=advance), 'event')} projected")
            return
        say("following the log; stop with Ctrl-C")
        events = follow(runner, stopped, poll_seconds)
        say(f"stopped after {counted(events, 'event')}; the last batch is committed")


@worker.command("status", short_help="Show how far the projections are.")
@click.option("--max-lag", type=click.IntRange(min=0), help="Status 7 if a projection is more events behind than this.")
@format_option
@click.pass_obj
def worker_status(settings: Settings, *, max_lag: int | None, form: Format | None) -> None:
    """Show where each projection is, and how many events it is behind the log."""
    with opened(settings) as ledger:
        lag, head = pending(ledger.log, None), ledger.log.head()
    row = {"projection": NAME, "position": head - lag, "head": head, "lag_events": lag}
    emit(Report([Section(list(row), [row])], [row]), form, None)
    if max_lag is not None and lag > max_lag:
        say(f"{NAME} is {counted(lag, 'event')} behind, more than {max_lag}")
        sys.exit(BEHIND)
