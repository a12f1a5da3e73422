"""`audit` looks at what guards the log itself: the writer role, who else may change events, the triggers (rule G-7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from ledger.findings import Finding, Note
from ledger.grant_check import examine
from ledger.store.postgres import PostgresSession
from tests.cli_runner import Tool, desk
from tests.logins import PREFIX


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on an empty ledger."""
    return desk(store_url, tmp_path)


def found(tool: Tool, status: int) -> list[dict[str, Any]]:
    """What `grants` finds; nothing else is wrong."""
    results = tool.json("audit", status=status)
    assert [result["control"] for result in results if result["result"] != "pass"] == (["grants"] if status else [])
    return results[0]["findings"]


def test_a_new_ledger_is_guarded(tool: Tool, store_url: str) -> None:
    """On either engine; of PostgreSQL those are noted who could switch that off."""
    (note,) = tool.json("audit")[0]["notes"] or [{"note": ""}]
    assert note["note"] == ("may switch off what guards the log: owner" if store_url.startswith("postgres") else "")
    assert found(tool, 0) == []


# ---- SQLite: triggers and nothing else

NO_GUARD = "CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT 1; END"
ON_SQLITE: dict[str, tuple[tuple[LiteralString, ...], str, str]] = {
    "no updates refused": (("DROP TRIGGER event_no_update",), "trigger event_no_update", "is not there"),
    "no deletes refused": (("DROP TRIGGER event_no_delete",), "trigger event_no_delete", "is not there"),
    "no order kept": (("DROP TRIGGER event_in_order",), "trigger event_in_order", "is not there"),
    "a trigger that does nothing": (
        ("DROP TRIGGER event_no_update", NO_GUARD),
        "trigger event_no_update",
        "instead of",
    ),
    "a trigger too many": (
        ("CREATE TRIGGER copies AFTER INSERT ON event BEGIN DELETE FROM balance; END",),
        "trigger copies",
        "is none that refledger made",
    ),
}


@pytest.mark.parametrize("damage", ON_SQLITE)
def test_a_file_with_other_triggers_is_named(sqlite_url: str, tmp_path: Path, damage: str) -> None:
    """Word for word: a trigger of the same name is not enough."""
    statements, subject, message = ON_SQLITE[damage]
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()
    (finding,) = found(desk(sqlite_url, tmp_path), 3)
    assert finding["subject"] == subject
    assert message in finding["finding"]


# ---- PostgreSQL: everything happens in a transaction that is rolled back, as roles are the server's

