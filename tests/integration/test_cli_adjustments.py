"""Adjustments at the command line: proposed by one, approved by another, seen in the balance."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import adjustment
from tests.cli_runner import Tool, is_aligned, tables
from tests.finance_tools import Person, two_people

pytestmark = pytest.mark.long_on_postgres

AT = "2025-01-05T00:00:00Z"

People = tuple[Person, Person]


@pytest.fixture
def people(store_url: str, tmp_path: Path) -> Iterator[People]:
    """A clerk and a chief, on each engine."""
    with two_people(store_url, tmp_path) as both:
        yield both


@pytest.fixture
def sqlite(sqlite_url: str, tmp_path: Path) -> Iterator[People]:
    """The same on SQLite only."""
    with two_people(sqlite_url, tmp_path) as both:
        yield both


def propose(person: Person, adjustment_id: str, amount: int = 250, **more: str) -> str:
    """Proposes something for cat, and returns what was printed."""
    terms = {"member": "cat", "currency": "GBP", "amount": str(amount), "reason": "promised", "at": AT, **more}
    options = [part for name, value in terms.items() for part in (f"--{name}", value)]
    return person("adjustment", "propose", "--id", adjustment_id, *options).out


def states(tool: Tool, *arguments: str) -> dict[str, str]:
    """What became of each."""
    return {row["id"]: row["state"] for row in tool.json("adjustment", "list", *arguments)}


def available(tool: Tool) -> list[int]:
    """Cat's available balances."""
    return [row["available"] for row in tool.json("balance")]


def test_one_proposes_another_approves(people: People) -> None:
    """Nothing is posted before; then it is, once; everything again is a repeat."""
    clerk, chief = people
    assert propose(clerk, "a1") == propose(clerk, "a1") == "a1\n"
    assert available(clerk.tool) == []
    assert "same_actor" in clerk("adjustment", "approve", "a1", status=6).err or chief.tool.url.startswith("postgresql")
    assert "1 adjustment approved\n" in chief("adjustment", "approve", "a1").err
    assert "1 adjustment approved already\n" in chief("adjustment", "approve", "a1").err
    assert available(clerk.tool) == [250]
    (row,) = clerk.tool.json("adjustment", "list")
    assert (row["amount_minor"], row["reason"], row["state"]) == (250, "promised", "posted")
    assert row["proposed_by"] != row["decided_by"] is not None


def test_all_that_wait(people: People) -> None:
    """Those of every source, also by file; what is rejected or approved does not wait."""
    clerk, chief = people
    propose(clerk, "a1")
    propose(clerk, "a2", -100)
    propose(clerk, "a3", 7)
    file = clerk.tool.write("more.jsonl", [adjustment("a1", "cat", 30, AT)])
    clerk("ingest", file, "--source", "mall")
    chief("adjustment", "reject", "a3", "--reason", "no receipt")
    assert states(clerk.tool, "--state", "proposed") == {"a1": "proposed", "a2": "proposed"}
    assert "3 adjustments approved\n" in chief("adjustment", "approve", "--all").err
    assert available(clerk.tool) == [180]
    assert "no adjustment waits\n" in chief("adjustment", "approve", "--all").err
    assert states(clerk.tool, "--member", "cat", "--state", "rejected") == {"a3": "rejected"}
    assert states(clerk.tool, "--member", "ann") == {}


def test_what_cannot_be_decided_is_named(people: People) -> None:
    """The others are decided all the same."""
    clerk, chief = people
    propose(clerk, "a1")
    propose(clerk, "a2")
    chief("adjustment", "reject", "a2", "--reason", "no receipt")
    answer = chief("adjustment", "approve", "a1", "a2", "a9", status=6)
    assert "1 adjustment approved\n" in answer.err
    assert "error: a2: rejected" in answer.err
    assert "error: a9: unknown_adjustment" in answer.err
    assert "a9" in chief("adjustment", "approve", "a9", status=4).err
    assert available(clerk.tool) == [250]


def test_who_may_not_approve(postgres_url: str, tmp_path: Path) -> None:
    """On PostgreSQL it takes the role, and the message says how to get it."""
    with two_people(postgres_url, tmp_path) as (clerk, chief):
        propose(chief, "a1")
        assert "GRANT refledger_approver" in clerk("adjustment", "approve", "a1", status=6).err


def test_labels_are_no_proof(sqlite: People, postgres_url: str, tmp_path: Path) -> None:
    """On SQLite the command says so; on PostgreSQL, where they are none, it does not."""
    clerk, chief = sqlite
    propose(clerk, "a1")
    assert "not authenticated" in chief("adjustment", "approve", "a1").err
    (tmp_path / "other").mkdir()
    with two_people(postgres_url, tmp_path / "other") as (clerk, chief):
        propose(clerk, "a1")
        assert "not authenticated" not in chief("adjustment", "approve", "a1").err


