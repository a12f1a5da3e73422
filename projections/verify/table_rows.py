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
from projections.verify.moves import Move
from projections.verify.payouts import PayoutRow

BALANCES, OUTCOMES, PAYOUTS, POSTINGS, TEAM = "balances", "outcomes", "payouts", "postings", "team"
TABLES = (BALANCES, OUTCOMES, PAYOUTS, POSTINGS, TEAM)

_LEVELS = range(1, LEVELS + 1)
HEADINGS: Mapping[str, str] = {
    BALANCES: "member,currency,earned,clawed_back,adjusted,pending,available,reserved,paid\n",
    OUTCOMES: "order,position,occurred_at,member,currency,amount,plan,available_at,refunded"
    + "".join(f",outcome_{level},beneficiary_{level},commission_{level},kept_{level}" for level in _LEVELS)
    + "\n",
    PAYOUTS: "payout,batch,number,member,currency,amount,state,attempt,reference,reserved_at,state_at,paid_at\n",
    POSTINGS: "order,kind,level,position,value_at,debit,credit,currency,amount\n",
    TEAM: "member,bind,bound_at,until" + "".join(f",referrer_{level}" for level in _LEVELS) + "\n",
}

_EXPENSE, _PAYOUT, _ADJUSTMENT = "expense:commission", "house:payout", "house:adjustment"


def cell(text: str) -> str:
    """A text as a CSV cell."""
    # No id holds the end of a line.
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def balance_row(balance: Balance) -> str:
    """A line of `balances`."""
    member, currency, earned, clawed_back, adjusted, pending, reserved, paid = balance
    money = f"{earned},{clawed_back},{adjusted},{pending},{balance.available},{reserved},{paid}"
    return f"{cell(member)},{currency},{money}\n"


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
    """The lines of `postings` that an order, its refunds and their reversals make (S-2)."""
    _, position, stream, at, _, currency, _, _, _, _, _ = order
    accruals = maturities = ""
    name = cell(stream)
    accrued, matured = f",{position},{at},{_EXPENSE},", f",{position},{available_at},"
    before = [one.minor for one in clawbacks if one.value_at < available_at] if clawbacks else ()
    is_mature = available_at <= as_of
    for level, (_, member, minor) in enumerate(levels, start=1):
        # Who is not paid has no commission.
        if not minor or member is None:
            continue
        pending, available = _accounts(member)
        accruals += f"{name},accrual,{level}{accrued}{pending},{currency},{minor}\n"
        if is_mature:
            left = minor - sum([lost[level - 1] for lost in before]) if before else minor
            if left:
                maturities += f"{name},maturity,{level}{matured}{pending},{available},{currency},{left}\n"
    if clawbacks and accruals:
        taken, restored = _clawback_rows(order, available_at, levels, clawbacks, as_of)
        return accruals + taken + maturities + restored
    return accruals + maturities


@lru_cache(maxsize=20_000)
def _accounts(member: str) -> tuple[str, str]:
    """A member's accounts of what is pending and of what is available, as cells."""
    return cell(f"member:{member}:pending"), cell(f"member:{member}:available")


def _clawback_rows(
    order: Placed, available_at: str, levels: Levels, clawbacks: Sequence[Clawback], as_of: str
) -> tuple[str, str]:
    """What refunds take, and what reversals give back."""
    name, currency = cell(order.stream), order.currency
    taken = restored = ""
    for position, value_at, _, amounts in clawbacks:
        if value_at > as_of:
            continue
        is_pending = value_at < available_at
        for level, ((_, member, _), minor) in enumerate(zip(levels, amounts, strict=True), start=1):
            if minor and member is not None:
                pending, available = _accounts(member)
                account, at = pending if is_pending else available, f"{level},{position},{value_at}"
                if minor > 0:
                    taken += f"{name},clawback,{at},{account},{_EXPENSE},{currency},{minor}\n"
                else:
                    restored += f"{name},restoration,{at},{_EXPENSE},{account},{currency},{-minor}\n"
    return taken, restored


def move_row(move: Move) -> str:
    """The line of `postings` of an adjustment or a payout (S-2)."""
    available, reserved = cell(f"member:{move.member}:available"), cell(f"member:{move.member}:reserved")
    match move.kind:
        case "adjustment":
            debit, credit = (_ADJUSTMENT, available) if move.minor > 0 else (available, _ADJUSTMENT)
        case "reservation":
            debit, credit = available, reserved
        case "payment":
            debit, credit = reserved, _PAYOUT
        case "release":
            debit, credit = reserved, available
        case "return":
            debit, credit = _PAYOUT, available
    at = f"{move.kind},,{move.position},{move.value_at}"
    return f"{cell(move.stream)},{at},{debit},{credit},{move.currency},{abs(move.minor)}\n"


def payout_row(row: PayoutRow) -> str:
    """A line of `payouts`."""
    line = row.line
    return (
        f"{cell(row.stream)},{cell(row.batch)},{line.number},{cell(line.member)},{row.currency},{line.amount_minor},"
        f"{row.state},{row.attempt},{cell(row.reference)},{row.reserved_at},{row.state_at},{row.paid_at}\n"
    )


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
