"""Large teams in pages: nobody left out, nobody twice, along an index, at any time."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.application import Ledger
from ledger.errors import NotFoundError
from ledger.store.session import Row, Session, Sql
from projections import team as teams
from projections.commissions import TEAM_BINDING
from projections.runner import Runner
from projections.team import Edge, Page, Place, downline, level_sizes
from tests.builders import LATER, bind, plan, submit
from tests.cli_runner import Tool, desk

pytestmark = pytest.mark.long_on_postgres

AT = datetime(2026, 3, 1, tzinfo=UTC)
FOREVER = 40_000_000_000_000_000


def binds() -> list[dict[str, Any]]:
    """Ann above 12, each above 0 to 9, some of those above a few; odd ids; a fourth level that is not asked for."""
    chance = random.Random(7)  # noqa: S311  # not a secret
    records: list[dict[str, Any]] = []
    above = ["ann"]
    for level in range(4):
        below: list[str] = []
        at = f"2026-0{1 + level % 2}-02T00:00:00Z"
        for referrer in above:
            for _ in range(12 if level == 0 else chance.choice([0, 0, 1, 3, 9])):
                below.append(f"{chance.choice(['m', 'ä', '@', '名', 'Z'])}{len(records)}@{level}")
                records.append(bind(f"b{len(records)}", below[-1], referrer, at))
        above = below
    return records


@pytest.fixture
def members(ledger: Ledger) -> list[dict[str, Any]]:
    """The team's binds, recorded and projected; some have lapsed, moved or are gone at AT."""
    records = binds()
    submit(ledger, plan(binding={"policy": "last_touch", "ttl_days": 90}), *records)
    for number, record in enumerate(records[::5]):
        at = f"2026-02-{3 + number % 20:02}T00:00:00Z"
        if number % 2:
            submit(ledger, {"type": "unbind", "id": f"u{number}", "member": record["member"], "at": at, "reason": "-"})
        else:
            submit(ledger, bind(f"t{number}", record["member"], "someone", at))
    Runner(ledger.log).catch_up()
    return records


def expected(edges: list[Edge], root: str) -> list[Edge]:
    """The order that pages promise, by plain sorting: level, then who is between, then member."""
    above = {edge.member: edge.referrer for edge in edges}

    def path(edge: Edge) -> tuple[int, list[bytes]]:
        names = [edge.member]
        while above.get(names[-1], root) != root:
            names.append(above[names[-1]])
        return edge.level, [name.encode() for name in reversed(names)]

    return sorted(edges, key=path)


def in_pages(session: Session, member: str, as_of: datetime, depth: int, most: int) -> list[Edge]:
    """The downline, page after page."""
    found: list[Edge] = []
    after = None
    while page := downline(session, member, as_of, depth, Page(after, most)):
        assert len(page) <= most
        found += page
        after = Place(page[-1].member, page[-1].level)
    return found


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_pages_together_are_the_whole(ledger: Ledger, members: list[dict[str, Any]], depth: int) -> None:
    """Whatever their length, in the promised order; sizes are those of the levels."""
    for as_of in (datetime(2026, 1, 15, tzinfo=UTC), AT, datetime(2026, 4, 20, tzinfo=UTC), LATER):
        with ledger.log.reading() as session:
            whole = downline(session, "ann", as_of, depth)
            assert whole == expected(whole, "ann")
            assert len({edge.member for edge in whole}) == len(whole)
            assert level_sizes(session, "ann", as_of, depth) == [
                sum(edge.level == level for edge in whole) for level in range(1, depth + 1)
            ]
            for most in (1, 2, 7, len(members)):
                assert in_pages(session, "ann", as_of, depth, most) == whole
            if as_of == AT:
                assert {edge.level for edge in whole} == set(range(1, depth + 1))


def test_a_page_begins_after_any_place(ledger: Ledger, members: list[dict[str, Any]]) -> None:
    """Every member is a place to go on from."""
    del members
    with ledger.log.reading() as session:
        whole = downline(session, "ann", AT, 3)
        for index, edge in enumerate(whole):
            page = Page(Place(edge.member, edge.level), 5)
            assert downline(session, "ann", AT, 3, page) == whole[index + 1 : index + 6]


