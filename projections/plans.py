"""Plans as they were known at a position, read from the log."""

from __future__ import annotations

from typing import cast

from ledger.events import PlanPublished
from ledger.ids import stream_of
from ledger.mapper import decode
from ledger.plan import Plans
from ledger.store.session import Session, load

_PLAN = load("projections", "select_plan")


def plans_at(log: Session, position: int) -> Plans:
    """Every plan published up to a position."""
    plans, number = Plans(), 1
    while rows := log.rows(_PLAN, stream=stream_of("plan", str(number)), upto=position):
        plans.add(cast("PlanPublished", decode(*rows[0])).data.asked.terms())
        number += 1
    return plans
