"""Random histories of a ledger with finance at work: everything that may happen, in any order, on few members."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from ledger.clock import format_instant
from projections.batches import PayoutFound, batches, payouts_in
from tests.builders import adjustment, bind, freeze, order, plan, refund, reversal
from tests.finance import Desk

START = datetime(2026, 1, 1, tzinfo=UTC)
MEMBERS = ("ann", "ben", "cat", "dan", "eve", "zoë")
CURRENCIES = ("GBP", "GBP", "GBP", "EUR")
HALF_DAY = timedelta(hours=12)


def seeds(first: int, end: int) -> list[Any]:
    """Seeds of histories from `first` up to `end`: one for quick tests, the others for long ones."""
    return [first, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(first + 1, end))]


class History:
    """Goes on at a desk, step by step; the same seed does the same on every store.

    approved_at  when what the desk decided was decided, in order
    """

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.random = Random(seed)  # noqa: S311  # not a secret
        self._accounts = Random(seed)  # noqa: S311  # whose a batch knows moves no other draw
        self._count = 0
        self._orders: list[tuple[str, int, str]] = []
        self._refunds: list[str] = []
        self._adjustments: list[str] = []
        desk.clock.now = START
        desk.record(*self._plans())
        self._steps: dict[Callable[[], object], int] = {
            self._order: 30,
            self._bind: 12,
            self._unbind: 2,
            self._refund: 14,
            self._reverse: 9,
            self._freeze: 4,
            self._adjust: 6,
            self._decide_adjustment: 6,
            self._prepare: 9,
            self._decide_batch: 9,
            self._send: 8,
            self._settle: 14,
            self._close: 2,
        }

    def go(self, steps: int) -> None:
        """So many steps more."""
        for step in self.random.choices(list(self._steps), list(self._steps.values()), k=steps):
            self.desk.clock.now += self.random.choice((0, 0, 1, 1, 2)) * HALF_DAY
            step()

    # ---- records

    def _plans(self) -> list[dict[str, Any]]:
        terms = {"min_payout": {"EUR": 5, "GBP": 40}, "binding": {"ttl_days": None}}
        first, second = self.random.choice((1, 3)), self.random.choice((1, 2, 6))
        later = format_instant(START + timedelta(days=20))
        return [
            plan(1, hold_days=first, rounding=self.random.choice(("down", "half_up", "half_even")), **terms),
            plan(2, hold_days=second, rates_ppm=[150_000, 33_333, 1], effective_from=later, **terms),
        ]

    def _id(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def _at(self) -> str:
        """Now, or late; half days tie."""
        late = self.random.choice((0, 0, 0, 1, 3, 8)) * HALF_DAY
        return format_instant(max(START, self.desk.clock.now - late))

    def _order(self) -> None:
        currency, amount = self.random.choice(CURRENCIES), self.random.choice((5, 99, 1_000, 1_005, 9_990))
        order_id = self._id("o")
        self._orders.append((order_id, amount, currency))
        self.desk.record(order(order_id, self.random.choice(MEMBERS), amount, self._at(), currency=currency))

    def _bind(self) -> None:
        member, inviter = self.random.sample(MEMBERS, 2)
        self.desk.record(bind(self._id("b"), member, inviter, self._at()))

    def _unbind(self) -> None:
        member = self.random.choice(MEMBERS)
        self.desk.record({"type": "unbind", "id": self._id("u"), "member": member, "at": self._at(), "reason": "left"})

    def _refund(self) -> None:
        if self._orders:
            order_id, amount, currency = self.random.choice(self._orders[-12:])
            refund_id, part = self._id("r"), self.random.choice((amount, amount, amount // 2 + 1, 1))
            self._refunds.append(refund_id)
            self.desk.record(refund(refund_id, order_id, part, self._at(), currency=currency))

    def _reverse(self) -> None:
        if self._refunds:
            self.desk.record(reversal(self._id("v"), self.random.choice(self._refunds[-8:]), self._at()))

    def _freeze(self) -> None:
        kind = self.random.choice(("freeze", "unfreeze", "unfreeze"))
        self.desk.record(freeze(self._id(kind[0]), self.random.choice(MEMBERS), self._at(), type=kind))

    def _adjust(self) -> None:
        amount, currency = self.random.choice((-120, -7, 7, 60, 200)), self.random.choice(CURRENCIES)
        self._adjustments.append(self._id("a"))
        member = self.random.choice(MEMBERS)
        self.desk.record(adjustment(self._adjustments[-1], member, amount, self._at(), currency=currency))

    # ---- finance

    def _decide_adjustment(self) -> None:
        if self._adjustments:
            decide = self.random.choice((self.desk.post, self.desk.post, self.desk.decline))
            decide(self.random.choice(self._adjustments[-3:]))

    def _prepare(self) -> None:
        cut_off = self.desk.clock.now - self.random.choice((0, 0, 1, 4)) * HALF_DAY
        known = self._accounts.choice(((), (), (), self._accounts.sample(MEMBERS, len(MEMBERS) - 1)))
        self.desk.prepare(self._id("B"), cut_off, self.random.choice(CURRENCIES), known)

    def _decide_batch(self) -> None:
        waiting = [batch.id for batch in self._batches() if batch.state == "prepared"]
        if waiting:
            decide = self.random.choice((self.desk.approve, self.desk.approve, self.desk.reject))
            decide(self.random.choice(waiting))

    def _send(self) -> None:
        payouts = [row for row in self._payouts() if row.state in {"reserved", "failed"}]
        if payouts:
            row = self.random.choice(payouts)
            self.desk.send(row.batch, [row.number], (row.attempt or 0) + 1)

    def _settle(self) -> None:
        payouts = [row for row in self._payouts() if row.state in {"submitted", "unknown", "paid"}]
        if payouts:
            row = self.random.choice(payouts)
            outcome = self.random.choice(("paid", "paid", "failed", "returned", "unknown"))
            reference = f"{row.id}/{row.attempt}/{outcome}"
            self.desk.settle(row.id, outcome, (row.amount_minor, row.currency), reference)

    def _close(self) -> None:
        self.desk.close_period(self.desk.clock.now - self.random.choice((0, 2, 6)) * HALF_DAY)

    def _batches(self) -> list[Any]:
        self.desk.project()
        with self.desk.clerk.log.reading() as session:
            return batches(session)

    def _payouts(self) -> list[PayoutFound]:
        found = self._batches()
        with self.desk.clerk.log.reading() as session:
            return [row for batch in found if batch.state == "approved" for row in payouts_in(session, batch)]
