"""`audit` names what is not as it must be; `worker rebuild decisions` mends what is derived from the log."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from cli.auditing import CONTROLS
from ledger.application import Ledger
from ledger.decision_check import check_decisions, mend_decisions
from ledger.findings import Finding
from projections.runner import Runner
from tests.builders import bind, commands, order, plan, refund, submit
from tests.cli_runner import Tool, desk
from tests.properties.test_generated import history

NAMES = ["positions", "recorded_at", "events", "decisions", "bindings", "projection", "tree"]


@pytest.fixture
def tool(ledger: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """The command on a ledger with bindings of every fate, and refunds."""
    submit(ledger, plan(binding={"policy": "last_touch", "renewal": "on_order", "ttl_days": 90}))
    submit(
        ledger,
        bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
        order("o1", "ben", 1_000, "2026-01-02T00:00:00Z"),
        bind("b2", "cat", "ben", "2026-01-03T00:00:00Z"),
        bind("b3", "cat", "ann", "2026-01-04T00:00:00Z"),
        bind("b4", "dan", "ann", "2026-01-04T00:00:00Z"),
        {"type": "unbind", "id": "u1", "member": "dan", "at": "2026-01-05T00:00:00Z", "reason": "asked"},
        refund("r1", "o1", 100, "2026-01-06T00:00:00Z"),
        refund("r2", "o1", 100, "2026-01-07T00:00:00Z"),
    )
    ledger.expire(datetime(2026, 10, 1, tzinfo=UTC))
    Runner(ledger.log).catch_up()
    return desk(store_url, tmp_path)


def damaged(url: str, *statements: str) -> None:
    """Changes rows as nobody may: SQLite without its triggers, PostgreSQL as a superuser with triggers off."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            for trigger in ("event_no_update", "event_no_delete", "event_in_order"):
                file.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            for statement in statements:
                file.execute(statement)
            file.commit()
        return
    with psycopg.connect(url) as server:
        server.execute("SET session_replication_role = replica")
        for statement in statements:
            server.execute(statement.encode())


def found(tool: Tool, *controls: str) -> list[dict[str, Any]]:
    """What an audit finds, which must be found by exactly these controls."""
    results = tool.json("audit", status=3 if controls else 0)
    assert [result["control"] for result in results] == NAMES
    assert [result["control"] for result in results if result["result"] != "pass"] == list(controls)
    return [finding for result in results for finding in result["findings"]]


# ---- The decision state

