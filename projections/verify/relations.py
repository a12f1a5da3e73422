"""Who is whose: every bind, unbind, renewal, release and lapse, decided again from the log before it (B-1 to B-9).

What is decided otherwise is found; what follows is decided from what was recorded, as the rules say. So one wrong
decision is one finding, and the figures show what it came to.
"""

from __future__ import annotations

from datetime import datetime
from sys import intern
from typing import NamedTuple

from ledger.clock import format_instant
from ledger.plan import Plans
from ledger.rules.binding import BindRequest, Bound, Invite, decide_bind, decide_unbind, renewed_until
from ledger.rules.team import Binding, History, HistoryOf
from projections.verify.facts import Bind, Expired, Invited, Placed, Renewed, TakenOver, Unbind
from projections.verify.report import Report

DECISIONS = "decisions"


# Texts of facts are canonical: that was checked where they were read.
_instant = datetime.fromisoformat


class DueRenewal(NamedTuple):
    """What an order moved: the next event must say so (B-5)."""

    position: int
    cause: str
    bind: str
    at: str
    member: str
    ends_at: str


Due = DueRenewal | TakenOver


class _Histories(dict[str, list[Binding]]):
    """Bindings by member; looked up for every level of every order, so without a call of ours where there are any."""

    def __missing__(self, member: str) -> list[Binding]:
        return []


