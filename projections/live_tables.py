"""The live tables of the commissions projection, copied into DuckDB: what an audit holds against the second engine."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from ledger.store.session import Session, Sql, Table, Value, load
from projections.commissions import MEMBER_ORDER, ORDER_OUTCOME, ORDER_REFUND, TEAM_BINDING
from projections.replay.arrow import arrow_rows

# Rows that Python holds at a time while it makes columns of them.
ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table that is read page by page.

    page   reads its next rows in order of the key
    start  before every key; its names are the columns of the key
    """

    table: Table
    page: Sql
    start: dict[str, Value]


LIVE_TABLES = (
    LiveTable(ORDER_OUTCOME, load("projections", "select_live_orders"), {"position": -1}),
    LiveTable(ORDER_REFUND, load("projections", "select_live_refunds"), {"order_position": -1, "position": -1}),
    LiveTable(TEAM_BINDING, load("projections", "select_live_bindings"), {"member": "", "position": -1}),
    LiveTable(
        MEMBER_ORDER, load("projections", "select_live_lists"), {"member": "", "until_us": 0, "first_position": -1}
    ),
)


def copy_live_tables(session: Session, duck: DuckDBPyConnection) -> None:
    """Creates `live_<table>` for every table, from one snapshot, in constant memory of ours."""
    for live in LIVE_TABLES:
        names: list[str] = list(live.table.columns)
        target = f"live_{live.table.name}"
        duck.from_arrow(arrow_rows(names, [], live.table)).create(target)
        key = live.start
        while rows := session.rows(live.page, **key, most=ROWS_AT_A_TIME):
            duck.from_arrow(arrow_rows(names, rows, live.table)).insert_into(target)
            key = {name: rows[-1][names.index(name)] for name in live.start}
