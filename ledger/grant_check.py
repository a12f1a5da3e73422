"""Control of what guards the log: who may change events, and the triggers that refuse it to everybody (G-7)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache

from ledger.findings import Finding, Note
from ledger.store.migrate import LEDGER, migrations_of
from ledger.store.postgres import WRITER_ROLE
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load

_WRITER_ROLE = load(LEDGER, "select_writer_role")
_OWNED = load(LEDGER, "select_owned")
_CHANGERS = load(LEDGER, "select_event_changers")
_MASTERS = load(LEDGER, "select_log_masters")
_TRIGGERS = load(LEDGER, "select_event_triggers")
_RULES = load(LEDGER, "select_event_rules")
_OBJECTS = load(LEDGER, "select_event_objects")

_APPROVALS = "'PayoutBatchApproved'::text, 'AdjustmentPosted'::text"
# As PostgreSQL tells what the migration made.
TRIGGERS: Mapping[str, tuple[str, str]] = {
    "event_append_only": (
        "BEFORE DELETE OR UPDATE OR TRUNCATE ON event FOR EACH STATEMENT",
        "refledger_refuse_change()",
    ),
    "event_approved": (
        f"AFTER INSERT ON event FOR EACH ROW WHEN (new.topic = ANY (ARRAY[{_APPROVALS}]))",
        "refledger_check_approver()",
    ),
    "event_in_order": (
        "AFTER INSERT ON event REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT",
        "refledger_check_positions()",
    ),
    "event_serialised": ("BEFORE INSERT ON event FOR EACH STATEMENT", "refledger_serialise_insert()"),
}
_FUNCTION = re.compile(r"CREATE FUNCTION (\w+\(.*?\)).*?\$\$(.*?)\$\$", re.DOTALL)

_WRITER = f"role {WRITER_ROLE}"


def check_grants(log: LogRecorder) -> Iterator[Finding | Note]:
    """Nobody but the owner may change events, the writer role may only add some, and triggers refuse all else (G-7)."""
    with log.reading() as session:
        yield from examine(session)


def examine(session: Session) -> Iterator[Finding | Note]:
    """The same, as one transaction sees it."""
    if session.dialect == "sqlite":
        yield from _objects(session)
        return
    yield from _writer(session)
    for who, rights in session.rows(_CHANGERS):
        yield Finding(who, f"may {rights} events")
    yield from _triggers(session)
    for (rule,) in session.rows(_RULES):
        yield Finding(f"rule {rule}", "puts another statement in the place of one on the log")


def _writer(session: Session) -> Iterator[Finding | Note]:
    """The role that the application acts in. Who may become it is the operator's to say."""
    masters = session.rows(_MASTERS, role=WRITER_ROLE)
    yield Note(f"may switch off what guards the log: {', '.join(name for name, _ in masters)}")
    rows = session.rows(_WRITER_ROLE, role=WRITER_ROLE)
    if not rows:
        yield Finding(_WRITER, "does not exist: `refledger init` makes it")
        return
    is_super, lacks, may_switch = rows[0]
    if is_super:
        yield Finding(_WRITER, "is a superuser, whom no grant holds back")
        return
    if lacks:
        yield Finding(_WRITER, f"may not {', '.join(lacks)} events: `refledger init` grants it")
    if may_switch:
        yield Finding(_WRITER, "may set session_replication_role, which switches triggers off")
    for (thing,) in session.rows(_OWNED, role=WRITER_ROLE):
        yield Finding(_WRITER, f"owns {thing}")
    for name, by_writer in masters:
        if by_writer and name != WRITER_ROLE:
            yield Finding(_WRITER, f"may act as {name}, who may switch off what guards the log")


def _triggers(session: Session) -> Iterator[Finding]:
    """There, switched on, and doing what the migration says."""
    found = {name: row for name, *row in session.rows(_TRIGGERS)}
    for name, (when, function) in TRIGGERS.items():
        is_on, definition, source = found.pop(name, (None, None, None))
        must_be = f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {function}"
        if is_on is None:
            yield Finding(f"trigger {name}", "is not there")
        elif not is_on:
            yield Finding(f"trigger {name}", "is switched off")
        elif definition != must_be:
            yield Finding(f"trigger {name}", f"is {definition!r} instead of {must_be!r}")
        elif source != _functions()[function]:
            yield Finding(f"trigger {name}", f"its function {function} is not the one that refledger made")
    for name in found:
        yield Finding(f"trigger {name}", "is none that refledger made")


@cache
def _functions() -> Mapping[str, str]:
    """The sources of the functions that our migrations make, by name and arguments."""
    return {name: body for one in migrations_of(LEDGER, "postgres") for name, body in _FUNCTION.findall(one.text)}


def _objects(session: Session) -> Iterator[Finding]:
    """The table, its indexes and its triggers, against those that our migrations make in memory."""
    with closing(sqlite3.connect(":memory:")) as made:
        for migration in migrations_of(LEDGER, "sqlite"):
            made.executescript(migration.text)
        must_be: dict[str, str | None] = dict(made.execute(_OBJECTS.texts["sqlite"]).fetchall())
    found: dict[str, str | None] = dict(session.rows(_OBJECTS))
    for name in sorted(must_be.keys() | found.keys()):
        if name not in found:
            yield Finding(name, "is not there")
        elif name not in must_be:
            yield Finding(name, "is none that refledger made")
        elif found[name] != must_be[name]:
            yield Finding(name, f"is {found[name]!r} instead of {must_be[name]!r}")
