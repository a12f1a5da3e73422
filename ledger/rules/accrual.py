"""What an order earns its upline, level by level, and why not where it earns nothing (rules A-1 to A-6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from ledger.money import PPM
from ledger.plan import LEVELS, PlanTerms, Rounding
from ledger.rules.team import HistoryOf, MissingEdge, in_force, why_missing

Reason = Literal["paid", "no_plan", "chain_ended", "repeat", "self", "level_not_paid", "rounds_to_zero"] | MissingEdge


class LevelOutcome(NamedTuple):
    """What became of one level of one order.

    beneficiary  the member on that level, paid or not; None where the chain has no such level
    """

    reason: Reason
    beneficiary: str | None = None
    commission_minor: int = 0


Levels = tuple[LevelOutcome, ...]

NO_PLAN: Levels = (LevelOutcome("no_plan"),) * LEVELS
# What the levels have that nobody stands on: the reason on the first of them, and then the chain has ended. By that
# reason, None for a chain that is long enough; built once, as most orders need them.
_CHAIN_ENDED = LevelOutcome("chain_ended")
_EMPTY_LEVELS: Mapping[MissingEdge | None, Levels] = {
    None: (),
    **{reason: (LevelOutcome(reason), *[_CHAIN_ENDED] * (LEVELS - 1)) for reason in get_args(MissingEdge)},
}


def commission(base_minor: int, rate_ppm: int, rounding: Rounding = "down") -> int:
    """Commission of one level, rounded once; all integers.

    Args:
        base_minor: what was paid for the order, minor units, >= 0.
        rate_ppm: parts per million.
        rounding: `down`, or to the nearest with ties up or to even.

    Returns:
        Minor units, >= 0.

    Source: rule A-2.
    """
    if rounding == "down":
        return base_minor * rate_ppm // PPM
    quotient, remainder = divmod(base_minor * rate_ppm, PPM)
    if 2 * remainder < PPM:
        return quotient
    is_tie = 2 * remainder == PPM
    return quotient if is_tie and rounding == "half_even" and quotient % 2 == 0 else quotient + 1


def accrue(buyer: str, occurred_at: datetime, base_minor: int, plan: PlanTerms | None, history_of: HistoryOf) -> Levels:
    """The outcome of each level of an order, from the bindings recorded so far.

    Source: rules A-1, A-2, A-3, A-5.
    """
    if plan is None:
        return NO_PLAN
    members, missing = _upline(buyer, occurred_at, plan, history_of)
    if not members:
        return _EMPTY_LEVELS[missing]
    outcomes = [_outcome(members, level, buyer, base_minor, plan) for level in range(1, len(members) + 1)]
    return (*outcomes, *_EMPTY_LEVELS[missing][: LEVELS - len(outcomes)])


def kept(base_minor: int, levels: Levels, plan: PlanTerms | None) -> tuple[int, ...]:
    """What each paid level keeps when `base_minor` is left of the order: the same upline, rates, rounding (R-2)."""
    return tuple(
        [
            commission(base_minor, plan.rate_ppm(level), plan.rounding)
            if plan is not None and outcome.reason == "paid"
            else 0
            for level, outcome in enumerate(levels, start=1)
        ]
    )


def _upline(buyer: str, at: datetime, plan: PlanTerms, history_of: HistoryOf) -> tuple[list[str], MissingEdge | None]:
    """Who stands on levels 1, 2, 3; and, where nobody does on the next, why."""
    members: list[str] = [buyer] if plan.self_purchase == "as_level_1" else []
    member = buyer
    while len(members) < LEVELS:
        history = history_of(member)
        binding = in_force(history, at)
        if binding is None:
            return members, why_missing(history, at)
        member = binding.referrer
        members.append(member)
    return members, None


def _outcome(members: list[str], level: int, buyer: str, base_minor: int, plan: PlanTerms) -> LevelOutcome:
    """The first reason that applies to a level somebody stands on, or its commission (A-3)."""
    member = members[level - 1]
    if members.index(member) < level - 1:
        return LevelOutcome("repeat", member)
    if member == buyer and (level > 1 or plan.self_purchase != "as_level_1"):
        return LevelOutcome("self", member)
    rate_ppm = plan.rate_ppm(level)
    if rate_ppm == 0:
        return LevelOutcome("level_not_paid", member)
    minor = commission(base_minor, rate_ppm, plan.rounding)
    return LevelOutcome("paid" if minor else "rounds_to_zero", member, minor)
