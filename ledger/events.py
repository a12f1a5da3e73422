"""What happened: frozen, versioned pydantic events, one class per fact, and the registry that reads them back.

An event is an envelope around `data`. Fields of every model stand in alphabetical order, because that order is the key
order of the stored canonical JSON (V-2). Absent keys mean None, except in plans.

Adding a field to an event's data makes a new version: raise `VERSION` and add a step to `UPCASTERS`, a function from
the older data to the next one's. Stored bytes never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger.clock import Instant
from ledger.commands import LineNumber, Quantity, Text
from ledger.ids import StoredId
from ledger.money import CurrencyCode, Minor, PositiveMinor
from ledger.plan import PlanTerms

Stream = Annotated[str, Field(min_length=1, max_length=320)]
Number = Annotated[int, Field(ge=1, lt=1 << 53)]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Data(BaseModel):
    """What one fact says; field order is the stored key order."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Event(BaseModel, frozen=True):
    """The envelope of every fact.

    actor        who asked, a label
    content      SHA-256 of the input's content (G-6); None for a fact that follows from another input
    id           the input this event records, or follows from
    occurred_at  when it happened, from the source
    recorded_at  when it was recorded; never runs backwards along the log (G-2)
    seq          version within the stream, from 1
    source       where the input came from
    stream       `order-17`: one stream per input; later facts of a binding follow in its own
    v            version of `data`
    """

    model_config = ConfigDict(strict=True, extra="forbid")
    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1
    UPCASTERS: ClassVar[Mapping[int, Upcaster]] = {}
    # In a plan null is a value of its own: a binding without an end.
    KEEPS_NULL: ClassVar[bool] = False
    # Left out of content_root (G-8): whether and when it is recorded depends on a worker's timing.
    IS_DERIVED: ClassVar[bool] = False

    actor: StoredId
    content: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    data: Data
    id: StoredId
    occurred_at: Instant
    recorded_at: Instant
    seq: Number
    source: str
    stream: Stream
    type: str
    v: Number

    @property
    def originator_id(self) -> str:
        """The stream, in the library's words."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version within the stream, in the library's words."""
        return self.seq


class PlanData(Data, PlanTerms):
    """A plan's terms, as published."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PlanPublished(Event, frozen=True):
    """New commission rules (P-1). Stream `plan-<n>`."""

    TOPIC = "PlanPublished"
    KEEPS_NULL = True
    data: PlanData
    type: Literal["PlanPublished"] = "PlanPublished"


class InviteData(Data):
    """invitee_id None: anyone may use it; expires_at None: for ever."""

    channel: Text | None = None
    expires_at: Instant | None = None
    invitee_id: StoredId | None = None
    inviter_id: StoredId


class MemberInvited(Event, frozen=True):
    """A member invited someone (B-7). Stream `invite-<id>`."""

    TOPIC = "MemberInvited"
    data: InviteData
    type: Literal["MemberInvited"] = "MemberInvited"


class BoundData(Data):
    """The bind's request, the plan it was decided under and the end of its interval (None: no end)."""

    ends_at: Instant | None = None
    invite_id: StoredId | None = None
    member_id: StoredId
    plan: Number
    referrer_id: StoredId


class MemberBound(Event, frozen=True):
    """A member is bound to a referrer from occurred_at to ends_at (B-1, B-3). Stream `bind-<id>`."""

    TOPIC = "MemberBound"
    data: BoundData
    type: Literal["MemberBound"] = "MemberBound"


class BindRefusedData(Data):
    """The bind's request and the first reason that applied (B-6)."""

    invite_id: StoredId | None = None
    member_id: StoredId
    reason: str
    referrer_id: StoredId


class BindingRefused(Event, frozen=True):
    """A bind request was refused, for good (B-1). Stream `bind-<id>`."""

    TOPIC = "BindingRefused"
    data: BindRefusedData
    type: Literal["BindingRefused"] = "BindingRefused"


class ReleasedData(Data):
    """bind: stream of the binding that ended. note: what the member said when asking to be unbound."""

    bind: Stream
    cause: Literal["unbind", "take_over"]
    member_id: StoredId
    note: Text | None = None
    referrer_id: StoredId


class BindingReleased(Event, frozen=True):
    """A binding ended before its time (B-2, B-8). Stream `unbind-<id>`, or that of the binding on a take-over."""

    TOPIC = "BindingReleased"
    data: ReleasedData
    type: Literal["BindingReleased"] = "BindingReleased"


class UnbindRefusedData(Data):
    """The unbind's request and the first reason that applied (B-8)."""

    member_id: StoredId
    note: Text | None = None
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
    member_id: StoredId


class BindingRenewed(Event, frozen=True):
    """An order moved the end of its buyer's binding (B-5). Stream of the binding, right after the order."""

    TOPIC = "BindingRenewed"
    data: RenewedData
    type: Literal["BindingRenewed"] = "BindingRenewed"


class ExpiredData(Data):
    """bind: stream of the binding that lapsed, at the event's occurred_at."""

    bind: Stream
    member_id: StoredId
    referrer_id: StoredId


class BindingExpired(Event, frozen=True):
    """A binding lapsed at occurred_at; a record for people, nothing decides from it (B-4). Stream `expiry-...`."""

    TOPIC = "BindingExpired"
    IS_DERIVED = True
    data: ExpiredData
    type: Literal["BindingExpired"] = "BindingExpired"


class LineData(Data):
    """One line of an order."""

    amount_minor: Minor
    category: Text | None = None
    n: LineNumber
    qty: Quantity
    sku: Text


class OrderData(Data):
    """What was paid. exponent: digits of the currency's minor unit. plan None: none was in force (P-5)."""

    amount_minor: Minor
    carriage_minor: Minor = 0
    currency: CurrencyCode
    exponent: Annotated[int, Field(ge=0, le=4)]
    lines: Annotated[tuple[LineData, ...], Field(strict=False)] | None = None
    member_id: StoredId
    plan: Number | None = None


class OrderPlaced(Event, frozen=True):
    """A member paid for an order (A-1). Stream `order-<id>`."""

    TOPIC = "OrderPlaced"
    data: OrderData
    type: Literal["OrderPlaced"] = "OrderPlaced"


class RefundData(Data):
    """Money that goes back: of one line, or of the whole order."""

    amount_minor: PositiveMinor
    currency: CurrencyCode
    line: LineNumber | None = None
    member_id: StoredId | None = None
    order_id: StoredId
    qty: Quantity | None = None


class OrderRefunded(Event, frozen=True):
    """Part or all of an order's money went back to the buyer (R-1). Stream `refund-<id>`."""

    TOPIC = "OrderRefunded"
    data: RefundData
    type: Literal["OrderRefunded"] = "OrderRefunded"


class RefundRefusedData(RefundData):
    """The refund's request and the first reason that applied (R-1)."""

    reason: str


class RefundRefused(Event, frozen=True):
    """A refund was refused, for good (R-1). Stream `refund-<id>`."""

    TOPIC = "RefundRefused"
    data: RefundRefusedData
    type: Literal["RefundRefused"] = "RefundRefused"


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
    )
}


def expiry_stream(bind: str, ends_at: datetime) -> str:
    """The stream of one lapse: a binding and the end it lapsed at (B-4).

    Not the binding's own stream: its versions would then depend on whether a worker recorded the lapse before a late
    unbind or renewal, and with them the content root (G-8).
    """
    return f"expiry-{ends_at:%Y-%m-%dT%H:%M:%S.%fZ}-{bind}"
