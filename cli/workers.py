"""For operators: the store, the workers that keep the projections, and the expiry of bindings."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import FrameType
from typing import Any, cast
from zoneinfo import ZoneInfo

import click
from psycopg.conninfo import conninfo_to_dict

from cli import logs
from cli.context import BEHIND, DISAGREE, UNEXPECTED, Settings, opened
from cli.elsewhere import GroupWithMore
from cli.logs import LOG_FORMATS
from cli.options import INSTANT, CheckedParam, format_option, tz_option
from cli.output import Cell, Format, Report, Section, emit
from cli.serving import checked_address, parse_address, serving
from cli.terminal import counted, progress, say
from ledger.application import Ledger
from ledger.clock import system_clock
from ledger.store.migrate import migrate
from ledger.store.recorder import LogRecorder
from ledger.store.sqlite import URL_PREFIX
from projections.crew import EXPIRY_POLLS, Stop, follow, run_once, workers_of
from projections.duty import PROJECTIONS, lag_of
from projections.pace import pause_seconds
from projections.status import Shown, Standing, shown
from projections.view import PACKAGES
from projections.worker import is_passing, tell

REBUILDING = {"rebuild": "cli.rebuilding:worker_rebuild"}


class ProjectionsParam(click.ParamType[tuple[str, ...]]):
    """Names of projections, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:  # noqa: ANN401  # click's signature
        """The projections named, each once."""
        if isinstance(value, tuple):
            return cast("tuple[str, ...]", value)
        names = set(str(value).split(","))
        if unknown := sorted(names - set(PROJECTIONS)):
            self.fail(f"no projection {', '.join(unknown)}: there are {', '.join(PROJECTIONS)}", param, ctx)
        return tuple(name for name in PROJECTIONS if name in names)


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


@click.group(cls=GroupWithMore, elsewhere=REBUILDING, short_help="Keep balances, teams and outcomes current.")
def worker() -> None:
    """Projection workers keep balances, teams, outcomes and the log's tree current, and record bindings that lapsed.

    \b
    commissions   order outcomes, balances and teams, from the events of the log
    tree          hashes of the log, which heads are signed and proofs made from
    expiry        an event for every binding that lapsed
    """


projections_option = click.option(
    "--projections",
    type=ProjectionsParam(),
    default=",".join(PROJECTIONS),
    show_default=True,
    help="Which, separated by commas.",
)


@worker.command("run", short_help="Keep the projections current, once or for ever.")
@click.option("--once", is_flag=True, help="Do what there is to do and end.")
@projections_option
@click.option(
    "--poll-seconds",
    type=click.FloatRange(min=0.01),
    default=0.5,
    show_default=True,
    help=f"How often to look for new events; lapses {EXPIRY_POLLS} times more rarely.",
)
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="How long a batch may go on after SIGTERM.",
)
@click.option("--metrics", type=CheckedParam("host:port", checked_address), help="Serve metrics and health there.")
@click.option("--max-lag", type=click.IntRange(min=0), help="Not ready while more events behind than this.")
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    help="Default: text on a terminal, one JSON object a line otherwise.",
)
@click.pass_obj
def worker_run(settings: Settings, *, once: bool, projections: tuple[str, ...], **options: Any) -> None:
    """Keep the projections at the head of the log until SIGTERM or Ctrl-C; with --once, bring them there and end.

    Any number of workers may run, on any machines: one leads each projection, the others stand by, and one of them
    takes over within a second when the leader is gone. Every batch is one transaction together with the place it
    reaches, so whatever happens nothing is projected twice or left out. After SIGTERM the batch at hand is finished.
    When the database is away the worker waits for it.

    An event that cannot be projected stops its projection, and no other: everything before it is projected, nothing is
    skipped, `worker status` says which event and why, and the next start tries again from there.

    \b
    refledger worker run --once                       after a night's ingest, from cron
    refledger worker run                              beside everything else
    refledger worker run --projections commissions    lapses are recorded elsewhere
    refledger worker run --metrics 127.0.0.1:9464 --max-lag 10000
      curl http://127.0.0.1:9464/metrics              for Prometheus
      curl http://127.0.0.1:9464/health/live          200 while the process answers
      curl http://127.0.0.1:9464/health/ready         503 if a projection failed, waits for the database, or lags

    Exit status: 0 stopped, 1 a batch had to be given up after --drain-seconds, 3 a projection failed.
    """
    standings = [Standing(name) for name in projections]
    if once:
        _run_once(settings, standings, options["poll_seconds"])
    else:
        logs.configure(options["log_format"], settings.verbosity)
        address = options["metrics"] and parse_address(options["metrics"])
        with serving(address, standings, options["max_lag"]):
            _follow(settings, standings, options["poll_seconds"], options["drain_seconds"])
        if any(standing.state == "failed" for standing in standings):
            sys.exit(DISAGREE)


