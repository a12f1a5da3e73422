"""What `explain payout` prints."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from cli.earned import COLUMNS, MONEY, NARROW, earned_cells
from cli.output import Report, Section, vertical
from ledger.errors import IntegrityError
from ledger.ids import split_stream
from projections.payout_explanation import Contribution, PayoutExplained

STEP_COLUMNS = ("position", "kind", "attempt", "at", "value_at", "by", "reference", "reason", "file")
_MONEY = MONEY | {"amount_minor", "carried_minor", "payable_minor"}


def payout_report(found: PayoutExplained, as_of: datetime, position: int) -> Report:
    """A payout: its facts, what happened to it, and everything that it pays.

    Raises:
        IntegrityError: what it is made of is not what it pays.
    """
    amount_minor = found.payout.amount_minor
    if found.prepared_minor != amount_minor:
        raise IntegrityError(
            f"payout {found.payout.id} pays {amount_minor} minor units and is made of {found.prepared_minor}"
        )
    facts = _facts(found)
    steps: list[dict[str, Any]] = [asdict(step) for step in found.steps]
    contributions = [_contribution(one, found.payout.currency) for one in found.contributions]
    document = {**facts, "as_of": as_of, "at_position": position, "steps": steps, "contributions": contributions}
    narrow = ("kind", "id", "value_at", "counts_from", *NARROW, "payable_minor")
    columns = ("kind", "id", "source", "position", "value_at", "counts_from", "currency", *COLUMNS, "payable_minor")
    title = (
        "what it is made of" if found.previous is None else "what came to the carried, and makes up the amount with it"
    )
    return Report(
        [
            vertical(facts, _MONEY),
            Section(STEP_COLUMNS, steps, title="steps"),
            Section(narrow, contributions, _MONEY, title=title),
        ],
        document,
        Section(columns, contributions, _MONEY),
    )


def _facts(found: PayoutExplained) -> dict[str, Any]:
    payout, batch = found.payout, found.batch
    return {
        "payout": payout.id,
        "source": payout.source,
        "member": payout.member,
        "currency": payout.currency,
        "amount_minor": payout.amount_minor,
        "state": payout.state,
        "since": payout.since,
        "attempt": payout.attempt,
        "reference": payout.reference,
        "dropped": payout.dropped,
        "batch": batch.id,
        "cut_off": batch.cut_off,
        "prepared_at_position": batch.at_position,
        "prepared_by": batch.prepared_by,
        "decided_by": batch.decided_by,
        "previous": None if found.previous is None else split_stream(found.previous)[1],
        "carried_minor": found.carried_minor,
    }


def _contribution(one: Contribution, currency: str) -> dict[str, Any]:
    source, cause = split_stream(one.stream)
    return {
        "kind": one.kind,
        "id": cause,
        "source": source,
        "position": one.position,
        "value_at": one.value_at,
        "counts_from": one.counts_from,
        "currency": currency,
        **earned_cells(one.earned, currency),
        "payable_minor": one.payable_minor,
    }