def test_a_place_where_nobody_is_any_more_is_named(ledger: Ledger, members: list[dict[str, Any]]) -> None:
    """A member of another level, of another team, or of none."""
    first = members[1]["member"]
    with ledger.log.reading() as session:
        for root, place in (("ann", Place(first, 2)), (first, Place("ann", 1)), ("ann", Place("nobody", 1))):
            with pytest.raises(NotFoundError):
                downline(session, root, AT, 3, Page(place, 5))


# ---- The command


@pytest.fixture
def tool(store_url: str, tmp_path: Path, members: list[dict[str, Any]]) -> Tool:
    """The command on that team."""
    del members
    return desk(store_url, tmp_path)


AS_OF = ("--as-of", "2026-03-01T00:00:00Z")


def test_every_page_names_the_command_for_the_next(tool: Tool) -> None:
    """Typing what is printed until nothing is printed shows the whole team; sizes and totals come first and once."""
    whole = tool.json("team", "ann", *AS_OF)
    assert whole["next"] is None
    assert sum(row["members"] for row in whole["levels"]) == len(whole["team"]) > 30
    answer = tool("team", "ann", *AS_OF, "--limit", "10", "--format", "json")
    seen, pages = list(answer.document["team"]), 1
    assert answer.document["levels"] == whole["levels"]
    while "more: " in answer.err:
        program, *words = shlex.split(answer.err.split("more: ")[1].strip())
        assert program == "refledger"
        answer = tool(*words, "--format", "json")
        assert (answer.document["levels"], answer.document["totals"]) == (None, None)
        seen += answer.document["team"]
        pages += 1
    assert seen == whole["team"]
    assert pages == -(-len(seen) // 10)


def test_depth_and_position_go_into_the_next_command(tool: Tool) -> None:
    """It asks the same question; also where that was asked for now."""
    head = tool.head()
    said = tool("team", "ann", *AS_OF, "--limit", "3", "--depth", "2", "--at-position", str(head)).err
    words = shlex.split(said.split("more: ")[1])
    for option, value in (("--depth", "2"), ("--at-position", str(head)), ("--limit", "3")):
        assert words[words.index(option) + 1] == value
    assert "--as-of" in words


def test_the_next_command_can_be_typed(ledger: Ledger, tool: Tool) -> None:
    """Also for a member whose id looks like an option; it keeps the format."""
    submit(ledger, *(bind(f"x{number}", f"x;{number}", "-q", "2026-02-20T00:00:00Z") for number in range(3)))
    answer = tool("team", *AS_OF, "--limit", "1", "--format", "csv", "--", "-q")
    for number in (1, 2):
        answer = tool(*shlex.split(answer.err.split("more: ")[1])[1:])
        assert [row["member"] for row in answer.rows("csv")] == [f"x;{number}"]
    assert "more: " not in answer.err


def test_a_table_has_a_hundred_rows_unless_told_otherwise(ledger: Ledger, tool: Tool) -> None:
    """With the sizes on top; a file has everyone."""
    submit(ledger, *(bind(f"x{number}", f"x{number:03}", "ann", "2026-02-20T00:00:00Z") for number in range(150)))
    shown = tool("team", "ann", *AS_OF, "--format", "table")
    assert shown.out.startswith("how many\n")
    assert "more: " in shown.err
    assert shown.out.count("2026-02-20") <= 100
    assert "more: " not in tool("team", "ann", *AS_OF, "--format", "table", "--limit", "1000").err
    rows = tool("team", "ann", *AS_OF).rows("tsv")
    assert len(rows) == len(tool.json("team", "ann", *AS_OF)["team"]) > 150


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--after", "ben"), 2, "ben@2"),
        (("--after", "ben@4"), 2, "1 to 3"),
        (("--after", "@2"), 2, "id"),
        (("--limit", "0"), 2, "--limit"),
        (("--up", "--limit", "5"), 2, "below"),
        (("--after", "nobody@1"), 4, "not on level 1"),
    ],
)
def test_pages_that_cannot_be(tool: Tool, arguments: tuple[str, ...], status: int, message: str) -> None:
    """One line that says what would be right."""
    assert message in tool("team", "ann", *AS_OF, *arguments, status=status).err