# The one that the migration made, but for what it does.
FUNCTION: LiteralString = (
    "CREATE OR REPLACE FUNCTION refledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RETURN NULL; END$$"
)
OTHER: LiteralString = "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$"
TO_OTHER: LiteralString = (
    "CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON event FOR EACH STATEMENT"
    " EXECUTE FUNCTION other()"
)
WRITER, APPEND_ONLY = "role refledger_writer", "trigger event_append_only"
ON_POSTGRES: dict[str, tuple[tuple[LiteralString, ...], str, str]] = {
    "no role": (("ALTER ROLE refledger_writer RENAME TO elsewhere",), WRITER, "does not exist"),
    "a superuser": (("ALTER ROLE refledger_writer SUPERUSER",), WRITER, "is a superuser"),
    "a writer that may not write": (("REVOKE INSERT ON event FROM refledger_writer",), WRITER, "may not INSERT events"),
    "a writer that may update": (("GRANT UPDATE ON event TO refledger_writer",), WRITER, "may UPDATE events"),
    "a writer that may update a column": (
        ("GRANT UPDATE (state) ON event TO refledger_writer",),
        WRITER,
        "may UPDATE events",
    ),
    "a writer that may do the rest": (
        ("GRANT DELETE, TRUNCATE, TRIGGER ON event TO refledger_writer",),
        WRITER,
        "may DELETE, TRUNCATE, TRIGGER events",
    ),
    "a writer that owns a table": (("ALTER TABLE balance OWNER TO refledger_writer",), WRITER, "owns table balance"),
    "a writer that switches triggers off": (
        ("GRANT SET ON PARAMETER session_replication_role TO refledger_writer",),
        WRITER,
        "session_replication_role",
    ),
    "a writer that may become a superuser": (("GRANT owner TO refledger_writer",), WRITER, "may act as owner"),
    "everybody": (("GRANT UPDATE ON event TO PUBLIC",), "PUBLIC", "may UPDATE events"),
    "everybody, a column": (("GRANT UPDATE (topic) ON event TO PUBLIC",), "PUBLIC", "may UPDATE events"),
    "another role": (("CREATE ROLE eve", "GRANT DELETE ON event TO eve"), "role eve", "may DELETE events"),
    "a role of another role's": (
        ("CREATE ROLE eve IN ROLE pg_write_all_data",),
        "role eve",
        "may UPDATE, DELETE events",
    ),
    "a trigger off": (("ALTER TABLE event DISABLE TRIGGER event_append_only",), APPEND_ONLY, "is switched off"),
    "approvals unguarded": (
        ("ALTER TABLE event DISABLE TRIGGER event_approved",),
        "trigger event_approved",
        "is switched off",
    ),
    "a trigger for replicas": (
        ("ALTER TABLE event ENABLE REPLICA TRIGGER event_append_only",),
        APPEND_ONLY,
        "is switched off",
    ),
    "a trigger gone": (("DROP TRIGGER event_append_only ON event",), APPEND_ONLY, "is not there"),
    "a trigger of another function": (
        ("DROP TRIGGER event_append_only ON event", OTHER, TO_OTHER),
        APPEND_ONLY,
        "instead of",
    ),
    "a function that does nothing": ((FUNCTION,), APPEND_ONLY, "is not the one that refledger made"),
    "a trigger too many": (
        (OTHER, "CREATE TRIGGER more BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION other()"),
        "trigger more",
        "is none that refledger made",
    ),
    "a rule": (
        ("CREATE RULE quiet AS ON INSERT TO event DO INSTEAD NOTHING",),
        "rule quiet",
        "in the place of one on the log",
    ),
}


def findings_of(session: PostgresSession) -> list[Finding]:
    """All but those of logins that other tests have on the same server meanwhile: they inherit the writer's rights."""
    found = [one for one in examine(session) if isinstance(one, Finding)]
    return [one for one in found if not one.subject.startswith(f"role {PREFIX}")]


@contextmanager
def changed(url: str, *statements: LiteralString) -> Generator[PostgresSession]:
    """A transaction that has done something and never commits."""
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)
        yield PostgresSession(connection)
        connection.rollback()


@pytest.mark.parametrize("damage", ON_POSTGRES)
def test_other_rights_and_triggers_are_named(postgres_url: str, damage: str) -> None:
    """One finding each, of the role or the trigger."""
    statements, subject, message = ON_POSTGRES[damage]
    with changed(postgres_url, *statements) as session:
        (finding,) = findings_of(session)
    assert finding.subject == subject
    assert message in finding.message


HARMLESS: dict[str, tuple[LiteralString, ...]] = {
    "a reader": ("CREATE ROLE eve LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO eve"),
    "a login with the writer role": ("CREATE ROLE eve LOGIN IN ROLE refledger_writer",),
    "a trigger that is always on": ("ALTER TABLE event ENABLE ALWAYS TRIGGER event_append_only",),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_harmless_is_no_finding(postgres_url: str, change: str) -> None:
    """Who may read, who may become the writer, and triggers that are on even for replication."""
    with changed(postgres_url, *HARMLESS[change]) as session:
        assert findings_of(session) == []


def test_who_may_act_as_the_owner_is_noted(postgres_url: str) -> None:
    """They may do what the owner may; that is for the operator to know, and no finding."""
    with changed(postgres_url, "CREATE ROLE eve", "CREATE ROLE mallory SUPERUSER", "GRANT owner TO eve") as session:
        (note,) = examine(session)
    assert note == Note("may switch off what guards the log: eve, mallory, owner")


def test_an_unguarded_log_fails_the_audit(postgres_url: str, tmp_path: Path) -> None:
    """Status 3, also when nobody has changed anything yet."""
    with psycopg.connect(postgres_url) as server:
        server.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
    (finding,) = found(desk(postgres_url, tmp_path), 3)
    assert finding == {"subject": "trigger event_append_only", "finding": "is switched off", "positions": []}
