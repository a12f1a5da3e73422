"""Balances, levels, outcomes and teams at any (T, P) from the relations of a log, in SQL that two engines read alike.

Relations (BIGINT unless said; times in microseconds since 1970, amounts in minor units, `position` in the log):

    member_name(member, name VARCHAR)                  members are 1, 2, ... in all other relations
    plan_term(plan, position, effective_from_us, rate_1_ppm, rate_2_ppm, rate_3_ppm, rounding VARCHAR, hold_us,
              self_purchase VARCHAR, ...)
    order_fact(position, at_us, member, currency VARCHAR, amount_minor, plan or null)
    refund_fact(position, at_us, order_position, amount_minor)           recorded ones
    binding_fact(position, kind VARCHAR bound|released|renewed, bind, member, referrer, at_us, ends_at_us or null)

What is made of them, each in sql/<name>.sql:

    binding_fact -> binding_version -> piece                                                 once
    order_fact -> order_chunk, and piece -> near_piece -> piece_1, piece_2, piece_3          per chunk of positions
    order_chunk, piece_n -> near_upline [-> climber] -> upline                               per chunk of positions
    upline, refund_fact -> refund_run -> accrual -> level_row, empty_level                   per chunk of positions
    level_row, empty_level -> member_sum, level_sum                                          per chunk of positions
    member_sum and level_sum of all chunks -> member_total -> balance, level, outcome        once

and, where every row is asked for and not only sums:

    refund_fact -> refund_step -> single_run, in the place of refund_run                     per chunk of positions
    accrual, level_row, empty_level -> order_outcome; level_row, refund_step -> posting      per chunk of positions
    piece -> edge_now -> team_row                                                            once

Orders are taken in chunks of positions, because a hundred million do not fit into one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from projections.replay.answers import Balance, Level, OrderLevel, Outcome, Teammate
from projections.replay.statements import statement

CHUNK_POSITIONS = 24_000_000
FACTS_JOINED = 128

_SUMS = ("level_sum", "member_sum")
_DETAILS = ("order_outcome", "posting")

Row = tuple[Any, ...]


class Engine(Protocol):
    """A database that has the relations."""

    def declare(self, function: str, value: int) -> None:
        """Let `function()` be this BIGINT in what is defined from now on."""
        ...

    def define(self, name: str, select: str, *, materialised: bool) -> None:
        """Let `name` be the rows of a SELECT, worked out now or when it is read; it may replace what it reads."""
        ...

    def rows(self, select: str) -> Iterator[Row]:
        """Rows of a SELECT, in its order."""
        ...


class Question:
    """One question (T, P) and its figures.

    Args:
        engine: has the relations of a log, up to P or further. One question at a time.
        as_of_us: T, microseconds since 1970.
        at_position: P.
        chunk_positions: how many positions of orders one statement takes.
        facts_joined: members with more binding facts are not joined with orders, but climbed.
        progress: called with the number of positions summed up since the last call.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        as_of_us: int,
        at_position: int,
        chunk_positions: int = CHUNK_POSITIONS,
        facts_joined: int = FACTS_JOINED,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._engine = engine
        self._progress = progress
        self._chunks = [
            (first, min(first + chunk_positions - 1, at_position))
            for first in range(1, max(at_position, 1) + 1, chunk_positions)
        ]
        self._has_sums = self._has_details = False
        engine.declare("as_of_us", as_of_us)
        engine.declare("at_position", at_position)
        engine.declare("facts_joined", facts_joined)
        self._define("binding_version", materialised=False)
        self._define("piece", materialised=True)
        self._has_crowded = bool(list(engine.rows(statement("crowded"))))
        for name in ("reason", "rate", "currency"):
            self._define(name, materialised=True)

    def balances(self) -> Iterator[Balance]:
        """Lines in the order of the members' bytes, then of the currency (S-1, S-3)."""
        self._sum_up()
        return map(Balance._make, self._engine.rows("SELECT * FROM balance ORDER BY name, currency"))

    def totals(self) -> Iterator[Row]:
        """All balances of each currency together: currency, earned, clawed_back, pending, available, members."""
        self._sum_up()
        return self._engine.rows(statement("currency_total"))

    def lines(self) -> Iterator[str]:
        """Canonical JSON of each balance, in order: the lines of the digest (S-3)."""
        self._sum_up()
        return (line for (line,) in self._engine.rows(statement("digest_line")))

    def levels(self) -> Iterator[Level]:
        """Three rows for every currency with an order by T, sorted (T-2)."""
        self._sum_up()
        return map(Level._make, self._engine.rows(statement("level")))

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes that some (order, level) by T had, sorted (A-3)."""
        self._sum_up()
        return map(Outcome._make, self._engine.rows(statement("outcome")))

    def team(self, member: int) -> Iterator[Teammate]:
        """Who is below and above a member, given by its number, sorted (T-1)."""
        self._engine.declare("asked_member", member)
        self._define("edge_now", materialised=False)
        return map(Teammate._make, self._engine.rows(statement("team")))

    def order_levels(self, positions: Iterable[int] | None = None) -> Iterator[OrderLevel]:
        """Every level of orders by T, in order of position.

        Args:
            positions: of a few orders, each a statement of its own; None: all orders.
        """
        for chunk in self._chunks if positions is None else [(position, position) for position in sorted(positions)]:
            self._take(chunk)
            yield from map(OrderLevel._make, self._engine.rows(statement("order_level")))

    def tabulate(self) -> None:
        """Leave `balance`, `order_outcome`, `posting` and `team_row` with the engine, for whoever reads all rows.

        The sums are made in the same pass, so ask for figures afterwards.
        """
        self._has_details, self._has_sums = True, False
        self._sum_up()
        self._define("edge_now", materialised=False)
        self._define("team_row", materialised=False)

    def _sum_up(self) -> None:
        """Make `level_sum` and `member_total` of all chunks, and the details, once."""
        if self._has_sums:
            return
        names = (*_SUMS, *_DETAILS) if self._has_details else _SUMS
        for number, chunk in enumerate(self._chunks):
            self._take(chunk)
            for name in names:
                self._engine.define(f"{name}_{number}", statement(name), materialised=True)
            if self._progress is not None:
                self._progress(chunk[1] - chunk[0] + 1)
        for name in names:
            parts = (f"SELECT * FROM {name}_{number}" for number in range(len(self._chunks)))  # noqa: S608  # our names
            self._engine.define(name, " UNION ALL ".join(parts), materialised=False)
        if len(self._chunks) == 1:
            self._engine.define("member_total", "SELECT * FROM member_sum", materialised=False)
        else:
            self._define("member_total", materialised=True)
        self._define("balance", materialised=True)
        self._has_sums = True

    def _take(self, chunk: tuple[int, int]) -> None:
        """Define everything up to `level_row` and `empty_level` for the orders from the first position to the last."""
        self._engine.declare("chunk_first", chunk[0])
        self._engine.declare("chunk_last", chunk[1])
        self._define("near_piece", materialised=False)
        self._define("order_chunk", materialised=False)
        self._run_refunds()
        self._see_pieces()
        if self._has_crowded:
            self._climb()
        else:
            self._engine.define("upline", statement("near_upline"), materialised=False)
        self._define("accrual", materialised=True)
        self._define("level_row", materialised=self._has_details)
        self._define("empty_level", materialised=False)

    def _run_refunds(self) -> None:
        """Define what refunds took off each order: put together, or each on its own."""
        if not self._has_details:
            self._define("refund_run", materialised=True)
            return
        self._define("refund_step", materialised=True)
        self._engine.define("refund_run", statement("single_run"), materialised=False)

    def _see_pieces(self) -> None:
        """Define the pieces that each of the three steps up can meet; of one chunk these are nearly all."""
        looked_up = "SELECT member FROM order_chunk"
        for step in (1, 2, 3):
            if len(self._chunks) == 1:
                self._engine.define(f"piece_{step}", "SELECT * FROM near_piece", materialised=False)
                continue
            self._engine.define("looked_up", looked_up, materialised=False)
            self._engine.define(f"piece_{step}", statement("seen_piece"), materialised=True)
            looked_up = f"SELECT referrer AS member FROM piece_{step}"  # noqa: S608  # our own names

    def _climb(self) -> None:
        """Find the uplines that lead past a member with many facts, step by step, and put them beside the others."""
        self._define("near_upline", materialised=True)
        self._engine.define("climber", statement("climb_start"), materialised=True)
        for _ in range(3):
            self._engine.define("climber", statement("climb"), materialised=True)
        self._define("upline", materialised=False)

    def _define(self, name: str, *, materialised: bool) -> None:
        self._engine.define(name, statement(name), materialised=materialised)
