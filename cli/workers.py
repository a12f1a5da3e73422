"""For operators: the store, the projection worker and the expiry of bindings."""

from __future__ import annotations

import signal
import threading
from datetime import datetime
from types import FrameType

import click

from cli.context import INSTANT, Settings, opened, progress, say
from ledger.store.migrate import migrate
from projections.commissions import NAME
from projections.runner import Runner
from projections.view import PACKAGES
from projections.worker import follow


@click.command()
@click.pass_obj
def init(settings: Settings) -> None:
    """Create or migrate the store that --db names; safe to repeat. On PostgreSQL run it as the database's owner."""
    applied = migrate(settings.url, PACKAGES)
    say(f"{len(applied)} migrations applied" if applied else "the store is up to date already")


@click.command()
@click.option("--as-of", type=INSTANT, help="Up to this instant. Default: now.")
@click.option("--tz", is_eager=True, help="Time zone of a date given without a time.")
@click.pass_obj
def expire(settings: Settings, as_of: datetime | None, tz: str | None) -> None:
    """Record every binding that lapsed. A record for people: a lapsed binding earns nothing, recorded or not."""
    del tz
    with opened(settings) as ledger:
        count = ledger.expire(as_of)
    say(f"{count} lapsed bindings recorded")


@click.group()
def worker() -> None:
    """Projection workers keep balances, teams and outcomes current."""


@worker.command("run")
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
            with progress("projecting", ledger.log.head()) as advance:
                say(f"{runner.catch_up(progress=advance)} events projected")
            return
        say("following the log; stop with Ctrl-C")
        events = follow(runner, stopped, poll_seconds)
        say(f"stopped after {events} events; the last batch is committed")
