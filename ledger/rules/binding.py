"""Whether a member may be bound to a referrer, unbound, renewed (rules B-1 to B-8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ledger.plan import Plans
from ledger.rules.team import Binding, History, HistoryOf, closes_loop, in_force

BindRefusal = Literal[
    "no_plan",
    "self_referral",
    "unknown_invite",
    "invite_for_another",
    "invite_expired",
    "late_binding",
    "already_bound",
    "protected",
    "would_close_loop",
]
UnbindRefusal = Literal["not_bound", "late_unbind"]


@dataclass(frozen=True, slots=True)
class Invite:
    """What a bind needs to know of the invite it answers (B-7)."""

    inviter: str
    invitee: str | None
    occurred_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class BindRequest:
    """A member's request to be bound. `invite` is None where none is named or the named one does not exist."""

    bind: str
    member: str
    referrer: str
    occurred_at: datetime
    names_invite: bool = False
    invite: Invite | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A granted bind: the new binding, and the one it takes over, if any (B-2)."""

    binding: Binding
    taken_over: Binding | None


def decide_bind(request: BindRequest, plans: Plans, history: History, above: HistoryOf) -> Bound | BindRefusal:
    """Grants a bind request or names the first reason against it, in the order of B-6.

    Args:
        request: who asks for whom, when, with which invite.
        plans: the plans recorded so far.
        history: the member's bindings recorded so far.
        above: everyone else's; may know nobody where the member never had a downline: no loop can close then.

    Source: rules B-2, B-3, B-6, P-3.
    """
    at = request.occurred_at
    plan = plans.in_force(at)
    if plan is None:
        return "no_plan"
    present = in_force(history, at)
    refusal = (
        ("self_referral" if request.member == request.referrer else None)
        or _refuse_invite(request)
        or ("late_binding" if is_late(history, at) else None)
        or (_refuse_present(request, present, plans) if present is not None else None)
    )
    if refusal is not None:
        return refusal
    ends_at = plan.binding.ends_at(at)
    if closes_loop(request.member, request.referrer, at, ends_at, above):
        return "would_close_loop"
    binding = Binding(request.bind, request.member, request.referrer, at, ends_at, plan.plan)
    return Bound(binding, taken_over=present)


def decide_unbind(history: History, at: datetime) -> Binding | UnbindRefusal:
    """The binding an unbind at this instant ends, or the first reason against it (B-8)."""
    present = in_force(history, at)
    if present is None:
        return "not_bound"
    return "late_unbind" if is_late(history, at) else present


def renewed_until(history: History, at: datetime, plans: Plans, above: HistoryOf) -> datetime | None:
    """The new end an order at this instant gives its buyer's binding; None: it moves nothing (B-5).

    A released binding stays ended, also where its release lies after a late order: renewal prolongs, it never revives.
    """
    present = in_force(history, at)
    if present is None or present is not history[-1] or present.released_at is not None or present.ends_at is None:
        return None
    terms = plans[present.plan].binding
    ends_at = terms.ends_at(at)
    if terms.renewal != "on_order" or ends_at is None or ends_at <= present.ends_at:
        return None
    if closes_loop(present.member, present.referrer, present.ends_at, ends_at, above):
        return None
    return ends_at


def is_late(history: History, at: datetime) -> bool:
    """Earlier than the member's greatest bound_at or release instant (B-6 late_binding, B-8 late_unbind).

    The latest binding has them both: it was not late itself, so it began after every earlier release.
    """
    if not history:
        return False
    latest = history[-1]
    return at < latest.bound_at or (latest.released_at is not None and at < latest.released_at)


def _refuse_invite(request: BindRequest) -> BindRefusal | None:
    """B-7: an invite counts from its occurred_at to its expires_at, for its inviter and, if named, its invitee."""
    if not request.names_invite:
        return None
    invite = request.invite
    if invite is None or invite.occurred_at > request.occurred_at:
        return "unknown_invite"
    if invite.inviter != request.referrer or invite.invitee not in {None, request.member}:
        return "invite_for_another"
    if invite.expires_at is not None and request.occurred_at >= invite.expires_at:
        return "invite_expired"
    return None


def _refuse_present(request: BindRequest, present: Binding, plans: Plans) -> BindRefusal | None:
    """B-2 under the terms of the binding in force, which no later plan moves (P-4)."""
    terms = plans[present.plan].binding
    if terms.policy == "first_touch" or request.referrer == present.referrer:
        return "already_bound"
    protection = timedelta(days=terms.protection_days)
    return "protected" if request.occurred_at < present.bound_at + protection else None