def test_another_content_is_a_conflict(sqlite: People) -> None:
    """The same id with another amount: 5, and nothing changes."""
    clerk, _ = sqlite
    propose(clerk, "a1")
    clerk(
        *("adjustment", "propose", "--id", "a1", "--member", "cat", "--currency", "GBP"),
        *("--amount", "251", "--reason", "promised", "--at", AT),
        status=5,
    )


@pytest.mark.parametrize(
    ("option", "value", "status"),
    [
        ("--amount", "0", 6),
        ("--amount", "2.5", 2),
        ("--amount", str(1 << 43), 6),
        ("--currency", "XXQ", 2),
        ("--member", "a b", 2),
        ("--reason", " ", 2),
        ("--reason", "x" * 501, 2),
        ("--at", "2025-01-05", 2),
        ("--at", "2999-01-01T00:00:00Z", 6),
    ],
)
def test_proposals_that_are_none(sqlite: People, option: str, value: str, status: int) -> None:
    """Refused before anything is recorded."""
    clerk, _ = sqlite
    terms = {"--member": "cat", "--currency": "GBP", "--amount": "5", "--reason": "promised", "--at": AT}
    terms |= {option: value}
    clerk("adjustment", "propose", *[part for pair in terms.items() for part in pair], status=status)
    assert states(clerk.tool) == {}


def test_a_proposal_without_a_time_can_be_repeated(people: People) -> None:
    """Its id alone makes it a repeat; another amount, or a time that is another, is a conflict."""
    clerk, _ = people
    terms = ("--id", "a1", "--member", "cat", "--currency", "GBP", "--reason", "promised")
    clerk("adjustment", "propose", *terms, "--amount", "250")
    assert "proposed already" in clerk("adjustment", "propose", *terms, "--amount", "250").err
    clerk("adjustment", "propose", *terms, "--amount", "251", status=5)
    clerk("adjustment", "propose", *terms, "--amount", "250", "--at", AT, status=5)


@pytest.mark.parametrize("adjustment_id", ["it's;so", "-7", "--all", "名前", "$(ls)"])
def test_what_to_type_next_can_be_typed(sqlite: People, adjustment_id: str) -> None:
    """Whatever characters an id has."""
    clerk, chief = sqlite
    terms = ("--member", "cat", "--currency", "GBP", "--amount", "5", "--reason", "promised")
    said = clerk("adjustment", "propose", *terms, f"--id={adjustment_id}").err
    program, *words = shlex.split(said.split("approves it: ")[1])
    assert program == "refledger"
    assert "1 adjustment approved\n" in chief(*words).err
    assert states(clerk.tool) == {adjustment_id: "posted"}


def test_all_that_wait_of_one_source(sqlite: People) -> None:
    """--source beside --all is no option to ignore; a message about another source's says which it is."""
    clerk, chief = sqlite
    propose(clerk, "a1")
    clerk("ingest", clerk.tool.write("more.jsonl", [adjustment("a1", "cat", 30, AT)]), "--source", "mall")
    assert (
        "error: a1 of source mall: same_actor"
        in clerk("adjustment", "approve", "--all", "--source", "mall", status=6).err
    )
    assert "1 adjustment approved\n" in chief("adjustment", "approve", "--all", "--source", "mall").err
    assert available(clerk.tool) == [30]
    assert "1 adjustment approved\n" in chief("adjustment", "approve", "--all", "--source", "default").err


def test_a_reason_that_steers_no_terminal(sqlite: People) -> None:
    """Line ends and escapes are spelled out in a table, and whole in JSON; bytes of no text are refused."""
    clerk, _ = sqlite
    propose(clerk, "a1", reason="one\ntwo\x1b[31m\u202e")
    (table,) = tables(clerk("adjustment", "list", "--format", "table").out)
    assert is_aligned(table)
    assert r"one\ntwo\x1b[31m\u202e" in table[2]
    assert clerk.tool.json("adjustment", "list")[0]["reason"] == "one\ntwo\x1b[31m\u202e"
    answer = clerk("adjustment", "reject", "a1", "--reason", "\udcff", status=2)
    assert "--reason" in answer.err


def test_approve_some_or_all(sqlite: People) -> None:
    """Neither, or both, is a usage error."""
    _, chief = sqlite
    chief("adjustment", "approve", status=2)
    chief("adjustment", "approve", "a1", "--all", status=2)
    chief("adjustment", "reject", "a1", status=2)


def test_the_table(sqlite: People) -> None:
    """Amounts in the currency's own decimals, what is not there as a dash; later ones are not listed as of before."""
    clerk, _ = sqlite
    propose(clerk, "a1")
    propose(clerk, "a2", -20, currency="JPY")
    (table,) = tables(clerk("adjustment", "list", "--format", "table").out)
    assert is_aligned(table)
    assert [line.split()[:4] for line in table[2:]] == [["a1", "cat", "GBP", "2.50"], ["a2", "cat", "JPY", "-20"]]
    assert states(clerk.tool, "--as-of", "2025-01-04T23:59:59Z") == {}
    assert states(clerk.tool, "--at-position", "1") == {"a1": "proposed"}
