"""The decision state: what the rules may ask about the head of the log, read set-wise for a whole batch.

Bindings, refunds (`refunds.py`) and freezes have rows of their own, written in the transaction that appends; plans,
invites and orders are found by their stream key: their event is their state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from ledger.clock import from_micros, instant_of, micros_of, parse_instant, to_micros
from ledger.events import PlanPublished, RefundRefused
from ledger.ids import stream_of
from ledger.inputs import AnyInput, BindInput, OrderInput, PlanInput, RefundInput, ReversalInput, UnbindInput
from ledger.mapper import decode
from ledger.plan import Plans, PlanTerms
from ledger.reading import read_input_event
from ledger.refunds import Money, Refunds
from ledger.rules.binding import Invite
from ledger.rules.refund import PaidOrder
from ledger.rules.team import Binding, History, HistoryOf
from ledger.store.recorder import Recorded
from ledger.store.session import Row, Session, Table, load

_BINDINGS = load("ledger.store", "select_bindings")
_ANCESTORS = load("ledger.store", "select_ancestor_bindings")
_WITH_DOWNLINE = load("ledger.store", "select_with_downline")
_RECORDED = load("ledger.store", "select_recorded")
_LAPSED = load("ledger.store", "select_lapsed")
_UPDATE_BINDINGS = load("ledger.store", "update_bindings")

BINDING_TABLE = Table(
    "decision_binding",
    {
        "member": "text",
        "position": "int8",
        "bind": "text",
        "version": "int8",
        "referrer": "text",
        "bound_at_us": "int8",
        "ends_at_us": "int8",
        "plan": "int8",
        "released_at_us": "int8",
        "lapsed_at_us": "int8",
    },
)
FREEZE_TABLE = Table("decision_freeze", {"member": "text", "position": "int8", "is_frozen": "int8"})


class Known(NamedTuple):
    """An input that was recorded.

    content  SHA-256 of `asked`, as stored: what tells a repeat from a conflict (G-6)
    asked    the record as canonical JSON
    record   the same as plain data
    """

    id: str
    source: str
    content: str
    asked: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedPlan:
    """A plan in the log at a position, and the input it came with."""

    terms: PlanTerms
    known: Known
    position: int


@dataclass(slots=True)
class BindingRow:
    """A binding with what the log knows about its stream.

    position   of its MemberBound
    version    last version of its stream
    lapsed_at  the ends_at a BindingExpired is recorded for (B-4)
    """

    binding: Binding
    position: int
    version: int
    lapsed_at: datetime | None = None

    def is_lapse_to_record(self, at: datetime) -> bool:
        """Whether it lapsed by `at` and no event says so yet."""
        ends_at = self.binding.ends_at
        return self.binding.released_at is None and ends_at is not None and ends_at <= at and self.lapsed_at != ends_at


class TakenRefund(NamedTuple):
    """A recorded refund, as its reversal asks for it (R-4)."""

    occurred_at: datetime
    is_refused: bool
    money: Money


class DecisionState:
    """What one batch needs to know, at the head, kept current while the batch is decided."""

    def __init__(self, session: Session, source: str, published: Sequence[PublishedPlan] = ()) -> None:
        """What the inputs of one source may ask.

        Args:
            session: the transaction that holds the append lock.
            source: of the inputs.
            published: plans known to be in the log; they never change, so they need not be read again.
        """
        self._session = session
        self._source = source
        self.published = list(published)
        self.plans = Plans(plan.terms for plan in published)
        # Of the log, or of this batch.
        self._recorded: dict[str, Known | AnyInput] = {}
        self._plan_rows: dict[str, Recorded] = {}
        self._histories: dict[str, list[Binding]] = {}
        self._rows: dict[str, list[BindingRow]] = {}
        self._refused: set[str] = set()
        self.refunds = Refunds(session)
        self._with_downline: set[str] = set()
        self._new_bindings: list[BindingRow] = []
        self._changed: dict[str, BindingRow] = {}
        self._new_freezes: list[Row] = []

    # -- reading, once per batch

    def read(self, inputs: Sequence[AnyInput]) -> None:
        """Reads all that deciding these inputs may ask for."""
        streams = {asked.stream for asked in inputs}
        orders = {asked.order_stream for asked in inputs if type(asked) is RefundInput}
        refunds = {asked.refund_stream for asked in inputs if type(asked) is ReversalInput}
        binds = [asked for asked in inputs if type(asked) is BindInput]
        invites = {bind.invite_stream for bind in binds if bind.invite_stream is not None}
        # Plans never change once published, so only the next one is asked for.
        self.read_recorded(sorted(streams | orders | refunds | invites | {self._next_plan()}))
        self._read_plans()
        self.refunds.read(sorted(orders), sorted(refunds))
        self._read_bindings(inputs, binds)

    def read_plans(self) -> None:
        """Reads the plans that were published since those it was given."""
        self.read_recorded([self._next_plan()])
        self._read_plans()

    def _read_plans(self) -> None:
        while (row := self._plan_rows.get(self._next_plan())) is not None:
            terms = cast("PlanPublished", decode(row.topic, row.state)).data.asked.terms()
            self._take_plan(terms, cast("Known", self._recorded[row.stream]), row.position)
            self.read_recorded([self._next_plan()])

    def _next_plan(self) -> str:
        return stream_of("plan", str(len(self.plans) + 1))

    def _take_plan(self, terms: PlanTerms, known: Known, position: int) -> None:
        self.published.append(PublishedPlan(terms, known, position))
        self.plans.add(terms)

    def read_recorded(self, streams: list[str]) -> None:
        """Reads which of these inputs are in the log."""
        for columns in self._session.rows(_RECORDED, keys=streams):
            row = Recorded._make(columns)
            event = read_input_event(row)
            envelope = event.envelope
            self._recorded[row.stream] = Known(
                envelope["id"], envelope["source"], event.content, event.asked, event.record
            )
            if row.topic == PlanPublished.TOPIC:
                self._plan_rows[row.stream] = row
            elif row.topic == RefundRefused.TOPIC:
                self._refused.add(row.stream)

    def _read_bindings(self, inputs: Sequence[AnyInput], binds: list[BindInput]) -> None:
        """Histories of who binds, unbinds or renews; of everyone above a referrer where a loop is possible at all."""
        renews = any(plan.binding.renewal == "on_order" for plan in self.plans)
        kinds = (BindInput, UnbindInput, OrderInput) if renews else (BindInput, UnbindInput)
        asking = [asked for asked in inputs if isinstance(asked, kinds)]
        members = {asked.member for asked in asking}
        if not members:
            return
        self._take_bindings(self._session.rows(_BINDINGS, keys=sorted(members)))
        self._with_downline = {row[0] for row in self._session.rows(_WITH_DOWNLINE, keys=sorted(members))}
        may_close = self._with_downline | (members & {bind.inviter for bind in binds})
        roots = {bind.inviter for bind in binds if bind.member in may_close}
        roots |= {binding.referrer for member in may_close for binding in self.history_of(member)[-1:]}
        if roots:
            # A loop is looked for from these records' own times on: edges that ended before cannot be part of it.
            since = min(asked.at_us for asked in asking if asked.member in may_close)
            rows = self._session.rows(_ANCESTORS, keys=sorted(roots), since=since)
            self._take_bindings(row for row in rows if row[0] not in members)

    def _take_bindings(self, rows: Iterable[Row]) -> None:
        """Takes the bindings of members that were not read before."""
        for row in rows:
            read = _binding_row(row)
            self._rows.setdefault(row[0], []).append(read)
            self._histories.setdefault(row[0], []).append(read.binding)

    # -- what the rules ask

    def recorded(self, stream: str) -> Known | AnyInput | None:
        """The input of a stream, if it was recorded."""
        return self._recorded.get(stream)

    def history_of(self, member: str) -> list[Binding]:
        """Every binding of a member, in recording order."""
        return self._histories.get(member) or []

    def above(self, member: str) -> HistoryOf:
        """Where to look for a loop that a binding of this member might close: nowhere if it never had a downline."""
        return self.history_of if member in self._with_downline else _nobody

    def latest_row(self, member: str) -> BindingRow:
        """The latest binding of a member that has one; only that one can still be renewed, released or taken over."""
        return self._rows[member][-1]

    def invite(self, stream: str) -> Invite | None:
        """The invite of a stream, if there is one."""
        known = self._recorded.get(stream)
        if known is None:
            return None
        asked = _record(known)
        expires_at = asked.get("expires_at")
        return Invite(
            asked["inviter"],
            asked.get("invitee"),
            parse_instant(asked["at"]),
            None if expires_at is None else parse_instant(expires_at),
        )

    def order(self, stream: str) -> PaidOrder | None:
        """The order of a stream, if there is one. Without lines an order is one line."""
        known = self._recorded.get(stream)
        if known is None:
            return None
        asked = _record(known)
        lines = {line["n"]: line["amount"] for line in asked.get("lines", ())} or {1: asked["amount"]}
        return PaidOrder(asked["member"], asked["currency"], asked["amount"], parse_instant(asked["at"]), lines)

    def refund(self, stream: str) -> TakenRefund | None:
        """The refund of a stream, if there is one."""
        known = self._recorded.get(stream)
        if known is None:
            return None
        asked = _record(known)
        money = Money(stream_of("order", asked["order"], self._source), asked.get("line"), asked["amount"])
        return TakenRefund(parse_instant(asked["at"]), stream in self._refused, money)

    def unrecorded_lapse(self, member: str, at: datetime) -> BindingRow | None:
        """The member's latest binding if it lapsed by `at` and no event says so yet (B-4)."""
        rows = self._rows.get(member)
        return rows[-1] if rows and rows[-1].is_lapse_to_record(at) else None

    def lapses(self, upto: datetime, most: int) -> list[BindingRow]:
        """The oldest lapses up to an instant that no event records yet."""
        rows = self._session.rows(_LAPSED, upto=to_micros(upto), most=most)
        return [_binding_row(row) for row in rows]

    # -- what the batch changes

    def add(self, asked: AnyInput) -> None:
        """An input was recorded or refused for good: later ones of the batch find it."""
        self._recorded[asked.stream] = asked

    def refuse(self, stream: str) -> None:
        """A refund was refused for good."""
        self._refused.add(stream)

    def publish(self, terms: PlanTerms, asked: PlanInput, position: int) -> None:
        """A plan was recorded at this position; it may be in force for what follows."""
        known = Known(asked.id, self._source, asked.content, asked.asked, json.loads(asked.asked))
        self._take_plan(terms, known, position)

    def add_binding(self, binding: Binding, position: int) -> None:
        """A bind was granted at this position."""
        row = BindingRow(binding, position, version=1)
        self._new_bindings.append(row)
        self._rows.setdefault(binding.member, []).append(row)
        self._histories.setdefault(binding.member, []).append(binding)
        self._with_downline.add(binding.referrer)

    def change_latest(
        self, member: str, *, ends_at: datetime | None = None, released_at: datetime | None = None
    ) -> None:
        """The member's latest binding was renewed or released."""
        row = self.latest_row(member)
        before = row.binding
        row.binding = before._replace(ends_at=ends_at or before.ends_at, released_at=released_at or before.released_at)
        self._histories[member][-1] = row.binding
        self._changed[row.binding.bind] = row

    def note_lapse(self, row: BindingRow) -> None:
        """A BindingExpired was recorded."""
        row.lapsed_at = row.binding.ends_at
        self._changed[row.binding.bind] = row

    def add_freeze(self, member: str, position: int, *, is_frozen: bool) -> None:
        """A member was frozen or unfrozen at this position."""
        self._new_freezes.append((member, position, int(is_frozen)))

    def write(self) -> None:
        """Writes the changes of the batch, in the transaction that appends it."""
        new = {id(row) for row in self._new_bindings}
        if self._new_bindings:
            self._session.insert(BINDING_TABLE, [_table_row(row) for row in self._new_bindings])
        changed = [row for row in self._changed.values() if id(row) not in new]
        if changed:
            self._session.write(_UPDATE_BINDINGS, [_update_row(row) for row in changed])
        if self._new_freezes:
            self._session.insert(FREEZE_TABLE, self._new_freezes)
        self.refunds.write()


def _binding_row(row: Row) -> BindingRow:
    member, position, bind, version, referrer, bound_at, ends_at, plan, released_at, lapsed_at = row
    binding = Binding(bind, member, referrer, from_micros(bound_at), instant_of(ends_at), plan, instant_of(released_at))
    return BindingRow(binding, position, version, instant_of(lapsed_at))


def _table_row(row: BindingRow) -> Row:
    binding = row.binding
    return (
        binding.member,
        row.position,
        binding.bind,
        row.version,
        binding.referrer,
        to_micros(binding.bound_at),
        micros_of(binding.ends_at),
        binding.plan,
        micros_of(binding.released_at),
        micros_of(row.lapsed_at),
    )


def _update_row(row: BindingRow) -> Row:
    binding = row.binding
    return (
        binding.member,
        row.position,
        row.version,
        micros_of(binding.ends_at),
        micros_of(binding.released_at),
        micros_of(row.lapsed_at),
    )


def _nobody(member: str) -> History:
    """No bindings at all."""
    del member
    return ()


def _record(known: Known | AnyInput) -> dict[str, Any]:
    return known.record if isinstance(known, Known) else json.loads(known.asked)
