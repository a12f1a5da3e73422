"""The second decider of bindings: histories worked out by hand from the rule book."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from projections.replay.bindings import Decider, Difference, Fact, Request, Terms
from tests.replay_histories import DAY, terms

ANN, BEN, CAT, DAN, EVE = 1, 2, 3, 4, 5
LAST_TOUCH = terms(policy="last_touch", protection_days=3, ttl_days=30)
RENEWING = terms(renewal="on_order", ttl_days=30)


class History:
    """Says what is asked, one after the other at positions 10, 20, 30 ..., in whole days and microseconds."""

    def __init__(self, *plans: Terms, instead: Terms | None = None) -> None:
        self.decider = Decider(plans, instead=instead)
        self.position = 0
        self.facts: tuple[Fact, ...] = ()

    def bind(self, member: int, inviter: int, day: int, us: int = 0, *, invite: str | None = None) -> str:
        """Ask for a binding: its outcome."""
        return self._ask("bind", member, day * DAY + us, inviter, invite)

    def unbind(self, member: int, day: int, us: int = 0) -> str:
        """Ask for a release: its outcome."""
        return self._ask("unbind", member, day * DAY + us)

    def order(self, member: int, day: int, us: int = 0) -> int | None:
        """Order something: the day on which the member's binding ends now, if that moved."""
        _ = self._ask("order", member, day * DAY + us)
        ends_at_us = self.facts[0].ends_at_us if self.facts else None
        return None if ends_at_us is None else ends_at_us // DAY

    def invite(self, key: str, inviter: int, day: int, *, to: int | None = None, expires: int | None = None) -> None:
        """Invite somebody, or anybody."""
        _ = self._ask("invite", to, day * DAY, inviter, key, None if expires is None else expires * DAY)

    def _ask(self, kind: str, member: int | None, at: int, *rest: Any) -> str:
        self.position += 10
        outcome, self.facts = self.decider.decide(Request(self.position, kind, at, member, *rest))
        return outcome


def test_a_bind_says_until_when() -> None:
    """30 days from the very microsecond, under the plan at bound_at; without ttl no end."""
    history = History(terms(ttl_days=30))
    assert history.bind(BEN, ANN, 1, us=7) == "bound"
    assert history.facts == (Fact(10, "bound", 10, BEN, ANN, 1 * DAY + 7, 31 * DAY + 7),)
    history = History(terms(ttl_days=None))
    assert history.bind(BEN, ANN, 1) == "bound"
    assert history.facts == (Fact(10, "bound", 10, BEN, ANN, DAY, None),)
    assert history.bind(BEN, CAT, 36_500) == "already_bound"


def test_a_takeover_is_a_release_and_a_binding_at_one_position() -> None:
    """Protected on [0, 3), taken over at 3: the old one ends as the new one begins, and the new one is protected."""
    history = History(LAST_TOUCH)
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.bind(BEN, CAT, 2, us=DAY - 1) == "protected"
    assert history.bind(BEN, ANN, 3) == "already_bound"
    assert history.bind(BEN, CAT, 3) == "bound"
    released = Fact(40, "released", 10, BEN, ANN, 3 * DAY, None)
    assert history.facts == (released, Fact(40, "bound", 40, BEN, CAT, 3 * DAY, 33 * DAY))
    assert history.bind(BEN, DAN, 5) == "protected"
    assert history.bind(BEN, DAN, 2) == "late_binding"
    assert history.bind(BEN, DAN, 7) == "bound"


def test_policy_and_protection_are_of_the_binding_in_force() -> None:
    """First touch at bound_at stays so under a later last-touch plan, and the other way round (B-2, P-4)."""
    first = terms(1, ttl_days=30)
    last = terms(2, effective_from_us=10 * DAY, policy="last_touch", protection_days=2, ttl_days=30)
    longer = terms(3, effective_from_us=20 * DAY, policy="last_touch", protection_days=9, ttl_days=30)
    history = History(first, last, longer)
    assert history.bind(BEN, ANN, 9) == "bound"
    assert history.bind(BEN, CAT, 25) == "already_bound"
    assert history.bind(DAN, ANN, 19) == "bound"
    assert history.bind(DAN, CAT, 20, us=DAY - 1) == "protected"
    assert history.bind(DAN, CAT, 21) == "bound"
    assert history.bind(DAN, ANN, 29) == "protected"
    assert history.bind(DAN, ANN, 30) == "bound"


