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
    "reversal_fact": "position BIGINT, at_us BIGINT, refund_position BIGINT, stream VARCHAR",
    "adjustment_fact": "position BIGINT, kind VARCHAR, at_us BIGINT, member BIGINT, currency VARCHAR,"
    " amount_minor BIGINT, actor VARCHAR, stream VARCHAR",
    "batch_fact": "position BIGINT, kind VARCHAR, stream VARCHAR, at_us BIGINT, actor VARCHAR, currency VARCHAR,"
    " cut_off_us BIGINT, known_position BIGINT, plan BIGINT, lines BIGINT, left_out BIGINT, total_minor BIGINT,"
    " lines_hash VARCHAR, digest VARCHAR",
    "line_fact": "position BIGINT, batch VARCHAR, number BIGINT, member BIGINT, amount_minor BIGINT, details VARCHAR",
    "drop_fact": "position BIGINT, batch VARCHAR, number BIGINT, reason VARCHAR",
    "payout_fact": "position BIGINT, kind VARCHAR, at_us BIGINT, batch VARCHAR, number BIGINT, attempt BIGINT,"
    " member BIGINT, currency VARCHAR, amount_minor BIGINT, reference VARCHAR, stream VARCHAR",
    "freeze_fact": "position BIGINT, kind VARCHAR, member BIGINT",
    "minimum_fact": "position BIGINT, plan BIGINT, currency VARCHAR, amount_minor BIGINT",
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

    def reversal(self, position: int, refund: int, *, at: int) -> None:
        """Record the reversal of the refund at position `refund`."""
        self.rows["reversal_fact"].append((position, at * DAY, refund, f"reversal-{position}"))

    def adjustment(self, position: int, member: str, amount: int, *, at: int, currency: str = "GBP") -> None:
        """Post an adjustment that counts from a day on; it was proposed at the position before."""
        facts = (at * DAY, self.number(member), currency, amount)
        for place, kind, actor in ((position - 1, "proposed", "clerk"), (position, "posted", "head")):
            self.rows["adjustment_fact"].append((place, kind, *facts, actor, f"adjustment-{position}"))

    def batch(  # a batch has that many facts
        self, position: int, lines: Sequence[tuple[str, int]], *, cut_off: int, known: int, currency: str = "GBP"
    ) -> str:
        """Prepare a batch with these lines, which stand at the next position; returns its stream."""
        stream = f"batch-b{position}"
        terms = (currency, cut_off * DAY, known, 1, len(lines), 0, sum(amount for _, amount in lines), "", "")
        self.rows["batch_fact"].append((position, "prepared", stream, cut_off * DAY, "clerk", *terms))
        for number, (member, amount) in enumerate(lines, start=1):
            self.rows["line_fact"].append((position + 1, stream, number, self.number(member), amount, None))
        return stream

    def approved(self, position: int, batch: str, *, at: int, dropped: Mapping[int, str] | None = None) -> None:
        """Approve a batch; what is dropped of it is said at the position before."""
        for number, reason in (dropped or {}).items():
            self.rows["drop_fact"].append((position - 1, batch, number, reason))
        unset = (None,) * 4
        self.rows["batch_fact"].append((position, "approved", batch, at * DAY, "head", *unset, 0, None, 0, "", None))

    def payout(  # a payout has that many facts
        self,
        position: int,
        kind: str,
        line: tuple[str, int],
        *,
        at: int,
        attempt: int = 1,
        reference: str | None = None,
    ) -> None:
        """Record what became of a line of a batch."""
        batch, number = line
        (member, amount) = next((row[3], row[4]) for row in self.rows["line_fact"] if row[1:3] == line)
        currency = next(row[5] for row in self.rows["batch_fact"] if row[2] == batch)
        stream = f"payout-{batch.removeprefix('batch-')}.{number}"
        facts = (batch, number, attempt, member, currency, amount, reference, stream)
        self.rows["payout_fact"].append((position, kind, at * DAY, *facts))

    def frozen(self, position: int, member: str, kind: str = "frozen") -> None:
        """Freeze a member, or unfreeze it."""
        self.rows["freeze_fact"].append((position, kind, self.number(member)))

    def minimum(self, amount: int, *, plan: int = 1, currency: str = "GBP") -> None:
        """Let a plan have a least payout."""
        self.rows["minimum_fact"].append((plan, plan, currency, amount))

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