def _run_once(settings: Settings, standings: list[Standing], poll_seconds: float) -> None:
    logs.disable()
    with opened(settings) as ledger:
        workers = workers_of(ledger, settings.url, standings, poll_seconds)
        try:
            with progress("projecting", _pending(ledger.log, standings)) as advance:
                run_once(ledger, workers, advance)
        finally:
            for one in workers:
                say(f"{counted(one.standing.events, one.duty.unit)} {one.duty.doing}")


def _pending(log: LogRecorder, standings: list[Standing]) -> int:
    """How much there is to do, all in all."""
    now = system_clock()
    with log.reading() as session:
        return sum(max(0, lag_of(session, standing.projection, now).events) for standing in standings)


def _follow(settings: Settings, standings: list[Standing], poll_seconds: float, drain_seconds: float) -> None:
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.ask()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    with _opened_in_time(settings, stop) as ledger:
        if ledger is None:
            return
        workers = workers_of(ledger, settings.url, standings, poll_seconds)
        if not follow(ledger, workers, stop, drain_seconds):
            late = f"a batch was still at work {drain_seconds:g} s after the stop"
            click.echo(f"error: {late}: it is given up, nothing of it is kept", err=True)
            # Its thread cannot be ended; with the process go its connection, its transaction and its lease.
            os._exit(UNEXPECTED)


@contextmanager
def _opened_in_time(settings: Settings, stop: Stop) -> Generator[Ledger | None]:
    """The ledger, as soon as its database answers; None: it was told to stop before."""
    with ExitStack() as resources:
        errors = 0
        while not stop.wait(0):
            try:
                ledger = resources.enter_context(opened(settings))
            except Exception as error:
                if not is_passing(error):
                    raise
                errors += 1
                pause = pause_seconds(errors, random.random())  # noqa: S311  # no secret
                tell(logging.WARNING, "backoff", None, seconds=round(pause, 3), reason=" ".join(str(error).split()))
                stop.wait(pause)
            else:
                yield ledger
                return
        yield None


@worker.command("status", short_help="Show how far the projections are, and who keeps them.")
@projections_option
@click.option("--max-lag", type=click.IntRange(min=0), help="Status 7 if a projection is more events behind than this.")
@format_option
@click.pass_obj
def worker_status(
    settings: Settings, *, projections: tuple[str, ...], max_lag: int | None, form: Format | None
) -> None:
    """Show where each projection is, how far behind the log, and which worker keeps it.

    \b
    position      the last event it stands for; expiry follows bindings, not positions
    lag_events    events not projected yet; for expiry, bindings that lapsed without a record yet
    lag_seconds   since the first of them was recorded, or lapsed; 0: none
    rate          events a second
    owner         host:pid of the worker that leads, or led last
    state         running · stopped · failed: see reason · stale: said nothing for 10 seconds · never: nobody ran it

    \b
    refledger worker status --max-lag 10000           for a monitor
    refledger worker status --projections commissions --format json

    Exit status: 3 if a projection failed, else 7 if one is further behind than --max-lag.
    """
    with opened(settings) as ledger, ledger.log.reading() as session:
        now = system_clock()
        found = [shown(session, name, now) for name in projections]
    rows = [_status_row(one) for one in found]
    details = [row | _status_details(one) for row, one in zip(rows, found, strict=True)]
    emit(Report([Section(list(rows[0]), rows)], details, Section(list(details[0]), details)), form, None)
    for one in found:
        if max_lag is not None and one.lag.events > max_lag:
            say(f"{one.projection} is {counted(one.lag.events, 'event')} behind, more than {max_lag}")
    if any(one.state == "failed" for one in found):
        sys.exit(DISAGREE)
    if max_lag is not None and any(one.lag.events > max_lag for one in found):
        sys.exit(BEHIND)


def _status_row(one: Shown) -> dict[str, Cell]:
    where = f"position {one.bad.position} ({one.bad.stream or 'no event'}): " if one.bad else ""
    return {
        "projection": one.projection,
        "position": one.lag.position,
        "head": one.lag.head,
        "lag_events": one.lag.events,
        "lag_seconds": int(one.lag.seconds),
        "rate": one.events_per_second,
        "owner": one.owner,
        "state": one.state,
        "reason": one.reason and where + one.reason,
    }


def _status_details(one: Shown) -> dict[str, Cell]:
    return {
        "since": one.since,
        "seen_at": one.seen_at,
        "failed_position": one.bad.position if one.bad else None,
        "failed_stream": one.bad.stream if one.bad else None,
    }
