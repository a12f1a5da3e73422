"""Replay, Python engine: a fold over the log from position 1 that answers any (T, P) from nothing but the events."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ledger.clock import to_micros
from ledger.errors import IntegrityError
from ledger.garbage import collection_paused
from ledger.store.recorder import Recorded
from projections.balances import Balance, digest, in_order
from projections.changes import read_change
from projections.content import ContentRoot
from projections.figures import LevelTotals, Replay, totals_of
from projections.fold import Clawback, Fact, Fold, OrderOutcome
from projections.payout_changes import Posted
from projections.payout_fold import Movement, Reservation, Step, movement_of
from projections.runner import Progress

PROGRESS_EVERY = 1_000


@dataclass(slots=True)
class _Level:
    """One level in one currency while the fold runs; the fields of LevelTotals, with the earners themselves."""

    orders: int = 0
    base_minor: int = 0
    commission_minor: int = 0
    clawback_minor: int = 0
    refund_base_minor: int = 0
    earners: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Account:
    earned: int = 0
    clawed_back: int = 0
    adjusted: int = 0
    pending: int = 0
    reserved: int = 0
    paid: int = 0

    def balance(self, member: str, currency: str) -> Balance:
        have = self.earned - self.clawed_back + self.adjusted
        return Balance(
            member=member,
            currency=currency,
            earned=self.earned,
            clawed_back=self.clawed_back,
            adjusted=self.adjusted,
            pending=self.pending,
            available=have - self.pending - self.reserved - self.paid,
            reserved=self.reserved,
            paid=self.paid,
        )


class _Books:
    """Sums what counts by T while the fold runs."""

    def __init__(self, as_of: datetime) -> None:
        self._as_of_us = to_micros(as_of)
        self._accounts: defaultdict[tuple[str, str], _Account] = defaultdict(_Account)
        self._levels: dict[str, dict[int, _Level]] = {}
        self.outcomes: Counter[str] = Counter()

    def take(self, fact: Fact | None) -> None:
        match fact:
            case OrderOutcome():
                self.take_order(fact)
            case Clawback():
                self.take_clawback(fact)
            case Posted():
                self.take_movement(movement_of(fact))
            case Reservation():
                for movement in fact.movements():
                    self.take_movement(movement)
            case Step(movement=Movement() as movement):
                self.take_movement(movement)
            case _:
                pass

    def take_order(self, order: OrderOutcome) -> None:
        if order.occurred_at_us > self._as_of_us:
            return
        is_pending = order.available_at_us > self._as_of_us
        totals = self._totals(order.currency)
        for level, outcome in enumerate(order.levels, start=1):
            self.outcomes[outcome.reason] += 1
            if outcome.beneficiary is None:
                continue
            total = totals[level]
            total.orders += 1
            total.base_minor += order.amount_minor
            if outcome.reason == "paid":
                total.commission_minor += outcome.commission_minor
                total.earners.add(outcome.beneficiary)
                account = self._accounts[outcome.beneficiary, order.currency]
                account.earned += outcome.commission_minor
                account.pending += outcome.commission_minor * is_pending

    def take_clawback(self, clawback: Clawback) -> None:
        order = clawback.order
        # value_at is never before the order itself.
        if clawback.value_at_us > self._as_of_us:
            return
        is_pending = order.available_at_us > self._as_of_us
        totals = self._totals(order.currency)
        for level, (outcome, minor) in enumerate(zip(order.levels, clawback.clawed_back_minor, strict=True), start=1):
            if outcome.beneficiary is None:
                continue
            total = totals[level]
            total.refund_base_minor += clawback.amount_minor
            total.clawback_minor += minor
            if minor:
                account = self._accounts[outcome.beneficiary, order.currency]
                account.clawed_back += minor
                account.pending -= minor * is_pending

    def take_movement(self, movement: Movement) -> None:
        if movement.value_at_us <= self._as_of_us:
            account = self._accounts[movement.member, movement.currency]
            account.adjusted += movement.adjusted_minor
            account.reserved += movement.reserved_minor
            account.paid += movement.paid_minor

    def balances(self) -> list[Balance]:
        return in_order(account.balance(*key) for key, account in self._accounts.items())

    def levels(self) -> dict[str, dict[int, LevelTotals]]:
        return {
            currency: {
                level: LevelTotals(
                    orders=row.orders,
                    base_minor=row.base_minor,
                    commission_minor=row.commission_minor,
                    clawback_minor=row.clawback_minor,
                    refund_base_minor=row.refund_base_minor,
                    members=len(row.earners),
                )
                for level, row in by_level.items()
            }
            for currency, by_level in sorted(self._levels.items())
        }

    def _totals(self, currency: str) -> dict[int, _Level]:
        totals = self._levels.get(currency)
        if totals is None:
            totals = self._levels[currency] = {level: _Level() for level in (1, 2, 3)}
        return totals


def replay(rows: Iterable[Recorded], as_of: datetime, progress: Progress | None = None) -> Replay:
    """Folds the log from position 1 on and answers as of T, knowing what these rows say.

    Args:
        rows: positions 1..P of the log, in order.
        as_of: business time T.
        progress: called now and then with the number of events read since the last call.

    Raises:
        IntegrityError: the rows are not a log this ledger wrote.

    Source: rules G-5, S-1, S-3.
    """
    started = time.perf_counter()
    books, content = _Books(as_of), ContentRoot()
    with collection_paused():
        events = _fold(rows, books, content, progress)
    balances = books.balances()
    return Replay(
        as_of=as_of,
        at_position=events,
        engine="python",
        events=events,
        seconds=time.perf_counter() - started,
        digest=digest(balances),
        content_root=content.hex(),
        totals=totals_of(balances),
        levels=books.levels(),
        outcomes=dict(sorted(books.outcomes.items())),
        balances=balances,
    )


def _fold(rows: Iterable[Recorded], books: _Books, content: ContentRoot, progress: Progress | None) -> int:
    """Takes every row into the books and the content root; returns how many there were."""
    fold = Fold()
    events = 0
    for row in rows:
        events += 1
        if row.position != events:
            raise IntegrityError(f"position {row.position} follows {events - 1}: the log has a gap")
        content.add(row.topic, row.state)
        change = read_change(row)
        books.take(None if change is None else fold.apply(change))
        if progress is not None and events % PROGRESS_EVERY == 0:
            progress(PROGRESS_EVERY)
    return events
