"""The peers: the eventsourcing library used as it comes, storing and projecting the same events."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict

from benchmarks.cases import LATER, live_digest, save_all
from benchmarks.measure import Done, Job, Watch, expect
from ledger.application import Ledger
from ledger.store.postgres import URL_KEY, PostgresSession
from ledger.store.recorder import Recorded
from ledger.store.sqlite import URL_PREFIX, path_of
from projections.changes import read_changes
from projections.checkpoint import begin, move
from projections.commissions import NAME, Commissions
from projections.replay_python import replay

WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Fact:
    """An event as the library's own JSON transcoder stores it; `data` is the whole envelope of ours, as plain data."""

    originator_id: str
    originator_version: int
    data: dict[str, Any]


class StockApplication(Application[str]):
    """The library's application with its own recorder and mapper."""

    name = "stock"


def save(job: Job, watch: Watch) -> Done:
    """`app.save(...)` of events that are already made and decided, in batches of one transaction each."""
    with closing(Ledger(job.log)) as ledger, closing(StockApplication(_stock_environment(job.target))) as app:
        events = save_all(app, map(_fact, ledger.log.read(upto=job.upto)), job.batch_size, watch)
    return Done(events=events)


def project(job: Job, watch: Watch) -> Done:
    """The projection's own SQL with one transaction per event, as the library's `ProjectionRunner` works."""
    with closing(Ledger(job.log)) as ledger:
        head = ledger.log.head()
        if job.log.startswith(URL_PREFIX):
            _project_alone(ledger, watch)
        else:
            _project_with_runner(job.log, head, watch)
        found = live_digest(ledger)
        expect("digest", found=found, wanted=replay(ledger.log.read(), LATER).digest)
    return Done(events=head, digest=found)


def _stock_environment(target: str) -> dict[str, str]:
    """Of the library's own table in an empty store; text ids, which its index likes better than random UUIDs."""
    if target.startswith(URL_PREFIX):
        module, place = "eventsourcing.sqlite", {"SQLITE_DBNAME": path_of(target)}
    else:
        module, place = "eventsourcing.postgres", _postgres_place(target)
    return {"PERSISTENCE_MODULE": module, "ORIGINATOR_ID_TYPE": "text", **place}


def _postgres_place(url: str) -> dict[str, str]:
    parts = conninfo_to_dict(url)
    names = ("dbname", "host", "port", "user", "password")
    return {f"POSTGRES_{name.upper()}": str(parts.get(name, "")) for name in names}


def _fact(row: Recorded) -> DomainEventProtocol[str]:
    return cast("DomainEventProtocol[str]", Fact(row.stream, row.version, json.loads(row.state)))


# ---- SQLite: the library's recorder has no subscription there, so its runner cannot work; this is its loop.


def _project_alone(ledger: Ledger, watch: Watch) -> None:
    commissions = Commissions()
    with ledger.log.writing() as session:
        begin(session, NAME)
    with watch:
        for row in ledger.log.read():
            with ledger.log.writing() as session:
                move(session, NAME, after=row.position - 1, upto=row.position)
                commissions.project(session, read_changes([row]))


# ---- PostgreSQL: the library's runner itself, over our log.


class AsStored(Mapper[str]):
    """Hands on what is stored; the projection decodes it, once, as it does with our runner."""

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """The stored event."""
        return cast("DomainEventProtocol[str]", stored_event)


class LogApplication(Application[str]):
    """The log, for subscribing to."""

    name = "refledger"

    def construct_mapper(self) -> Mapper[str]:
        """No decoding."""
        return AsStored(self.construct_transcoder())


class View(PostgresTrackingRecorder):
    """The commissions projection's tables, written in the library's way: one transaction with the tracking row."""

    _commissions = Commissions()

    def project(self, event: StoredEvent, tracking: Tracking) -> None:
        """One event."""
        stream, version = str(event.originator_id), event.originator_version
        row = Recorded(tracking.notification_id, stream, version, event.topic, event.state)
        with self.datastore.get_connection() as connection, connection.transaction():
            self._insert_tracking(connection.cursor(), tracking)
            self._commissions.project(PostgresSession(connection), read_changes([row]))


def _project_with_runner(log: str, head: int, watch: Watch) -> None:
    reached = Event()
    environment = {
        "REFLEDGER_PERSISTENCE_MODULE": "ledger.store.postgres:PostgresStoreFactory",
        URL_KEY: log,
        f"{NAME.upper()}_PERSISTENCE_MODULE": "eventsourcing.postgres",
        **_postgres_place(log),
    }
    with ExitStack() as stack, watch:
        runner = stack.enter_context(
            ProjectionRunner(
                application_class=LogApplication,
                projection_class=_projection_to(head, reached),
                view_class=View,
                env=environment,
            )
        )
        while not reached.wait(WAIT_SECONDS) and not runner.is_interrupted.is_set():
            pass


def _projection_to(last: int, reached: Event) -> type[Projection[View]]:
    """What the library's runner calls for each event; says when the last one is done."""

    class ToLast(Projection[View]):
        name = NAME

        @singledispatchmethod
        def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401  # the library's signature
            self.view.project(domain_event, tracking)
            if tracking.notification_id == last:
                reached.set()

    return ToLast
