"""What happened: frozen, versioned pydantic events, one class per fact, and the registry that reads them back.

An event is an envelope around `data`: what was asked, word for word, and what was decided about it. So the content hash
in the envelope can be checked against the event itself, and every decision be made again from the log alone. Fields of
every model stand in alphabetical order, the key order of the stored canonical JSON (V-2). Absent keys mean None, except
in plans. The envelope is in `envelope.py`, what finance decides in `payout_events.py`.

Adding a field to an event's data makes a new version: raise `VERSION` and add a step to `UPCASTERS`, a function from
the older data to the next one's. Stored bytes never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from ledger.clock import format_instant
from ledger.commands import BindMember, InviteMember, PlaceOrder, PublishPlan, RefundOrder, UnbindMember
from ledger.envelope import Data, Event, Exponent, Number, Stream
from ledger.fields import Instant, StoredId
from ledger.payout_commands import FreezeMember, ReverseRefund, UnfreezeMember
from ledger.payout_events import PAYOUT_EVENTS


class PlanData(Data):
    """A plan's terms, as published."""

    asked: PublishPlan


class PlanPublished(Event, frozen=True):
    """New commission rules (P-1). Stream `plan-<n>`."""

    TOPIC = "PlanPublished"
    KEEPS_NULL = True
    data: PlanData
    type: Literal["PlanPublished"] = "PlanPublished"


class InviteData(Data):
    """An invite, as asked."""

    asked: InviteMember


class MemberInvited(Event, frozen=True):
    """A member invited someone (B-7). Stream `invite-<id>`."""

    TOPIC = "MemberInvited"
    data: InviteData
    type: Literal["MemberInvited"] = "MemberInvited"


class BoundData(Data):
    """A granted bind: the end of its interval (None: no end) and the number of its plan."""

    asked: BindMember
    ends_at: Instant | None = None
    plan: Number


class MemberBound(Event, frozen=True):
    """A member is bound to a referrer from occurred_at to ends_at (B-1, B-3). Stream `bind-<id>`."""

    TOPIC = "MemberBound"
    data: BoundData
    type: Literal["MemberBound"] = "MemberBound"


class BindRefusedData(Data):
    """A bind and the first reason against it (B-6)."""

    asked: BindMember
    reason: str


class BindingRefused(Event, frozen=True):
    """A bind request was refused, for good (B-1). Stream `bind-<id>`."""

    TOPIC = "BindingRefused"
    data: BindRefusedData
    type: Literal["BindingRefused"] = "BindingRefused"


class ReleasedData(Data):
    """bind: stream of the binding that ended. asked: the unbind; None on a take-over."""

    asked: UnbindMember | None = None
    bind: Stream
    cause: Literal["unbind", "take_over"]
    member: StoredId
    referrer: StoredId


class BindingReleased(Event, frozen=True):
    """A binding ended before its time (B-2, B-8). Stream `unbind-<id>`, or that of the binding on a take-over."""

    TOPIC = "BindingReleased"
    data: ReleasedData
    type: Literal["BindingReleased"] = "BindingReleased"


class UnbindRefusedData(Data):
    """An unbind and the first reason against it (B-8)."""

    asked: UnbindMember
    reason: str


class UnbindRefused(Event, frozen=True):
    """An unbind request was refused, for good (B-8). Stream `unbind-<id>`."""

    TOPIC = "UnbindRefused"
    data: UnbindRefusedData
    type: Literal["UnbindRefused"] = "UnbindRefused"


class RenewedData(Data):
    """bind: stream of the binding whose end moved to ends_at."""

    bind: Stream
    ends_at: Instant
    member: StoredId


class BindingRenewed(Event, frozen=True):
    """An order moved the end of its buyer's binding (B-5). Stream of the binding, right after the order."""

    TOPIC = "BindingRenewed"
    data: RenewedData
    type: Literal["BindingRenewed"] = "BindingRenewed"


class ExpiredData(Data):
    """bind: stream of the binding that lapsed, at the event's occurred_at."""

    bind: Stream
    member: StoredId
    referrer: StoredId


