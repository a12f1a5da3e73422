"""What a replay answers, whichever engine computed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from projections.balances import Balance


@dataclass(frozen=True, slots=True)
class LevelTotals:
    """One level in one currency, over orders by T (cli.md, `replay`); minor units.

    orders, base_minor  orders with a referrer on the level, and what was paid for them
    commission_minor    before refunds
    refund_base_minor   refunds of those orders
    members             how many earned on the level
    """

    orders: int = 0
    base_minor: int = 0
    commission_minor: int = 0
    clawback_minor: int = 0
    refund_base_minor: int = 0
    members: int = 0


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """All balances of one currency together; minor units. members: how many there are."""

    earned: int = 0
    clawed_back: int = 0
    adjusted: int = 0
    pending: int = 0
    available: int = 0
    reserved: int = 0
    paid: int = 0
    members: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """The ledger at (T, P).

    seconds   how long it took
    totals    by currency
    levels    by currency, then level 1..3
    outcomes  how many (order, level) had each reason
    balances  of all members, in order, or of those asked for
    """

    as_of: datetime
    at_position: int
    engine: str
    events: int
    seconds: float
    digest: str
    content_root: str
    totals: Mapping[str, CurrencyTotals]
    levels: Mapping[str, Mapping[int, LevelTotals]]
    outcomes: Mapping[str, int]
    balances: Sequence[Balance]


def figures_document(found: Replay) -> dict[str, Any]:
    """Totals, levels and outcomes as JSON has them (cli.md, `replay`)."""
    return {
        "totals": {currency: asdict(total) for currency, total in found.totals.items()},
        "levels": {
            currency: {str(level): asdict(row) for level, row in by_level.items()}
            for currency, by_level in found.levels.items()
        },
        "outcomes": dict(found.outcomes),
    }


def totals_of(balances: Sequence[Balance]) -> dict[str, CurrencyTotals]:
    """Balances summed by currency."""
    sums: dict[str, list[int]] = {}
    for row in balances:
        amounts = (row.earned, row.clawed_back, row.adjusted, row.pending, row.available, row.reserved, row.paid, 1)
        sums[row.currency] = [a + b for a, b in zip(sums.get(row.currency, [0] * len(amounts)), amounts, strict=True)]
    return {currency: CurrencyTotals(*sums[currency]) for currency in sorted(sums)}
