"""The decision state: what the rules may ask about the head of the log, read set-wise for a whole batch.

Bindings and refunds have rows of their own, written in the transaction that appends; plans, invites and orders are
found by their stream key: their event is their state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from ledger.clock import from_micros, instant_of, micros_of, to_micros
from ledger.commands import AnyCommand, BindMember, InviteMember, PlaceOrder, PublishPlan, RefundOrder, UnbindMember
from ledger.events import (
    BindingRefused,
    BindingReleased,
    MemberBound,
    MemberInvited,
    OrderPlaced,
    OrderRefunded,
    PlanPublished,
    RefundRefused,
    UnbindRefused,
)
from ledger.ids import stream_of
from ledger.mapper import decode
from ledger.plan import Plans, PlanTerms
from ledger.rules.binding import Invite
from ledger.rules.refund import PaidOrder, Refunded
from ledger.rules.team import Binding, History, HistoryOf
from ledger.store.session import Row, Session, Table, load

_BINDINGS = load("ledger.store", "select_bindings")
_ANCESTORS = load("ledger.store", "select_ancestor_bindings")
_WITH_DOWNLINE = load("ledger.store", "select_with_downline")
_REFUNDS = load("ledger.store", "select_refunds")
_RECORDED = load("ledger.store", "select_recorded")
_LAPSED = load("ledger.store", "select_lapsed")
_UPDATE_BINDINGS = load("ledger.store", "update_bindings")

_BINDING_TABLE = Table(
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
_REFUND_TABLE = Table(
    "decision_refund", {"order_stream": "text", "position": "int8", "line": "int8", "amount_minor": "int8"}
)


# The events whose streams inputs are found by.
InputEvent = (
    MemberInvited
    | MemberBound
    | BindingRefused
    | BindingReleased
    | UnbindRefused
    | OrderPlaced
    | OrderRefunded
    | RefundRefused
    | PlanPublished
)


@dataclass(frozen=True, slots=True)
class Known:
    """An input that was recorded. `content`: its hash as stored; None: it is of this very batch."""

    command: AnyCommand
    source: str
    content: str | None = None

    def content_hash(self) -> str:
        """What tells a repeat from a conflict (G-6)."""
        return self.content or self.command.content_hash()


@dataclass(frozen=True, slots=True)
class PublishedPlan:
    """A plan in the log, and the input it came with."""

    terms: PlanTerms
    known: Known


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


class DecisionState:
    """What one batch needs to know, at the head, kept current while the batch is decided."""

    def __init__(self, session: Session, published: Sequence[PublishedPlan] = ()) -> None:
        """`published`: plans known to be in the log; they never change, so they need not be read again."""
        self._session = session
        self.published = list(published)
        self.plans = Plans(plan.terms for plan in published)
        self._recorded: dict[str, Known] = {}
        self._histories: dict[str, list[Binding]] = {}
        self._rows: dict[str, list[BindingRow]] = {}
        self._refunded: dict[str, Refunded] = {}
        self._with_downline: set[str] = set()
        self._new_bindings: list[BindingRow] = []
        self._changed: dict[str, BindingRow] = {}
        self._new_refunds: list[Row] = []

    # -- reading, once per batch

    def read(self, commands: Sequence[AnyCommand], source: str) -> None:
        """Reads all that deciding these commands may ask for."""
        streams = {command.stream(source) for command in commands}
        refunds = [command for command in commands if isinstance(command, RefundOrder)]
        orders = {stream_of("order", refund.order, source) for refund in refunds}
        binds = [command for command in commands if isinstance(command, BindMember)]
        invites = {stream_of("invite", bind.invite, source) for bind in binds if bind.invite is not None}
        # Plans never change once published, so only the next one is asked for.
        self.read_recorded(sorted(streams | orders | invites | {self._next_plan()}))
        while (known := self.recorded(self._next_plan())) is not None:
            self._take_plan(known)
            self.read_recorded([self._next_plan()])
        self._read_refunds(sorted(orders))
        self._read_bindings(commands, binds)

    def _next_plan(self) -> str:
        return stream_of("plan", str(len(self.plans) + 1))

    def _take_plan(self, known: Known) -> None:
        if isinstance(known.command, PublishPlan):
            self.published.append(PublishedPlan(known.command, known))
            self.plans.add(known.command)

    def read_recorded(self, streams: list[str]) -> None:
        """Reads which of these inputs are in the log."""
        for stream, topic, state in self._session.rows(_RECORDED, keys=streams):
            event = cast("InputEvent", decode(topic, state))
            self._recorded[stream] = Known(cast("AnyCommand", event.data.asked), event.source, event.content)

    def _read_refunds(self, orders: list[str]) -> None:
        if not orders:
            return
        for order, line, amount_minor in self._session.rows(_REFUNDS, keys=orders):
            self._refunded[order] = self.refunded_of(order).plus(amount_minor, line)

    def _read_bindings(self, commands: Sequence[AnyCommand], binds: list[BindMember]) -> None:
        """Histories of who binds, unbinds or renews; of everyone above a referrer where a loop is possible at all."""
        asking = [command for command in commands if isinstance(command, BindMember | UnbindMember)]
        if any(plan.binding.renewal == "on_order" for plan in self.plans):
            asking += [command for command in commands if isinstance(command, PlaceOrder)]
        members = {command.member for command in asking}
        if not members:
            return
        self._take_bindings(self._session.rows(_BINDINGS, keys=sorted(members)))
        self._with_downline = {row[0] for row in self._session.rows(_WITH_DOWNLINE, keys=sorted(members))}
        may_close = self._with_downline | (members & {bind.inviter for bind in binds})
        roots = {bind.inviter for bind in binds if bind.member in may_close}
        roots |= {binding.referrer for member in may_close for binding in self.history_of(member)[-1:]}
        if roots:
            # A loop is looked for from these records' own times on: edges that ended before cannot be part of it.
            since = min(command.at for command in asking if command.member in may_close)
            rows = self._session.rows(_ANCESTORS, keys=sorted(roots), since=to_micros(since))
            self._take_bindings(row for row in rows if row[0] not in members)

    def _take_bindings(self, rows: Iterable[Row]) -> None:
        """Takes the bindings of members that were not read before."""
        for row in rows:
            read = _binding_row(row)
            self._rows.setdefault(row[0], []).append(read)
            self._histories.setdefault(row[0], []).append(read.binding)

    # -- what the rules ask

    def recorded(self, stream: str) -> Known | None:
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
        if known is None or not isinstance(known.command, InviteMember):
            return None
        asked = known.command
        return Invite(asked.inviter, asked.invitee, asked.at, asked.expires_at)

    def order(self, stream: str) -> PaidOrder | None:
        """The order of a stream, if there is one. Without lines an order is one line."""
        known = self._recorded.get(stream)
        if known is None or not isinstance(known.command, PlaceOrder):
            return None
        asked = known.command
        lines = {line.n: line.amount for line in asked.lines or ()} or {1: asked.amount}
        return PaidOrder(asked.member, asked.currency, asked.amount, asked.at, lines)

    def refunded_of(self, order_stream: str) -> Refunded:
        """What went back of an order before."""
        return self._refunded.get(order_stream) or Refunded()

    def unrecorded_lapse(self, member: str, at: datetime) -> BindingRow | None:
        """The member's latest binding if it lapsed by `at` and no event says so yet (B-4)."""
        rows = self._rows.get(member)
        return rows[-1] if rows and rows[-1].is_lapse_to_record(at) else None

    def lapses(self, upto: datetime, most: int) -> list[BindingRow]:
        """The oldest lapses up to an instant that no event records yet."""
        rows = self._session.rows(_LAPSED, upto=to_micros(upto), most=most)
        return [_binding_row(row) for row in rows]

    # -- what the batch changes

    def add(self, stream: str, command: AnyCommand, source: str) -> None:
        """An input was recorded or refused for good: later commands of the batch find it; a plan may be in force."""
        self._recorded[stream] = known = Known(command, source)
        self._take_plan(known)

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
        row.binding = replace(
            row.binding, ends_at=ends_at or row.binding.ends_at, released_at=released_at or row.binding.released_at
        )
        self._histories[member][-1] = row.binding
        self._changed[row.binding.bind] = row

    def note_lapse(self, row: BindingRow) -> None:
        """A BindingExpired was recorded."""
        row.lapsed_at = row.binding.ends_at
        self._changed[row.binding.bind] = row

    def add_refund(self, order_stream: str, position: int, line: int | None, amount_minor: int) -> None:
        """A refund was taken at this position."""
        self._refunded[order_stream] = self.refunded_of(order_stream).plus(amount_minor, line)
        self._new_refunds.append((order_stream, position, line, amount_minor))

    def write(self) -> None:
        """Writes the changes of the batch, in the transaction that appends it."""
        new = {id(row) for row in self._new_bindings}
        if self._new_bindings:
            self._session.insert(_BINDING_TABLE, [_table_row(row) for row in self._new_bindings])
        changed = [row for row in self._changed.values() if id(row) not in new]
        if changed:
            self._session.write(_UPDATE_BINDINGS, [_update_row(row) for row in changed])
        if self._new_refunds:
            self._session.insert(_REFUND_TABLE, self._new_refunds)


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
