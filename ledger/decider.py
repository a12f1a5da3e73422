"""Turns one input after the other into events: asks the rules, keeps the decision state current."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ledger.clock import format_instant, to_micros
from ledger.commands import AHEAD_MAX
from ledger.currencies import exponent_of
from ledger.decisions import BindingRow, DecisionState, Known
from ledger.envelope import Data, Event
from ledger.errors import InvalidRecordError, NoPlanError
from ledger.events import (
    BindingExpired,
    BindingRefused,
    BindingReleased,
    BindingRenewed,
    ExpiredData,
    MemberBound,
    MemberFrozen,
    MemberInvited,
    MemberUnfrozen,
    OrderPlaced,
    OrderRefunded,
    PlanPublished,
    RefundRefused,
    RefundReversed,
    ReleasedData,
    RenewedData,
    ReversalRefused,
    UnbindRefused,
    expiry_stream,
)
from ledger.ids import split_stream
from ledger.inputs import (
    AdjustmentInput,
    AnyInput,
    BindInput,
    FreezeInput,
    InviteInput,
    OrderInput,
    PlanInput,
    RefundInput,
    ReversalInput,
    UnbindInput,
    differing_keys,
    occurred_at,
)
from ledger.mapper import Decided, InputEncoder, encode
from ledger.outcomes import BOUND, RECORDED, REPEAT, Outcome
from ledger.payout_events import AdjustmentProposed, By
from ledger.refunds import Money
from ledger.rules.binding import BindRequest, Bound, decide_bind, decide_unbind, renewed_until
from ledger.rules.refund import RefundRequest, refuse_refund, refuse_reversal
from ledger.rules.team import History
from ledger.store.recorder import Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all events of one batch share. by: who is at it; None: nothing of the batch records that."""

    actor: str
    source: str
    recorded_at: datetime
    by: By | None
    allow_no_plan: bool = False


