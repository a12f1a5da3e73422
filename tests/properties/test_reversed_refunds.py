"""Clawbacks where earlier refunds were reversed: whatever the order of refunds and reversals (rules R-2, R-4)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.clock import parse_instant
from ledger.plan import BindingTerms, PlanTerms, Rounding
from ledger.rules.accrual import LevelOutcome, Levels, kept
from ledger.rules.refund import clawback_from

LEVELS: Levels = (LevelOutcome("paid", "ann", 1), LevelOutcome("not_bound"), LevelOutcome("paid", "cat", 1))

amounts = st.integers(1, 400)
rates = st.lists(st.integers(1, 1_000_000), min_size=3, max_size=3)
roundings: st.SearchStrategy[Rounding] = st.sampled_from(["down", "half_up", "half_even"])
# A refund of so much of what is left, in parts per hundred; or the reversal of one of those before it.
steps = st.lists(st.integers(1, 100) | st.integers(-9, -1), max_size=20)


def plan_of(rates_ppm: list[int], rounding: Rounding) -> PlanTerms:
    """A plan with these rates."""
    return PlanTerms(
        plan=1,
        effective_from=parse_instant("2026-01-01T00:00:00Z"),
        rates_ppm=tuple(rates_ppm),
        binding=BindingTerms(policy="first_touch", protection_days=0, renewal="none", ttl_days=None),
        hold_days=0,
        min_payout={},
        rounding=rounding,
        self_purchase="none",
    )


@given(paid=amounts, rates_ppm=rates, rounding=roundings, walk=steps)
def test_a_level_never_holds_less_than_nothing_or_more_than_it_earned(
    paid: int, rates_ppm: list[int], rounding: Rounding, walk: list[int]
) -> None:
    """A full refund leaves 0; reversing everything gives back everything, whatever came between."""
    plan = plan_of(rates_ppm, rounding)
    accrual = kept(paid, LEVELS, plan)
    running = accrual
    standing: list[tuple[int, tuple[int, ...]]] = []

    def reverse(index: int) -> tuple[int, ...]:
        _, taken = standing.pop(index)
        return tuple(held + back for held, back in zip(running, taken, strict=True))

    for step in walk:
        left = paid - sum(amount for amount, _ in standing)
        if step < 0 and standing:
            running = reverse(step % len(standing))
        elif step > 0 and left > 0:
            amount = max(1, left * step // 100)
            taken = clawback_from(running, left - amount, levels=LEVELS, plan=plan)
            standing.append((amount, taken))
            assert all(0 <= part <= held for part, held in zip(taken, running, strict=True))
            running = tuple(held - part for held, part in zip(running, taken, strict=True))
            assert left > amount or running == (0, 0, 0)
        assert all(0 <= held <= most for held, most in zip(running, accrual, strict=True))
        assert running[1] == 0
    while standing:
        running = reverse(len(standing) // 2)
    assert running == accrual


@given(paid=amounts, rates_ppm=rates, rounding=roundings, parts=st.lists(st.integers(1, 100), max_size=10))
def test_without_reversals_it_is_r_2_as_written(
    paid: int, rates_ppm: list[int], rounding: Rounding, parts: list[int]
) -> None:
    """Kept before less kept after, so what is kept does not depend on how a sum is split."""
    plan = plan_of(rates_ppm, rounding)
    left, running = paid, kept(paid, LEVELS, plan)
    for part in parts:
        amount = left * part // 100
        taken = clawback_from(running, left - amount, levels=LEVELS, plan=plan)
        before, after = kept(left, LEVELS, plan), kept(left - amount, LEVELS, plan)
        assert taken == tuple(was - now for was, now in zip(before, after, strict=True))
        left -= amount
        running = after


def test_a_level_that_holds_less_than_it_may_keep_gives_nothing() -> None:
    """19 paid at 10 %: the refund that crossed the rounding took the 1; reversing the one before gives nothing back."""
    plan = plan_of([100_000, 0, 0], "down")
    # 9 back: 10 left, 1 kept, nothing taken. 1 back: 9 left, 0 kept, 1 taken.
    assert clawback_from((1, 0, 0), 10, levels=LEVELS, plan=plan) == (0, 0, 0)
    assert clawback_from((1, 0, 0), 9, levels=LEVELS, plan=plan) == (1, 0, 0)
    # The 9 are reversed: 18 left, of which A-2 would leave 1, but 0 is held. 1 more back takes nothing, never -1.
    assert clawback_from((0, 0, 0), 17, levels=LEVELS, plan=plan) == (0, 0, 0)
