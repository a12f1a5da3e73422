"""The commission plan: rates, binding policy, hold, minimum payout (rules P-1 and P-2)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ledger.clock import DAY_US, to_micros

LEVELS = 3

Policy = Literal["first_touch", "last_touch"]
Renewal = Literal["none", "on_order"]
Rounding = Literal["down", "half_up", "half_even"]
SelfPurchase = Literal["none", "as_level_1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingTerms:
    """How long a binding lasts and who may end it.

    policy           may another referrer take a member over (B-2)
    protection_days  how long a new binding is safe from a take-over
    renewal          whether an order moves the end (B-5)
    ttl_days         length of a binding; None: no end (B-3)
    """

    policy: Policy
    protection_days: int
    renewal: Renewal
    ttl_days: int | None

    def ends_at(self, bound_at: datetime) -> datetime | None:
        """Where an interval that starts (or is renewed) at `bound_at` ends; None: never (B-3)."""
        return None if self.ttl_days is None else bound_at + timedelta(days=self.ttl_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """Everything a plan promises.

    hold_days   how long an accrual stays pending (A-6)
    min_payout  least payout per currency, minor units (X-1)
    rates_ppm   rate of level 1, 2, 3; absent means 0
    """

    plan: int
    effective_from: datetime
    rates_ppm: tuple[int, ...]
    binding: BindingTerms
    hold_days: int
    min_payout: Mapping[str, int]
    rounding: Rounding
    self_purchase: SelfPurchase

    def rate_ppm(self, level: int) -> int:
        """Rate of level 1..3; 0 where the plan names none."""
        return self.rates_ppm[level - 1] if level <= len(self.rates_ppm) else 0

    def available_at_us(self, occurred_at_us: int) -> int:
        """When what an order at `occurred_at` earned becomes available (A-6)."""
        return occurred_at_us + self.hold_days * DAY_US


class Plans:
    """The plans recorded so far, by number; answers which one is in force (P-3)."""

    def __init__(self, plans: Iterable[PlanTerms] = ()) -> None:
        self._plans: list[PlanTerms] = []
        self._starts: list[datetime] = []
        self._starts_us: list[int] = []
        for plan in plans:
            self.add(plan)

    def add(self, plan: PlanTerms) -> None:
        """Takes the next plan; its effective_from is later than every other's (P-1)."""
        self._plans.append(plan)
        self._starts.append(plan.effective_from)
        self._starts_us.append(to_micros(plan.effective_from))

    def __len__(self) -> int:
        return len(self._plans)

    def __getitem__(self, number: int) -> PlanTerms:
        return self._plans[number - 1]

    def __iter__(self) -> Iterator[PlanTerms]:
        return iter(self._plans)

    def in_force(self, at: datetime) -> PlanTerms | None:
        """The plan with the greatest effective_from <= at, or None (P-3)."""
        index = bisect_right(self._starts, at)
        return self._plans[index - 1] if index else None

    def in_force_us(self, at_us: int) -> PlanTerms | None:
        """The same for microseconds since 1970."""
        index = bisect_right(self._starts_us, at_us)
        return self._plans[index - 1] if index else None
