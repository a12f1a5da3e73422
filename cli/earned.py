"""How a level of an order came to what it earned, as cells of a row."""

from __future__ import annotations

from typing import Any

from cli.explain import exact
from ledger.ids import split_stream
from projections.member_books import Earned

MONEY = frozenset({"base_minor", "commission_minor"})
COLUMNS = (
    "order",
    "buyer",
    "level",
    "base_minor",
    "plan",
    "rate_ppm",
    "rate",
    "rounding",
    "exact",
    "commission_minor",
    "remainder",
    "hold_until",
)
# Of these, what a table has room for.
NARROW = ("order", "level", "rate", "exact", "commission_minor", "remainder", "hold_until")


def earned_cells(earned: Earned | None, currency: str) -> dict[str, Any]:
    """A cell for each of the columns, empty where no order is behind it; `exact` and `remainder` to the last digit."""
    if earned is None:
        return dict.fromkeys(COLUMNS)
    return {
        "order": split_stream(earned.order)[1],
        "buyer": earned.buyer,
        "level": earned.level,
        "base_minor": earned.base_minor,
        "plan": earned.plan,
        "rate_ppm": earned.rate_ppm,
        "rate": f"{earned.rate_ppm / 10_000:g}%",
        "rounding": earned.rounding,
        "exact": exact(earned.exact_ppm_minor, currency),
        "commission_minor": earned.commission_minor,
        "remainder": exact(earned.remainder_ppm, currency),
        "hold_until": earned.available_at,
    }
