"""How the workers are doing: what each knows of itself, and the table that everyone can read."""

from __future__ import annotations

import os
import socket
import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ledger.clock import from_micros, system_clock, to_micros
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from projections.duty import Lag, Place, lag_of

# Who said nothing for so long is not there any more.
STALE_SECONDS = 10
# Upper bounds of batch times, as metrics count them.
BATCH_SECONDS_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_TAKE = load("projections", "take_status")
_UPDATE = load("projections", "update_status")
_SELECT = load("projections", "select_status")

# backoff: an error that may pass, waiting to try again; standby: another worker leads.
State = Literal["starting", "standby", "running", "backoff", "stopped", "failed"]
# stale: it runs by its own account, which is old; never: no worker ever led it.
ShownState = Literal["running", "stopped", "failed", "stale", "never"]


@dataclass(slots=True)
class Standing:
    """One projection in one worker process: written by its thread, read by the others.

    events     done since the process began; batches likewise
    failures   batches that ended in an error
    restarts   times it led again after an error
    buckets    batches by `BATCH_SECONDS_BOUNDS`, the last one beyond all
    lag        as measured a second ago at most; None: not known
    bad, reason  why it failed, and on which event if it was one
    """

    projection: str
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    state: State = "starting"
    since: datetime = field(default_factory=system_clock)
    events: int = 0
    batches: int = 0
    batch_seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BATCH_SECONDS_BOUNDS) + 1))
    failures: int = 0
    restarts: int = 0
    events_per_second: int = 0
    lag: Lag | None = None
    bad: Place | None = None
    reason: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, state: State) -> bool:
        """Changes the state; False: it was that already."""
        if state == self.state:
            return False
        self.state, self.since = state, system_clock()
        return True

    def count(self, events: int, seconds: float) -> None:
        """A batch was committed."""
        self.events += events
        self.batches += 1
        self.batch_seconds += seconds
        self.buckets[bisect_left(BATCH_SECONDS_BOUNDS, seconds)] += 1


def take(log: LogRecorder, standing: Standing) -> None:
    """This worker leads the projection from now on."""
    with standing.lock, log.writing() as session:
        session.run(_TAKE, projection=standing.projection, owner=standing.owner, now=to_micros(system_clock()))


def update(log: LogRecorder, standing: Standing) -> None:
    """Writes down how a projection that this worker leads or led is doing; nothing if another leads it by now."""
    # Under the lock, so that what is written last is what is true last.
    with standing.lock, log.writing() as session:
        session.run(
            _UPDATE,
            projection=standing.projection,
            owner=standing.owner,
            state=standing.state,
            since=to_micros(standing.since),
            now=to_micros(system_clock()),
            events_per_second=standing.events_per_second if standing.state == "running" else 0,
            failed_position=standing.bad.position if standing.bad else None,
            failed_stream=standing.bad.stream if standing.bad else None,
            reason=standing.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One projection as `worker status` shows it.

    events_per_second  of a running one
    since, seen_at     when the state began; its owner's last sign of life
    """

    projection: str
    lag: Lag
    state: ShownState = "never"
    owner: str | None = None
    events_per_second: int = 0
    since: datetime | None = None
    seen_at: datetime | None = None
    bad: Place | None = None
    reason: str | None = None


def shown(session: Session, projection: str, now: datetime) -> Shown:
    """How a projection is doing, whoever keeps it."""
    lag = lag_of(session, projection, now)
    row = next((row for row in session.rows(_SELECT) if row[0] == projection), None)
    if row is None:
        return Shown(projection=projection, lag=lag)
    _, owner, state, since_us, seen_at_us, events_per_second, position, stream, reason = row
    seen_at = from_micros(seen_at_us)
    is_stale = state == "running" and (now - seen_at).total_seconds() > STALE_SECONDS
    return Shown(
        projection=projection,
        lag=lag,
        state="stale" if is_stale else state,
        owner=owner,
        events_per_second=0 if is_stale else events_per_second,
        since=from_micros(since_us),
        seen_at=seen_at,
        bad=None if position is None else Place(position, stream),
        reason=reason,
    )
