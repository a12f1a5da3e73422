"""What `explain` prints."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from cli.output import Report, Section, readable, vertical, with_source
from ledger.currencies import exponent_of
from ledger.ids import split_stream
from ledger.rules.team import Binding
from projections.adjustments import Freeze
from projections.explanation import AccrualExplained, LevelExplained, MemberExplained, OrderExplained, OrderOfBuyer
from projections.fold import OrderOutcome, PlacedBinding

WHY = {
    "paid": "",
    "no_plan": "no plan was in force",
    "not_bound": "{below} was never bound by then",
    "expired": "{below}'s binding had lapsed",
    "released": "{below}'s binding had been released",
    "chain_ended": "the chain had ended on level {ended}",
    "repeat": "is on a lower level already",
    "self": "is the buyer",
    "level_not_paid": "the plan pays nothing on this level",
    "rounds_to_zero": "rounds to nothing",
}
ORDER_MONEY = frozenset(
    {"amount_minor", "left_minor", "commission_minor", "kept_minor", "clawback_1", "clawback_2", "clawback_3"}
)
LEVEL_COLUMNS = (
    "level",
    "member",
    "outcome",
    "rate",
    "exact",
    "commission_minor",
    "remainder",
    "kept_minor",
    "why",
)
REFUND_COLUMNS = (
    "refund",
    "value_at",
    "amount_minor",
    "left_minor",
    "clawback_1",
    "clawback_2",
    "clawback_3",
)


def order_report(found: OrderExplained, as_of: datetime, position: int) -> Report:
    """An order: its facts, its levels, its refunds."""
    order, event = found.order, found.event
    facts = {
        "order": event.id,
        "source": event.source,
        "position": order.position,
        "occurred_at": order.occurred_at,
        "member": order.member,
        "currency": order.currency,
        "amount_minor": order.amount_minor,
        "plan": order.plan,
        "rounding": found.plan.rounding if found.plan else None,
        "available_at": order.available_at,
        "state": found.state,
    }
    levels = _level_rows(found)
    refunds = [
        {
            "refund": split_stream(refund.refund)[1],
            "reverses": None if refund.reverses is None else split_stream(refund.reverses)[1],
            "position": refund.position,
            "value_at": refund.value_at,
            "currency": order.currency,
            "amount_minor": refund.amount_minor,
            "left_minor": refund.left_minor,
            **{f"clawback_{level}": minor for level, minor in enumerate(refund.clawed_back_minor, start=1)},
        }
        for refund in found.refunds
    ]
    known = {"recorded_at": event.recorded_at, "as_of": as_of, "at_position": position}
    document = {**facts, **known, "levels": levels, "refunds": refunds}
    by_level = Section(LEVEL_COLUMNS, levels, ORDER_MONEY, title="levels")
    flat = Section([*LEVEL_COLUMNS, "binding", "bound_at"], levels, ORDER_MONEY)
    # A reversal may have the id of a refund: what it gives back is told from what was taken.
    is_reversed = any(refund.reverses is not None for refund in found.refunds)
    columns = [REFUND_COLUMNS[0], *(["reverses"] if is_reversed else []), *REFUND_COLUMNS[1:]]
    by_refund = Section(columns, refunds, ORDER_MONEY, title="refunds")
    return Report([vertical(facts, ORDER_MONEY), by_level, by_refund], document, flat)


def _level_rows(found: OrderExplained) -> list[dict[str, Any]]:
    """Every level, and where the chain ended."""
    ended = next((row.level for row in found.levels if row.outcome.beneficiary is None), 0)
    return [_level_row(row, found.order, ended) for row in found.levels]


def _level_row(level: LevelExplained, order: OrderOutcome, ended: int) -> dict[str, Any]:
    outcome = level.outcome
    return {
        "level": level.level,
        "member": outcome.beneficiary,
        "currency": order.currency,
        "outcome": outcome.reason,
        "rate_ppm": level.rate_ppm,
        "rate": f"{level.rate_ppm / 10_000:g}%",
        "exact": exact(level.exact_ppm_minor, order.currency),
        "commission_minor": outcome.commission_minor,
        "remainder": exact(level.remainder_ppm, order.currency),
        "kept_minor": level.kept_minor,
        "why": _why(level, ended),
        **_edge(level.binding),
    }


def _why(level: LevelExplained, ended: int) -> str:
    """The reason in words; for a level somebody stands on, the binding that put them there."""
    words = WHY[level.outcome.reason].format(below=level.below, ended=ended)
    edge = level.binding
    if level.outcome.beneficiary is None or edge is None:
        return words
    bound = f"{edge.binding.member} was bound on {readable(edge.binding.bound_at)}"
    return f"{words}; {bound}" if words else bound


def exact(ppm_minor: int, currency: str) -> str:
    """Millionths of a minor unit in the currency's own units, to the last digit: 499500000 GBP is `4.995`."""
    digits = exponent_of(currency) + 6
    sign = "-" if ppm_minor < 0 else ""
    whole, rest = divmod(abs(ppm_minor), 10**digits)
    fraction = f"{rest:0{digits}d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _edge(placed: PlacedBinding | None) -> dict[str, Any]:
    if placed is None:
        return {"binding": None, "bound_at": None}
    # Not its end: that may have moved since, and it is the end known at the order's own position that decided.
    return {"binding": split_stream(placed.binding.bind)[1], "bound_at": placed.binding.bound_at}


