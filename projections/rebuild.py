"""Rebuilding the live projection without downtime: filled anew beside it, compared with it, swapped in.

    fill up to where the live one is -> compare both at one position -> bring up to the live position -> swap

Only the last two steps share a transaction, in which the live projection stands still for a moment. Whatever ends the
process before its commit leaves the live tables as they were, and what was filled for the next rebuild to go on from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, cast

from ledger.store.recorder import LogRecorder
from ledger.store.session import Dialect, Session, Sql, load
from ledger.store.sqlite import URL_PREFIX
from projections.balances import Balance, balances_at, digest
from projections.beside import KEPT, Beside, TablesInUseError
from projections.beside_postgres import PostgresBeside
from projections.beside_sqlite import SqliteBeside
from projections.checkpoint import checkpoint, hold, put
from projections.commissions import NAME
from projections.runner import BATCH_SIZE, Progress, Runner

# Of both versions, in a report of what differs.
MEMBERS_SHOWN_MAX = 5
SWAP_TRIES_MAX, SWAP_PAUSE_SECONDS = 30, 1.0

_TABLES = load("projections", "select_new_tables")
_DIFFERENCES = load("projections", "count_differences")
_POSITION_DIFFERENCES = load("projections", "count_position_differences")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableDifference:
    """A table whose rows differ: how many it has, live and new, and how many of them the other does not have."""

    table: str
    live_rows: int
    new_rows: int
    only_live: int
    only_new: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The live version and the new one.

    live_position, new_position  differ only where the log ends before the live checkpoint
    digest                       of the new balances, as of the time that was asked for
    balances                     the first members whose balances differ, live and new; None: it has none
    """

    live_position: int
    new_position: int
    digest: str
    tables: list[TableDifference]
    balances: list[tuple[Balance | None, Balance | None]]

    @property
    def is_equal(self) -> bool:
        """Whether the live tables say what the log says."""
        return self.live_position == self.new_position and not self.tables and not self.balances


def beside(url: str) -> Beside:
    """Room for a new version in the store at `url`.

    Raises:
        RebuildingError, RefusedError, UnreachableError: see the stores' own.
    """
    return SqliteBeside(url) if url.startswith(URL_PREFIX) else PostgresBeside(url)


class Rebuild:
    """One rebuild of the live projection of `log`."""

    def __init__(self, log: LogRecorder, room: Beside, *, fresh: bool = False) -> None:
        """Makes room; goes on from what an interrupted rebuild has filled, unless told to begin anew.

        begun_at  how far that is
        """
        self._log = log
        self._room = room
        if not room.make() or fresh or _position(room.store) > _position(log):
            room.drop()
            room.make()
        self.begun_at = _position(room.store)
        self._runner = Runner(log, room.store)

    def fill(self, progress: Progress | None = None) -> None:
        """Projects the log beside the live tables, up to about where those are."""
        while self._runner.catch_up(_position(self._log), progress) > BATCH_SIZE:
            pass

    def compare(self, as_of: datetime) -> Comparison:
        """Both versions at exactly the live position; what is asked of them is read without making anybody wait."""
        with ExitStack() as snapshots:
            with self._room.paused() as session:
                position = checkpoint(session, NAME)
                self._runner.catch_up(position)
                new, place = snapshots.enter_context(self._room.comparing())
                live = snapshots.enter_context(self._log.reading())
                hold(live)
                reached = checkpoint(new, NAME)
                checkpoint(live, NAME)
            balances = balances_at(new, as_of)
            different = _different(balances_at(live, as_of), balances)
            tables = [_difference(new, place, table) for (table,) in new.rows(_TABLES) if table not in KEPT]
        return Comparison(
            live_position=position,
            new_position=reached,
            digest=digest(balances),
            tables=[table for table in tables if table.only_live or table.only_new],
            balances=different[:MEMBERS_SHOWN_MAX],
        )

    def swap(self, upto: int | None, say: Say) -> int:
        """Puts the new version in place of the live one and returns the position it stands at.

        Args:
            upto: bring it further, to at least this position; None: to exactly where the live one is.
            say: told when readers keep it waiting.

        Raises:
            TablesInUseError: readers did not let go in time; nothing has changed.
        """
        self._room.analyse()
        tries = 1
        while True:
            try:
                position = self._swap(upto)
            except TablesInUseError:
                if tries == SWAP_TRIES_MAX:
                    raise
                say("readers hold the live tables; trying again")
                tries += 1
                time.sleep(SWAP_PAUSE_SECONDS)
            else:
                self._room.drop()
                return position

    def _swap(self, upto: int | None) -> int:
        with self._room.paused() as session:
            live = checkpoint(session, NAME)
            self._runner.catch_up(live if upto is None else upto)
            position = _position(self._room.store)
            self._room.swap()
            if position != live:
                put(session, NAME, position)
        return position


def _position(log: LogRecorder) -> int:
    with log.reading() as session:
        return checkpoint(session, NAME)


def _difference(session: Session, place: str, table: str) -> TableDifference:
    count = _POSITION_DIFFERENCES if table == "member_order" else _DIFFERENCES
    text = count.texts[session.dialect].replace("{live}", place).replace("{table}", f'"{table}"')
    # Both names come from our own migrations and the database's catalogue.
    texts: dict[Dialect, LiteralString] = {session.dialect: cast("LiteralString", text)}
    return TableDifference(table, *session.rows(Sql(count.name, texts))[0])


def _different(live: list[Balance], new: list[Balance]) -> list[tuple[Balance | None, Balance | None]]:
    """Balances of either side that the other does not have so, by member and currency."""
    lives = {(balance.member, balance.currency): balance for balance in live}
    news = {(balance.member, balance.currency): balance for balance in new}
    keys = sorted(lives.keys() | news.keys())
    return [(lives.get(key), news.get(key)) for key in keys if lives.get(key) != news.get(key)]
