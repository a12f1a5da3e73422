"""What a replay answers with: rows of balances, levels, outcomes and teams. Amounts are minor units."""

from __future__ import annotations

from typing import NamedTuple


class Balance(NamedTuple):
    """A line of S-3."""

    member: str
    currency: str
    earned: int
    clawed_back: int
    adjusted: int
    pending: int
    available: int
    reserved: int
    paid: int


class Level(NamedTuple):
    """One level in one currency (T-2); sql/level.sql says what it counts."""

    currency: str
    level: int
    orders: int
    base_minor: int
    commission_minor: int
    clawback_minor: int
    refund_base_minor: int
    members: int


class Outcome(NamedTuple):
    """How many (order, level) had one outcome of A-3."""

    reason: str
    order_levels: int


class Teammate(NamedTuple):
    """Somebody below or above the member asked for (T-1).

    direction  down | up
    via        down: who they are bound to. up: who is bound to them
    """

    direction: str
    level: int
    name: str
    via: str


class OrderLevel(NamedTuple):
    """What one level of one order got, or why not (A-3), and what refunds took back by T."""

    order_position: int
    level: int
    beneficiary: str | None
    reason: str
    commission_minor: int
    clawback_minor: int


class PayableLine(NamedTuple):
    """One line of a batch, without its number: lines come in the order of the names' bytes, numbered from 1 (X-1)."""

    member: str
    amount_minor: int


class LeftOut(NamedTuple):
    """Somebody with a balance whom a batch pays nothing, and the first reason that applies (X-1).

    reason  frozen | debt | below_minimum | reserved | on_hold
    """

    member: str
    reason: str
    payable_minor: int
    pending_minor: int
    available_minor: int
    reserved_minor: int


class Payable(NamedTuple):
    """What a batch of one currency, prepared at (T, P), pays.

    plan           number of the plan in force at T; None: none is
    minimum_minor  its least payout; None: the currency is not paid out, and everything else is empty
    """

    plan: int | None
    minimum_minor: int | None
    lines: list[PayableLine]
    left_out: list[LeftOut]
