"""What another plan would have paid is what a ledger that always had it pays; `diff` shows who gains."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.files import replacing
from ledger.application import Ledger
from ledger.commands import PublishPlan, command_from
from ledger.errors import IntegrityError
from ledger.plan import PlanTerms
from projections.figures import Replay
from projections.replay.bindings import Difference
from projections.replay.session import replaying
from projections.saved import FORMAT, Heading, save
from tests.builders import LATER, bind, commands, order, plan, public_commands, refund, replayed, submit
from tests.cli_runner import Tool, desk
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

TERMS: dict[str, dict[str, Any]] = {
    "shorter": {"binding": {"ttl_days": 30}},
    "for ever": {"binding": {"ttl_days": None}},
    "last touch": {"binding": {"ttl_days": 60, "policy": "last_touch", "protection_days": 7}},
    "renewed": {"binding": {"ttl_days": 20, "renewal": "on_order"}},
    "all at once": {
        "binding": {"ttl_days": 25, "policy": "last_touch", "protection_days": 3, "renewal": "on_order"},
        "rates_ppm": [70_000, 0, 123_457],
        "rounding": "half_even",
        "self_purchase": "as_level_1",
        "hold_days": 3,
    },
}


def terms_of(number: int, **terms: Any) -> PlanTerms:
    """A plan's terms."""
    command = command_from(plan(number, **terms))
    assert isinstance(command, PublishPlan)
    return command.terms()


def supposed(ledger: Ledger, instead: PlanTerms) -> tuple[Replay, list[Difference]]:
    """The figures under a plan that replaces all others."""
    with replaying(ledger.log, ledger.log.head()) as second:
        otherwise = second.suppose(instead)
        return replace(second.answer(LATER), balances=list(second.balances(LATER))), otherwise


def assert_as_if_always(ledger: Ledger, always: Ledger, terms: dict[str, Any], records: Iterable[Any]) -> None:
    """Figures under these terms are those of a ledger that was fed the same records under them from the beginning."""
    always.submit([command_from(plan(**terms))])
    always.submit(list(records))
    expected = replayed(always)
    found, _ = supposed(ledger, terms_of(1, **terms))
    assert found.digest == expected.digest
    assert list(found.balances) == list(expected.balances)
    assert (found.totals, found.levels, found.outcomes) == (expected.totals, expected.levels, expected.outcomes)


@pytest.fixture
def always(sqlite_template: bytes, tmp_path: Path) -> Iterable[Ledger]:
    """A second ledger, empty."""
    path = tmp_path / "always.db"
    path.write_bytes(sqlite_template)
    with closing(Ledger(f"sqlite:///{path}", actor="test")) as other:
        yield other


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("seed", [1, 2])
def test_another_plan_from_the_beginning(ledger: Ledger, always: Ledger, terms: str, seed: int) -> None:
    """Generated years with two plans of their own, late records, take-overs and renewals."""
    items = history(seed)
    ledger.submit(commands(items))
    assert_as_if_always(ledger, always, TERMS[terms], commands(item for item in items if item["type"] != "plan"))


@pytest.mark.slow
@pytest.mark.parametrize("terms", ["shorter", "for ever"])
def test_another_plan_for_a_published_year(ledger: Ledger, always: Ledger, terms: str) -> None:
    """A real shop's year that was recorded under 90 days."""
    ledger.submit([command_from(plan())])
    ledger.submit(public_commands())
    assert_as_if_always(ledger, always, TERMS[terms], public_commands())


def test_the_same_plan_changes_nothing(ledger: Ledger) -> None:
    """What if it had been as it was: no request comes out otherwise."""
    submit(ledger, plan(), *STORY)
    found, otherwise = supposed(ledger, terms_of(1))
    assert (found.digest, otherwise) == (replayed(ledger).digest, [])


def test_orders_recorded_without_a_plan_have_one(ledger: Ledger) -> None:
    """The plan that is supposed is in force from the beginning, whatever its own date."""
    submit(ledger, order("o1", "ben", 1_000, "2025-01-01T00:00:00Z"), allow_no_plan=True)
    submit(ledger, plan(at="2025-06-01T00:00:00Z"))
    found, _ = supposed(ledger, terms_of(9, at="2030-01-01T00:00:00Z"))
    assert found.outcomes == {"not_bound": 1, "chain_ended": 2}


# ---- As finance uses it

STORY = [
    bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
    bind("b2", "cat", "ben", "2026-01-01T00:00:00Z"),
    order("o1", "cat", 100_000, "2026-01-10T00:00:00Z"),
    order("o2", "cat", 100_000, "2026-02-20T00:00:00Z"),
    bind("b3", "cat", "dan", "2026-02-21T00:00:00Z"),
    order("o3", "cat", 50_000, "2026-02-22T00:00:00Z"),
    refund("r1", "o1", 10_000, "2026-02-23T00:00:00Z"),
]
SHORTER = {"plan": 1, "at": "2010-01-01T00:00:00Z", "rates_ppm": [100_000, 50_000], "binding": {"ttl_days": 30}}


