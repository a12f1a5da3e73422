"""`worker rebuild commissions`: beside the live tables, compared at one position, swapped at once or not at all."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from cli.history import Shape, lines, records
from ledger.application import Ledger
from ledger.store.migrate import migrate
from ledger.store.postgres import WRITER_ROLE
from ledger.store.session import Row, Sql
from projections.beside import RebuildingError, TablesInUseError
from projections.checkpoint import CheckpointMovedError
from projections.commissions import NAME
from projections.rebuild import Rebuild, beside
from projections.runner import Runner
from projections.view import PACKAGES, view_at
from tests.builders import LATER, bind, commands, live_digest, order, plan, replayed, submit
from tests.cli_runner import Tool, desk
from tests.logins import login, url_of

pytestmark = pytest.mark.long_on_postgres

SHAPE = Shape(members=300, orders=2_500)
COUNTS = "SELECT count(*) FROM team_binding", "SELECT count(*) FROM order_outcome", "SELECT count(*) FROM order_refund"
CONTENTS = "SELECT * FROM balance ORDER BY member, currency", "SELECT * FROM checkpoint"


@pytest.fixture
def tool(ledger: Ledger, store_url: str, tmp_path: Path) -> Tool:
    """The command on a ledger with a history that is projected."""
    ledger.submit(commands(records(SHAPE)))
    Runner(ledger.log).catch_up()
    return desk(store_url, tmp_path)


def changed(url: str, statement: str) -> None:
    """Changes live tables behind the ledger's back."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute(statement)
            file.commit()
        return
    with psycopg.connect(url) as server:
        server.execute(statement.encode())


def left_behind(url: str) -> list[str]:
    """What there is of a new version beside the live one."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return [file.name for file in path.parent.glob(f"{path.name}.rebuild*")]
    with psycopg.connect(url) as server:
        return [row[0] for row in server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE '%rebuild'")]


def query(text: str) -> Sql:
    """A query of a test's own."""
    return Sql("query", {"postgres": text, "sqlite": text})  # pyright: ignore[reportArgumentType]  # of this file


def asked(ledger: Ledger, text: str) -> list[Row]:
    """What the live tables answer."""
    with ledger.log.reading() as session:
        return session.rows(query(text))


def digest_now(ledger: Ledger) -> str:
    """The digest that the live tables and the events agree on."""
    found = live_digest(ledger)
    assert found == replayed(ledger).digest
    return found


# ---- What it does


def test_equal_tables_are_swapped_and_nothing_is_left(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """The new version has the same digest, rows and place, and the projection goes on from it."""
    before = digest_now(ledger)
    assert "the same at position" in tool("worker", "rebuild", NAME).err
    assert (digest_now(ledger), left_behind(store_url)) == (before, [])
    submit(ledger, order("late", "m-000001", 500, "2024-12-31T00:00:00Z"))
    digest_now(ledger)


def test_what_is_mended_in_place_is_not_replaced(tool: Tool) -> None:
    """Neither the tree nor the decision state has another version beside it."""
    for name in ("tree", "decisions"):
        for option in ("--replace", "--fresh"):
            assert f"{name} is mended in place" in tool("worker", "rebuild", name, option, status=2).err


def test_a_projection_that_has_not_begun_can_be_rebuilt(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """Both versions are empty; the worker fills the new one."""
    submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    assert "position 0" in desk(store_url, tmp_path)("worker", "rebuild", NAME).err
    digest_now(ledger)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE balance SET earned_minor = earned_minor + 100 WHERE member = 'm-000001'",
        "DELETE FROM order_outcome WHERE position % 7 = 0",
        "UPDATE team_binding SET ends_at_us = ends_at_us + 1 WHERE position % 5 = 0",
        "DELETE FROM balance",
        "UPDATE checkpoint SET position = 1000",
        "UPDATE checkpoint SET position = 1000000",
        "DELETE FROM checkpoint",
    ],
)
def test_tables_that_say_something_else_are_shown_and_only_replaced_when_told(
    ledger: Ledger, tool: Tool, store_url: str, damage: str
) -> None:
    """Status 3 and no change; `--replace` puts what the log says in their place."""
    right = digest_now(ledger)
    changed(store_url, damage)
    wrong = [asked(ledger, text) for text in CONTENTS]
    answer = tool.process("worker", "rebuild", NAME, "--format", "json", status=3)
    assert "--replace" in answer.err
    found = answer.document
    assert found["tables"] or found["live_position"] != found["new_position"]
    assert [asked(ledger, text) for text in CONTENTS] == wrong
    assert "which differs" in tool("worker", "rebuild", NAME, "--replace").err
    assert (digest_now(ledger), left_behind(store_url)) == (right, [])
    tool("worker", "rebuild", NAME)


