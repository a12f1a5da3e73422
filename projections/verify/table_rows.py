"""Rows of the derived tables, as CSV lines; a cell is quoted only where it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from ledger.clock import format_instant
from ledger.plan import LEVELS
from ledger.rules.accrual import Levels
from ledger.rules.team import Binding, History, in_force
from projections.verify.books import Balance, Clawback
from projections.verify.facts import Placed

BALANCES, OUTCOMES, POSTINGS, TEAM = "balances", "outcomes", "postings", "team"
TABLES = (BALANCES, OUTCOMES, POSTINGS, TEAM)

_LEVELS = range(1, LEVELS + 1)
HEADINGS: Mapping[str, str] = {
    BALANCES: "member,currency,earned,clawed_back,adjusted,pending,available,reserved,paid\n",
    OUTCOMES: "order,position,occurred_at,member,currency,amount,plan,available_at,refunded"
    + "".join(f",outcome_{level},beneficiary_{level},commission_{level},kept_{level}" for level in _LEVELS)
    + "\n",
    POSTINGS: "order,kind,level,position,value_at,debit,credit,currency,amount\n",
    TEAM: "member,bind,bound_at,until" + "".join(f",referrer_{level}" for level in _LEVELS) + "\n",
}

_EXPENSE = "expense:commission"


def cell(text: str) -> str:
    """A text as a CSV cell."""
    # No id holds the end of a line.
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def balance_row(balance: Balance) -> str:
    """A line of `balances`."""
    member, currency, earned, clawed_back, pending = balance
    return f"{cell(member)},{currency},{earned},{clawed_back},0,{pending},{balance.available},0,0\n"


def outcome_row(order: Placed, available_at: str, levels: Levels, counted: Sequence[Clawback]) -> str:
    """A line of `outcomes`: an order, after the refunds that count by T."""
    _, position, stream, at, member, currency, amount, _, number, _, _ = order
    (one, above_1, paid_1), (two, above_2, paid_2), (three, above_3, paid_3) = levels
    refunded, kept_1, kept_2, kept_3 = 0, paid_1, paid_2, paid_3
    for clawback in counted:
        lost_1, lost_2, lost_3 = clawback.minor
        refunded += clawback.amount_minor
        kept_1, kept_2, kept_3 = kept_1 - lost_1, kept_2 - lost_2, kept_3 - lost_3
    plan, above_1, above_2, above_3 = number or "", above_1 or "", above_2 or "", above_3 or ""
    # All at once, as hardly any needs quotes.
    names = f"{stream}{member}{above_1}{above_2}{above_3}"
    if "," in names or '"' in names:
        stream, member, above_1, above_2, above_3 = map(cell, (stream, member, above_1, above_2, above_3))
    return (
        f"{stream},{position},{at},{member},{currency},{amount},{plan},{available_at},{refunded},"
        f"{one},{above_1},{paid_1},{kept_1},{two},{above_2},{paid_2},{kept_2},{three},{above_3},{paid_3},{kept_3}\n"
    )


def posting_rows(order: Placed, available_at: str, levels: Levels, clawbacks: Sequence[Clawback], as_of: str) -> str:
    """The lines of `postings` that an order and its refunds make: accruals, clawbacks, maturities (S-2)."""
    _, position, stream, at, _, currency, _, _, _, _, _ = order
    accruals = maturities = ""
    name, is_mature, level = cell(stream), available_at <= as_of, 0
    for reason, member, minor in levels:
        level += 1
        if reason != "paid" or member is None:
            continue
        pending, available = _accounts(member)
        accruals += f"{name},accrual,{level},{position},{at},{_EXPENSE},{pending},{currency},{minor}\n"
        if is_mature:
            left = minor
            for clawback in clawbacks:
                if clawback.value_at < available_at:
                    left -= clawback.minor[level - 1]
            if left:
                maturities += (
                    f"{name},maturity,{level},{position},{available_at},{pending},{available},{currency},{left}\n"
                )
    if clawbacks and accruals:
        accruals += "".join(_clawback_rows(order, available_at, levels, clawbacks, as_of))
    return accruals + maturities


@lru_cache(maxsize=100_000)
def _accounts(member: str) -> tuple[str, str]:
    """A member's accounts of what is pending and of what is available, as cells."""
    return cell(f"member:{member}:pending"), cell(f"member:{member}:available")


def _clawback_rows(
    order: Placed, available_at: str, levels: Levels, clawbacks: Sequence[Clawback], as_of: str
) -> Iterator[str]:
    name, currency = cell(order.stream), order.currency
    for position, value_at, _, taken in clawbacks:
        if value_at > as_of:
            continue
        is_pending = value_at < available_at
        for level, ((_, member, _), minor) in enumerate(zip(levels, taken, strict=True), start=1):
            if minor and member is not None:
                pending, available = _accounts(member)
                account = pending if is_pending else available
                yield f"{name},clawback,{level},{position},{value_at},{account},{_EXPENSE},{currency},{minor}\n"


def team_rows(histories: Mapping[str, History], as_of: datetime) -> Iterator[str]:
    """The lines of `team`: everyone who is bound at T, and the referrers above (T-1)."""
    for member in sorted(histories, key=str.encode):
        binding = in_force(histories[member], as_of)
        if binding is not None:
            above = _above(binding, histories, as_of)
            until = binding.until()
            end = "" if until is None else format_instant(until)
            cells = [cell(member), cell(binding.bind), format_instant(binding.bound_at), end, *map(cell, above)]
            yield ",".join(cells) + "\n"


def _above(binding: Binding, histories: Mapping[str, History], as_of: datetime) -> list[str]:
    above = [binding.referrer]
    while len(above) < LEVELS and (edge := in_force(histories.get(above[-1], ()), as_of)) is not None:
        above.append(edge.referrer)
    return above + [""] * (LEVELS - len(above))
