"""The second decider: every recorded bind and unbind request, and renewals by orders, decided again.

Sequential, in integers, from nothing but the requests in order of position and the plans. What was decided when they
were recorded is only compared. Sources: rules P-3 and B-1 to B-9.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from projections.replay.timeline import NO_END, Binding, Terms, Timeline

__all__ = ["Decider", "Difference", "Fact", "Request", "RequestRow", "Terms"]


class Request(NamedTuple):
    """Something asked that bindings depend on: a row of `request_fact`, or an order. Times: microseconds since 1970.

    position       in the log
    kind           invite | bind | unbind | order
    at_us          occurred_at
    member         who is to be bound or released, or orders; of an invite its invitee, None: anyone (B-7)
    inviter        of an invite or a bind
    invite         an invite's own key, unique; of a bind that of the invite it answers, None: it answers none
    expires_at_us  of an invite; None: never
    outcome        as recorded: bound | released | recorded | the reason of a refusal
    """

    position: int
    kind: str
    at_us: int
    member: int | None
    inviter: int | None = None
    invite: str | None = None
    expires_at_us: int | None = None
    outcome: str = "recorded"


RequestRow: TypeAlias = tuple[int, str, int, int | None, int | None, str | None, int | None, str]
"""A Request, or the same values as they come out of a database."""


class Fact(NamedTuple):
    """What follows for a binding: a row of `binding_fact`. Times: microseconds since 1970.

    position    of the request or order it follows from; visible from the next position on
    kind        bound | released | renewed
    bind        position of the request that made the binding: its identity
    at_us       bound_at; instant of the unbind or take-over; occurred_at of the order
    ends_at_us  bound, renewed: where it lapses; None: never. Of a release always None
    """

    position: int
    kind: str
    bind: int
    member: int
    referrer: int
    at_us: int
    ends_at_us: int | None


class Difference(NamedTuple):
    """A bind or unbind whose outcome is not the one recorded."""

    position: int
    recorded: str
    decided: str


_Decision: TypeAlias = tuple[str, tuple[Fact, ...]]
_NOTHING: tuple[Fact, ...] = ()
_RECORDED: _Decision = ("recorded", _NOTHING)


class Decider:
    """Decides requests one after the other, in order of position.

    Args:
        terms: all plans ever published.
        instead: one plan that replaces all of them, in force at any instant and position (what if).

    Orders matter only where a plan in use renews on orders (`renews`); else they need not be fed.
    """

    def __init__(self, terms: Sequence[Terms], *, instead: Terms | None = None) -> None:
        if instead is None:
            self._plans = sorted(terms, key=lambda plan: plan.position)
        else:
            self._plans = [instead._replace(position=-1, effective_from_us=-NO_END)]
        self._effective_from_us = [plan.effective_from_us for plan in self._plans]
        self._published = 0
        self._invites: dict[str, tuple[int | None, int | None, int, int | None]] = {}
        self._timeline = Timeline()
        self.renews = any(plan.renewal == "on_order" for plan in self._plans)
        self.differences: list[Difference] = []

    def facts(self, requests: Iterable[RequestRow]) -> Iterator[Fact]:
        """Decide requests in order of position: the facts that follow, in the same order.

        Each bind and unbind decided otherwise than recorded is added to `differences`. In bulk the caller pauses the
        garbage collector, which finds nothing here and costs two fifths of the time.
        """
        for request in requests:
            outcome, facts = self.decide(request)
            if outcome != request[7] and request[1] in {"bind", "unbind"}:
                self.differences.append(Difference(request[0], request[7], outcome))
            if facts:
                yield from facts

    def decide(self, request: RequestRow) -> _Decision:
        """Decide the next request: `bound`, `released`, `recorded` or why it is refused, and the facts that follow.

        Requests come in order of position. A take-over gives two facts, the release first (B-2).
        """
        position, kind, at_us, member, inviter, invite, expires_at_us, _ = request
        if kind == "invite":
            if invite is not None:
                self._invites[invite] = (inviter, member, at_us, expires_at_us)
            return _RECORDED
        if member is None:
            raise ValueError(f"position {position}: a {kind} without a member")
        if kind == "order":
            return self._renew(position, at_us, member)
        if kind == "unbind":
            return self._unbind(position, at_us, member)
        if kind == "bind" and inviter is not None:
            return self._bind(position, at_us, member, inviter, invite)
        raise ValueError(f"position {position}: not a request: {request}")

    # Binds.

    def _bind(self, position: int, at_us: int, member: int, inviter: int, invite: str | None) -> _Decision:
        """B-1, B-2, B-3."""
        terms = self._plan_at(position, at_us)
        held = self._timeline.latest.get(member)
        # The checks stand in the order of B-6: the first that applies is the reason.
        if terms is None:
            return "no_plan", _NOTHING
        if member == inviter:
            return "self_referral", _NOTHING
        if invite is not None and (reason := self._invite_refusal(invite, at_us, member, inviter)):
            return reason, _NOTHING
        if held is not None and (reason := _held_refusal(held, at_us, inviter)):
            return reason, _NOTHING
        ends_at_us = NO_END if terms.ttl_us is None else at_us + terms.ttl_us
        if self._timeline.closes_loop(member, inviter, at_us, ends_at_us):
            return "would_close_loop", _NOTHING
        released = self._release(position, at_us, member, held) if held and at_us < held.ends_at_us else _NOTHING
        self._timeline.bind(member, Binding(position, inviter, at_us, ends_at_us, terms, released=False))
        bound = Fact(position, "bound", position, member, inviter, at_us, None if ends_at_us == NO_END else ends_at_us)
        return "bound", (*released, bound)

    def _plan_at(self, position: int, at_us: int) -> Terms | None:
        """The plan with the greatest effective_from <= at_us recorded at a lower position (P-3)."""
        plans, published = self._plans, self._published
        while published < len(plans) and plans[published].position < position:
            published += 1
        self._published = published
        # In order of position effective_from grows (P-1).
        count = bisect_right(self._effective_from_us, at_us, 0, published)
        return plans[count - 1] if count else None

    def _invite_refusal(self, key: str, at_us: int, member: int, inviter: int) -> str | None:
        """B-6 and B-7: what is wrong with the invite that a bind answers."""
        invite = self._invites.get(key)
        if invite is None or at_us < invite[2]:
            return "unknown_invite"
        its_inviter, invitee, _, expires_at_us = invite
        if its_inviter != inviter or invitee not in {None, member}:
            return "invite_for_another"
        if expires_at_us is not None and expires_at_us <= at_us:
            return "invite_expired"
        return None

    def _release(self, position: int, at_us: int, member: int, held: Binding) -> tuple[Fact]:
        """End the member's latest binding at an instant of it."""
        bind, referrer, bound_at_us, _, terms, _ = held
        self._timeline.latest[member] = Binding(bind, referrer, bound_at_us, at_us, terms, released=True)
        return (Fact(position, "released", bind, member, referrer, at_us, None),)

    # Unbinds and orders.

    def _unbind(self, position: int, at_us: int, member: int) -> _Decision:
        """B-8."""
        held = self._timeline.in_force(member, at_us)
        if held is None:
            return "not_bound", _NOTHING
        if at_us < _latest_change_us(self._timeline.latest[member]):
            return "late_unbind", _NOTHING
        return "released", self._release(position, at_us, member, held)

    def _renew(self, position: int, at_us: int, member: int) -> _Decision:
        """B-5. Only a member's latest binding can grow, by the terms it was made under."""
        held = self._timeline.latest.get(member)
        if held is None:
            return _RECORDED
        bind, referrer, bound_at_us, ends_at_us, terms, released = held
        if released or terms.renewal != "on_order" or terms.ttl_us is None or not bound_at_us <= at_us < ends_at_us:
            return _RECORDED
        moved_us = at_us + terms.ttl_us
        # Up to the present end there is no loop; what is gained must close none.
        if moved_us <= ends_at_us or self._timeline.closes_loop(member, referrer, ends_at_us, moved_us):
            return _RECORDED
        self._timeline.latest[member] = Binding(bind, referrer, bound_at_us, moved_us, terms, released)
        return "recorded", (Fact(position, "renewed", bind, member, referrer, at_us, moved_us),)


def _latest_change_us(latest: Binding) -> int:
    """The greatest bound_at or release instant of the member whose latest binding this is (B-6, B-8)."""
    return latest.ends_at_us if latest.released else latest.bound_at_us


def _held_refusal(held: Binding, at_us: int, inviter: int) -> str | None:
    """B-6 and B-2: why a member with this latest binding cannot be bound at an instant."""
    if at_us < _latest_change_us(held):
        return "late_binding"
    if held.ends_at_us <= at_us:
        return None
    if held.terms.policy == "first_touch" or held.referrer == inviter:
        return "already_bound"
    if at_us < held.bound_at_us + held.terms.protection_us:
        return "protected"
    return None
