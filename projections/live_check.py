"""The live tables against the Python replay, at their checkpoint: every balance, and the totals of every level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ledger.clock import to_micros
from ledger.findings import Finding
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from projections.balances import Balance, balances_at, digest
from projections.checkpoint import checkpoint, hold
from projections.commissions import NAME
from projections.figures import LevelTotals
from projections.replay_python import replay
from projections.runner import Progress

_ORDERS = load("projections", "select_level_orders")
_REFUNDS = load("projections", "select_level_refunds")

_LEVEL = ("orders", "base_minor", "commission_minor", "members", "refund_base_minor", "clawback_minor")
_AMOUNTS = ("earned", "clawed_back", "pending", "available")

# A currency and a level, and its figures in the order of _LEVEL.
Levels = Mapping[tuple[str, int], tuple[int, ...]]


def check_projection(log: LogRecorder, as_of: datetime, progress: Progress) -> Iterator[Finding]:
    """Balances and levels of the live tables are those that the events give, as of T at the checkpoint.

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    with log.reading() as session:
        hold(session)
        position, live_balances, live_levels = (
            checkpoint(session, NAME),
            balances_at(session, as_of),
            _live(session, as_of),
        )
    head = log.head()
    if position > head:
        yield Finding(f"checkpoint of {NAME}", f"is {position}, but the log ends at {head}")
    replayed = replay(log.read(upto=position), as_of, progress)
    if digest(live_balances) != replayed.digest:
        yield from _balances(live_balances, replayed.balances)
    yield from _levels(live_levels, _replayed(replayed.levels))


def _balances(live: Sequence[Balance], replayed: Sequence[Balance]) -> Iterator[Finding]:
    lives = {(balance.member, balance.currency): balance for balance in live}
    others = {(balance.member, balance.currency): balance for balance in replayed}
    for key in sorted(lives.keys() | others.keys()):
        is_now, must_be = lives.get(key), others.get(key)
        if is_now != must_be:
            yield Finding(f"balance of {' in '.join(key)}", f"is {_amounts(is_now)} instead of {_amounts(must_be)}")


def _amounts(balance: Balance | None) -> str:
    if balance is None:
        return "none"
    return " ".join(f"{name}={getattr(balance, name)}" for name in _AMOUNTS)


def _levels(live: Levels, replayed: Levels) -> Iterator[Finding]:
    for key in sorted(live.keys() | replayed.keys()):
        is_now, must_be = live.get(key, (0,) * len(_LEVEL)), replayed.get(key, (0,) * len(_LEVEL))
        wrong = [f"{name} is {a} instead of {b}" for name, a, b in zip(_LEVEL, is_now, must_be, strict=True) if a != b]
        if wrong:
            yield Finding(f"level {key[1]} in {key[0]}", ", ".join(wrong))


def _live(session: Session, as_of: datetime) -> Levels:
    at = to_micros(as_of)
    refunds = {(row[1], row[0]): row[2:] for row in session.rows(_REFUNDS, as_of=at)}
    orders = {(row[1], row[0]): row[2:] for row in session.rows(_ORDERS, as_of=at)}
    keys = orders.keys() | refunds.keys()
    return {key: (*orders.get(key, (0, 0, 0, 0)), *refunds.get(key, (0, 0))) for key in keys}


def _replayed(levels: Mapping[str, Mapping[int, LevelTotals]]) -> Levels:
    return {
        (currency, level): (
            row.orders,
            row.base_minor,
            row.commission_minor,
            row.members,
            row.refund_base_minor,
            row.clawback_minor,
        )
        for currency, by_level in levels.items()
        for level, row in by_level.items()
    }
