"""Changes: what an event may change here, as texts and integers, so that another process can read the log ahead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from ledger.clock import micros_of, parse_instant, to_micros
from ledger.commands import PublishPlan
from ledger.events import (
    BindingReleased,
    BindingRenewed,
    MemberBound,
    OrderPlaced,
    OrderRefunded,
    PlanPublished,
    RefundReversed,
)
from ledger.fields import STORED
from ledger.ids import stream_of
from ledger.mapper import check_type, decode_row
from ledger.plan import PlanTerms
from ledger.reading import read_input_event
from ledger.store.recorder import Recorded
from projections.payout_changes import TOPICS as PAYOUT_TOPICS
from projections.payout_changes import PayoutChange, read_payout_change


class Placed(NamedTuple):
    """An order."""

    position: int
    stream: str
    member: str
    currency: str
    amount_minor: int
    at_us: int
    plan: int | None


class Refunded(NamedTuple):
    """A refund."""

    position: int
    stream: str
    order_stream: str
    amount_minor: int
    at_us: int


class Reversed(NamedTuple):
    """A refund did not come about after all."""

    position: int
    stream: str
    refund_stream: str
    at_us: int


class Bound(NamedTuple):
    """A granted bind."""

    position: int
    bind: str
    member: str
    referrer: str
    at_us: int
    ends_at_us: int | None
    plan: int


class Released(NamedTuple):
    """A binding ended before its time."""

    position: int
    bind: str
    member: str
    at_us: int


class Renewed(NamedTuple):
    """A binding's end moved."""

    position: int
    bind: str
    member: str
    ends_at_us: int


class Published(NamedTuple):
    """A plan. terms: the record in JSON."""

    position: int
    terms: str

    def plan(self) -> PlanTerms:
        """The plan's terms."""
        return PublishPlan.model_validate_json(self.terms, context=STORED).terms()


OrderChange = Placed | Refunded | Reversed | Bound | Released | Renewed | Published
Change = OrderChange | PayoutChange
Changes = Sequence[Change]

# Types of events that move anything here; the others are only proven to be what they say they are.
_MOVING = frozenset(event.TOPIC for event in (PlanPublished, MemberBound, BindingReleased, BindingRenewed))


def read_changes(rows: Iterable[Recorded]) -> list[Change]:
    """What these events may change, in order.

    Raises:
        CorruptEventError: bytes are not what was written, or lie under other columns.
    """
    return [change for row in rows if (change := read_change(row)) is not None]


def read_change(row: Recorded) -> Change | None:
    """What an event may change; None: nothing. Raises as `read_changes`."""
    if row.topic == OrderPlaced.TOPIC:
        event = read_input_event(row)
        record = event.record
        at_us = to_micros(parse_instant(event.envelope["occurred_at"]))
        plan = event.decided.get("plan")
        return Placed(row.position, row.stream, record["member"], record["currency"], record["amount"], at_us, plan)
    if row.topic == OrderRefunded.TOPIC:
        event = read_input_event(row)
        order_stream = stream_of("order", event.record["order"], event.envelope["source"])
        at_us = to_micros(parse_instant(event.envelope["occurred_at"]))
        return Refunded(row.position, row.stream, order_stream, event.record["amount"], at_us)
    if row.topic in _MOVING:
        return _moving(row)
    if row.topic == RefundReversed.TOPIC:
        event = read_input_event(row)
        refund_stream = stream_of("refund", event.record["refund"], event.envelope["source"])
        at_us = to_micros(parse_instant(event.envelope["occurred_at"]))
        return Reversed(row.position, row.stream, refund_stream, at_us)
    if row.topic in PAYOUT_TOPICS:
        return read_payout_change(row)
    check_type(row.topic, row.state)
    return None


def _moving(row: Recorded) -> Change:
    event = cast("PlanPublished | MemberBound | BindingReleased | BindingRenewed", decode_row(row))
    at_us = to_micros(event.occurred_at)
    match event:
        case MemberBound(data=data):
            ends_at_us = micros_of(data.ends_at)
            return Bound(
                row.position, event.stream, data.asked.member, data.asked.inviter, at_us, ends_at_us, data.plan
            )
        case BindingReleased(data=data):
            return Released(row.position, data.bind, data.member, at_us)
        case BindingRenewed(data=data):
            return Renewed(row.position, data.bind, data.member, to_micros(data.ends_at))
        case PlanPublished(data=data):
            return Published(row.position, data.asked.content().decode())
