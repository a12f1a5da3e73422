"""Rows of the derived tables, as CSV lines; a cell is quoted only where it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ledger.clock import format_instant
from ledger.plan import LEVELS
from ledger.rules.team import Binding, History, in_force
from projections.verify.books import Account, Accrued

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
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def balance_row(member: str, currency: str, account: Account) -> str:
    """A line of `balances`."""
    return f"{cell(member)},{currency},{account.earned},{account.clawed_back},0,{account.pending},{account.available},0,0\n"


def outcome_row(accrued: Accrued, as_of: str) -> str:
    """A line of `outcomes`: an order, after the refunds dated by T."""
    order, available_at, levels, clawbacks = accrued
    counted = [clawback for clawback in clawbacks if clawback.value_at <= as_of] if clawbacks else []
    refunded, lost = 0, [0] * LEVELS
    for clawback in counted:
        refunded += clawback.amount_minor
        lost = [before + minor for before, minor in zip(lost, clawback.minor, strict=True)]
    plan = "" if order.plan is None else order.plan
    cells = [
        f"{reason},{'' if beneficiary is None else cell(beneficiary)},{minor},{minor - gone}"
        for (reason, beneficiary, minor), gone in zip(levels, lost, strict=True)
    ]
    return (
        f"{cell(order.stream)},{order.position},{order.at},{cell(order.member)},{order.currency},"
        f"{order.amount_minor},{plan},{available_at},{refunded},{','.join(cells)}\n"
    )


def posting_rows(accrued: Accrued, as_of: str) -> str:
    """The lines of `postings` that an order and its refunds make: accruals, clawbacks, maturities (S-2)."""
    order, available_at, levels, clawbacks = accrued
    paid = [(level, one[1], one[2]) for level, one in enumerate(levels, start=1) if one[0] == "paid"]
    if not paid:
        return ""
    name, currency, at = cell(order.stream), order.currency, order.at
    rows = [
        f"{name},accrual,{level},{order.position},{at},{_EXPENSE},{cell(f'member:{member}:pending')},{currency},{minor}\n"
        for level, member, minor in paid
    ]
    left = [minor for _, _, minor in paid]
    for clawback in clawbacks:
        state = "pending" if clawback.value_at < available_at else "available"
        for index, (level, member, _) in enumerate(paid):
            minor = clawback.minor[level - 1]
            if state == "pending":
                left[index] -= minor
            if minor and clawback.value_at <= as_of:
                rows.append(
                    f"{name},clawback,{level},{clawback.position},{clawback.value_at},"
                    f"{cell(f'member:{member}:{state}')},{_EXPENSE},{currency},{minor}\n"
                )
    if available_at <= as_of:
        rows += [
            f"{name},maturity,{level},{order.position},{available_at},{cell(f'member:{member}:pending')},"
            f"{cell(f'member:{member}:available')},{currency},{minor}\n"
            for (level, member, _), minor in zip(paid, left, strict=True)
            if minor
        ]
    return "".join(rows)


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
