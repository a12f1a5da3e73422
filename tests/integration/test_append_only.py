"""Nothing in the log is ever changed: the databases refuse it, and the application may not (rules G-2 and G-7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from psycopg import sql

from ledger.application import Ledger
from ledger.clock import from_micros
from ledger.commands import command_from
from ledger.errors import NoPlanError
from ledger.inputs import input_of
from ledger.mapper import decode
from ledger.store.migrate import migrate
from ledger.store.postgres import WRITER_ROLE
from ledger.store.recorder import Encoded
from ledger.store.session import Session, Sql
from ledger.store.sqlite import path_of
from projections.view import PACKAGES
from tests.builders import order, plan, submit
from tests.logins import create_login, login, url_of
from tests.postgres_server import Databases, postgres_server

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
JANUARY = "2026-01-01T00:00:00Z"
WHOLE_LOG: LiteralString = "SELECT * FROM event ORDER BY position"

# What the owner of the database may try with a log of three events, and what the database says to it.
ON_EITHER: dict[str, tuple[LiteralString, str]] = {
    "update": ("UPDATE event SET topic = 'other'", "append-only"),
    "update of the bytes of one": ("UPDATE event SET state = NULL WHERE position = 2", "append-only"),
    "delete": ("DELETE FROM event", "append-only"),
    "delete of the last": ("DELETE FROM event WHERE position = 3", "append-only"),
    "upsert": (
        "INSERT INTO event SELECT * FROM event WHERE position = 2 ON CONFLICT (position) DO UPDATE SET topic = 'other'",
        "append-only",
    ),
    "insert of the same again": ("INSERT INTO event SELECT * FROM event", "append-only|duplicate key"),
    "insert of a stream's version again": (
        "INSERT INTO event SELECT 4, stream, version, topic, state, recorded_at_us FROM event WHERE position = 2",
        "append-only|duplicate key",
    ),
    "insert at position 0": (
        "INSERT INTO event SELECT 0, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 2",
        "append-only|check constraint",
    ),
    "insert without a position": (
        "INSERT INTO event SELECT NULL, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 2",
        "append-only|not-null constraint",
    ),
}
ON_SQLITE: dict[str, LiteralString] = {
    "replace of a position": (
        "INSERT OR REPLACE INTO event "
        "SELECT position, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 2"
    ),
    "replace of a stream's version": (
        "INSERT OR REPLACE INTO event "
        "SELECT 4, stream, version, 'other', state, recorded_at_us FROM event WHERE position = 2"
    ),
    "ignore at a position that is taken": (
        "INSERT OR IGNORE INTO event "
        "SELECT position, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 2"
    ),
    "ignore of a stream's version again": (
        "INSERT OR IGNORE INTO event "
        "SELECT 4, stream, version, 'other', state, recorded_at_us FROM event WHERE position = 2"
    ),
    "update or replace": "UPDATE OR REPLACE event SET position = 2 WHERE position = 3",
    "update or ignore": "UPDATE OR IGNORE event SET topic = 'other'",
    "insert past the next position": (
        "INSERT INTO event SELECT 5, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 2"
    ),
    "insert before the first": (
        "INSERT INTO event SELECT -1, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 2"
    ),
}
ON_POSTGRES: dict[str, LiteralString] = {
    "update of nothing": "UPDATE event SET topic = 'other' WHERE position = 99",
    "delete of nothing": "DELETE FROM event WHERE position = 99",
    "truncate": "TRUNCATE event",
    "truncate with others": "TRUNCATE decision_binding, event, decision_refund CASCADE",
    "merge that updates": "MERGE INTO event USING event AS e ON event.position = e.position "
    "WHEN MATCHED THEN UPDATE SET topic = 'other'",
    "merge that deletes": "MERGE INTO event USING event AS e ON event.position = e.position WHEN MATCHED THEN DELETE",
}
BY_THE_WRITER: dict[str, LiteralString] = {
    **{change: ON_EITHER[change][0] for change in ("update", "delete", "upsert")},
    **ON_POSTGRES,
    "trigger switched off": "ALTER TABLE event DISABLE TRIGGER ALL",
    "trigger dropped": "DROP TRIGGER event_append_only ON event",
    "triggers of the session switched off": "SET session_replication_role = replica",
    "table dropped": "DROP TABLE event",
}
FOURTH: LiteralString = (
    "INSERT INTO event SELECT 4, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 1"
)


def fill(url: str) -> None:
    """Records positions 1 to 3."""
    with closing(Ledger(url)) as ledger:
        submit(ledger, plan(), order("o1", "ann", 100, JANUARY), order("o2", "ann", 200, JANUARY))


@contextmanager
def connected(url: str) -> Generator[sqlite3.Connection | psycopg.Connection[Any]]:
    """A connection past the application, as the owner."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(path_of(url), isolation_level=None, timeout=30)) as connection:
            yield connection
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def log_of(url: str) -> list[tuple[Any, ...]]:
    """Every column of every event."""
    with connected(url) as connection:
        return connection.execute(WHOLE_LOG).fetchall()