def test_a_plan_is_known_from_the_position_after_its_own() -> None:
    """Plan 2, recorded at position 15, is of the request at 20, not of that at 10, both of its time (P-3)."""
    history = History(terms(1, ttl_days=30), terms(2, position=15, effective_from_us=DAY, ttl_days=5))
    assert history.bind(BEN, ANN, 1) == "bound"
    assert history.facts[0].ends_at_us == 31 * DAY
    assert history.bind(CAT, ANN, 1) == "bound"
    assert history.facts[0].ends_at_us == 6 * DAY
    assert history.bind(DAN, ANN, 0, us=DAY - 1) == "bound"
    assert history.facts[0].ends_at_us == 31 * DAY - 1


def test_no_plan_comes_before_every_other_reason() -> None:
    """Before the first plan's time, or recorded before the plan; an unbind needs none."""
    history = History(terms(position=15, effective_from_us=5 * DAY))
    assert history.bind(ANN, ANN, 6, invite="ghost") == "no_plan"
    assert history.bind(ANN, ANN, 4, invite="ghost") == "no_plan"
    assert history.unbind(ANN, 4) == "not_bound"
    assert history.bind(ANN, ANN, 5, invite="ghost") == "self_referral"


def test_refusals_in_the_order_of_the_rule() -> None:
    """One request to which everything applies; each step takes the first reason away (B-6)."""
    history = History(terms(ttl_days=30))
    assert history.bind(ANN, DAN, 10) == "bound"
    assert history.bind(BEN, ANN, 10) == "bound"
    history.invite("of-cat", CAT, 4, to=ANN)
    history.invite("for-cat", BEN, 4, to=CAT)
    history.invite("old", BEN, 4, to=ANN, expires=5)
    assert history.bind(ANN, ANN, 5, invite="ghost") == "self_referral"
    assert history.bind(ANN, BEN, 5, invite="ghost") == "unknown_invite"
    assert history.bind(ANN, BEN, 3, invite="of-cat") == "unknown_invite"
    assert history.bind(ANN, BEN, 5, invite="of-cat") == "invite_for_another"
    assert history.bind(ANN, BEN, 5, invite="for-cat") == "invite_for_another"
    assert history.bind(ANN, BEN, 5, invite="old") == "invite_expired"
    assert history.bind(ANN, BEN, 5) == "late_binding"
    assert history.bind(ANN, BEN, 10) == "already_bound"
    assert history.unbind(ANN, 10) == "released"
    assert history.bind(ANN, BEN, 10) == "would_close_loop"


def test_an_invite_counts_once_recorded_and_from_its_time_to_its_end() -> None:
    """Recorded after the bind: unknown. Valid on [4, 6), for anyone and any number of times (B-7)."""
    history = History(terms())
    assert history.bind(BEN, ANN, 5, invite="open") == "unknown_invite"
    history.invite("open", ANN, 4, expires=6)
    assert history.bind(BEN, ANN, 3, us=DAY - 1, invite="open") == "unknown_invite"
    assert history.bind(BEN, ANN, 6, invite="open") == "invite_expired"
    assert history.bind(BEN, ANN, 4, invite="open") == "bound"
    assert history.bind(CAT, ANN, 5, us=DAY - 1, invite="open") == "bound"


def test_at_the_instant_of_expiry_a_member_is_free() -> None:
    """Bound on [0, 30): refused a microsecond before, bound at 30; a lapse makes nothing late (B-3, B-6)."""
    history = History(terms(ttl_days=30))
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.bind(BEN, ANN, 29, us=DAY - 1) == "already_bound"
    assert history.bind(BEN, CAT, 30) == "bound"
    assert history.bind(BEN, DAN, 29) == "late_binding"
    assert history.bind(BEN, DAN, 30) == "already_bound"


def test_a_release_makes_earlier_requests_late() -> None:
    """Bound at 0, released at 10: 9 is late, 10 is not; the new one may begin at that instant (B-6)."""
    history = History(terms(ttl_days=30))
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.unbind(BEN, 10) == "released"
    assert history.facts == (Fact(20, "released", 10, BEN, ANN, 10 * DAY, None),)
    assert history.bind(BEN, CAT, 9) == "late_binding"
    assert history.bind(BEN, CAT, 10) == "bound"


