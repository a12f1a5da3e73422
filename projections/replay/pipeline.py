"""Balances, levels, outcomes and teams at any (T, P) from the relations of a log, in SQL that two engines read alike.

Relations (BIGINT unless said; times in microseconds since 1970, amounts in minor units, `position` in the log):

    member_name(member, name VARCHAR)                  members are 1, 2, ... in all other relations
    plan_term(plan, position, effective_from_us, rate_1_ppm, rate_2_ppm, rate_3_ppm, rounding VARCHAR, hold_us,
              self_purchase VARCHAR, ...)
    order_fact(position, at_us, member, currency VARCHAR, amount_minor, plan or null)
    refund_fact(position, at_us, order_position, amount_minor)           recorded ones
    binding_fact(position, kind VARCHAR bound|released|renewed, bind, member, referrer, at_us, ends_at_us or null)
    reversal_fact, adjustment_fact, batch_fact, line_fact, drop_fact, payout_fact    see README.md

What is made of them, each in sql/<name>.sql:

    binding_fact -> binding_version -> piece                                                 once
    batch_fact, line_fact, drop_fact, payout_fact, adjustment_fact -> account_move           once
    order_fact -> order_chunk, and piece -> near_piece -> piece_1, piece_2, piece_3          per chunk of positions
    order_chunk, piece_n -> near_upline [-> climber] -> upline                               per chunk of positions
    upline, refund_fact -> refund_run -> accrual -> level_row, empty_level                   per chunk of positions
    [refund_fact, reversal_fact -> reversed_step -> clawback -> reversed_row -> level_row]     per chunk of positions
    level_row, empty_level -> member_sum, level_sum                                          per chunk of positions
    member_sum and level_sum of all chunks, account_sum -> member_total -> balance, level, outcome        once

and, where every row is asked for and not only sums:

    refund_fact -> refund_step -> single_run, in the place of refund_run                     per chunk of positions
    accrual, level_row, empty_level -> order_outcome; level_row, refund_step -> posting      per chunk of positions
    piece -> edge_now -> team_row                                                            once

Orders are taken in chunks of positions, because a hundred million do not fit into one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from projections.replay.answers import Balance, Level, OrderLevel, Outcome, Payable, Teammate
from projections.replay.engine import Engine, Row
from projections.replay.payable import judge, lines_and_left_out
from projections.replay.reversals import restate
from projections.replay.statements import statement

CHUNK_POSITIONS = 24_000_000
FACTS_JOINED = 128


_SUMS = ("level_sum", "member_sum")
_DETAILS = ("order_outcome", "posting")


class _Way(NamedTuple):
    """Which orders and refunds are taken: names of statements.

    is_sparse    of all orders these are few
    has_details  each refund by itself
    is_claimed   of all levels only those of members with a claim
    """

    orders: str
    refunds: str
    reversed: str
    is_sparse: bool = False
    has_details: bool = False
    is_claimed: bool = False


_BY_T = _Way("order_chunk", "refund_run", "reversed_row")
_EACH = _Way("order_chunk", "single_run", "reversed_row", has_details=True)
_CLAIMED = _EACH._replace(is_claimed=True)
_LATE = _Way("late_chunk", "late_run", "late_reversed_row", is_sparse=True)


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
        self._at_position = at_position
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
        self._has_crowded = self._has_any("crowded")
        for name in ("reason", "rate", "currency", "reversed_order", "account_move"):
            self._define(name, materialised=True)

    def balances(self) -> Iterator[Balance]:
        """Lines in the order of the members' bytes, then of the currency (S-1, S-3)."""
        self._sum_up()
        return map(Balance._make, self._engine.rows("SELECT * FROM balance ORDER BY name, currency"))

    def totals(self) -> Iterator[Row]:
        """All balances of each currency together, columns as in `currency_total`."""
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

    def payable(self, currency: str) -> Payable:
        """What a batch of a currency prepared at (T, P) pays, and who gets nothing (X-1)."""
        self.judge(currency)
        return lines_and_left_out(self._engine, currency)

    def judge(self, currency: str) -> None:
        """Leave `payable` and `frozen` with the engine: what is payable to everybody in a currency, and to whom not."""
        self._sum_up()
        numbers = {name: number for number, name in self._engine.rows("SELECT number, currency FROM currency")}
        self._engine.declare("asked_currency", numbers.get(currency, 0))
        self._sum_up_late()
        judge(self._engine)

    def uncovered_claims(self) -> list[Row]:
        """Further attempts at payouts that were not covered when they were made (X-4), rows of `covered`.

        T must be after all that is recorded: each claim has a cut-off of its own.
        """
        self._define("claim", materialised=True)
        if not list(self._engine.rows("SELECT position FROM claim LIMIT 1")):
            return []
        for number, chunk in enumerate(self._chunks):
            self._take(chunk, _CLAIMED)
            self._engine.define(f"posting_{number}", statement("posting"), materialised=True)
        self._unite("posting", [f"posting_{number}" for number in range(len(self._chunks))])
        return list(self._engine.rows(statement("covered")))

    def _sum_up_late(self) -> None:
        """Make `late_sum`: what refunds dated after T take from what is payable. Few orders have any: one chunk."""
        if self._has_any("late_refund"):
            self._take((1, self._at_position), _LATE)
            self._define("late_sum", materialised=True)
        else:
            nothing = "SELECT member, 0 AS clawback_minor FROM member_total WHERE 1 = 0"
            self._engine.define("late_sum", nothing, materialised=False)

    def tabulate(self) -> None:
        """Leave `balance`, `order_outcome`, `posting` and `team_row` with the engine, for whoever reads all rows.

        The sums are made in the same pass, so ask for figures afterwards.
        """
        self._has_details, self._has_sums = True, False
        self._sum_up()
        self._define("edge_now", materialised=False)
        self._define("team_row", materialised=False)
        # The largest of what nobody reads any more.
        for name in ("accrual", "order_row"):
            self._engine.define(name, f"SELECT * FROM {name} WHERE 1 = 0", materialised=True)  # noqa: S608  # our own name

    def _sum_up(self) -> None:
        """Make `level_sum` and `member_total` of all chunks, and the details, once."""
        if self._has_sums:
            return
        names, way = ((*_SUMS, *_DETAILS), _EACH) if self._has_details else (_SUMS, _BY_T)
        for number, chunk in enumerate(self._chunks):
            self._take(chunk, way)
            for name in names:
                self._engine.define(f"{name}_{number}", statement(name), materialised=True)
            if self._progress is not None:
                self._progress(chunk[1] - chunk[0] + 1)
        self._define("account_sum", materialised=True)
        has_moves = bool(list(self._engine.rows("SELECT member FROM account_sum LIMIT 1")))
        for name in names:
            parts = [f"{name}_{number}" for number in range(len(self._chunks))]
            self._unite(name, parts + ["account_sum"] * (has_moves and name == "member_sum"))
        if len(self._chunks) == 1 and not has_moves:
            self._engine.define("member_total", "SELECT * FROM member_sum", materialised=False)
        else:
            self._define("member_total", materialised=True)
        self._define("balance", materialised=True)
        self._has_sums = True

    def _unite(self, name: str, parts: Iterable[str]) -> None:
        self._engine.define(name, " UNION ALL ".join(f"SELECT * FROM {part}" for part in parts), materialised=False)  # noqa: S608  # our own names

    def _take(self, chunk: tuple[int, int], way: _Way = _BY_T) -> None:
        """Define everything up to `level_row` and `empty_level` for the orders from the first position to the last."""
        self._engine.declare("chunk_first", chunk[0])
        self._engine.declare("chunk_last", chunk[1])
        self._define("near_piece", materialised=False)
        self._engine.define("order_chunk", statement(way.orders), materialised=way.is_sparse)
        if way.has_details:
            self._define("refund_step", materialised=True)
        self._engine.define("refund_run", statement(way.refunds), materialised=True)
        self._see_pieces(way)
        if self._has_crowded:
            self._climb()
        else:
            self._engine.define("upline", statement("near_upline"), materialised=False)
        self._define("accrual", materialised=True)
        if way.has_details or self._has_any("reversed_chunk"):
            self._define_order_rows(way)
            restate(self._engine)
            self._engine.define("reversed_row", statement(way.reversed), materialised=False)
            self._unite("level_row", ("order_row", "reversed_row"))
        else:
            self._define("level_row", materialised=False)
        self._define("empty_level", materialised=False)

    def _define_order_rows(self, way: _Way) -> None:
        if way.is_claimed:
            self._engine.define("every_level", statement("level_row"), materialised=False)
        name = "claimed_level" if way.is_claimed else "level_row"
        self._engine.define("order_row", statement(name), materialised=way.has_details)

    def _see_pieces(self, way: _Way) -> None:
        """Define the pieces that each of the three steps up can meet; of all orders these are nearly all."""
        looked_up = "SELECT member FROM order_chunk"
        for step in (1, 2, 3):
            if len(self._chunks) == 1 and not way.is_sparse:
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

    def _has_any(self, name: str) -> bool:
        """Whether a statement gives any row."""
        return bool(list(self._engine.rows(statement(name))))

    def _define(self, name: str, *, materialised: bool) -> None:
        self._engine.define(name, statement(name), materialised=materialised)