def assert_refused(url: str, change: LiteralString, message: str) -> None:
    """The database refuses a change with this message, and the log is the same as before."""
    fill(url)
    before = log_of(url)
    with connected(url) as connection, pytest.raises((sqlite3.DatabaseError, psycopg.DatabaseError), match=message):
        connection.execute(change)
    assert len(before) == 3
    assert log_of(url) == before


# ---- What the databases refuse to anyone


@pytest.mark.parametrize("change", ON_EITHER)
def test_a_change_of_the_log_is_refused(store_url: str, change: str) -> None:
    """The owner of the database cannot update, delete, upsert or repeat an event on either store."""
    assert_refused(store_url, *ON_EITHER[change])


@pytest.mark.parametrize("change", ON_SQLITE)
def test_what_only_sqlite_knows_is_refused(sqlite_url: str, change: str) -> None:
    """SQLite's conflict clauses fire no delete trigger and hide errors: none gets round, nor does a wrong position."""
    assert_refused(sqlite_url, ON_SQLITE[change], "append-only")


@pytest.mark.parametrize("change", ON_POSTGRES)
def test_what_only_postgres_knows_is_refused(postgres_url: str, change: str) -> None:
    """TRUNCATE and MERGE are refused, and so is a change that would touch no row."""
    assert_refused(postgres_url, ON_POSTGRES[change], "append-only")


# ---- What the application may do: it acts in the writer role


@contextmanager
def writer(url: str) -> Generator[psycopg.Connection[Any]]:
    """A connection with the rights of the application."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(WRITER_ROLE)))
        yield connection


def test_the_writer_role_may_read_and_add_events_and_nothing_else(postgres_url: str) -> None:
    """Of all the privileges there are on a table, the role has SELECT and INSERT, and nobody can log in as it."""
    privileges = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
    with psycopg.connect(postgres_url) as connection:
        granted = connection.execute(
            "SELECT p FROM unnest(%s::text[]) AS p WHERE has_table_privilege(%s, 'event', p)", (privileges, WRITER_ROLE)
        ).fetchall()
        columns = connection.execute("SELECT has_any_column_privilege(%s, 'event', 'UPDATE')", (WRITER_ROLE,))
        assert granted == [("SELECT",), ("INSERT",)]
        assert columns.fetchone() == (False,)
        role = connection.execute("SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = %s", (WRITER_ROLE,))
        assert role.fetchone() == (False, False)


@pytest.mark.parametrize("change", BY_THE_WRITER)
def test_the_writer_role_cannot_get_round_the_triggers(postgres_url: str, change: str) -> None:
    """Whatever it tries fails for want of rights, before any trigger is asked; it can still add the next event."""
    fill(postgres_url)
    before = log_of(postgres_url)
    with writer(postgres_url) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(BY_THE_WRITER[change])
        connection.execute(FOURTH)
    assert log_of(postgres_url)[:-1] == before


def roles(session: Session) -> tuple[str, str]:
    """In whose rights a session acts, and who opened it."""
    found = session.rows(Sql("roles", {"postgres": "SELECT current_user::text, session_user::text"}))
    return found[0][0], found[0][1]


def roles_of_application(url: str) -> set[tuple[str, str]]:
    """The roles of every kind of transaction that the application opens, after it has written."""
    fill(url)
    with (
        closing(Ledger(url)) as ledger,
        ledger.log.reading() as reading,
        ledger.log.writing() as writing,
        ledger.log.appending() as append,
    ):
        return {roles(reading), roles(writing), roles(append.session)}


def test_the_application_acts_as_the_writer_although_the_owner_connects(postgres_url: str) -> None:
    """Reading, writing and appending transactions have all given up the owner's rights."""
    assert roles_of_application(postgres_url) == {(WRITER_ROLE, str(urlsplit(postgres_url).username))}


