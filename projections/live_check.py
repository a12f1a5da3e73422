"""The live tables against the second engine, at their checkpoint: every balance, and the totals of every level."""

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
from projections.replay.session import Session as Replaying
from projections.replay.session import replaying
from projections.runner import Progress

_ORDERS = load("projections", "select_level_orders")
_REFUNDS = load("projections", "select_level_refunds")

_ACCRUALS = load("projections", "select_accruals")

MEMBERS_MAX = 100
ORDERS_MAX = 20

_LEVEL = ("orders", "base_minor", "commission_minor", "members", "refund_base_minor", "clawback_minor")
_AMOUNTS = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")

# A currency and a level, and its figures in the order of _LEVEL.
Levels = Mapping[tuple[str, int], tuple[int, ...]]


def check_projection(log: LogRecorder, as_of: datetime, progress: Progress) -> Iterator[Finding]:
    """Balances and levels of the live tables are those of the second engine, as of T at the checkpoint.

    It decides every binding again, so the two share neither rules nor decisions: what is found here may be wrong on
    either side (X-2). A balance that differs is shown with the orders behind it.

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
    with replaying(log, min(position, head), progress=progress) as replay:
        replay.decide_again()
        found = replay.answer(as_of)
        if digest(live_balances) != found.digest:
            yield from _balances(log, replay, as_of, live_balances)
        yield from _levels(live_levels, _replayed(found.levels))


def _balances(log: LogRecorder, replay: Replaying, as_of: datetime, live: Sequence[Balance]) -> Iterator[Finding]:
    lives = {(balance.member, balance.currency): balance for balance in live}
    others = {(balance.member, balance.currency): balance for balance in replay.balances(as_of)}
    wrong = sorted(key for key in lives.keys() | others.keys() if lives.get(key) != others.get(key))
    # Of more members nobody reads, and each is asked for by itself.
    orders = _orders_behind(log, replay, as_of, {member for member, _ in wrong[:MEMBERS_MAX]})
    for key in wrong:
        behind = sorted(orders.get(key, ()))
        why = f"orders that differ: {len(behind)}" if behind else "its orders agree"
        message = f"is {_amounts(lives.get(key))} instead of {_amounts(others.get(key))}; {why}"
        yield Finding(f"balance of {' in '.join(key)}", message, tuple(behind[:ORDERS_MAX]))


def _orders_behind(
    log: LogRecorder, replay: Replaying, as_of: datetime, members: set[str]
) -> dict[tuple[str, str], set[int]]:
    """Positions of the orders that give members other amounts, by member and currency."""
    with log.reading() as session:
        live = {
            (member, row[5], row[1], row[8], row[10], row[11])
            for member in members
            for row in session.rows(_ACCRUALS, member=member, as_of=to_micros(as_of))
        }
    other = {
        (name, currency, row.order_position, row.level, row.commission_minor, row.clawback_minor)
        for name, currency, row in replay.orders_of(as_of, members)
    }
    behind: dict[tuple[str, str], set[int]] = {}
    for member, currency, position, *_ in live ^ other:
        behind.setdefault((member, currency), set()).add(position)
    return behind


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
