"""Which events of a log somebody asks for, and the look through a range of them."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from projections.export.statements import statement
from projections.replay.statements import statement as replay_statement


@dataclass(frozen=True, slots=True)
class Selection:
    """Events that meet every condition given; a condition that is empty holds for all.

    members        named by the event in any role, or the buyer of the order that it refunds
    orders         streams: the orders, their refunds, and renewals that followed from them
    kinds          types of events
    since, until   occurred_at in [since, until), canonical texts
    """

    members: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None

    def prepare(self, duck: DuckDBPyConnection, first: int) -> None:
        """Lets a connection answer `chosen_event` for whatever `take` shows it; of before a position none is chosen."""
        duck.execute(replay_statement("load/macro_stream"))
        for name in ("members", "orders", "kinds"):
            duck.execute(f"SET VARIABLE {name} = CAST($1 AS VARCHAR[])", [list(getattr(self, name))])
        for name in ("since", "until"):
            duck.execute(f"SET VARIABLE {name} = CAST($1 AS VARCHAR)", [getattr(self, name)])
        duck.execute("SET VARIABLE first = CAST($1 AS BIGINT)", [first])
        duck.execute("CREATE OR REPLACE TEMP TABLE their_order (stream VARCHAR NOT NULL)")

    def take(self, duck: DuckDBPyConnection, table: str) -> None:
        """Makes `chosen_event` the events of a table; ranges have to come in the order of the log."""
        duck.execute(f"CREATE OR REPLACE TEMP VIEW raw_event AS SELECT * FROM {table}")  # noqa: S608  # our own name
        for name in ("event_field", "chosen_event"):
            duck.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {statement(name)}")
        if self.members:
            duck.execute(statement("their_order"))