ACCRUAL_COLUMNS = [
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
BALANCE_COLUMNS = (
    "currency",
    "earned",
    "clawed_back",
    "adjusted",
    "pending",
    "available",
    "reserved",
    "paid",
)
BINDING_COLUMNS = ["bind", "referrer", "bound_at", "until", "ended_by", "plan"]
BOUGHT_COLUMNS = (
    "order",
    "occurred_at",
    "currency",
    "amount_minor",
    "plan",
    "level_1",
    "level_2",
    "level_3",
)
ADJUSTED = (
    "source",
    "position",
    "value_at",
    "currency",
    "amount_minor",
    "state",
    "reason",
    "proposed_by",
    "decided_by",
    "decided_at",
    "decided_reason",
)
PAID = (
    "source",
    "position",
    "batch",
    "currency",
    "amount_minor",
    "state",
    "since",
    "dropped",
    "attempt",
    "reference",
)
ADJUSTED_COLUMNS = ("adjustment", "value_at", "currency", "amount_minor", "state", "reason")
PAID_COLUMNS = ("payout", "currency", "amount_minor", "state", "since", "reference")
FROZEN_COLUMNS = ("frozen", "since", "by", "reason")
MEMBER_MONEY = frozenset(
    {"amount_minor", "base_minor", "commission_minor", "clawed_back_minor", "kept_minor", *BALANCE_COLUMNS[1:]}
)


def member_report(found: MemberExplained, as_of: datetime, position: int) -> Report:
    """A member: every order they earned on or could have, what else moved, balances, bindings, what they bought."""
    name = found.member
    accruals = [_accrual_row(accrual) for accrual in found.accruals]
    bindings = [_binding_row(placed, as_of) for placed in found.bindings]
    balances = [asdict(balance) for balance in found.balances]
    bought = [_bought_row(order) for order in found.orders]
    adjusted = [{"adjustment": row.id, **{name: getattr(row, name) for name in ADJUSTED}} for row in found.adjustments]
    paid = [{"payout": row.id, **{name: getattr(row, name) for name in PAID}} for row in found.payouts]
    frozen = [_freeze_row(freeze) for freeze in found.freezes]
    title = f"orders with {name} in the upline, as of {readable(as_of)}"
    sections = [
        Section(with_source(ACCRUAL_COLUMNS, accruals, after="order"), accruals, MEMBER_MONEY, title=title),
        *[
            Section(with_source(columns, rows, after=columns[0]), rows, MEMBER_MONEY, title=title)
            for columns, rows, title in (
                (ADJUSTED_COLUMNS, adjusted, "adjustments"),
                (PAID_COLUMNS, paid, "payouts"),
                (FROZEN_COLUMNS, frozen, "payouts held"),
            )
            if rows
        ],
        Section(BALANCE_COLUMNS, balances, MEMBER_MONEY, title="balance"),
        Section(BINDING_COLUMNS, bindings, title=f"bindings of {name}"),
        Section(
            with_source(BOUGHT_COLUMNS, bought, after="order"),
            bought,
            MEMBER_MONEY,
            title=f"orders {name} placed, and what became of each level",
        ),
    ]
    document = {
        "member": name,
        "as_of": as_of,
        "at_position": position,
        "balances": balances,
        "bindings": bindings,
        "accruals": accruals,
        "adjustments": adjusted,
        "payouts": paid,
        "freezes": frozen,
        "orders": bought,
    }
    return Report(sections, document, Section([*ACCRUAL_COLUMNS, "source", "position"], accruals, MEMBER_MONEY))


def _binding_row(placed: PlacedBinding, as_of: datetime) -> dict[str, Any]:
    binding = placed.binding
    return {
        "bind": split_stream(binding.bind)[1],
        "position": placed.position,
        "referrer": binding.referrer,
        "bound_at": binding.bound_at,
        "until": binding.until(),
        "ended_by": _ended_by(binding, as_of),
        "plan": binding.plan,
    }


def _freeze_row(freeze: Freeze) -> dict[str, Any]:
    return {
        "frozen": "yes" if freeze.is_frozen else "no",
        "since": freeze.at,
        "by": freeze.actor,
        "reason": freeze.reason,
        "position": freeze.position,
    }


def _bought_row(order: OrderOfBuyer) -> dict[str, Any]:
    source, order_id = split_stream(order.order)
    row = asdict(order) | {"order": order_id, "source": source}
    return row | {f"level_{level}": reason for level, reason in enumerate(row.pop("outcomes"), start=1)}


def _accrual_row(accrual: AccrualExplained) -> dict[str, Any]:
    row = asdict(accrual)
    row["order"] = split_stream(accrual.order)[1]
    row["source"] = split_stream(accrual.order)[0]
    row["outcome"] = row.pop("reason")
    row["kept_minor"] = accrual.commission_minor - accrual.clawed_back_minor
    return row


def _ended_by(binding: Binding, as_of: datetime) -> str | None:
    """What had ended a binding by T."""
    until = binding.until()
    if until is None or as_of < until:
        return None
    return "release" if binding.released_at is not None else "lapse"
