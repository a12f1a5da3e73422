"""Turns one command after the other into events: asks the rules, keeps the decision state current."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.clock import format_instant
from ledger.commands import (
    AHEAD_MAX,
    AnyCommand,
    BindMember,
    InviteMember,
    PlaceOrder,
    PublishPlan,
    RefundOrder,
    UnbindMember,
)
from ledger.decisions import BindingRow, DecisionState, Known
from ledger.errors import InvalidRecordError, NoPlanError
from ledger.events import (
    BindingExpired,
    BindingRefused,
    BindingReleased,
    BindingRenewed,
    Data,
    Event,
    ExpiredData,
    MemberBound,
    MemberInvited,
    OrderPlaced,
    OrderRefunded,
    PlanPublished,
    RefundRefused,
    ReleasedData,
    RenewedData,
    UnbindRefused,
    expiry_stream,
)
from ledger.ids import split_stream, stream_of
from ledger.mapper import InputEncoder, encode
from ledger.money import exponent_of
from ledger.outcomes import BOUND, RECORDED, REPEAT, Outcome
from ledger.rules.binding import BindRequest, Bound, decide_bind, decide_unbind, renewed_until
from ledger.rules.refund import RefundRequest, refuse_refund


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all events of one batch share."""

    actor: str
    source: str
    recorded_at: datetime
    allow_no_plan: bool = False


