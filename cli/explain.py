"""What `explain` prints."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from cli.output import Report, Section, heading, readable, table_cell
from ledger.money import PPM
from projections.explanation import AccrualExplained, LevelExplained, MemberExplained, OrderExplained
from projections.fold import PlacedBinding

WHY = {
    "paid": "paid",
    "no_plan": "no plan was in force",
    "not_bound": "{below} was never bound by then",
    "expired": "{below}'s binding had lapsed",
    "released": "{below}'s binding had been released",
    "chain_ended": "the chain had ended below",
    "repeat": "is on a lower level already",
    "self": "is the buyer",
    "level_not_paid": "the plan pays nothing on this level",
    "rounds_to_zero": "rounds to nothing",
}


def order_report(found: OrderExplained, as_of: datetime, position: int) -> Report:
    """An order: its facts, its levels, its refunds."""
    order, event = found.order, found.event
    facts = {
        "order": event.id,
        "source": event.source,
        "position": order.position,
        "occurred_at": order.occurred_at,
        "recorded_at": event.recorded_at,
        "member": order.member,
        "currency": order.currency,
        "amount_minor": order.amount_minor,
        "plan": order.plan,
        "rounding": found.plan.rounding if found.plan else None,
        "available_at": order.available_at,
        "state": found.state,
    }
    levels = [_level_row(level, order.currency) for level in found.levels]
    refunds = [
        {
            "refund": refund.refund,
            "position": refund.position,
            "value_at": refund.value_at,
            "currency": order.currency,
            "amount_minor": refund.amount_minor,
            "left_minor": refund.left_minor,
            **{f"clawback_{level}": minor for level, minor in enumerate(refund.clawed_back_minor, start=1)},
        }
        for refund in found.refunds
    ]
    money = frozenset(
        {"amount_minor", "left_minor", "commission_minor", "kept_minor", "clawback_1", "clawback_2", "clawback_3"}
    )
    level_columns = [
        "level",
        "member",
        "outcome",
        "why",
        "rate",
        "commission_minor",
        "remainder",
        "kept_minor",
        "binding",
        "bound_at",
        "until",
    ]
    refund_columns = [
        "refund",
        "position",
        "value_at",
        "amount_minor",
        "left_minor",
        "clawback_1",
        "clawback_2",
        "clawback_3",
    ]
    fact_columns = [
        "order",
        "member",
        "currency",
        "amount_minor",
        "occurred_at",
        "plan",
        "rounding",
        "available_at",
        "state",
        "position",
    ]
    sections = [
        Section(level_columns, levels, money, title="levels"),
        Section(refund_columns, refunds, money, title="refunds"),
    ]
    document = {**facts, "as_of": as_of, "at_position": position, "levels": levels, "refunds": refunds}
    first = Section(fact_columns, [facts], money)
    return Report(_facts_first(first, sections), document)


def _facts_first(facts: Section, sections: list[Section]) -> list[Section]:
    """CSV and TSV print the levels, the first section; a table starts with the facts, as its title."""
    lines = [f"{heading(facts, column)}: {_shown(facts, column)}" for column in facts.columns]
    first = sections[0]
    titled = Section(first.columns, first.rows, first.money, "\n".join([*lines, "", first.title]))
    return [titled, *sections[1:]]


def _shown(facts: Section, column: str) -> str:
    return table_cell(facts, facts.rows[0], column)


def _level_row(level: LevelExplained, currency: str) -> dict[str, Any]:
    outcome, edge = level.outcome, level.binding
    remainder = level.remainder_ppm
    return {
        "level": level.level,
        "member": outcome.beneficiary,
        "currency": currency,
        "outcome": outcome.reason,
        "why": WHY[outcome.reason].format(below=level.below),
        "rate_ppm": level.rate_ppm,
        "rate": f"{level.rate_ppm / 10_000:g}%",
        "commission_minor": outcome.commission_minor,
        "remainder": f"{'-' if remainder < 0 else ''}0.{abs(remainder) % PPM:06d}" if remainder else "0",
        "kept_minor": level.kept_minor,
        **_edge(edge),
    }


def _edge(placed: PlacedBinding | None) -> dict[str, Any]:
    if placed is None:
        return {"binding": None, "bound_at": None, "until": None}
    return {"binding": placed.binding.bind, "bound_at": placed.binding.bound_at, "until": placed.binding.until()}


def member_report(found: MemberExplained, as_of: datetime, position: int) -> Report:
    """A member: every order they earned on or could have, balances, bindings."""
    accruals = [_accrual_row(accrual) for accrual in found.accruals]
    bindings = [
        {
            "bind": placed.binding.bind,
            "position": placed.position,
            "referrer": placed.binding.referrer,
            "bound_at": placed.binding.bound_at,
            "until": placed.binding.until(),
            "ended_by": "release" if placed.binding.released_at else ("lapse" if placed.binding.ends_at else None),
            "plan": placed.binding.plan,
        }
        for placed in found.bindings
    ]
    balances = [asdict(balance) for balance in found.balances]
    money = frozenset(
        {
            "base_minor",
            "commission_minor",
            "clawed_back_minor",
            "kept_minor",
            "earned",
            "clawed_back",
            "adjusted",
            "pending",
            "available",
            "reserved",
            "paid",
        }
    )
    accrual_columns = [
        "order",
        "occurred_at",
        "buyer",
        "level",
        "currency",
        "base_minor",
        "outcome",
        "commission_minor",
        "clawed_back_minor",
        "kept_minor",
        "state",
        "available_at",
    ]
    balance_columns = ["currency", "earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid"]
    sections = [
        Section(
            accrual_columns, accruals, money, title=f"orders with {found.member} in the upline, as of {readable(as_of)}"
        ),
        Section(balance_columns, balances, money, title="balance"),
        Section(
            ["bind", "referrer", "bound_at", "until", "ended_by", "plan"], bindings, title=f"bindings of {found.member}"
        ),
    ]
    document = {
        "member": found.member,
        "as_of": as_of,
        "at_position": position,
        "balances": balances,
        "bindings": bindings,
        "accruals": accruals,
    }
    return Report(sections, document)


def _accrual_row(accrual: AccrualExplained) -> dict[str, Any]:
    row = asdict(accrual)
    row["outcome"] = row.pop("reason")
    row["kept_minor"] = accrual.commission_minor - accrual.clawed_back_minor
    return row