def test_an_unbind_is_late_only_where_something_was_in_force() -> None:
    """Bound on [0, 30), [40, 45) and, released at 60, [50, 60): `not_bound` is asked first (B-8)."""
    history = History(terms(1, ttl_days=30), terms(2, effective_from_us=35 * DAY, ttl_days=5))
    assert [history.bind(BEN, ANN, day) for day in (0, 40, 50)] == ["bound"] * 3
    assert history.unbind(BEN, 52) == "released"
    late, free = [0, 29, 40, 44, 50, 51], [30, 35, 39, 45, 49, 52, 60]
    assert [history.unbind(BEN, day) for day in late] == ["late_unbind"] * len(late)
    assert [history.unbind(BEN, day) for day in free] == ["not_bound"] * len(free)


def test_an_unbind_at_bound_at_leaves_an_empty_binding() -> None:
    """[5, 5) is in force at no instant: nothing to release, and no loop (G-3)."""
    history = History(terms(ttl_days=None))
    assert history.bind(BEN, ANN, 5) == "bound"
    assert history.unbind(BEN, 5) == "released"
    assert history.unbind(BEN, 5) == "not_bound"
    assert history.bind(ANN, BEN, 1) == "bound"


def test_an_order_moves_the_end_if_that_is_later() -> None:
    """Ends 30, then 40; an earlier order does not shrink it, one at the end does nothing (B-5)."""
    history = History(RENEWING)
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.order(BEN, 10) == 40
    assert history.facts == (Fact(20, "renewed", 10, BEN, ANN, 10 * DAY, 40 * DAY),)
    assert [history.order(BEN, day) for day in (9, 10, 40, 41)] == [None] * 4
    assert history.bind(BEN, CAT, 39) == "already_bound"
    assert history.order(BEN, 39) == 69
    assert history.bind(BEN, CAT, 69) == "bound"


def test_a_later_binding_stops_renewal() -> None:
    """A late order of the first binding's time does not prolong it, even if the second one is empty (B-5)."""
    history = History(RENEWING)
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.bind(BEN, CAT, 30) == "bound"
    assert history.unbind(BEN, 30) == "released"
    assert history.order(BEN, 29) is None
    assert history.unbind(BEN, 29) == "late_unbind"


def test_a_released_binding_is_never_renewed() -> None:
    """Not by an order of before its release either."""
    history = History(RENEWING)
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.unbind(BEN, 20) == "released"
    assert [history.order(BEN, day) for day in (19, 20, 21)] == [None] * 3
    assert history.bind(BEN, CAT, 20) == "bound"


def test_renewal_is_a_term_of_the_binding() -> None:
    """Bound before renewal came in: 30 days for good; without an end nothing grows (B-5, P-4)."""
    endless = terms(3, effective_from_us=20 * DAY, renewal="on_order", ttl_days=None)
    history = History(terms(1, ttl_days=30), terms(2, effective_from_us=DAY, renewal="on_order", ttl_days=5), endless)
    assert [history.bind(BEN, ANN, 0), history.bind(CAT, ANN, 1), history.bind(DAN, ANN, 20)] == ["bound"] * 3
    assert [history.order(BEN, 3), history.order(CAT, 3), history.order(DAN, 21)] == [None, 8, None]


def test_renewal_stops_where_it_would_close_a_loop() -> None:
    """Ann is Ben's from 40 on: Ben's binding to Ann may grow to 40 exactly (B-5)."""
    history = History(RENEWING)
    assert history.bind(BEN, ANN, 0) == "bound"
    assert history.bind(ANN, BEN, 40) == "bound"
    assert history.order(BEN, 10, us=1) is None
    assert history.order(BEN, 10) == 40
    assert history.order(BEN, 11) is None