DAMAGE = {
    "a dropped binding": ("DELETE FROM decision_binding WHERE bind = 'bind-b2'", "cat at position 5", "is missing"),
    "a changed end": (
        "UPDATE decision_binding SET ends_at_us = ends_at_us + 1000000 WHERE bind = 'bind-b1'",
        "ben at position 2",
        "ends_at_us is 2026-04-02T00:00:01.000000Z instead of 2026-04-02T00:00:00.000000Z",
    ),
    "an end that is gone": (
        "UPDATE decision_binding SET released_at_us = NULL WHERE bind = 'bind-b4'",
        "dan at position",
        "released_at_us is nothing instead of 2026-01-05T00:00:00.000000Z",
    ),
    "another referrer": (
        "UPDATE decision_binding SET referrer = 'eve' WHERE bind = 'bind-b1'",
        "ben at position 2",
        "referrer is eve instead of ann",
    ),
    "a forgotten lapse": (
        "UPDATE decision_binding SET lapsed_at_us = NULL WHERE bind = 'bind-b1'",
        "ben at position 2",
        "lapsed_at_us is nothing instead of 2026-04-02T00:00:00.000000Z",
    ),
    "another version": (
        "UPDATE decision_binding SET version = 9 WHERE bind = 'bind-b2'",
        "cat at position 5",
        "version is 9 instead of 2",
    ),
    "a dropped refund": (
        "DELETE FROM decision_refund WHERE position = (SELECT min(position) FROM decision_refund)",
        "order-o1 at position",
        "is missing",
    ),
    "a doubled refund": (
        (
            "INSERT INTO decision_refund SELECT order_stream, 999, line, amount_minor FROM decision_refund"
            " WHERE position = (SELECT min(position) FROM decision_refund)"
        ),
        "order-o1 at position 999",
        "is there, but the log says nothing of it",
    ),
    "a smaller refund": (
        "UPDATE decision_refund SET amount_minor = 1 WHERE position = (SELECT max(position) FROM decision_refund)",
        "order-o1 at position",
        "amount_minor is 1 instead of 100",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_decision_state_is_named_and_mended(tool: Tool, store_url: str, damage: str) -> None:
    """One finding, with the events behind it; afterwards every control passes again."""
    statement, subject, message = DAMAGE[damage]
    assert found(tool) == []
    damaged(store_url, statement)
    (finding,) = found(tool, "decisions")
    assert subject in finding["subject"]
    assert finding["finding"] == message
    assert bool(finding["positions"]) == (damage != "a doubled refund")
    assert "1 row of the decision state mended" in tool("worker", "rebuild", "decisions").err
    assert found(tool) == []
    assert "is what the log says" in tool("worker", "rebuild", "decisions").err


def test_an_emptied_decision_state_comes_back(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """All rows are missing; mended, the next command is decided as if nothing had happened."""
    damaged(store_url, "DELETE FROM decision_binding", "DELETE FROM decision_refund")
    assert {finding["finding"] for finding in found(tool, "decisions")} == {"is missing"}
    assert "6 rows" in tool("worker", "rebuild", "decisions").err
    assert found(tool) == []
    outcomes = submit(
        ledger, bind("b9", "cat", "ann", "2026-01-08T00:00:00Z"), refund("r9", "o1", 801, "2026-01-08T00:00:00Z")
    )
    assert [outcome.reason for outcome in outcomes] == ["already_bound", "exceeds_paid"]
    Runner(ledger.log).catch_up()
    assert found(tool) == []


def test_findings_of_a_binding_name_its_events(tool: Tool, store_url: str) -> None:
    """The bind, the order that renewed it, and the lapse."""
    damaged(store_url, "UPDATE decision_binding SET plan = 7 WHERE bind = 'bind-b1'")
    (finding,) = found(tool, "decisions")
    assert finding["positions"][:2] == [2, 4]
    assert len(finding["positions"]) == 3


# ---- The log

LOG_DAMAGE = {
    "an event less": ("DELETE FROM event WHERE position = 6", {"positions", "decisions", "projection"}),
    "a version less": ("UPDATE event SET version = 5 WHERE position = 4", {"positions", "events", "decisions"}),
    "a time set back": (
        "UPDATE event SET recorded_at_us = recorded_at_us - 9000000 WHERE position = 5",
        {"recorded_at", "events"},
    ),
    "an order under another type": (
        "UPDATE event SET topic = 'MemberInvited' WHERE position = 3",
        {"events", "projection"},
    ),
    "an event that says something else": (
        (
            "UPDATE event SET state = CAST(replace(CAST(state AS text), '\"amount\":1000', '\"amount\":2000') AS blob)"
            " WHERE position = 3"
        ),
        {"events", "projection"},
    ),
}


@pytest.mark.parametrize("damage", LOG_DAMAGE)
def test_a_damaged_log_is_named(tool: Tool, store_url: str, damage: str) -> None:
    """The control that guards it names the position; controls that cannot follow the log any more say so."""
    statement, controls = LOG_DAMAGE[damage]
    if store_url.startswith("postgres"):
        statement = statement.replace("CAST(state AS text)", "convert_from(state, 'UTF8')")
        statement = statement.replace("CAST(replace(", "convert_to(replace(").replace(" AS blob)", ", 'UTF8')")
    damaged(store_url, statement)
    results = {result["control"]: result["findings"] for result in tool.json("audit", status=3)}
    assert {name for name, findings in results.items() if findings} >= controls
    assert any(finding["positions"] for finding in results[min(controls, key=NAMES.index)])


def test_two_events_with_one_fault_each_are_both_found(tool: Tool, store_url: str) -> None:
    """The first does not hide the second."""
    damaged(store_url, "UPDATE event SET topic = 'MemberInvited' WHERE position IN (3, 5)")
    results = {result["control"]: result["findings"] for result in tool.json("audit", status=3)}
    assert [finding["positions"] for finding in results["events"]] == [[3], [5]]


# ---- The projection


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("UPDATE balance SET earned_minor = earned_minor + 1 WHERE member = 'ann'", "balance of ann in GBP"),
        ("DELETE FROM balance WHERE member = 'ann'", "balance of ann in GBP"),
        ("UPDATE order_outcome SET amount_minor = 1", "level 1 in GBP"),
        ("UPDATE order_refund SET clawback_1 = 0 WHERE amount_minor = 100", "level 1 in GBP"),
        ("UPDATE checkpoint SET position = 1000", "checkpoint of commissions"),
    ],
)
def test_damaged_live_tables_are_named(tool: Tool, store_url: str, statement: str, subject: str) -> None:
    """By member or level; a rebuild mends them."""
    damaged(store_url, statement)
    assert subject in [finding["subject"] for finding in found(tool, "projection")]
    tool("worker", "rebuild", "commissions", "--replace")
    assert found(tool) == []


def test_a_balance_that_differs_is_shown_with_the_orders_behind_it(tool: Tool, store_url: str) -> None:
    """Position 3 paid ann otherwise; of a sum alone that is wrong the orders agree."""
    damaged(store_url, "UPDATE balance SET earned_minor = earned_minor + 1 WHERE member = 'ann'")
    (finding,) = found(tool, "projection")
    assert (finding["finding"].endswith("its orders agree"), finding["positions"]) == (True, [])
    damaged(store_url, "UPDATE order_outcome SET commission_1 = commission_1 + 1 WHERE position = 3")
    balance, level = found(tool, "projection")
    assert (balance["subject"], balance["positions"]) == ("balance of ann in GBP", [3])
    assert balance["finding"].endswith("orders that differ: 1")
    assert level["subject"] == "level 1 in GBP"


def test_a_wrong_decision_of_the_past_is_found(tool: Tool, store_url: str) -> None:
    """A binding recorded with an end that its plan does not give, and kept so everywhere."""
    text = "convert_from(state, 'UTF8')" if store_url.startswith("postgres") else "CAST(state AS text)"
    changed = f'replace({text}, \'"ends_at":"2026-04-04\', \'"ends_at":"2027-04-04\')'
    state = f"convert_to({changed}, 'UTF8')" if store_url.startswith("postgres") else f"CAST({changed} AS blob)"
    damaged(
        store_url,
        f"UPDATE event SET state = {state} WHERE stream = 'bind-b4' AND version = 1",  # noqa: S608  # our own text
        "UPDATE decision_binding SET ends_at_us = ends_at_us + 31536000000000 WHERE bind = 'bind-b4'",
        "UPDATE team_binding SET ends_at_us = ends_at_us + 31536000000000 WHERE bind = 'bind-b4'",
    )
    (finding,) = found(tool, "bindings")
    assert finding["subject"].startswith("binding of dan")
    assert "2027-04-04" in finding["finding"]
    assert "the rules say an end at 2026-04-04" in finding["finding"]


def test_live_tables_behind_the_log_are_no_finding(ledger: Ledger, tool: Tool) -> None:
    """They are looked at where they stand, not where they will be."""
    submit(ledger, order("o5", "ben", 500, "2026-01-09T00:00:00Z"), refund("r5", "o5", 1, "2026-01-09T00:00:00Z"))
    assert found(tool) == []
    assert "the live tables were compared 3 events before the head" in tool("audit").err


# ---- As people see it, and who may


def test_one_line_a_control(tool: Tool, store_url: str) -> None:
    """`pass` for each; with a finding its line says what and where, and the status is 3."""
    lines = tool("audit", "--format", "table").out.splitlines()[2:]
    assert [line.split() for line in lines] == [[name, "pass"] for name in NAMES]
    damaged(store_url, "DELETE FROM decision_binding WHERE bind = 'bind-b2'")
    answer = tool("audit", "--format", "tsv", status=3)
    assert [row["result"] for row in answer.rows("tsv")] == ["pass", "pass", "pass", "finding", "pass", "pass", "pass"]
    assert "decisions" in answer.err


def test_a_hundred_findings_are_enough(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """A control that finds more says that there are more."""
    submit(ledger, *(bind(f"x{number}", f"x{number}", "ann", "2026-01-09T00:00:00Z") for number in range(150)))
    Runner(ledger.log).catch_up()
    damaged(store_url, "DELETE FROM decision_binding")
    findings = found(tool, "decisions")
    assert len(findings) == 101
    assert "only the first 100" in findings[-1]["finding"]


@pytest.fixture
def writer_url(postgres_url: str) -> Iterator[str]:
    """The store's URL for a login that has the writer role."""
    name = sql.Identifier(role := f"login_{uuid4().hex}")
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        server.execute(sql.SQL("GRANT refledger_writer TO {}").format(name))
        yield postgres_url.replace("owner@", f"{role}@")
        server.execute(sql.SQL("DROP ROLE {}").format(name))


def test_the_writer_may_audit_but_not_mend(postgres_url: str, writer_url: str, tmp_path: Path) -> None:
    """Mending takes the owner, and says so."""
    with closing(Ledger(postgres_url)) as ledger:
        submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    tool = desk(writer_url, tmp_path)
    damaged(postgres_url, "UPDATE decision_binding SET referrer = 'eve'")
    found(tool, "decisions")
    assert "needs the owner" in tool("worker", "rebuild", "decisions", status=6).err
    desk_of_owner = Tool(postgres_url, tool.folder)
    desk_of_owner("worker", "rebuild", "decisions")
    found(tool)


# ---- Whatever happens


def test_controls_and_mending_beside_a_writer(ledger: Ledger, store_url: str) -> None:
    """What is appended meanwhile is no finding, and mending takes nothing of it away."""
    items, done = history(1), threading.Event()

    def feed() -> None:
        with closing(Ledger(store_url)) as writer:
            for start in range(0, len(items), 10):
                writer.submit(commands(items[start : start + 10]))
        done.set()

    feeding = threading.Thread(target=feed)
    feeding.start()
    while not done.is_set():
        assert list(check_decisions(ledger.log, lambda _: None)) == []
        assert mend_decisions(store_url, lambda _: None) == 0
    feeding.join()
    assert list(check_decisions(ledger.log, lambda _: None)) == []


@pytest.mark.parametrize("seed", range(1, 7))
def test_every_control_passes_after_any_history(ledger: Ledger, seed: int) -> None:
    """Histories with terms of every kind, lapses recorded in between, projected in part."""
    items = history(seed)
    third = len(items) // 3
    for start in (0, third, 2 * third):
        ledger.submit(commands(items[start : start + third]))
        ledger.expire(datetime(2024, 4 + start // third * 3, 1, tzinfo=UTC))
        if start:
            Runner(ledger.log).catch_up(ledger.log.head() - seed)
    findings: dict[str, list[Finding]] = {
        control.name: list(control.find(ledger.log, lambda _: None)) for control in CONTROLS
    }
    assert findings == {name: [] for name in NAMES}