class BindingExpired(Event, frozen=True):
    """A binding lapsed at occurred_at; a record for people, nothing decides from it (B-4). Stream `expiry-...`."""

    TOPIC = "BindingExpired"
    IS_DERIVED = True
    data: ExpiredData
    type: Literal["BindingExpired"] = "BindingExpired"


class OrderData(Data):
    """exponent: digits of the currency's minor unit. plan: number of its plan; None: none was in force (P-5)."""

    asked: PlaceOrder
    exponent: Exponent
    plan: Number | None = None


class OrderPlaced(Event, frozen=True):
    """A member paid for an order (A-1). Stream `order-<id>`."""

    TOPIC = "OrderPlaced"
    data: OrderData
    type: Literal["OrderPlaced"] = "OrderPlaced"


class RefundData(Data):
    """A refund, as asked."""

    asked: RefundOrder


class OrderRefunded(Event, frozen=True):
    """Part or all of an order's money went back to the buyer (R-1). Stream `refund-<id>`."""

    TOPIC = "OrderRefunded"
    data: RefundData
    type: Literal["OrderRefunded"] = "OrderRefunded"


class RefundRefusedData(Data):
    """A refund and the first reason against it (R-1)."""

    asked: RefundOrder
    reason: str


class RefundRefused(Event, frozen=True):
    """A refund was refused, for good (R-1). Stream `refund-<id>`."""

    TOPIC = "RefundRefused"
    data: RefundRefusedData
    type: Literal["RefundRefused"] = "RefundRefused"


class ReversedData(Data):
    """A reversal, as asked."""

    asked: ReverseRefund


class RefundReversed(Event, frozen=True):
    """What a refund took back is given back, exactly (R-4). Stream `reversal-<id>`."""

    TOPIC = "RefundReversed"
    data: ReversedData
    type: Literal["RefundReversed"] = "RefundReversed"


class ReversalRefusedData(Data):
    """A reversal and the first reason against it (R-4)."""

    asked: ReverseRefund
    reason: str


class ReversalRefused(Event, frozen=True):
    """A reversal was refused, for good (R-4). Stream `reversal-<id>`."""

    TOPIC = "ReversalRefused"
    data: ReversalRefusedData
    type: Literal["ReversalRefused"] = "ReversalRefused"


class FrozenData(Data):
    """A freeze, as asked."""

    asked: FreezeMember


class MemberFrozen(Event, frozen=True):
    """From this position on nothing is paid out to a member (X-1). Stream `freeze-<id>`."""

    TOPIC = "MemberFrozen"
    data: FrozenData
    type: Literal["MemberFrozen"] = "MemberFrozen"


class UnfrozenData(Data):
    """An unfreeze, as asked."""

    asked: UnfreezeMember


class MemberUnfrozen(Event, frozen=True):
    """From this position on a member may be paid again (X-1). Stream `unfreeze-<id>`."""

    TOPIC = "MemberUnfrozen"
    data: UnfrozenData
    type: Literal["MemberUnfrozen"] = "MemberUnfrozen"


EVENTS: Mapping[str, type[Event]] = {
    event.TOPIC: event
    for event in (
        PlanPublished,
        MemberInvited,
        MemberBound,
        BindingRefused,
        BindingReleased,
        UnbindRefused,
        BindingRenewed,
        BindingExpired,
        OrderPlaced,
        OrderRefunded,
        RefundRefused,
        RefundReversed,
        ReversalRefused,
        MemberFrozen,
        MemberUnfrozen,
        *PAYOUT_EVENTS,
    )
}


def expiry_stream(bind: str, ends_at: datetime) -> str:
    """The stream of one lapse: a binding and the end it lapsed at (B-4).

    Not the binding's own stream: its versions would then depend on whether a worker recorded the lapse before a late
    unbind or renewal, and with them the content root (G-8).
    """
    return f"expiry-{format_instant(ends_at)}-{bind}"