@pytest.fixture
def tool(ledger: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """The command on that story, and a plan that was not."""
    submit(ledger, plan(), *STORY)
    tool = desk(store_url, tmp_path)
    (tool.folder / "shorter.json").write_text(json.dumps(SHORTER))
    return tool


def test_a_diff_shows_who_gains_and_who_loses(tool: Tool) -> None:
    """Worked out by hand: under 30 days cat's binding to ben lapses on the 31st, so dan may bind cat.

    As it was: o1, o2 and o3 pay ben 10 % and ann 5 %; the refund takes a tenth of o1 back. Under 30 days o2 pays nobody
    and o3 pays dan 10 %, as dan is bound to nobody.
    """
    tool("replay", "--plan", "shorter.json", "--save", "shorter.replay", "--as-of", "2026-12-01T00:00:00Z")
    found = tool.json("diff", "live", "shorter.replay")
    changes = {row["member"]: (row["net_before"], row["net_after"], row["change"]) for row in found["changes"]}
    assert changes == {
        "ben": (9_000 + 10_000 + 5_000, 9_000, -15_000),
        "ann": (4_500 + 5_000 + 2_500, 4_500, -7_500),
        "dan": (0, 5_000, 5_000),
    }
    assert [row["member"] for row in found["changes"]] == ["ben", "ann", "dan"]
    (total,) = found["totals"]
    assert total == {
        "currency": "GBP",
        "members": 3,
        "gaining": 1,
        "losing": 2,
        "gained": 5_000,
        "lost": 22_500,
        "change": -17_500,
        "net_before": 36_000,
        "net_after": 18_500,
    }


def test_a_diff_the_other_way_round(tool: Tool) -> None:
    """Two saved replays, turned around: every change has the other sign; no store is asked."""
    coordinates = ("--as-of", "2026-12-01T00:00:00Z")
    tool("replay", "--plan", "shorter.json", "--save", "a.replay", *coordinates)
    tool("replay", "--save", "b.replay", *coordinates)
    offline = Tool("sqlite:///nothing.db", tool.folder)
    one = {row["member"]: row["change"] for row in offline.json("diff", "a.replay", "b.replay")["changes"]}
    other = {row["member"]: -row["change"] for row in offline.json("diff", "b.replay", "a.replay")["changes"]}
    assert one == other == {"ben": 15_000, "ann": 7_500, "dan": -5_000}
    assert offline("diff", "a.replay", "b.replay", "--format", "csv").rows("csv")[0]["change"] == "15000"
    assert "ben" in offline("diff", "a.replay", "b.replay", "--format", "table").out


def test_the_report_says_what_was_decided_otherwise(tool: Tool) -> None:
    """The request refused then is granted now."""
    found = tool.json("replay", "--plan", "shorter.json")
    assert found["decided_otherwise"] == [{"recorded": "already_bound", "decided": "bound", "requests": 1}]


def test_a_saved_replay_that_was_changed_is_not_believed(tool: Tool) -> None:
    """Its balances must have the digest it says."""
    tool("replay", "--save", "a.replay")
    path = tool.folder / "a.replay"
    path.write_text(path.read_text().replace('"earned":25000', '"earned":25001'))
    assert "was changed" in tool("diff", "live", "a.replay", status=3).err
    heading = {"format": FORMAT, "as_of": "2026-01-01T00:00:00.000000Z", "at_position": 1, "digest": "", "what": ""}
    for wrong in ({}, {**heading, "at_position": "x"}, {**heading, "as_of": 5}):
        path.write_text(json.dumps(wrong) + "\n")
        assert "no saved replay" in tool("diff", "live", "a.replay", status=6).err


def test_a_replay_that_cannot_be_saved(tool: Tool) -> None:
    """A usage error names the file; a replay cut short leaves the old file and nothing beside it."""
    assert "no/a.replay cannot be written" in tool("replay", "--save", "no/a.replay", status=2).err
    (tool.folder / "a.replay").write_text("old")

    def cut_short() -> Iterable[str]:
        yield "{}"
        raise IntegrityError

    with pytest.raises(IntegrityError), replacing(tool.folder / "a.replay") as file:
        save(file, Heading(LATER, 1, "", "", ""), cut_short())
    assert (tool.folder / "a.replay").read_text() == "old"
    assert list(tool.folder.glob("*.partial")) == []


def test_replays_of_different_times_are_said_to_be(tool: Tool) -> None:
    """Not all that differs is then a change of rules."""
    tool("replay", "--save", "a.replay", "--as-of", "2026-01-15T00:00:00Z")
    tool("replay", "--save", "b.replay", "--as-of", "2026-12-01T00:00:00Z")
    assert "different times" in tool("diff", "a.replay", "b.replay").err


def test_replays_of_different_logs_are_not_compared(ledger: Ledger, tool: Tool) -> None:
    """At one position two contents are two logs."""
    tool("replay", "--save", "a.replay", "--at-position", "3")
    path = tool.folder / "a.replay"
    (tool.folder / "b.replay").write_text(path.read_text().replace('"content_root":"', '"content_root":"0'))
    assert "different logs" in tool("diff", "a.replay", "b.replay", status=3).err
    submit(ledger, order("o9", "cat", 100, "2026-03-01T00:00:00Z"))
    tool("replay", "--save", "c.replay")
    tool("diff", "a.replay", "c.replay")


def test_what_is_live_is_compared_with_its_own_log_only(tool: Tool, tmp_path: Path) -> None:
    """A replay of another store would differ in everybody; of a position that is not there yet, its name is said."""
    tool("replay", "--save", "a.replay")
    other = Tool(f"sqlite:///{tmp_path}/other.db", tool.folder)
    other("init")
    assert "a.replay is of position" in other("diff", "live", "a.replay", status=4).err
    with other.ledger() as ledger:
        submit(ledger, plan(hold_days=1), *STORY)
    for sides in (("live", "a.replay"), ("a.replay", "live")):
        assert "a.replay is of another log" in other("diff", *sides, status=3).err
        assert "0 balances differ" in tool("diff", *sides).err


def test_a_plan_in_a_file_of_any_name(tool: Tool) -> None:
    """Also of bytes that are no text: they are spelled out where the replay says what it is."""
    (tool.folder / "\udcff.json").write_text(json.dumps(SHORTER))
    tool("replay", "--plan", "\udcff.json", "--save", "a.replay")
    assert r"a.replay: what if, plan of \udcff.json" in tool("diff", "live", "a.replay").err


def test_a_file_that_is_no_replay_is_not_to_be_written_over(tool: Tool) -> None:
    """What makes one is said without the name of what is there, as it may be a plan."""
    assert "--save FILE" in tool("diff", "live", "shorter.json", status=6).err


def test_what_cannot_be_asked_together(tool: Tool) -> None:
    """A usage error says what to do."""
    assert "--engine duckdb" in tool("replay", "--engine", "python", "--redecide", status=2).err
    assert "leave out --redecide" in tool("replay", "--plan", "shorter.json", "--redecide", status=2).err
    assert "--engine duckdb" in tool("replay", "--engine", "python", "--memory-limit", "1GB", status=2).err
    assert "--engine spark" in tool("replay", "--master", "local[2]", status=2).err
    assert "name a saved replay" in tool("diff", "live", "live", status=2).err
    assert "refledger replay --save" in tool("diff", "live", "none.replay", status=2).err


def test_decided_again_as_recorded(tool: Tool) -> None:
    """Nothing comes out otherwise, and the digest is that of the other engine."""
    digest = tool.json("replay", "--engine", "python", "--as-of", "2026-12-01T00:00:00Z")["digest"]
    answer = tool("replay", "--redecide", "--as-of", "2026-12-01T00:00:00Z", "--check", digest)
    assert "0 requests otherwise" in answer.err


def test_members_asked_for(tool: Tool) -> None:
    """Their balances and teams."""
    found = tool.json("replay", "--engine", "duckdb", "--member", "ben", "--as-of", "2026-02-22T00:00:00Z")
    assert [row["member"] for row in found["balances"]] == ["ben"]
    assert {(row["direction"], row["level"], row["name"]) for row in found["teams"]["ben"]} == {
        ("up", 1, "ann"),
        ("down", 1, "cat"),
    }
    text = tool("replay", "--engine", "duckdb", "--member", "ben", "--format", "table").out
    assert text.startswith("balances of the members asked for")


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_a_member_without_a_balance(tool: Tool, engine: str) -> None:
    """Piped, whoever has none is no row of the same columns; not the totals of all."""
    piped = tool("replay", "--engine", engine, "--member", "nobody", "--format", "tsv").out
    assert piped == tool("replay", "--engine", engine, "--member", "ben", "--format", "tsv").out.splitlines()[0] + "\n"
    assert tool.json("replay", "--engine", engine, "--member", "nobody")["balances"] == []


def test_memory_has_a_limit_that_is_kept(tool: Tool) -> None:
    """What does not fit says what to do; a limit that is none is a usage error."""
    tool("replay", "--engine", "duckdb", "--memory-limit", "200MB", "--temp-dir", ".")
    assert "--memory-limit" in tool("replay", "--engine", "duckdb", "--memory-limit", "100KB", status=6).err
    for none in ("plenty", "0MB", "9999999TB"):
        assert "2GB" in tool("replay", "--engine", "duckdb", "--memory-limit", none, status=2).err