class Decider:
    """Decides the inputs of one batch at the head of the log.

    new  stored bytes of the events that were not taken yet, with stream, version and type, in order
    """

    def __init__(self, state: DecisionState, context: Context, head: int) -> None:
        self._state = state
        self._context = context
        self._position = head
        self._latest_us = to_micros(context.recorded_at + AHEAD_MAX)
        self._encoder = InputEncoder(actor=context.actor, source=context.source, recorded_at=context.recorded_at)
        self.new: list[Encoded] = []

    def decide_all(self, inputs: Iterable[AnyInput], outcomes: list[Outcome]) -> Iterator[Encoded]:
        """The events of a batch as they are decided; the outcome of each input is added to `outcomes`."""
        for asked in inputs:
            outcomes.append(self.decide(asked))
            yield from self.new
            self.new.clear()

    def decide(self, asked: AnyInput) -> Outcome:
        """One input's outcome; its events, if any, are in `new`.

        Raises:
            NoPlanError: a bind or an order no plan is in force for, unless those are allowed (P-5).
        """
        before = self._state.recorded(asked.stream)
        if before is not None:
            return _repeat_or_conflict(before, asked)
        if asked.at_us > self._latest_us:
            at = format_instant(occurred_at(asked))
            return Outcome("invalid", "in_the_future", f"{at} is more than 5 minutes ahead")
        try:
            return self._decide(asked)
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

    # -- one method per input

    def _decide(self, asked: AnyInput) -> Outcome:
        match asked:
            case OrderInput():
                outcome = self._order(asked)
            case BindInput():
                outcome = self._bind(asked)
            case RefundInput():
                outcome = self._refund(asked)
            case InviteInput():
                outcome = self._invite(asked)
            case UnbindInput():
                outcome = self._unbind(asked)
            case ReversalInput():
                outcome = self._reversal(asked)
            case FreezeInput():
                outcome = self._freeze(asked)
            case AdjustmentInput():
                outcome = self._adjustment(asked)
            case PlanInput():
                outcome = self._plan(asked)
        return outcome

    def _order(self, asked: OrderInput) -> Outcome:
        plan = self._state.plans.in_force_us(asked.at_us)
        if plan is None and not self._context.allow_no_plan:
            raise self._no_plan(asked)
        exponent = exponent_of(asked.currency)
        self._first(OrderPlaced, asked, exponent=exponent, plan=None if plan is None else plan.plan)
        history = self._state.history_of(asked.member)
        if history:
            self._renew(asked, history)
        return RECORDED

    def _renew(self, asked: OrderInput, history: History) -> None:
        """An order may move the end of its buyer's binding (B-5)."""
        ends_at = renewed_until(history, occurred_at(asked), self._state.plans, self._state.above(asked.member))
        if ends_at is None:
            return
        row = self._state.latest_row(asked.member)
        data = RenewedData(bind=row.binding.bind, ends_at=ends_at, member=asked.member)
        self._next(BindingRenewed, asked, data, row)
        self._state.change_latest(asked.member, ends_at=ends_at)

    def _bind(self, asked: BindInput) -> Outcome:
        request = BindRequest(
            bind=asked.stream,
            member=asked.member,
            referrer=asked.inviter,
            occurred_at=occurred_at(asked),
            names_invite=asked.invite_stream is not None,
            invite=None if asked.invite_stream is None else self._state.invite(asked.invite_stream),
        )
        decision = decide_bind(
            request, self._state.plans, self._state.history_of(asked.member), self._state.above(asked.member)
        )
        if isinstance(decision, Bound):
            self._bound(asked, decision)
            return BOUND
        if decision == "no_plan" and not self._context.allow_no_plan:
            raise self._no_plan(asked)
        self._first(BindingRefused, asked, reason=decision)
        return Outcome("refused", decision)

    def _bound(self, asked: BindInput, decision: Bound) -> None:
        """The facts before a MemberBound, in order: a lapse not yet recorded (B-4), a take-over (B-2)."""
        at = occurred_at(asked)
        lapse = self._state.unrecorded_lapse(asked.member, at)
        if lapse is not None:
            self.record_lapse(lapse)
        if decision.taken_over is not None:
            row = self._state.latest_row(asked.member)
            released = ReleasedData(
                bind=row.binding.bind, cause="take_over", member=asked.member, referrer=row.binding.referrer
            )
            self._next(BindingReleased, asked, released, row)
            self._state.change_latest(asked.member, released_at=at)
        binding = decision.binding
        self._first(MemberBound, asked, ends_at=binding.ends_at, plan=binding.plan)
        self._state.add_binding(binding, self._position)

    def _refund(self, asked: RefundInput) -> Outcome:
        order = self._state.order(asked.order_stream)
        if order is None:
            return Outcome("retryable", "unknown_order", f"order {asked.order!r} is not recorded yet")
        request = RefundRequest(occurred_at(asked), asked.amount_minor, asked.currency, asked.line, asked.member)
        refusal = refuse_refund(request, order, self._state.refunds.refunded_of(asked.order_stream))
        if refusal is not None:
            self._first(RefundRefused, asked, reason=refusal)
            self._state.refuse(asked.stream)
            return Outcome("refused", refusal)
        self._first(OrderRefunded, asked)
        self._state.refunds.add(Money(asked.order_stream, asked.line, asked.amount_minor), self._position)
        return RECORDED

    def _reversal(self, asked: ReversalInput) -> Outcome:
        refund = self._state.refund(asked.refund_stream)
        if refund is None:
            return Outcome("retryable", "unknown_refund", f"refund {asked.refund!r} is not recorded yet")
        refusal = refuse_reversal(
            occurred_at(asked),
            refund.occurred_at,
            is_refused=refund.is_refused,
            is_reversed=self._state.refunds.is_reversed(asked.refund_stream),
        )
        if refusal is not None:
            self._first(ReversalRefused, asked, reason=refusal)
            return Outcome("refused", refusal)
        self._first(RefundReversed, asked)
        self._state.refunds.reverse(asked.refund_stream, refund.money, self._position)
        return RECORDED

    def _freeze(self, asked: FreezeInput) -> Outcome:
        """Also of a member who is frozen already: a second reason is a second fact (X-1)."""
        is_frozen = asked.kind == "freeze"
        self._first(MemberFrozen if is_frozen else MemberUnfrozen, asked)
        self._state.add_freeze(asked.member, self._position, is_frozen=is_frozen)
        return RECORDED

    def _adjustment(self, asked: AdjustmentInput) -> Outcome:
        """A proposal, which posts nothing (S-2)."""
        self._first(AdjustmentProposed, asked, by=self._context.by, exponent=exponent_of(asked.currency))
        return RECORDED

    def _invite(self, asked: InviteInput) -> Outcome:
        self._first(MemberInvited, asked)
        return RECORDED

    def _unbind(self, asked: UnbindInput) -> Outcome:
        at = occurred_at(asked)
        decision = decide_unbind(self._state.history_of(asked.member), at)
        if isinstance(decision, str):
            self._first(UnbindRefused, asked, reason=decision)
            return Outcome("refused", decision)
        self._first(
            BindingReleased,
            asked,
            bind=decision.bind,
            cause="unbind",
            member=asked.member,
            referrer=decision.referrer,
        )
        self._state.change_latest(asked.member, released_at=at)
        return RECORDED

    def _plan(self, asked: PlanInput) -> Outcome:
        """P-1: numbers without gaps, effective_from strictly increasing."""
        published, terms = self._state.published, asked.command().terms()
        for plan in published:
            if (plan.known.id, plan.known.source) == (asked.id, self._context.source):
                return _repeat_or_conflict(plan.known, asked)
        if terms.plan != len(published) + 1:
            return Outcome("invalid", "plan_number", f"the next plan is number {len(published) + 1}")
        if published and terms.effective_from <= published[-1].terms.effective_from:
            last = format_instant(published[-1].terms.effective_from)
            message = f"effective_from must be after plan {len(published)}'s, {last}"
            return Outcome("invalid", "plan_effective_from", message)
        self._first(PlanPublished, asked)
        self._state.publish(terms, asked, self._position)
        return RECORDED

    # -- events

    def _first(self, kind: type[Event], asked: AnyInput, **decided: Decided | None) -> None:
        """The event that records an input, first of its stream."""
        self.new.append((asked.stream, 1, kind.TOPIC, self._encoder.encode(kind, asked, **decided)))
        self._position += 1
        self._state.add(asked)

    def _next(self, kind: type[Event], asked: AnyInput, data: Data, row: BindingRow) -> None:
        """A fact that follows from an input, next of a binding's stream."""
        event = kind(
            actor=self._context.actor,
            data=data,
            id=asked.id,
            occurred_at=occurred_at(asked),
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
        self.new.append((event.stream, event.seq, event.TOPIC, encode(event)))
        self._position += 1

    def _no_plan(self, asked: AnyInput) -> NoPlanError:
        at = format_instant(occurred_at(asked))
        return NoPlanError(record_id=asked.id, occurred_at=at, published=len(self._state.plans))


def _repeat_or_conflict(before: Known | AnyInput, asked: AnyInput) -> Outcome:
    """G-6: the same id with the same content is a repeat, with another a conflict."""
    if before.content == asked.content:
        return REPEAT
    message = (
        f"{asked.id!r} is recorded with other content: {', '.join(differing_keys(before.asked, asked.asked))} "
        f"(hash of the recorded one {before.content}, of this one {asked.content})"
    )
    return Outcome("conflict", "other_content", message)


def reviewed(before: Known | AnyInput | None, asked: AnyInput) -> Outcome:
    """What became of an input that was decided before: recorded then, or else rejected then."""
    if before is not None:
        return _repeat_or_conflict(before, asked)
    if isinstance(asked, RefundInput):
        message = f"order {asked.order!r} was not recorded yet when this line came; feed it again"
        return Outcome("retryable", "unknown_order", message)
    if isinstance(asked, ReversalInput):
        message = f"refund {asked.refund!r} was not recorded yet when this line came; feed it again"
        return Outcome("retryable", "unknown_refund", message)
    return Outcome("invalid", "rejected_before", "the run that was interrupted rejected it; feed it again by itself")