@pytest.mark.parametrize("options", ["", "NOINHERIT"])
def test_the_application_acts_as_the_writer_when_a_mere_member_connects(
    postgres_url: str, options: LiteralString
) -> None:
    """A role with no rights but its membership can run the application, in the rights of the writer."""
    with login(postgres_url, f"{options} IN ROLE {WRITER_ROLE}") as role:
        assert roles_of_application(url_of(postgres_url, role)) == {(WRITER_ROLE, role)}


def test_who_is_no_member_of_the_writer_role_cannot_even_read(postgres_url: str) -> None:
    """A role of the same server has no right to the log."""
    with (
        login(postgres_url) as role,
        psycopg.connect(url_of(postgres_url, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(WHOLE_LOG)


def create_owned(server: Databases, name: str, owner: str) -> str:
    """Makes an empty database of this owner, and gives its URL for the owner."""
    url = server.create_database(name)
    with psycopg.connect(url) as connection:
        give = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(give.format(sql.Identifier(name), sql.Identifier(owner)))
    return url_of(url, owner)


@pytest.fixture
def owned_url(postgres_server: Databases, postgres_template: str) -> Iterator[str]:
    """A database whose owner has no other right, on a server that has the writer role already."""
    assert postgres_template  # making it made the role
    name = f"test_{uuid4().hex}"
    with login(postgres_server.address) as owner:
        yield create_owned(postgres_server, name, owner)
        postgres_server.drop_database(name)


def test_an_owner_who_may_not_take_the_writer_role_still_gets_a_guarded_log(owned_url: str) -> None:
    """Where nobody made the owner a member of the role, the application runs as the owner and the triggers refuse."""
    migrate(owned_url, PACKAGES)
    owner = str(urlsplit(owned_url).username)
    assert roles_of_application(owned_url) == {(owner, owner)}
    assert_refused(owned_url, *ON_EITHER["update"])


def test_a_mere_member_can_write_where_the_owner_is_no_member(postgres_server: Databases, owned_url: str) -> None:
    """Whoever owns the tables gives the role its rights on them: an administrator may keep the roles to themselves."""
    migrate(owned_url, PACKAGES)
    with login(postgres_server.address, f"IN ROLE {WRITER_ROLE}") as role:
        assert roles_of_application(url_of(owned_url, role)) == {(WRITER_ROLE, role)}


def test_an_owner_who_may_create_roles_takes_the_writer_role() -> None:
    """On a new server, an owner who is no superuser creates the role, and the application acts in it."""
    with postgres_server() as server:
        owner = create_login(server.url(), "CREATEROLE")
        url = create_owned(server.databases, "shop", owner)
        migrate(url, PACKAGES)
        assert roles_of_application(url) == {(WRITER_ROLE, owner)}


# ---- Order: one appender at a time, positions without gaps, times that never run backwards


def assert_waits(ledger: Ledger, url: str, *statements: LiteralString) -> None:
    """Statements past the application wait while the application appends, and then add the event after its own."""
    submit(ledger, plan())

    def run() -> None:
        with connected(url) as connection:
            for statement in statements:
                connection.execute(statement)

    with ThreadPoolExecutor(1) as pool:
        with ledger.log.appending() as append:
            append.append([encoded("order-1")], NOON)
            waiting = pool.submit(run)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        waiting.result(timeout=30)
    assert [row.stream for row in ledger.log.read()] == ["plan-1", "order-1", "order-x"]


def event(stream: str) -> StoredEvent:
    """An event that says nothing."""
    return StoredEvent(*encoded(stream))


def encoded(stream: str) -> Encoded:
    """The same, as the store takes it."""
    return (stream, 1, "topic", b"{}")


THIRD: LiteralString = (
    "INSERT INTO event SELECT 3, 'order-x', 1, topic, state, recorded_at_us FROM event WHERE position = 1"
)


def test_a_manual_insert_waits_for_the_append_lock(ledger: Ledger, store_url: str) -> None:
    """Also who writes past the application waits until the append that is under way has ended."""
    assert_waits(ledger, store_url, THIRD)


def test_a_manual_insert_waits_whatever_its_search_path(postgres_url: str) -> None:
    """The lock is the table's: a session whose first schema is another one waits for it too."""
    with closing(Ledger(postgres_url)) as ledger:
        assert_waits(ledger, postgres_url, "CREATE SCHEMA elsewhere", "SET search_path TO elsewhere, public", THIRD)


class StoppedError(Exception):
    """Ends an append half-way."""


def append_and_stop(ledger: Ledger) -> None:
    """Appends, and fails before the transaction ends."""
    with ledger.log.appending() as append:
        append.append([encoded("order-1"), encoded("order-2")], NOON)
        raise StoppedError


def test_appends_that_failed_leave_no_gap(ledger: Ledger) -> None:
    """After an exception, a conflict, a missing plan and a rehearsal the next event still takes the next position."""
    fine, early = order("o1", "ann", 100, JANUARY), order("o2", "ann", 100, "2009-01-01T00:00:00Z")
    submit(ledger, plan())
    with pytest.raises(StoppedError):
        append_and_stop(ledger)
    with pytest.raises(IntegrityError):
        ledger.log.insert_events([event("order-1"), event("plan-1")])
    with pytest.raises(NoPlanError):
        submit(ledger, fine, early)
    with ledger.rehearsing() as rehearsal:
        assert rehearsal.record([input_of(command_from(fine), "default")], source="default")[0].name == "recorded"
    submit(ledger, fine)
    assert [(row.position, row.stream) for row in ledger.log.read()] == [(1, "plan-1"), (2, "order-o1")]


def test_recorded_at_does_not_run_backwards_when_the_clock_is_set_back(store_url: str) -> None:
    """Not even by another process whose clock is a day behind; the column and the event's own bytes agree."""
    clocks = (NOON, NOON - HOUR, NOON - 24 * HOUR, NOON + HOUR)
    for number, now in enumerate(clocks, start=1):
        with closing(Ledger(store_url, clock=lambda now=now: now)) as ledger:
            submit(ledger, plan(), order(f"o{number}", "ann", 100, JANUARY))
    expected = [NOON, NOON, NOON, NOON, NOON + HOUR]
    with closing(Ledger(store_url)) as ledger:
        assert [decode(row.topic, row.state).recorded_at for row in ledger.log.read()] == expected
    assert [from_micros(row[-1]) for row in log_of(store_url)] == expected


GAPS: dict[str, LiteralString] = {
    "one left out": "INSERT INTO event VALUES (5, 'x', 1, 't', '', 0)",
    "many left out": "INSERT INTO event VALUES (20000, 'x', 1, 't', '', 0)",
}


@pytest.mark.parametrize("gap", GAPS)
def test_a_manual_insert_leaves_no_gap(postgres_url: str, gap: str) -> None:
    """A row at another position than the next would look like the end of the log to whoever reads it by ranges."""
    assert_refused(postgres_url, GAPS[gap], "next position")