class Relations:
    """Every binding so far. Grows with members and their bindings, not with orders.

    plans    the plans so far; somebody else adds to them
    invites  those that binds will name, by stream; None until they come
    due      what the next event must answer to
    """

    def __init__(self, plans: Plans, invites: dict[str, Invite | None], report: Report) -> None:
        self.due: Due | None = None
        self.histories = _Histories()
        # Every binding of a member so far, in recording order.
        self.history_of: HistoryOf = self.histories.__getitem__
        self._plans, self._invites, self._report = plans, invites, report
        self._referrers: set[str] = set()
        # Last versions of streams that have more than one, and the ends that lapses are recorded for, by member.
        self._versions: dict[str, int] = {}
        self._lapsed: dict[str, datetime] = {}

    def invited(self, fact: Invited) -> None:
        """An invite; kept if any bind names it."""
        if fact.stream in self._invites:
            expires_at = None if fact.expires_at is None else _instant(fact.expires_at)
            inviter, invitee = intern(fact.inviter), None if fact.invitee is None else intern(fact.invitee)
            self._invites[fact.stream] = Invite(inviter, invitee, _instant(fact.at), expires_at)

    def bind(self, fact: Bind, due: Due | None) -> None:
        """A bind request, granted or refused; a take-over is announced by the release before it."""
        at, history = _instant(fact.at), self.history_of(fact.member)
        request = BindRequest(
            bind=fact.stream,
            member=intern(fact.member),
            referrer=intern(fact.inviter),
            occurred_at=at,
            names_invite=fact.invite is not None,
            invite=None if fact.invite is None else self._invites.get(fact.invite),
        )
        decision = decide_bind(request, self._plans, history, self._above(fact.member))
        decided, recorded = "bound" if isinstance(decision, Bound) else decision, fact.reason or "bound"
        if recorded != decided:
            self._find(fact, f"is recorded as {recorded}; by the rules it is {decided} (B-6)")
        if fact.reason is None:
            self._expect_lapse(fact, history, at)
        taken_over = decision.taken_over if isinstance(decision, Bound) else None
        self._expect_release(fact, taken_over if fact.reason is None else None, due)
        if isinstance(due, TakenOver):
            self._change(due.member, due.bind, released_at=_instant(due.at))
        if fact.reason is not None or fact.plan is None:
            return
        if isinstance(decision, Bound):
            self._expect_terms(fact, decision.binding)
        ends_at = None if fact.ends_at is None else _instant(fact.ends_at)
        binding = Binding(fact.stream, request.member, request.referrer, at, ends_at, fact.plan)
        self.histories.setdefault(request.member, []).append(binding)
        self._referrers.add(request.referrer)
        self._lapsed.pop(fact.member, None)

    def unbind(self, fact: Unbind) -> None:
        """An unbind, granted or refused."""
        at = _instant(fact.at)
        decision = decide_unbind(self.history_of(fact.member), at)
        decided = decision if isinstance(decision, str) else f"the release of {decision.bind}"
        recorded = fact.reason or f"the release of {fact.bind}"
        if recorded != decided:
            self._find(fact, f"is recorded as {recorded}; by the rules it is {decided} (B-8)")
        elif isinstance(decision, Binding) and decision.referrer != fact.referrer:
            self._find(fact, f"names the referrer {fact.referrer!a}, not {decision.referrer!a}")
        if fact.bind is not None:
            self._change(fact.member, fact.bind, released_at=at)

    def taken_over(self, fact: TakenOver) -> None:
        """A release for another bind, which must come next and decides whether it was right."""
        self._expect_version(fact)
        self.due = fact

    def placed(self, fact: Placed, at: datetime) -> None:
        """An order may move the end of its buyer's binding (B-5)."""
        history = self.histories.get(fact.member)
        if not history:
            return
        ends_at = renewed_until(history, at, self._plans, self._above(fact.member))
        if ends_at is not None:
            bind, until = history[-1].bind, format_instant(ends_at)
            self.due = DueRenewal(fact.position, fact.stream, bind, fact.at, fact.member, until)

    def renewed(self, fact: Renewed, due: Due | None) -> None:
        """A renewal; the order before it decides whether it was right."""
        self._expect_version(fact)
        if isinstance(due, TakenOver):
            self.expect_nothing_due(due)
        if not isinstance(due, DueRenewal):
            self._find(fact, "renews a binding that the event before it does not renew (B-5)")
        elif (fact.cause, fact.bind, fact.at, fact.member, fact.ends_at) != due[1:]:
            expected = f"{due.bind} of {due.member!a} until {due.ends_at}"
            self._find(fact, f"is not the renewal that the order before it brings: {expected} (B-5)")
        self._change(fact.member, fact.bind, ends_at=_instant(fact.ends_at))

    def expired(self, fact: Expired) -> None:
        """A lapse: of the binding as it stands here, and once (B-4)."""
        at, history = _instant(fact.at), self.history_of(fact.member)
        latest = history[-1] if history else None
        if latest is None or latest.bind != fact.bind:
            self._find(fact, f"says that {fact.bind} of {fact.member!a} lapsed, which is not its latest binding (B-4)")
        elif latest.released_at is not None or latest.ends_at != at or latest.referrer != fact.referrer:
            self._find(fact, f"says that {fact.bind} lapsed, which it did not then, or from another referrer (B-4)")
        elif self._lapsed.get(fact.member) == at:
            self._find(fact, f"says again that {fact.bind} lapsed (B-4)")
        self._lapsed[intern(fact.member)] = at

    def expect_nothing_due(self, due: Due) -> None:
        """The event that must have answered to this one is another."""
        if isinstance(due, DueRenewal):
            message = f"renews {due.bind} until {due.ends_at}, which the next event does not say (B-5)"
        else:
            message = f"releases {due.bind} for {due.cause}, which does not come next (B-2)"
        self._report.find(DECISIONS, message, due.position)

    def _above(self, member: str) -> HistoryOf:
        """Where to look for a loop: nowhere if the member never had anybody below."""
        return self.history_of if member in self._referrers else _nobody

    def _expect_release(self, fact: Bind, taken_over: Binding | None, due: Due | None) -> None:
        """The event before a bind releases what it takes over, and nothing else (B-2)."""
        if due is None:
            if taken_over is not None:
                self._find(fact, f"takes over {taken_over.bind}, which the event before it does not release (B-2)")
        elif not isinstance(due, TakenOver) or due.cause != fact.stream:
            self.expect_nothing_due(due)
        elif taken_over is None:
            self._find(fact, f"takes over nothing, but {due.bind} is released for it (B-2)")
        elif (due.bind, due.member, due.referrer, due.at) != (
            taken_over.bind,
            taken_over.member,
            taken_over.referrer,
            fact.at,
        ):
            self._find(fact, f"takes over {taken_over.bind}; the release before it says otherwise (B-2)")

    def _expect_terms(self, fact: Bind, binding: Binding) -> None:
        ends_at = None if binding.ends_at is None else format_instant(binding.ends_at)
        if (fact.ends_at, fact.plan) != (ends_at, binding.plan):
            recorded = f"plan {fact.plan} until {fact.ends_at}"
            self._find(fact, f"is bound under {recorded}; by the rules it is plan {binding.plan} until {ends_at} (B-3)")

    def _expect_lapse(self, fact: Bind, history: History, at: datetime) -> None:
        """Whoever is bound again lapsed before, and an event says so (B-4)."""
        latest = history[-1] if history else None
        if latest is None or latest.released_at is not None or latest.ends_at is None or latest.ends_at > at:
            return
        if self._lapsed.get(fact.member) != latest.ends_at:
            self._find(fact, f"comes after {latest.bind} lapsed, which no event before it says (B-4)")

    def _expect_version(self, fact: TakenOver | Renewed) -> None:
        """Versions of a binding's stream are 1, 2, 3 ..."""
        version = self._versions.get(fact.bind, 1) + 1
        if fact.seq != version:
            self._find(fact, f"is version {fact.seq} of {fact.bind}, whose next version is {version}")
        self._versions[fact.bind] = fact.seq

    def _change(
        self, member: str, bind: str, *, ends_at: datetime | None = None, released_at: datetime | None = None
    ) -> None:
        history = self.histories.get(member, [])
        for index in reversed(range(len(history))):
            before = history[index]
            if before.bind == bind:
                history[index] = before._replace(
                    ends_at=ends_at or before.ends_at, released_at=released_at or before.released_at
                )
                return

    def _find(self, fact: Bind | Unbind | TakenOver | Renewed | Expired, message: str) -> None:
        name = fact.bind if isinstance(fact, Expired) else fact.stream
        self._report.find(DECISIONS, f"{name} {message}", fact.position)


def _nobody(member: str) -> History:
    del member
    return ()
