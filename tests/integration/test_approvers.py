"""Four eyes: who may approve is for the database to say, also to whoever comes past the application (rule X-3)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import LiteralString

import psycopg
import pytest
from eventsourcing.persistence import ProgrammingError
from psycopg import sql

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.identity import APPROVER_ROLE, identity_of
from ledger.payouts.adjustments import approve_adjustments
from ledger.payouts.approving import approve, reject
from ledger.store.migrate import migrate
from ledger.store.postgres import WRITER_ROLE
from ledger.store.sqlite import path_of
from projections.view import PACKAGES
from tests.builders import adjustment, plan, submit
from tests.logins import create_login, login, url_of
from tests.payout_desk import Desk, payable
from tests.postgres_server import postgres_server

AT = "2026-02-01T00:00:00Z"
APPENDED: LiteralString = "INSERT INTO event SELECT max(position) + 1, {}, {}, {}, {}, max(recorded_at_us) FROM event"


def identity(ledger: Ledger) -> tuple[bool, str, bool]:
    """Whether the database knows who it is, the name, and whether they may approve."""
    with ledger.log.reading() as session:
        by, may_approve = identity_of(session, ledger.actor)
    return by.authenticated, by.name, may_approve


def test_on_sqlite_a_name_is_a_label(sqlite_url: str) -> None:
    """Anybody may call themselves anything, and the event says that nobody checked."""
    with closing(Ledger(sqlite_url, actor="chief")) as ledger:
        assert identity(ledger) == (False, "chief", True)


@pytest.mark.parametrize("options", ["", "NOINHERIT"])
def test_on_postgres_a_name_is_a_login(postgres_url: str, options: LiteralString) -> None:
    """Whatever the label, and whatever role the connection acts in."""
    with (
        login(postgres_url, f"{options} IN ROLE {WRITER_ROLE}") as clerk,
        login(postgres_url, f"{options} IN ROLE {WRITER_ROLE}, {APPROVER_ROLE}") as chief,
    ):
        for name, may_approve in ((clerk, False), (chief, True)):
            with closing(Ledger(url_of(postgres_url, name), actor="label")) as ledger:
                assert identity(ledger) == (True, name, may_approve)


def test_who_is_no_approver_is_told_what_to_do(people: Desk) -> None:
    """Rejecting moves no money and needs no role. On SQLite there are no roles to ask for."""
    if people.clerk.actor != "finance":
        pytest.skip("SQLite knows no roles")
    submit(people.chief, adjustment("a1", "ann", 250, AT))
    people.fund({"ann": 200})
    people.prepare("b1", {"ann": 200})
    head = people.clerk.log.head()
    outcome = approve(people.clerk, "b1", payable).outcome
    assert (outcome.reason, approve_adjustments(people.clerk, ["a1"])[0].reason) == ("not_an_approver",) * 2
    assert f"GRANT {APPROVER_ROLE}" in (outcome.message or "")
    assert people.clerk.log.head() == head
    assert reject(people.clerk, "b1", "no").name == "recorded"


def test_an_owner_who_may_create_roles_is_no_approver_by_that() -> None:
    """On a new server the owner makes the role, and has to be given it like anybody else."""
    with postgres_server() as server:
        owner = create_login(server.url(), "CREATEROLE")
        url = server.databases.create_database("shop")
        with psycopg.connect(url) as connection:
            connection.execute(sql.SQL("ALTER DATABASE shop OWNER TO {}").format(sql.Identifier(owner)))
        migrate(url_of(url, owner), PACKAGES)
        with closing(Ledger(url_of(url, owner))) as ledger:
            assert identity(ledger) == (True, owner, False)
        with psycopg.connect(url) as connection:
            granted = sql.SQL("GRANT {} TO {}").format(sql.Identifier(APPROVER_ROLE), sql.Identifier(owner))
            connection.execute(granted)
        with closing(Ledger(url_of(url, owner))) as ledger:
            assert identity(ledger) == (True, owner, True)


def test_where_nobody_made_the_role_nobody_approves() -> None:
    """Neither may the owner make it: approving is refused, all else works, and the database says why."""
    with postgres_server() as server:
        owner = create_login(server.url())
        url = server.databases.create_database("shop")
        with psycopg.connect(url) as connection:
            connection.execute(sql.SQL("ALTER DATABASE shop OWNER TO {}").format(sql.Identifier(owner)))
        migrate(url_of(url, owner), PACKAGES)
        with closing(Ledger(url_of(url, owner))) as ledger:
            submit(ledger, plan(), adjustment("a1", "ann", 250, AT))
            assert approve_adjustments(ledger, ["a1"])[0].reason == "not_an_approver"
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=APPROVER_ROLE):
            posted(url_of(url, owner), "adjustment-a1", owner)


# ---- Past the application


def posted(url: str, stream: str, name: str) -> None:
    """Appends an approval by hand, in somebody's name."""
    state = canonical({"data": {"by": {"authenticated": True, "name": name}}, "type": "AdjustmentPosted"})
    row = (stream, 2, "AdjustmentPosted", state)
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url))) as file, file:
            file.execute(APPENDED.format("?", "?", "?", "?"), row)
        return
    with psycopg.connect(url) as connection:
        connection.execute(APPENDED.format("%s", "%s", "%s", "%s"), row)


