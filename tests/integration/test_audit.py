"""`audit` names what is not as it must be; `worker rebuild decisions` mends what is derived from the log."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.auditing import CONTROLS
from ledger.application import Ledger
from ledger.decision_check import check_decisions, mend_decisions
from ledger.findings import Finding, Note
from ledger.store.postgres import WRITER_ROLE
from projections.books import opened_books
from projections.expiry_check import check_expiries
from projections.runner import Runner
from tests.builders import LATER, bind, commands, order, plan, refund, submit
from tests.cli_runner import Tool, desk
from tests.forger import Envelope, Forger
from tests.logins import login, url_of
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

NAMES = [
    "grants",
    "positions",
    "recorded_at",
    "events",
    "decisions",
    "bindings",
    "expiries",
    "invariants",
    "payouts",
    "periods",
    "projection",
    "tree",
]


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
    """Changes rows as nobody may."""
    Forger(url).run(*statements)


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


@pytest.mark.parametrize(
    ("table", "controls"),
    [
        ("balance", ["bindings", "expiries", "invariants", "payouts", "projection"]),
        ("decision_binding", ["decisions"]),
        ("tree_tile", ["tree"]),
        ("checkpoint", ["bindings", "expiries", "invariants", "payouts", "projection", "tree"]),
    ],
)
def test_a_table_that_is_gone_is_a_finding(tool: Tool, store_url: str, table: str, controls: list[str]) -> None:
    """Of the controls that need it; the others say what they find all the same."""
    Forger(store_url).run(f"ALTER TABLE {table} RENAME TO gone")
    findings = found(tool, *controls)
    assert {finding["subject"] for finding in findings} == {"store"}
    assert all("cannot be read: " in finding["finding"] and table in finding["finding"] for finding in findings)


def test_a_file_with_a_page_of_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """What needs the page is a finding, with the database's own words."""
    tool = desk(sqlite_url, tmp_path)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'balance'").fetchone()
        (size,) = store.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(bytes(size))
    findings = next(row for row in tool.json("audit", status=3) if row["control"] == "projection")["findings"]
    assert "malformed" in findings[0]["finding"]


def test_findings_of_a_binding_name_its_events(tool: Tool, store_url: str) -> None:
    """The bind, the order that renewed it, and the lapse."""
    damaged(store_url, "UPDATE decision_binding SET plan = 7 WHERE bind = 'bind-b1'")
    (finding,) = found(tool, "decisions")
    assert finding["positions"][:2] == [2, 4]
    assert len(finding["positions"]) == 3


# ---- The log


def test_two_events_with_one_fault_each_are_both_found(tool: Tool, store_url: str) -> None:
    """The first does not hide the second."""
    damaged(store_url, "UPDATE event SET topic = 'MemberInvited' WHERE position IN (3, 5)")
    results = {result["control"]: result["findings"] for result in tool.json("audit", status=3)}
    assert [finding["positions"] for finding in results["events"]] == [[3], [5]]


def test_a_wrong_decision_of_the_past_is_found(tool: Tool, store_url: str) -> None:
    """A binding recorded with an end that its plan does not give, and kept so everywhere."""

    def prolong(event: Envelope) -> None:
        event["data"]["ends_at"] = "2027-04-04T00:00:00.000000Z"

    year = "ends_at_us = ends_at_us + 31536000000000 WHERE bind = 'bind-b4'"
    forger = Forger(store_url)
    forger.edit(8, prolong)
    forger.run(f"UPDATE decision_binding SET {year}", f"UPDATE team_binding SET {year}")  # noqa: S608  # our own text
    (finding,) = found(tool, "bindings")
    assert (finding["subject"], finding["positions"]) == ("binding of dan at position 8", [8])
    assert "2027-04-04" in finding["finding"]
    assert "the rules say an end at 2026-04-04" in finding["finding"]


# ---- As people see it, and who may


def test_one_line_a_control(tool: Tool, store_url: str) -> None:
    """`pass` for each; with a finding its line says what and where, and the status is 3."""
    lines = tool("audit", "--format", "table").out.splitlines()[2:]
    assert [line.split()[:2] for line in lines] == [[name, "pass"] for name in NAMES]
    damaged(store_url, "DELETE FROM decision_binding WHERE bind = 'bind-b2'")
    answer = tool("audit", "--format", "tsv", status=3)
    assert [row["control"] for row in answer.rows("tsv") if row["result"] == "finding"] == ["decisions"]
    assert len(answer.rows("tsv")) == len(NAMES)
    assert "decisions" in answer.err


