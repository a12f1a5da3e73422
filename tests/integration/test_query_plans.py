"""Set-wise look-ups go by index, on tables no one has analysed: the difference is a hundredfold at a million rows."""

# pyright: reportPrivateUsage=false

from contextlib import closing

import psycopg
import pytest

from cli.history import Shape, records
from ledger import decisions, refunds
from ledger.application import Ledger
from ledger.payouts import state
from ledger.store.recorder import read_states
from ledger.store.session import Sql, load
from projections import commissions, payout_tables
from projections.runner import Runner
from tests.builders import commands
from tests.trees import append

SETWISE = {
    "recorded": decisions._RECORDED,
    "bindings": decisions._BINDINGS,
    "ancestors": decisions._ANCESTORS,
    "with_downline": decisions._WITH_DOWNLINE,
    "refunds": refunds._REFUNDS,
    "reversed": refunds._REVERSED,
    "frozen": state._FROZEN,
    "references": state._REFERENCES,
    "streams": state._STREAMS,
    "team_bindings": commissions._TEAM_BINDINGS,
    "order_outcomes": commissions._ORDER_OUTCOMES,
    "order_refunds": commissions._REFUNDS,
    "payout_batches": payout_tables._BATCHES,
    "payouts": payout_tables._POSTED,
}


@pytest.fixture(scope="module")
def keys() -> list[str]:
    """As many keys as a batch has."""
    return [f"m-{number:06d}" for number in range(1_000)]


@pytest.mark.parametrize("name", SETWISE)
def test_setwise_reads_use_an_index(postgres_url: str, keys: list[str], name: str) -> None:
    """Each key by the index, and nothing compared with every key: as filled, after VACUUM alone, after ANALYZE."""
    ledger = Ledger(postgres_url, actor="test")
    ledger.submit(commands(records(Shape(members=300, orders=1_500))))
    Runner(ledger.log).catch_up()
    assert _scans(ledger, SETWISE[name], keys) == []
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # Counts the rows, but says nothing of what is in them: a planner then believes that few have version 1.
        connection.execute("VACUUM")
        assert _scans(ledger, SETWISE[name], keys) == []
        connection.execute("ANALYZE")
    assert _scans(ledger, SETWISE[name], keys) == []
    ledger.close()


def test_appending_has_the_settings_of_every_writer(postgres_url: str) -> None:
    """The append lock's statement sets the same as `prefer_indexes`: no server default is left in either."""
    names = ("plan_cache_mode", "enable_seqscan", "enable_hashjoin", "enable_mergejoin")
    query = Sql("settings", {"postgres": "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)})
    with closing(Ledger(postgres_url)) as ledger:
        with ledger.log.appending() as append:
            appending = append.session.rows(query)
        with ledger.log.writing() as session:
            assert appending == session.rows(query) == [("force_custom_plan", "off", "off", "off")]


def test_a_range_of_the_log_is_read_in_order(postgres_url: str) -> None:
    """Along the index, also of a table that was never analysed: a long range would be sorted on disk."""
    explained = Sql("explain", {"postgres": "EXPLAIN " + load("ledger.store", "select_states").texts["postgres"]})
    with closing(Ledger(postgres_url)) as ledger:
        append(ledger, 50_000)
        with ledger.log.reading() as session:
            before = str(session.rows(explained, after=20_000, upto=36_000))
            assert len(read_states(session, 20_000, 36_000)) == 16_000
            lines = str(session.rows(explained, after=20_000, upto=36_000))
    assert "Sort" in before, "the planner knows better by now: is the setting still needed?"
    assert "Index Scan" in lines
    assert "Sort" not in lines


def _scans(ledger: Ledger, sql: Sql, keys: list[str]) -> list[str]:
    """Lines of the plan that read a whole table, once or for each key, in a transaction as a writer has it."""
    explained = Sql("explain", {"postgres": "EXPLAIN " + sql.texts["postgres"]})
    more = {name: 1 for name in ("since", "batch") if f":{name}" in sql.texts["sqlite"]}
    if "batch" in more:
        keys = [str(number) for number, _ in enumerate(keys)]
    with ledger.log.writing() as session:
        lines = [str(row[0]) for row in session.rows(explained, keys=keys, **more)]
    assert any("Index" in line for line in lines)
    return [line for line in lines if any(word in line for word in ("Seq Scan", "Materialize", "Join Filter"))]