# ---- By index


@pytest.fixture
def crowd(postgres_url: str) -> Iterator[Ledger]:
    """3,000 below one: 10 x 10 x 30, among others, unanalysed."""
    with closing(Ledger(postgres_url)) as ledger:
        rows: list[Row] = []
        above = ["top", *(f"other{number}" for number in range(20))]
        for width in (10, 10, 30):
            below: list[str] = []
            for referrer in above:
                below += [f"{referrer}.{number}" for number in range(width if referrer.startswith("top") else 2)]
            rows += [
                (member, len(rows) + index, f"bind-{member}", member.rpartition(".")[0], 0, FOREVER, 1, None)
                for index, member in enumerate(below, start=1)
            ]
            above = below
        with ledger.log.writing() as session:
            session.insert(TEAM_BINDING, rows)
        yield ledger


def test_a_page_is_read_along_an_index_and_no_further(crowd: Ledger, postgres_url: str) -> None:
    """Before and after ANALYZE: no table read whole, none sorted whole, and few rows looked at."""
    for _ in range(2):
        for steps in (1, 2, 3):
            plan_lines = explained(crowd, steps)
            assert not [line for line in plan_lines if "Seq Scan" in line or "Bitmap" in line or "->  Sort" in line]
            looked_at = [int(part.split()[0]) for line in plan_lines for part in line.split("rows=")[2:]]
            assert max(looked_at) <= 301
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("ANALYZE")


def explained(ledger: Ledger, steps: int) -> list[str]:
    """How a page of 20 is read, with the rows of each step."""
    sql = Sql("explain", {"postgres": "EXPLAIN (ANALYZE, TIMING OFF) " + teams._BELOW[steps].texts["postgres"]})
    with ledger.log.reading() as session:
        session.run(teams._BY_INDEX)
        return [row[0] for row in session.rows(sql, member="top", after="", as_of=1, most=20)]


def test_a_page_is_not_compiled(crowd: Ledger) -> None:
    """Costs that only stand for "not so" would make PostgreSQL compile a query of two rows for a tenth of a second."""
    sql = Sql("explain", {"postgres": "EXPLAIN " + teams._UPLINE.texts["postgres"]})
    with crowd.log.reading() as session:
        session.run(teams._BY_INDEX)
        lines = [row[0] for row in session.rows(sql, member="top.1.1", as_of=1, depth=2)]
    assert not [line for line in lines if "JIT" in line]


def test_no_page_of_sqlite_scans_the_table(sqlite_url: str) -> None:
    """Only searches by the index of downlines; at most the last columns of an order are sorted."""
    with closing(Ledger(sqlite_url)) as ledger, ledger.log.reading() as session:
        for steps in (1, 2, 3):
            sql = Sql("explain", {"sqlite": "EXPLAIN QUERY PLAN " + teams._BELOW[steps].texts["sqlite"]})
            lines = [row[-1] for row in session.rows(sql, member="top", after="", as_of=1, most=20)]
            searches = [line for line in lines if "team_binding_downline" in line]
            assert len(searches) == steps
            assert not [line for line in lines if line.startswith("SCAN") or line == "USE TEMP B-TREE FOR ORDER BY"]


def test_ends_are_those_in_force(ledger: Ledger) -> None:
    """A page shows where each binding ends, released or lapsing."""
    submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    submit(ledger, {"type": "unbind", "id": "u", "member": "ben", "at": "2026-02-01T00:00:00Z", "reason": "-"})
    Runner(ledger.log).catch_up()
    with ledger.log.reading() as session:
        (edge,) = downline(session, "ann", datetime(2026, 1, 31, tzinfo=UTC), 3, Page(None, 1))
        assert edge.until == datetime(2026, 2, 1, tzinfo=UTC)
        assert downline(session, "ann", datetime(2026, 2, 1, tzinfo=UTC), 3, Page(None, 1)) == []
