"""What a replay answers with: rows of balances, levels, outcomes and teams. Amounts are minor units."""

from __future__ import annotations

from typing import NamedTuple


class Balance(NamedTuple):
    """A line of S-3; adjusted, reserved and paid are 0 as long as no event makes them."""

    member: str
    currency: str
    earned: int
    clawed_back: int
    pending: int
    available: int


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
