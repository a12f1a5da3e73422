"""The second decider of bindings against one that is slow and plainly right, over small histories full of ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from projections.replay.bindings import Decider, Difference, Fact, Request, Terms
from tests.replay_histories import DAY, LATEST, Known, terms


@dataclass
class Row:
    """A binding: in force on [start_us, end_us)."""

    bind: int
    member: int
    referrer: int
    start_us: int
    end_us: int
    plan: Terms
    released: bool = False


class Naive:
    """The rules word for word, over a list of everything: quadratic and worse."""

    def __init__(self, plans: Sequence[Terms], instead: Terms | None) -> None:
        self.plans, self.instead = plans, instead
        self.rows: list[Row] = []
        self.invites: list[Request] = []

    def decide(self, request: Request) -> tuple[str, tuple[Fact, ...]]:
        """The outcome of the next request, and the facts that follow."""
        if request.kind == "invite":
            self.invites.append(request)
            return "recorded", ()
        if request.kind == "order":
            return "recorded", self.renew(request)
        if request.kind == "unbind":
            return self.unbind(request)
        return self.bind(request)

    def plan(self, request: Request) -> Terms | None:
        """P-3."""
        if self.instead:
            return self.instead
        known = [p for p in self.plans if p.position < request.position and p.effective_from_us <= request.at_us]
        return max(known, key=lambda plan: plan.effective_from_us, default=None)

    def held(self, member: int | None, at_us: int) -> Row | None:
        """B-3."""
        found = [row for row in self.rows if row.member == member and row.start_us <= at_us < row.end_us]
        assert len(found) <= 1
        return found[0] if found else None

    def late(self, request: Request) -> bool:
        """B-6: earlier than the member's greatest bound_at or release instant."""
        rows = [row for row in self.rows if row.member == request.member]
        changes = [row.start_us for row in rows] + [row.end_us for row in rows if row.released]
        return request.at_us < max(changes, default=request.at_us)

    def loop(self, member: int, referrer: int, start_us: int, end_us: int) -> bool:
        """B-6, at each instant at which edges change; between two of them nothing does."""
        changes = {start_us} | {at_us for row in self.rows for at_us in (row.start_us, row.end_us)}
        for at_us in changes:
            above = referrer if start_us <= at_us < end_us else None
            while above is not None and above != member:
                row = self.held(above, at_us)
                above = row.referrer if row else None
            if above == member:
                return True
        return False

    def refusal(self, request: Request, member: int, inviter: int, plan: Terms) -> str | None:  # noqa: PLR0911
        """B-6, in its order; one return per reason."""
        invite = next((i for i in self.invites if i.invite == request.invite and i.at_us <= request.at_us), None)
        held = self.held(member, request.at_us)
        if member == inviter:
            return "self_referral"
        if request.invite and not invite:
            return "unknown_invite"
        if request.invite and invite and (invite.inviter != inviter or invite.member not in {None, member}):
            return "invite_for_another"
        if request.invite and invite and invite.expires_at_us is not None and request.at_us >= invite.expires_at_us:
            return "invite_expired"
        if self.late(request):
            return "late_binding"
        if held and (held.plan.policy == "first_touch" or held.referrer == inviter):
            return "already_bound"
        if held and request.at_us < held.start_us + held.plan.protection_us:
            return "protected"
        end_us = LATEST if plan.ttl_us is None else request.at_us + plan.ttl_us
        return "would_close_loop" if self.loop(member, inviter, request.at_us, end_us) else None

    def bind(self, request: Request) -> tuple[str, tuple[Fact, ...]]:
        """B-1 to B-3."""
        plan, position, at_us = self.plan(request), request.position, request.at_us
        member, inviter = request.member or 0, request.inviter or 0
        if plan is None:
            return "no_plan", ()
        if reason := self.refusal(request, member, inviter, plan):
            return reason, ()
        held = self.held(member, at_us)
        released = self.release(request, held) if held else ()
        ends_at_us = None if plan.ttl_us is None else at_us + plan.ttl_us
        self.rows.append(Row(position, member, inviter, at_us, LATEST if ends_at_us is None else ends_at_us, plan))
        return "bound", (*released, Fact(position, "bound", position, member, inviter, at_us, ends_at_us))

    def release(self, request: Request, row: Row) -> tuple[Fact, ...]:
        """End a binding."""
        row.end_us, row.released = request.at_us, True
        return (Fact(request.position, "released", row.bind, row.member, row.referrer, request.at_us, None),)

    def unbind(self, request: Request) -> tuple[str, tuple[Fact, ...]]:
        """B-8."""
        held = self.held(request.member, request.at_us)
        if held is None:
            return "not_bound", ()
        if self.late(request):
            return "late_unbind", ()
        return "released", self.release(request, held)

    def renew(self, order: Request) -> tuple[Fact, ...]:
        """B-5, the whole life of the prolonged binding looked at for loops."""
        held = self.held(order.member, order.at_us)
        if held is None or held.released or held.plan.renewal == "none" or held.plan.ttl_us is None:
            return ()
        end_us = max(held.end_us, order.at_us + held.plan.ttl_us)
        later = any(row.member == held.member and row.bind > held.bind for row in self.rows)
        if end_us == held.end_us or later or self.loop(held.member, held.referrer, held.start_us, end_us):
            return ()
        held.end_us = end_us
        return (Fact(order.position, "renewed", held.bind, held.member, held.referrer, order.at_us, end_us),)