def test_a_loop_needs_one_instant_common_to_the_whole_chain() -> None:
    """Cat is Ben's on [0, 30), Ben Ann's on [30, 60): Ann may be Cat's; with a day in common she may not (B-6)."""
    history = History(terms(ttl_days=30))
    assert [history.bind(CAT, BEN, 0), history.bind(BEN, ANN, 30)] == ["bound"] * 2
    assert history.bind(ANN, CAT, 20) == "bound"
    history = History(terms(ttl_days=30))
    assert [history.bind(CAT, BEN, 0), history.bind(BEN, ANN, 29)] == ["bound"] * 2
    assert history.bind(ANN, CAT, 20) == "would_close_loop"
    assert history.bind(ANN, CAT, 30) == "bound"


def test_a_loop_is_found_through_any_of_several_bindings() -> None:
    """Cat was Dan's, then Ben's, then Eve's; Ben is Ann's: a late bind of Ann to Cat meets the middle one (B-6)."""
    history = History(terms(1, ttl_days=10), terms(2, position=45, ttl_days=60), terms(3, position=75, ttl_days=10))
    asked = [(CAT, DAN, 0), (CAT, BEN, 10), (CAT, EVE, 20), (BEN, ANN, 15)]
    assert [history.bind(*each) for each in asked] == ["bound"] * 4
    assert history.bind(ANN, CAT, 0) == "would_close_loop"
    assert history.bind(ANN, DAN, 0) == "bound"


DEPTH = 10_000


@pytest.mark.parametrize("order", ["from the top", "from the bottom", "at random"])
def test_chains_of_ten_thousand(order: str) -> None:
    """However it was built, no depth closes it; every member orders, lapses and is bound anew, each at its time."""
    members = list(range(2, DEPTH + 1))
    if order == "from the bottom":
        members.reverse()
    if order == "at random":
        Random(1).shuffle(members)  # noqa: S311  a test's own
    history = History(RENEWING)
    assert all([history.bind(member, member - 1, 1, us=member) == "bound" for member in members])
    assert history.bind(1, DEPTH, 2) == "would_close_loop"
    assert history.bind(1, DEPTH + 1, 2) == "bound"
    assert history.bind(DEPTH + 1, DEPTH, 2) == "would_close_loop"
    assert all([history.order(member, 20, us=member) == 50 for member in range(2, DEPTH + 1)])
    assert all([history.bind(member, member - 1, 50, us=member) == "bound" for member in range(2, DEPTH + 1)])


def test_what_if() -> None:
    """The same requests under one plan for all time: what was refused is bound, what was bound is refused."""
    recorded = [
        Request(10, "bind", 0, BEN, ANN, outcome="no_plan"),
        Request(20, "bind", 40 * DAY, BEN, CAT, outcome="bound"),
        Request(30, "unbind", 41 * DAY, BEN, outcome="released"),
        Request(40, "order", 60 * DAY, BEN),
        Request(50, "bind", 89 * DAY, BEN, DAN, outcome="bound"),
    ]
    plans = [terms(position=5, effective_from_us=DAY, ttl_days=30)]
    as_recorded = Decider(plans)
    assert [fact[:3] for fact in as_recorded.facts(recorded)] == [
        (20, "bound", 20),
        (30, "released", 20),
        (50, "bound", 50),
    ]
    assert as_recorded.differences == []

    assert not as_recorded.renews
    what_if = Decider(plans, instead=terms(9, position=99, effective_from_us=99 * DAY, ttl_days=90))
    assert list(what_if.facts(recorded)) == [
        Fact(10, "bound", 10, BEN, ANN, 0, 90 * DAY),
        Fact(30, "released", 10, BEN, ANN, 41 * DAY, None),
        Fact(50, "bound", 50, BEN, DAN, 89 * DAY, 179 * DAY),
    ]
    assert what_if.differences == [Difference(10, "no_plan", "bound"), Difference(20, "bound", "already_bound")]

    renewing = Decider(plans, instead=terms(ttl_days=90, renewal="on_order", policy="last_touch"))
    assert renewing.renews
    assert len(list(renewing.facts(recorded))) == 5
    assert renewing.differences == [Difference(10, "no_plan", "bound")]


@pytest.mark.parametrize("request_", [Request(1, "bind", 0, BEN), Request(1, "unbind", 0, None), Request(1, "x", 0, 1)])
def test_what_is_no_request_is_an_error(request_: Request) -> None:
    """A bind without an inviter, an unbind without a member, an unknown kind: somebody fed the wrong rows."""
    with pytest.raises(ValueError, match="position 1"):
        Decider([terms()]).decide(request_)