class Decider:
    """Decides the commands of one batch at the head of the log.

    encoded  stored bytes of the events so far, with stream, version and type, in order
    """

    def __init__(self, state: DecisionState, context: Context, head: int) -> None:
        self._state = state
        self._context = context
        self._head = head
        self._encoder = InputEncoder(actor=context.actor, source=context.source, recorded_at=context.recorded_at)
        self.encoded: list[tuple[str, int, str, bytes]] = []

    def decide(self, command: AnyCommand) -> Outcome:
        """One command's outcome; its events, if any, are in `encoded`.

        Raises:
            NoPlanError: a bind or an order no plan is in force for, unless those are allowed (P-5).
        """
        before = self._state.recorded(command.stream(self._context.source))
        if before is not None:
            return _repeat_or_conflict(before, command)
        if command.at > self._context.recorded_at + AHEAD_MAX:
            return Outcome("invalid", "in_the_future", f"{format_instant(command.at)} is more than 5 minutes ahead")
        try:
            return self._decide(command)
        except InvalidRecordError as error:
            return Outcome("invalid", error.reason, error.message)

    def record_lapse(self, row: BindingRow) -> None:
        """Records that a binding lapsed at its end (B-4)."""
        binding = row.binding
        if binding.ends_at is None:
            return
        source, bind_id = split_stream(binding.bind)
        data = ExpiredData(bind=binding.bind, member=binding.member, referrer=binding.referrer)
        event = BindingExpired(
            actor=self._context.actor,
            data=data,
            id=bind_id,
            occurred_at=binding.ends_at,
            recorded_at=self._context.recorded_at,
            seq=1,
            source=source,
            stream=expiry_stream(binding.bind, binding.ends_at),
            v=BindingExpired.VERSION,
        )
        self._append(event)
        self._state.note_lapse(row)

    # -- one method per command

    def _decide(self, command: AnyCommand) -> Outcome:
        match command:
            case PlaceOrder():
                outcome = self._order(command)
            case BindMember():
                outcome = self._bind(command)
            case RefundOrder():
                outcome = self._refund(command)
            case InviteMember():
                outcome = self._invite(command)
            case UnbindMember():
                outcome = self._unbind(command)
            case PublishPlan():
                outcome = self._plan(command)
        return outcome

    def _order(self, command: PlaceOrder) -> Outcome:
        plan = self._state.plans.in_force(command.at)
        if plan is None and not self._context.allow_no_plan:
            raise self._no_plan(command)
        exponent = exponent_of(command.currency)
        self._first(OrderPlaced, command, exponent=exponent, plan=None if plan is None else plan.plan)
        self._renew(command)
        return RECORDED

    def _renew(self, command: PlaceOrder) -> None:
        """An order may move the end of its buyer's binding (B-5)."""
        history = self._state.history_of(command.member)
        ends_at = None
        if history:
            ends_at = renewed_until(history, command.at, self._state.plans, self._state.above(command.member))
        if ends_at is None:
            return
        row = self._state.latest_row(command.member)
        data = RenewedData(bind=row.binding.bind, ends_at=ends_at, member=command.member)
        self._next(BindingRenewed, command, data, row)
        self._state.change_latest(command.member, ends_at=ends_at)

    def _bind(self, command: BindMember) -> Outcome:
        source = self._context.source
        invite = None if command.invite is None else self._state.invite(stream_of("invite", command.invite, source))
        request = BindRequest(
            bind=command.stream(source),
            member=command.member,
            referrer=command.inviter,
            occurred_at=command.at,
            names_invite=command.invite is not None,
            invite=invite,
        )
        decision = decide_bind(
            request, self._state.plans, self._state.history_of(command.member), self._state.above(command.member)
        )
        if isinstance(decision, Bound):
            self._bound(command, decision)
            return BOUND
        if decision == "no_plan" and not self._context.allow_no_plan:
            raise self._no_plan(command)
        self._first(BindingRefused, command, reason=decision)
        return Outcome("refused", decision)

    def _bound(self, command: BindMember, decision: Bound) -> None:
        """The facts before a MemberBound, in order: a lapse not yet recorded (B-4), a take-over (B-2)."""
        lapse = self._state.unrecorded_lapse(command.member, command.at)
        if lapse is not None:
            self.record_lapse(lapse)
        if decision.taken_over is not None:
            row = self._state.latest_row(command.member)
            released = ReleasedData(
                bind=row.binding.bind, cause="take_over", member=command.member, referrer=row.binding.referrer
            )
            self._next(BindingReleased, command, released, row)
            self._state.change_latest(command.member, released_at=command.at)
        binding = decision.binding
        self._first(MemberBound, command, ends_at=binding.ends_at, plan=binding.plan)
        self._state.add_binding(binding, self._position())

    def _refund(self, command: RefundOrder) -> Outcome:
        order_stream = stream_of("order", command.order, self._context.source)
        order = self._state.order(order_stream)
        if order is None:
            return Outcome("retryable", "unknown_order", f"order {command.order!r} is not recorded yet")
        request = RefundRequest(command.at, command.amount, command.currency, command.line, command.member)
        refusal = refuse_refund(request, order, self._state.refunded_of(order_stream))
        if refusal is not None:
            self._first(RefundRefused, command, reason=refusal)
            return Outcome("refused", refusal)
        self._first(OrderRefunded, command)
        self._state.add_refund(order_stream, self._position(), command.line, command.amount)
        return RECORDED

    def _invite(self, command: InviteMember) -> Outcome:
        self._first(MemberInvited, command)
        return RECORDED

    def _unbind(self, command: UnbindMember) -> Outcome:
        decision = decide_unbind(self._state.history_of(command.member), command.at)
        if isinstance(decision, str):
            self._first(UnbindRefused, command, reason=decision)
            return Outcome("refused", decision)
        self._first(
            BindingReleased,
            command,
            bind=decision.bind,
            cause="unbind",
            member=command.member,
            referrer=decision.referrer,
        )
        self._state.change_latest(command.member, released_at=command.at)
        return RECORDED

    def _plan(self, command: PublishPlan) -> Outcome:
        """P-1: numbers without gaps, effective_from strictly increasing."""
        published = self._state.published
        for plan in published:
            if (plan.known.command.id, plan.known.source) == (command.id, self._context.source):
                return _repeat_or_conflict(plan.known, command)
        if command.plan != len(published) + 1:
            return Outcome("invalid", "plan_number", f"the next plan is number {len(published) + 1}")
        if published and command.effective_from <= published[-1].terms.effective_from:
            last = format_instant(published[-1].terms.effective_from)
            message = f"effective_from must be after plan {len(published)}'s, {last}"
            return Outcome("invalid", "plan_effective_from", message)
        self._first(PlanPublished, command)
        return RECORDED

    # -- events

    def _first(self, kind: type[Event], command: AnyCommand, **decided: str | int | datetime | None) -> None:
        """The event that records an input, first of its stream."""
        stream = command.stream(self._context.source)
        self.encoded.append((stream, 1, kind.TOPIC, self._encoder.encode(kind, command, stream, **decided)))
        self._state.add(stream, command, self._context.source)

    def _next(self, kind: type[Event], command: AnyCommand, data: Data, row: BindingRow) -> None:
        """A fact that follows from an input, next of a binding's stream."""
        event = kind(
            actor=self._context.actor,
            data=data,
            id=command.id,
            occurred_at=command.at,
            recorded_at=self._context.recorded_at,
            seq=row.version + 1,
            source=self._context.source,
            stream=row.binding.bind,
            type=kind.TOPIC,
            v=kind.VERSION,
        )
        self._append(event)
        row.version += 1

    def _append(self, event: Event) -> None:
        self.encoded.append((event.stream, event.seq, event.TOPIC, encode(event)))

    def _position(self) -> int:
        """Position of the event appended last."""
        return self._head + len(self.encoded)

    def _no_plan(self, command: AnyCommand) -> NoPlanError:
        return NoPlanError(
            record_id=command.id, occurred_at=format_instant(command.at), published=len(self._state.plans)
        )


def _repeat_or_conflict(before: Known, command: AnyCommand) -> Outcome:
    """G-6: the same id with the same content is a repeat, with another a conflict."""
    recorded, content = before.content_hash(), command.content_hash()
    if recorded == content:
        return REPEAT
    names = [name for name in type(command).model_fields if name != "seq"]
    differing = [name for name in names if getattr(before.command, name, None) != getattr(command, name)]
    message = (
        f"{command.id!r} is recorded with other content: {', '.join(differing)} "
        f"(hash of the recorded one {recorded}, of this one {content})"
    )
    return Outcome("conflict", "other_content", message)


def reviewed(before: Known | None, command: AnyCommand) -> Outcome:
    """What became of a command that was decided before: recorded then, or else rejected then."""
    if before is not None:
        return _repeat_or_conflict(before, command)
    if isinstance(command, RefundOrder):
        message = f"order {command.order!r} was not recorded yet when this line came; feed it again"
        return Outcome("retryable", "unknown_order", message)
    return Outcome("invalid", "rejected_before", "the run that was interrupted rejected it; feed it again by itself")
