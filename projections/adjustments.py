"""Adjustments and freezes as they stand at the checkpoint (rules S-2, X-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.clock import from_micros, instant_of
from ledger.ids import split_stream
from ledger.store.session import Session, load

_ADJUSTMENTS = load("projections", "select_adjustments")
_FREEZES = load("projections", "select_freezes")


@dataclass(frozen=True, slots=True)
class AdjustmentFound:
    """A proposed correction of a balance.

    position      of the proposal
    amount_minor  signed
    value_at      when it counts, once posted
    state         proposed, posted or rejected
    decided_*     the approval or the rejection
    """

    id: str
    source: str
    position: int
    member: str
    currency: str
    amount_minor: int
    value_at: datetime
    reason: str
    proposed_by: str
    state: str
    decided_position: int | None
    decided_at: datetime | None
    decided_by: str | None
    decided_reason: str | None


@dataclass(frozen=True, slots=True)
class Freeze:
    """A member's payouts were held from a position on, or no longer (`is_frozen` False)."""

    member: str
    position: int
    is_frozen: bool
    at: datetime
    actor: str
    reason: str


def adjustments(session: Session, member: str | None = None) -> list[AdjustmentFound]:
    """Every adjustment, or a member's, in order of their proposals."""
    return [
        AdjustmentFound(
            split_stream(stream)[1],
            split_stream(stream)[0],
            position,
            member,
            currency,
            amount_minor,
            from_micros(value_at),
            reason,
            proposed_by,
            state,
            decided_position,
            instant_of(decided_at),
            *decided,
        )
        for (
            stream,
            position,
            member,
            currency,
            amount_minor,
            value_at,
            reason,
            proposed_by,
            state,
            decided_position,
            decided_at,
            *decided,
        ) in session.rows(_ADJUSTMENTS, member=member)
    ]


def freezes(session: Session, member: str | None = None) -> list[Freeze]:
    """Every freeze and unfreeze, or a member's, in order of position."""
    return [
        Freeze(member, position, bool(is_frozen), from_micros(at), actor, reason)
        for member, position, is_frozen, at, actor, reason in session.rows(_FREEZES, member=member)
    ]


def frozen_now(session: Session) -> list[Freeze]:
    """The freezes that hold: of each member the last one, by position, where it is not an unfreeze."""
    last = {freeze.member: freeze for freeze in freezes(session)}
    return [freeze for freeze in last.values() if freeze.is_frozen]
