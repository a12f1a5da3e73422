"""The statements of the audit over small relations, where a replay would never leave anything to be found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import duckdb
import pytest

from projections.replay.statements import statement

ACCRUAL, CLAWBACK, MATURITY = 1, 2, 3
ANN, BEN, CAT, DAN = 1, 2, 3, 4
GBP = 1
NOW_US = 1_000

TABLES: dict[LiteralString, LiteralString] = {
    "member_name": "member BIGINT, name VARCHAR",
    "currency": "number BIGINT, currency VARCHAR",
    "plan_term": "plan BIGINT, self_purchase VARCHAR",
    "order_fact": "position BIGINT, member BIGINT, plan BIGINT",
    "refund_fact": "position BIGINT, order_position BIGINT",
    "posting": "order_position BIGINT, level BIGINT, kind BIGINT, position BIGINT, member BIGINT, currency BIGINT,"
    " amount_minor BIGINT, is_on_hold BIGINT",
    "account_move": "kind VARCHAR, value_us BIGINT, member BIGINT, currency VARCHAR, amount_minor BIGINT",
    "balance": "name VARCHAR, currency VARCHAR, earned BIGINT, clawed_back BIGINT, adjusted BIGINT, pending BIGINT,"
    " available BIGINT, reserved BIGINT, paid BIGINT",
    "order_outcome": "position BIGINT, commission_1 BIGINT, clawback_1 BIGINT, commission_2 BIGINT, clawback_2 BIGINT,"
    " commission_3 BIGINT, clawback_3 BIGINT",
}


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """Order 5 of dan's under plan 1, which pays no buyer; order 6 of dan's under plan 2, which pays the buyer first."""
    with duckdb.connect() as connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
        connection.execute(f"CREATE MACRO as_of_us() AS {NOW_US}")
        put(connection, "member_name", [(ANN, "ann"), (BEN, "ben"), (CAT, "cat"), (DAN, "dan")])
        put(connection, "currency", [(GBP, "GBP")])
        put(connection, "plan_term", [(1, "none"), (2, "as_level_1")])
        put(connection, "order_fact", [(5, DAN, 1), (6, DAN, 2)])
        yield connection


def put(duck: duckdb.DuckDBPyConnection, table: LiteralString, rows: Sequence[tuple[Any, ...]]) -> None:
    """Adds rows."""
    marks = ", ".join("?" * len(rows[0]))
    duck.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  # our own names


def accruals(duck: duckdb.DuckDBPyConnection, order: int, *members: int) -> None:
    """100 each, from level 1 up."""
    rows = [(order, level, ACCRUAL, order, member, GBP, 100, 0) for level, member in enumerate(members, start=1)]
    put(duck, "posting", rows)


def found(duck: duckdb.DuckDBPyConnection, name: LiteralString) -> list[Any]:
    """What a statement finds."""
    return duck.execute(statement(f"audit/{name}")).fetchall()


# ---- Who is paid


def test_three_different_members_may_be_paid(duck: duckdb.DuckDBPyConnection) -> None:
    """And the buyer first, where the plan says so."""
    accruals(duck, 5, CAT, BEN, ANN)
    accruals(duck, 6, DAN, CAT, BEN)
    assert found(duck, "paid_twice") == []


def test_nobody_is_paid_twice(duck: duckdb.DuckDBPyConnection) -> None:
    """Three accruals for two members."""
    accruals(duck, 5, CAT, BEN, CAT)
    assert found(duck, "paid_twice") == [(5, 3, 2, 0)]


def test_nobody_is_paid_on_a_fourth_level(duck: duckdb.DuckDBPyConnection) -> None:
    """Whoever they are."""
    accruals(duck, 6, DAN, CAT, BEN, ANN)
    assert found(duck, "paid_twice") == [(6, 4, 4, 0)]


def test_the_buyer_is_paid_on_no_level_of_a_plan_that_pays_none(duck: duckdb.DuckDBPyConnection) -> None:
    """Nor on a higher one of a plan that pays the buyer first."""
    accruals(duck, 5, DAN)
    accruals(duck, 6, CAT, DAN)
    assert found(duck, "paid_twice") == [(5, 1, 1, 1), (6, 2, 2, 1)]


# ---- What is lost again


@pytest.mark.parametrize(("commission", "clawback", "is_wrong"), [(10, 0, 0), (10, 10, 0), (10, 11, 1), (10, -1, 1)])
def test_a_level_loses_what_it_earned_at_most(
    duck: duckdb.DuckDBPyConnection, commission: int, clawback: int, is_wrong: int
) -> None:
    """Between nothing and all; the refunds are named."""
    put(duck, "order_outcome", [(5, 7, 7, commission, clawback, 0, 0)])
    put(duck, "refund_fact", [(9, 5), (8, 5), (7, 6)])
    assert found(duck, "lost_more") == [(5, 2, commission, clawback, [8, 9])] * is_wrong


# ---- Accounts


def test_balances_are_what_their_postings_do(duck: duckdb.DuckDBPyConnection) -> None:
    """100 accrued, 10 lost on hold, 90 matured, 5 lost after that."""
    put(
        duck,
        "posting",
        [
            (5, 1, ACCRUAL, 5, CAT, GBP, 100, 0),
            (5, 1, CLAWBACK, 8, CAT, GBP, 10, 1),
            (5, 1, MATURITY, 5, CAT, GBP, 90, 0),
            (5, 1, CLAWBACK, 9, CAT, GBP, 5, 0),
        ],
    )
    put(duck, "balance", [("cat", "GBP", 100, 15, 0, 0, 85, 0, 0)])
    assert found(duck, "unlike_postings") == found(duck, "trial_balance") == []
    duck.execute("UPDATE posting SET is_on_hold = 0")
    assert found(duck, "unlike_postings") == [("cat", "GBP", 100, 15, 0, 0, 85, 0, 0, 100, 15, 0, 10, 75, 0, 0)]
    assert found(duck, "trial_balance") == []


def test_adjustments_and_payouts_are_postings_too(duck: duckdb.DuckDBPyConnection) -> None:
    """100 matured, 20 adjusted off; 80 reserved: 50 paid, of these 10 back, 30 released; what is dated later waits."""
    put(duck, "posting", [(5, 1, ACCRUAL, 5, CAT, GBP, 100, 0), (5, 1, MATURITY, 5, CAT, GBP, 100, 0)])
    moves = [("adjustment", -20), ("reservation", 80), ("payment", 50), ("return", 10), ("release", 30)]
    put(duck, "account_move", [(kind, NOW_US, CAT, "GBP", amount_minor) for kind, amount_minor in moves])
    put(duck, "account_move", [("adjustment", NOW_US + 1, CAT, "GBP", 7)])
    put(duck, "balance", [("cat", "GBP", 100, 0, -20, 0, 40, 0, 40)])
    assert found(duck, "unlike_postings") == found(duck, "trial_balance") == []
    duck.execute("UPDATE account_move SET kind = 'release' WHERE kind = 'payment'")
    assert [row[-2:] for row in found(duck, "unlike_postings")] == [(0, -10)]


def test_a_balance_without_postings_is_found(duck: duckdb.DuckDBPyConnection) -> None:
    """And postings without a balance; in all there is more than was expensed."""
    put(duck, "balance", [("ann", "GBP", 7, 0, 0, 7, 0, 0, 0)])
    accruals(duck, 5, CAT)
    nothing = (None,) * 7
    assert found(duck, "unlike_postings") == [
        ("ann", "GBP", 7, 0, 0, 7, 0, 0, 0, *nothing),
        ("cat", "GBP", *nothing, 100, 0, 0, 100, 0, 0, 0),
    ]
    assert found(duck, "trial_balance") == [("GBP", 7, 100)]


def test_a_balance_that_does_not_add_up_is_found(duck: duckdb.DuckDBPyConnection) -> None:
    """Earned less clawed back is pending and available (S-1), whatever the postings are."""
    put(duck, "balance", [("cat", "GBP", 100, 0, 0, 60, 30, 0, 0)])
    put(duck, "posting", [(5, 1, ACCRUAL, 5, CAT, GBP, 100, 0), (5, 1, MATURITY, 5, CAT, GBP, 30, 0)])
    assert [row[0] for row in found(duck, "unlike_postings")] == ["cat"]
    assert found(duck, "trial_balance") == [("GBP", 90, 100)]
