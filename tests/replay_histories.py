"""Histories for the second decider: records into requests, and what facts say about who is whose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from projections.replay.bindings import Decider, Fact, Request, Terms

DAY = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 1 << 62


def at_us(instant: datetime | str) -> int:
    """Microseconds since 1970."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return (instant - EPOCH) // timedelta(microseconds=1)


def terms(  # noqa: PLR0913  a plan has many terms
    number: int = 1,
    *,
    position: int = 0,
    effective_from_us: int = 0,
    policy: str = "first_touch",
    protection_days: int = 0,
    ttl_days: int | None = 90,
    renewal: str = "none",
) -> Terms:
    """A plan with these terms of binding."""
    ttl_us = None if ttl_days is None else ttl_days * DAY
    of_binding = (policy, protection_days * DAY, ttl_us, renewal)
    return Terms(number, position, effective_from_us, 100_000, 50_000, 20_000, "down", 30 * DAY, "none", *of_binding)


class Recorder:
    """Input records as requests: record n at position 2 n + 2, so that a take-over's release has room before it."""

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._records = records
        self._members: dict[str, int] = {}
        plans = [_terms(record, 2 * n + 2) for n, record in enumerate(records) if record.get("type") == "plan"]
        self.decider = Decider(plans)

    def member(self, name: str) -> int:
        """The number of a member."""
        return self._members.setdefault(name, len(self._members) + 1)

    def request(self, number: int) -> Request | None:
        """What record `number` asks of bindings, if anything."""
        record = self._records[number]
        position, kind = 2 * number + 2, record.get("type")
        if kind == "invite":
            invitee = self.member(record["invitee"]) if record.get("invitee") else None
            expires_at_us = at_us(record["expires_at"]) if record.get("expires_at") else None
            inviter = self.member(record["inviter"])
            return Request(position, kind, at_us(record["at"]), invitee, inviter, record["id"], expires_at_us)
        if kind == "bind":
            member, inviter = self.member(record["member"]), self.member(record["inviter"])
            return Request(position, kind, at_us(record["at"]), member, inviter, record.get("invite"))
        if kind in {"unbind", "order"}:
            return Request(position, str(kind), at_us(record["at"]), self.member(record["member"]))
        return None


def _terms(record: Mapping[str, Any], position: int) -> Terms:
    return terms(
        record["plan"],
        position=position,
        effective_from_us=at_us(record.get("effective_from", record["at"])),
        **record.get("binding", {}),
    )


class Known:
    """What binding facts say: by binding its member, its referrer and [start, end) in microseconds."""

    def __init__(self) -> None:
        self.bindings: dict[int, tuple[int, int, int, int]] = {}

    def learn(self, facts: Iterable[Fact]) -> None:
        """Take in more facts, in order."""
        for fact in facts:
            start_us = self.bindings[fact.bind][2] if fact.kind != "bound" else fact.at_us
            end_us = fact.at_us if fact.kind == "released" else fact.ends_at_us
            self.bindings[fact.bind] = fact.member, fact.referrer, start_us, LATEST if end_us is None else end_us

    def upline(self, member: int, as_of_us: int) -> list[int]:
        """At most three members, nearest first (T-1)."""
        upline: list[int] = []
        while len(upline) < 3 and (above := self.edges(as_of_us).get(member)):
            upline.append(member := above)
        return upline

    def downline(self, member: int, as_of_us: int, level: int) -> set[int]:
        """The members of one level below (T-1)."""
        edges = self.edges(as_of_us)
        team = {member}
        for _ in range(level):
            team = {below for below, above in edges.items() if above in team}
        return team

    def edges(self, as_of_us: int) -> dict[int, int]:
        """Every member bound at an instant, and its referrer."""
        in_force = [(m, r) for m, r, start_us, end_us in self.bindings.values() if start_us <= as_of_us < end_us]
        assert len(in_force) == len(dict(in_force)), "two bindings of one member in force at once"
        return dict(in_force)