# Histories: time goes on slowly, in whole days, so that most things happen at the same instant as something else.


def some_plan(random: Random) -> Terms:
    """A plan of any terms; most let bindings lapse soon."""
    return terms(
        policy=random.choice(["first_touch", "last_touch"]),
        protection_days=random.randint(0, 2),
        ttl_days=random.choice([1, 2, 3, 5, 8, None]),
        renewal=random.choice(["none", "on_order"]),
    )


def some_request(random: Random, day: int, invites: int) -> Request:
    """A request of any kind by a few members, now and then late; an invite is the next of so many."""
    at_us = (day - random.choice([0, 0, 0, 1, 2, 4])) * DAY
    kind = random.choices(["bind", "order", "unbind", "invite"], [6, 4, 1, 1])[0]
    member, inviter = random.choices(range(1, 1 + random.choice([3, 6])), k=2)
    if kind == "invite":
        expires_at_us = random.choice([None, None, at_us + DAY])
        return Request(0, kind, at_us, random.choice([None, member]), inviter, str(invites), expires_at_us)
    if kind == "bind":
        key = random.choice([None, None, None, str(random.randint(0, invites))])
        return Request(0, kind, at_us, member, inviter, key)
    return Request(0, kind, at_us, member)


def some_history(seed: int, size: int) -> tuple[list[Terms], list[Request]]:
    """Plans and requests with their positions; mostly a plan comes first, now and then there is another."""
    random = Random(seed)  # noqa: S311  a test's own
    plans: list[Terms] = []
    requests: list[Request] = []
    invites, days = 0, random.choice([1, 6, 20, 60])
    for number in range(size):
        position, day = 2 * number + 2, number * days // size
        if random.random() < (0.9 if number == 0 else 0.02):
            effective_from_us = (day + len(plans) * 2 - 2) * DAY
            if not plans or effective_from_us > plans[-1].effective_from_us:
                number_us = {"position": position, "effective_from_us": effective_from_us}
                plans.append(some_plan(random)._replace(plan=len(plans) + 1, **number_us))
        else:
            request = some_request(random, day, invites)
            requests.append(request._replace(position=position))
            invites += request.kind == "invite"
    return plans, requests


histories = st.builds(some_history, st.integers(0, 2**32), st.integers(1, 150))
whatever_plan = st.integers(0, 2**32).map(lambda seed: some_plan(Random(seed)))  # noqa: S311


@given(histories, st.none() | whatever_plan)
@settings(deadline=None, max_examples=1_000)
def test_outcomes_and_facts_are_those_of_the_rules_word_for_word(
    history: tuple[list[Terms], list[Request]], instead: Terms | None
) -> None:
    """Any history, with its own plans and with one that replaces them: the same outcomes, the same facts."""
    plans, requests = history
    naive, decider = Naive(plans, instead), Decider(plans, instead=instead)
    for request in requests:
        expected = naive.decide(request)
        assert decider.decide(request) == expected
        event(expected[0] if request.kind != "order" else f"order, renewed: {bool(expected[1])}")


@given(histories, whatever_plan)
@settings(deadline=None, max_examples=200)
def test_what_was_recorded_under_the_same_plans_does_not_differ(
    history: tuple[list[Terms], list[Request]], instead: Terms
) -> None:
    """Requests with their outcomes give no difference; under another plan exactly those whose outcome changed."""
    plans, requests = history
    before, after = Decider(plans), Decider(plans, instead=instead)
    requests = [request._replace(outcome=before.decide(request)[0]) for request in requests]

    again = Decider(plans)
    facts = list(again.facts(requests))
    assert again.differences == []
    assert facts == sorted(facts, key=lambda fact: fact.position)

    outcomes = [Difference(request.position, request.outcome, after.decide(request)[0]) for request in requests]
    what_if = Decider(plans, instead=instead)
    list(what_if.facts(requests))
    assert what_if.differences == [each for each in outcomes if each.recorded != each.decided]


@given(histories)
@settings(deadline=None, max_examples=200)
def test_facts_never_bind_twice_and_never_close_a_loop(history: tuple[list[Terms], list[Request]]) -> None:
    """At every instant each member has at most one referrer, and nobody is above themselves."""
    plans, requests = history
    known = Known()
    known.learn(Decider(plans).facts(requests))
    for at_us in {request.at_us for request in requests}:
        edges = known.edges(at_us)
        for member in edges:
            above: int | None = edges[member]
            while above is not None:
                assert above != member
                above = edges.get(above)