def test_differences_name_rows_and_members(tool: Tool, store_url: str) -> None:
    """How many rows of which table, and the first members with both amounts."""
    changed(store_url, "UPDATE balance SET earned_minor = earned_minor + 100 WHERE member = 'm-000001'")
    found = tool.json("worker", "rebuild", NAME, status=3)
    assert [(row["table"], row["only_live"], row["only_new"]) for row in found["tables"]] == [("balance", 1, 1)]
    live, new = found["balances"]
    assert (live["member"], live["version"], new["version"]) == ("m-000001", "live", "new")
    assert live["earned"] - new["earned"] == 100
    shown = tool("worker", "rebuild", NAME, "--format", "table", status=3).out
    assert "m-000001" in shown


def test_what_an_interrupted_rebuild_filled_is_gone_on_from(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """Unless it is told to begin anew."""
    with closing(beside(store_url)) as room:
        room.make()
        Runner(ledger.log, room.store).catch_up(2_000)
    changed(store_url, "DELETE FROM balance")
    assert "going on after position 2000" in tool("worker", "rebuild", NAME, status=3).err
    assert "going on" not in tool("worker", "rebuild", NAME, "--fresh", "--replace").err
    digest_now(ledger)


def test_one_rebuild_at_a_time(tool: Tool, store_url: str) -> None:
    """The second is refused, and may try again when the first is over."""
    with closing(beside(store_url)), pytest.raises(RebuildingError):
        beside(store_url)
    with closing(beside(store_url)):
        assert "another rebuild" in tool("worker", "rebuild", NAME, status=6).err
    tool("worker", "rebuild", NAME)


# ---- Beside it, life goes on


def test_a_runner_goes_on_with_what_the_new_tables_say(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """Also one whose memory was read from damaged tables."""
    submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    runner = Runner(ledger.log)
    runner.catch_up()
    changed(store_url, "UPDATE team_binding SET referrer = 'eve'")
    runner = Runner(ledger.log)
    submit(ledger, order("o1", "ben", 1_000, "2026-01-02T00:00:00Z"))
    runner.catch_up()
    desk(store_url, tmp_path)("worker", "rebuild", NAME, "--replace")
    submit(ledger, order("o2", "ben", 1_000, "2026-01-02T00:00:00Z"))
    _caught_up(runner)
    digest_now(ledger)


def _caught_up(runner: Runner) -> None:
    """As a worker: a moved checkpoint is read again."""
    try:
        runner.catch_up()
    except CheckpointMovedError:
        runner.catch_up()


def test_rebuilds_while_a_worker_follows_and_files_come_in(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """Several rebuilds beside a worker process and an ingest: no event lost, none twice, both end well."""
    tool = desk(store_url, tmp_path)
    (tool.folder / "history.jsonl").write_bytes(b"".join(lines(Shape(members=600, orders=5_000))))
    worker = tool.start("worker", "run")
    feeding = tool.start("ingest", "history.jsonl", "--batch-size", "100", "--rejects", "rejects.jsonl")
    rebuilt = 0
    while feeding.poll() is None:
        assert "the same at position" in tool("worker", "rebuild", NAME).err
        rebuilt += 1
    feeding.communicate()
    assert rebuilt >= 1
    assert "the same at position" in tool("worker", "rebuild", NAME).err
    deadline = time.monotonic() + 60
    while tool.json("worker", "status")[0]["lag_events"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert worker.poll() is None
    worker.terminate()
    assert b"stopped" in worker.communicate(timeout=60)[1]
    digest_now(ledger)


def test_a_reader_that_comes_during_the_swap_sees_whole_tables(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """Never the new tables as they were before their last rows, whatever its snapshot."""
    del tool
    counted = [asked(ledger, text) for text in COUNTS]
    seen: list[list[list[Row]]] = []

    def read() -> None:
        with closing(Ledger(store_url)) as other, view_at(other.log, other.log.head()) as (session, _):
            seen.append([session.rows(query(text)) for text in COUNTS])

    with closing(beside(store_url)) as room:
        rebuild = Rebuild(ledger.log, room)
        reader = threading.Thread(target=read)
        with room.paused():
            rebuild.fill()
            room.swap()
            reader.start()
            time.sleep(0.3)
        reader.join(30)
    assert seen == [counted]


# ---- Killed


def interrupted_rounds(ledger: Ledger, tool: Tool, url: str, rounds: int) -> None:
    """Kills rebuilds at random moments; after each the live tables say what they said."""
    right, chance = digest_now(ledger), random.Random(rounds)  # noqa: S311  # not a secret
    started = time.monotonic()
    tool.process("worker", "rebuild", NAME)
    usual = time.monotonic() - started
    killed, before = 0, [asked(ledger, text) for text in COUNTS + CONTENTS]
    for _ in range(rounds):
        process = tool.start("worker", "rebuild", NAME)
        time.sleep(chance.uniform(usual * 0.3, usual * 1.02))
        process.kill()
        process.communicate()
        killed += process.returncode < 0
        assert [asked(ledger, text) for text in COUNTS + CONTENTS] == before
        assert live_digest(ledger) == right
    assert killed
    tool.process("worker", "rebuild", NAME)
    assert (digest_now(ledger), left_behind(url)) == (right, [])


def test_a_killed_rebuild_changes_nothing_and_is_gone_on_with(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """Kill -9 at a few random moments; the same command finishes."""
    interrupted_rounds(ledger, tool, store_url, 4)


@pytest.mark.slow
def test_a_rebuild_killed_often_changes_nothing(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """Kill -9 at many random moments."""
    interrupted_rounds(ledger, tool, store_url, 60)


def interrupted_after(step: Callable[[], None]) -> None:
    """Does a step and goes no further."""
    step()
    raise ZeroDivisionError


def test_killed_between_any_two_steps(ledger: Ledger, tool: Tool, store_url: str) -> None:
    """After making room, after filling, before the swap commits: the live tables stay, the next rebuild succeeds."""
    right = digest_now(ledger)
    for step in ("make", "fill", "swap"):
        with closing(beside(store_url)) as room:
            room.make()
            if step == "make":
                continue
            Runner(ledger.log, room.store).catch_up()
            if step == "swap":
                with pytest.raises(ZeroDivisionError), room.paused():
                    interrupted_after(room.swap)
        assert digest_now(ledger) == right
        tool("worker", "rebuild", NAME)
        assert (digest_now(ledger), left_behind(store_url)) == (right, [])


# ---- PostgreSQL's own


RIGHTS = """
SELECT c.relname::text, c.relowner::regrole::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT c.relname || '.' || t.attname, c.relowner::regrole::text, a.grantee::regrole::text, a.privilege_type,
       a.is_grantable
FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid CROSS JOIN LATERAL aclexplode(t.attacl) AS a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
ORDER BY 1, 3, 4
"""
SHAPES = "SELECT tablename::text, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"


def test_rights_owner_and_indexes_are_those_of_the_old_tables(postgres_url: str, tmp_path: Path) -> None:
    """Also rights that were given by hand, to a table or to a column."""
    with (
        login(postgres_url) as reader,
        login(postgres_url) as clerk,
        psycopg.connect(postgres_url, autocommit=True) as server,
    ):
        server.execute(sql.SQL("GRANT SELECT ON balance TO {} WITH GRANT OPTION").format(sql.Identifier(reader)))
        server.execute(sql.SQL("GRANT UPDATE (earned_minor) ON balance TO {}").format(sql.Identifier(clerk)))
        server.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(clerk)))
        server.execute(sql.SQL("ALTER TABLE order_refund OWNER TO {}").format(sql.Identifier(clerk)))
        before = server.execute(RIGHTS).fetchall(), server.execute(SHAPES).fetchall()
        desk(postgres_url, tmp_path)("worker", "rebuild", NAME)
        assert (server.execute(RIGHTS).fetchall(), server.execute(SHAPES).fetchall()) == before


def test_only_the_owner_may(postgres_url: str, tmp_path: Path) -> None:
    """A login that has the writer role is told so at once, in one line."""
    with login(postgres_url, f"IN ROLE {WRITER_ROLE}") as writer:
        theirs = desk(url_of(postgres_url, writer), tmp_path)
        assert "needs the owner" in theirs("worker", "rebuild", NAME, status=6).err
    assert left_behind(postgres_url) == []


def test_readers_are_waited_for_and_then_told_of(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long reader keeps its tables; the swap gives up in time, changes nothing, and succeeds afterwards."""
    monkeypatch.setattr("projections.rebuild.SWAP_TRIES_MAX", 2)
    monkeypatch.setattr("projections.beside_postgres.LOCK_TIMEOUT_SECONDS", 1)
    said: list[str] = []
    with closing(Ledger(postgres_url)) as ledger, closing(beside(postgres_url)) as room:
        ledger.submit(commands(records(Shape(members=50, orders=300))))
        right = digest_now(ledger)
        rebuild = Rebuild(ledger.log, room)
        rebuild.fill()
        with view_at(ledger.log, None) as (session, _):
            with pytest.raises(TablesInUseError):
                rebuild.swap(None, said.append)
            assert session.rows(query(COUNTS[1])) == [(300,)]
        assert len(said) == 1
        assert digest_now(ledger) == right
        rebuild.swap(None, said.append)
        assert digest_now(ledger) == right


def test_a_ledger_in_a_schema_of_its_own(postgres_url: str, tmp_path: Path) -> None:
    """The new version lies beside it, whatever the schema's name, and the other ledger is left alone."""
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute('CREATE SCHEMA "Shop two"')
    url = f"{postgres_url}&options=-csearch_path%3D%22Shop%5C%20two%22"
    migrate(url, PACKAGES)
    with closing(Ledger(url)) as ledger:
        submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
        submit(ledger, order("o1", "ben", 1_000, "2026-01-02T00:00:00Z"))
        right = live_digest(ledger, LATER)
        desk(url, tmp_path)("worker", "rebuild", NAME)
        assert live_digest(ledger, LATER) == right == replayed(ledger).digest
