"""Small relations of a log, written by hand: what a loader would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

DAY = 86_400_000_000
NO_END = None
LATE = 10_000 * DAY

Cell = str | int | None

COLUMNS: Mapping[str, str] = {
    "member_name": "member BIGINT, name VARCHAR",
    "plan_term": "plan BIGINT, position BIGINT, effective_from_us BIGINT, rate_1_ppm BIGINT, rate_2_ppm BIGINT,"
    " rate_3_ppm BIGINT, rounding VARCHAR, hold_us BIGINT, self_purchase VARCHAR, policy VARCHAR, protection_us BIGINT,"
    " ttl_us BIGINT, renewal VARCHAR",
    "order_fact": "position BIGINT, at_us BIGINT, member BIGINT, currency VARCHAR, amount_minor BIGINT, plan BIGINT",
    "refund_fact": "position BIGINT, at_us BIGINT, order_position BIGINT, amount_minor BIGINT",
    "binding_fact": "position BIGINT, kind VARCHAR, bind BIGINT, member BIGINT, referrer BIGINT, at_us BIGINT,"
    " ends_at_us BIGINT",
}


@dataclass
class Relations:
    """Rows of each relation. Times are given in days, amounts in minor units; positions are given, not counted.

    names   in the order of the members' numbers
    """

    names: Sequence[str]
    rows: dict[str, list[tuple[Cell, ...]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def __post_init__(self) -> None:
        self.rows["member_name"] = list(enumerate(self.names, start=1))

    def plan(  # a plan has that many terms
        self,
        rates: Iterable[int] = (100_000, 50_000, 20_000),
        *,
        number: int = 1,
        rounding: str = "down",
        hold: int = 0,
        own: bool = False,
    ) -> None:
        """Publish a plan; rates in parts per million."""
        rate_1, rate_2, rate_3 = (*rates, 0, 0, 0)[:3]
        own_terms = "as_level_1" if own else "none"
        terms = ("first_touch", 0, None, "none")
        row = (number, number, 0, rate_1, rate_2, rate_3, rounding, hold * DAY, own_terms, *terms)
        self.rows["plan_term"].append(row)

    def bound(self, position: int, member: str, referrer: str, *, at: int, end: int | None = NO_END) -> None:
        """Bind a member from a day on."""
        self._binding(position, "bound", position, (member, referrer), at, end)

    def renewed(self, position: int, bind: int, pair: tuple[str, str], *, at: int, end: int) -> None:
        """Move the end of the binding that began at position `bind`."""
        self._binding(position, "renewed", bind, pair, at, end)

    def released(self, position: int, bind: int, pair: tuple[str, str], *, at: int) -> None:
        """End the binding that began at position `bind`."""
        self._binding(position, "released", bind, pair, at, None)

    def order(  # an order has that many facts
        self, position: int, member: str, amount: int, *, at: int, plan: int | None = 1, currency: str = "GBP"
    ) -> None:
        """Record an order."""
        self.rows["order_fact"].append((position, at * DAY, self.number(member), currency, amount, plan))

    def refund(self, position: int, order: int, amount: int, *, at: int) -> None:
        """Record a refund of the order at position `order`."""
        self.rows["refund_fact"].append((position, at * DAY, order, amount))

    def number(self, name: str) -> int:
        """A member's number in all relations."""
        return self.names.index(name) + 1

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Give a database in memory with all of them as tables."""
        connection = duckdb.connect()
        for name, columns in COLUMNS.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
            if self.rows[name]:
                values = ", ".join("(" + ", ".join(map(_literal, row)) + ")" for row in self.rows[name])
                connection.execute(f"INSERT INTO {name} VALUES {values}")  # noqa: S608  # values of our own
        return connection

    def _binding(  # a row has that many columns
        self, position: int, kind: str, bind: int, pair: tuple[str, str], at: int, end: int | None
    ) -> None:
        ends_at_us = None if end is None else end * DAY
        member, referrer = map(self.number, pair)
        self.rows["binding_fact"].append((position, kind, bind, member, referrer, at * DAY, ends_at_us))


def _literal(cell: Cell) -> str:
    """Write a value of a test in SQL; names have no quotes."""
    return "NULL" if cell is None else f"'{cell}'" if isinstance(cell, str) else str(cell)