def lapsed(store_url: str, *, recorded: datetime, upto: datetime) -> None:
    """Three members bound in January for 90 days; lapses up to an instant, recorded at another."""
    with closing(Ledger(store_url, clock=lambda: recorded)) as ledger:
        submit(
            ledger,
            plan(),
            *(bind(f"b{day}", f"m{day}", "ann", f"2026-01-0{day}T00:00:00Z") for day in (1, 2, 3)),
        )
        ledger.expire(upto)


def notes(store_url: str, as_of: datetime) -> list[Note]:
    """What `expiries` notes; it finds nothing."""
    with closing(Ledger(store_url)) as ledger, opened_books(ledger.log, as_of) as books:
        found = list(check_expiries(books, lambda _: None))
    assert not [one for one in found if isinstance(one, Finding)]
    return [one for one in found if isinstance(one, Note)]


def test_late_lapses_and_those_not_recorded_are_noted(store_url: str) -> None:
    """Due on 1, 2 and 3 April; the first two recorded on the 11th, at positions 5 and 6, the third not yet."""
    lapsed(store_url, recorded=datetime(2026, 4, 11, tzinfo=UTC), upto=datetime(2026, 4, 2, tzinfo=UTC))
    assert notes(store_url, datetime(2026, 4, 2, 23, tzinfo=UTC)) == [
        Note("2 lapses were recorded more than a day after falling due, the latest 10 days", (5,)),
    ]
    assert notes(store_url, datetime(2026, 4, 3, tzinfo=UTC))[1] == Note(
        "1 lapse is not recorded yet, the first of 2026-04-03", (4,)
    )


def test_lapses_recorded_within_a_day_are_not_worth_a_note(store_url: str) -> None:
    """On time: a worker looks again and again, and need not be quicker than that."""
    lapsed(store_url, recorded=datetime(2026, 4, 2, tzinfo=UTC), upto=datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert notes(store_url, datetime(2026, 4, 1, 12, tzinfo=UTC)) == []


def test_notes_stand_beside_what_passed(store_url: str, tmp_path: Path) -> None:
    """In a column of their own, and in JSON with the events to look at; the status is 0."""
    lapsed(store_url, recorded=datetime(2026, 4, 3, tzinfo=UTC), upto=datetime(2026, 4, 1, tzinfo=UTC))
    tool = desk(store_url, tmp_path)
    text = "1 lapse was recorded more than a day after falling due, the latest 2 days"
    due = "2 lapses are not recorded yet, the first of 2026-04-02"
    (line,) = [line for line in tool("audit", "--format", "table").out.splitlines() if line.startswith("expiries")]
    assert line.split(maxsplit=2) == ["expiries", "pass", f"{text}; {due}"]
    (result,) = [result for result in tool.json("audit") if result["control"] == "expiries"]
    assert result == {
        "control": "expiries",
        "result": "pass",
        "findings": [],
        "notes": [{"note": text, "positions": [5]}, {"note": due, "positions": [3]}],
    }


def test_a_hundred_findings_are_enough(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """A control that finds more says that there are more."""
    submit(ledger, *(bind(f"x{number}", f"x{number}", "ann", "2026-01-09T00:00:00Z") for number in range(150)))
    Runner(ledger.log).catch_up()
    damaged(store_url, "DELETE FROM decision_binding")
    findings = found(tool, "decisions")
    assert len(findings) == 101
    assert "only the first 100" in findings[-1]["finding"]


def test_the_writer_may_audit_but_not_mend(postgres_url: str, tmp_path: Path) -> None:
    """Mending takes the owner, and says so."""
    with closing(Ledger(postgres_url)) as ledger:
        submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    with login(postgres_url, f"IN ROLE {WRITER_ROLE}") as writer:
        tool = desk(url_of(postgres_url, writer), tmp_path)
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


def test_an_audit_beside_a_writer_and_a_projection(ledger: Ledger, store_url: str) -> None:
    """Whatever is recorded and projected while it looks, it finds nothing: it compares what was at one time."""
    items, done, audits = history(2), threading.Event(), 0

    def feed() -> None:
        with closing(Ledger(store_url)) as writer:
            for start in range(0, len(items), 10):
                writer.submit(commands(items[start : start + 10]))
                writer.expire()
                Runner(writer.log).catch_up(writer.log.head() - start % 3)
        done.set()

    feeding = threading.Thread(target=feed)
    feeding.start()
    while not done.is_set():
        with opened_books(ledger.log, LATER) as books:
            for control in CONTROLS:
                found = [one for one in control.find(books, lambda _: None) if isinstance(one, Finding)]
                assert found == [], control.name
        audits += 1
    feeding.join()
    assert audits


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
    with opened_books(ledger.log, LATER) as books:
        found = {control.name: list(control.find(books, lambda _: None)) for control in CONTROLS}
    assert {name: [one for one in found[name] if isinstance(one, Finding)] for name in found} == {
        name: [] for name in NAMES
    }