def test_the_database_refuses_an_approval_that_is_none(postgres_url: str) -> None:
    """By no approver, in another's name, of their own proposal, of what nobody proposed; and takes a proper one."""
    with (
        login(postgres_url, f"IN ROLE {WRITER_ROLE}") as clerk,
        login(postgres_url, f"IN ROLE {WRITER_ROLE}, {APPROVER_ROLE}") as chief,
    ):
        urls = {name: url_of(postgres_url, name) for name in (clerk, chief)}
        for name, record in ((clerk, "a1"), (chief, "a2")):
            with closing(Ledger(urls[name])) as ledger:
                submit(ledger, adjustment(record, "ann", 250, AT))
        attempts: list[tuple[str, str, str, str]] = [
            (clerk, "adjustment-a2", clerk, "refledger_approver"),
            (chief, "adjustment-a1", clerk, "who the event says"),
            (chief, "adjustment-a2", chief, "prepared themselves"),
            (chief, "adjustment-a3", chief, "prepared themselves, or what nobody did"),
        ]
        for who, stream, name, message in attempts:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=message):
                posted(urls[who], stream, name)
        posted(urls[chief], "adjustment-a1", chief)


def test_a_copy_of_many_rows_is_looked_at_row_by_row(postgres_url: str) -> None:
    """The bulk path of the application is no way round it."""
    with login(postgres_url, f"IN ROLE {WRITER_ROLE}") as clerk, closing(Ledger(url_of(postgres_url, clerk))) as ledger:
        submit(ledger, adjustment("a1", "ann", 250, AT))
        state = canonical({"data": {"by": {"authenticated": True, "name": clerk}}})
        events = [("order-1", 1, "OrderPlaced", b"{}"), ("adjustment-a1", 2, "AdjustmentPosted", state)]
        with (
            pytest.raises(ProgrammingError, match=APPROVER_ROLE),
            ledger.log.appending() as append,
        ):
            append.append(events, append.recorded_at(ledger.now()))
        assert ledger.log.head() == 1


def test_sqlite_refuses_an_approval_of_the_own_proposal(sqlite_url: str) -> None:
    """All it can know; another label is taken."""
    with closing(Ledger(sqlite_url, actor="clerk")) as ledger:
        submit(ledger, adjustment("a1", "ann", 250, AT))
    with pytest.raises(sqlite3.IntegrityError, match="prepared themselves"):
        posted(sqlite_url, "adjustment-a1", "clerk")
    posted(sqlite_url, "adjustment-a1", "chief")
