"""A naive, independent referral ledger: the second opinion of the property tests.

Written from the rule book alone; shares no code with the product. Keeps lists of facts and recomputes every answer;
speed is of no interest. Left out: payouts, adjustments, reversals, and expiry events, which decide nothing (B-4).
Every fact carries `n`, the number of the `apply` call that recorded it.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

PPM = 1_000_000
LEVELS = 3
LONG_AGO = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
BALANCE_KEYS: tuple[str, ...] = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")

Record = dict[str, Any]
Outcome = tuple[str, str | None]
LevelOutcome = tuple[str, str | None, int]  # `paid` or the reason, who stands on the level, commission if paid

# The values printed in rules.md and cli.md; a test that depends on one should spell it out.
BINDING_DEFAULTS: Record = {"policy": "first_touch", "ttl_days": 90, "protection_days": 0, "renewal": "none"}
MONEY_DEFAULTS: Record = {"hold_days": 30, "min_payout": {}, "rounding": "down", "cap_ppm": 500_000}
PLAN_DEFAULTS: Record = {"binding": {}, "self_purchase": "none", "unqualified": "forfeit", **MONEY_DEFAULTS}
DEFAULTS: dict[str, Record] = {"plan": PLAN_DEFAULTS, "order": {"carriage": 0, "lines": []}}
PLAN_KEYS = {"type", "id", "plan", "at", "effective_from", "rates_ppm", *PLAN_DEFAULTS}
NO_PLAN: Record = {**PLAN_DEFAULTS, "rates_ppm": []}


class End(NamedTuple):
    """Where a binding ends: as `planned` (B-3), `renewed` (B-5) or `released` (B-2, B-8)."""

    n: int
    at: datetime
    why: str


@dataclass(frozen=True, eq=False)
class Binding:
    """Member -> referrer on [start, end) (G-3, B-3); of `ends`, the history of its end, the last known counts."""

    n: int
    member: str
    referrer: str
    start: datetime
    plan: Record
    ends: list[End]

    def end(self, upto: int | None = None) -> End:
        """The end as known at `upto`, for a binding known by then."""
        return [end for end in self.ends if known(end.n, upto)][-1]

    def in_force(self, at: datetime, upto: int | None = None) -> bool:
        """Whether the binding, as known at `upto`, holds at the instant `at` (G-3)."""
        return known(self.n, upto) and self.start <= at < self.end(upto).at


@dataclass(frozen=True, eq=False)
class Order:
    """An order, its plan and outcomes fixed when it was recorded (P-3, A-1); its refunds by position (R-2)."""

    n: int
    record: Record
    plan: Record
    outcomes: list[LevelOutcome]
    refunds: list[tuple[int, Record]] = field(default_factory=list)


@dataclass
class NaiveLedger:
    """Applies input records one by one and answers questions about what they left."""

    applied: int = 0
    recorded_at: datetime = LONG_AGO
    contents: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    plans: list[Record] = field(default_factory=list)
    bindings_of: dict[str, list[Binding]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    def apply(
        self, record: Record, *, source: str = "default", allow_no_plan: bool = False, now: datetime | None = None
    ) -> Outcome:
        """Decide one input record; recorded or refused, its id is used up, else nothing happened (G-2, G-6, P-5)."""
        self.applied += 1
        content = content_of(record)
        if content["type"] == "plan" and (flaw := plan_flaw(content)):
            return "invalid", flaw
        key = (source, content["type"], content["id"])
        if key in self.contents:
            return ("repeat" if self.contents[key] == content else "conflict"), None
        if now is not None and content["at"] > max(now, self.recorded_at) + timedelta(minutes=5):
            return "invalid", "in_the_future"
        if content["type"] in ("bind", "order") and self._plan_at(content["at"]) is None and not allow_no_plan:
            return "stopped", "no_plan"
        outcome = self._decide(content | {"source": source})
        if outcome[0] in ("bound", "recorded", "refused"):
            self.contents[key] = content
            self.recorded_at = max(now or LONG_AGO, self.recorded_at)
        return outcome

    def _decide(self, content: Record) -> Outcome:
        """One rule per type; an invite is always recorded."""
        rules = {"plan": self._publish, "bind": self._bind, "unbind": self._unbind}
        rules |= {"order": self._order, "refund": self._refund, "invite": lambda _: ("recorded", None)}
        return rules[content["type"]](content)

    def _publish(self, plan: Record) -> Outcome:
        """P-1: numbers without gaps, effective_from strictly increasing."""
        if plan["plan"] != len(self.plans) + 1:
            return "invalid", "plan_number"
        if any(plan["effective_from"] <= earlier["effective_from"] for earlier in self.plans):
            return "invalid", "plan_effective_from"
        self.plans.append(plan)
        return "recorded", None

    def _plan_at(self, at: datetime) -> Record | None:
        """P-3: of the plans recorded so far, the one with the greatest effective_from <= at."""
        return next((plan for plan in reversed(self.plans) if plan["effective_from"] <= at), None)

    def _bind(self, bind: Record) -> Outcome:
        """B-1: bound or refused; a take-over releases the old binding first (B-2)."""
        member, referrer, at = bind["member"], bind["inviter"], bind["at"]
        if (plan := self._plan_at(at)) is None:
            return "refused", "no_plan"
        end = plus_days(at, plan["binding"]["ttl_days"])
        if reason := self._bind_refusal(bind, end):
            return "refused", reason
        if old := self._binding_at(member, at):
            old.ends.append(End(self.applied, at, "released"))
        new = Binding(self.applied, member, referrer, at, plan, [End(self.applied, end, "planned")])
        self.bindings_of.setdefault(member, []).append(new)
        return "bound", None

    def _bind_refusal(self, bind: Record, end: datetime) -> str | None:
        """B-6 after `no_plan`: the first reason that applies, in the order of the rule."""
        if bind["member"] == bind["inviter"]:
            return "self_referral"
        if reason := self._invite_refusal(bind):
            return reason
        if bind["at"] < self._latest_change(bind["member"]):
            return "late_binding"
        if reason := self._touch_refusal(bind):
            return reason
        loop = self._closes_loop(bind["member"], bind["inviter"], bind["at"], end)
        return "would_close_loop" if loop else None

    def _invite_refusal(self, bind: Record) -> str | None:
        """B-6, B-7: the invite must be recorded, not younger than the bind, for these two, and not expired."""
        if "invite" not in bind:
            return None
        invite = self.contents.get((bind["source"], "invite", bind["invite"]))
        if invite is None or invite["at"] > bind["at"]:
            return "unknown_invite"
        if invite["inviter"] != bind["inviter"] or invite.get("invitee", bind["member"]) != bind["member"]:
            return "invite_for_another"
        return "invite_expired" if bind["at"] >= invite.get("expires_at", FOREVER) else None

    def _touch_refusal(self, bind: Record) -> str | None:
        """B-2 under the terms of the binding in force, which no later plan moves (P-4)."""
        if (old := self._binding_at(bind["member"], bind["at"])) is None:
            return None
        terms = old.plan["binding"]
        if terms["policy"] == "first_touch" or old.referrer == bind["inviter"]:
            return "already_bound"
        return "protected" if bind["at"] < plus_days(old.start, terms["protection_days"]) else None

    def _unbind(self, unbind: Record) -> Outcome:
        """B-8: its refusals in the order the rule names them."""
        if (binding := self._binding_at(unbind["member"], unbind["at"])) is None:
            return "refused", "not_bound"
        if unbind["at"] < self._latest_change(unbind["member"]):
            return "refused", "late_unbind"
        binding.ends.append(End(self.applied, unbind["at"], "released"))
        return "recorded", None

    def _renew(self, member: str, at: datetime) -> None:
        """B-5 by the binding's own terms; a release is final, a later binding or a loop forbids it."""
        binding = self._binding_at(member, at)
        if binding is None or binding.plan["binding"]["renewal"] != "on_order":
            return
        if binding.end().why == "released" or binding is not self.bindings_of[member][-1]:
            return
        old_end, end = binding.end().at, plus_days(at, binding.plan["binding"]["ttl_days"])
        if end > old_end and not self._closes_loop(member, binding.referrer, old_end, end):
            binding.ends.append(End(self.applied, end, "renewed"))

    def _binding_at(self, member: str, at: datetime, upto: int | None = None) -> Binding | None:
        """The binding of `member` in force at the instant `at`; there is never more than one (B-2)."""
        found = [binding for binding in self.bindings_of.get(member, []) if binding.in_force(at, upto)]
        assert len(found) <= 1, f"two bindings of {member} at {at}"
        return found[0] if found else None

    def _latest_change(self, member: str) -> datetime:
        """B-6, B-8: the member's greatest bound_at or release instant; expiries and renewals do not count."""
        bindings = self.bindings_of.get(member, [])
        releases = [end.at for b in bindings for end in b.ends if end.why == "released"]
        return max([b.start for b in bindings] + releases, default=LONG_AGO)

    def _chain(self, member: str, at: datetime, upto: int | None = None) -> list[str]:
        """All referrers above `member` at one instant, nearest first; no instant has a loop (B-6)."""
        above: list[str] = []
        while binding := self._binding_at(member, at, upto):
            member = binding.referrer
            assert member not in above, f"a loop above {member} at {at}"
            above.append(member)
        return above

    def _closes_loop(self, member: str, referrer: str, start: datetime, end: datetime) -> bool:
        """B-6: at some instant of [start, end) the referrer is a descendant of the member."""
        bounds = [t for own in self.bindings_of.values() for b in own for t in (b.start, b.end().at)]
        instants = {start, *(t for t in bounds if start < t < end)}
        return any(member in self._chain(referrer, instant) for instant in instants)

    def _order(self, order: Record) -> Outcome:
        """A-1: the upline is read once, before the order can renew anything (B-5)."""
        plan = self._plan_at(order["at"])
        self.orders.append(Order(self.applied, order, plan or NO_PLAN, self._level_outcomes(order, plan)))
        self._renew(order["member"], order["at"])
        return "recorded", None

    def _level_outcomes(self, order: Record, plan: Record | None) -> list[LevelOutcome]:
        """A-1, A-3, A-5: those who stand on levels 1..3; the first missing edge; `chain_ended` above it."""
        if plan is None:
            return [("no_plan", None, 0)] * LEVELS
        line = [order["member"], *self._chain(order["member"], order["at"])]
        upline = (line if plan["self_purchase"] == "as_level_1" else line[1:])[:LEVELS]
        outcomes = [level_outcome(order, plan, upline[:level]) for level in range(1, len(upline) + 1)]
        outcomes.append((self._why_unbound(line[-1], order["at"]), None, 0))
        return [*outcomes, *[("chain_ended", None, 0)] * LEVELS][:LEVELS]

    def _why_unbound(self, member: str, at: datetime) -> str:
        """A-3: by the latest binding with bound_at <= at: `released` or `expired`; none: `not_bound`."""
        begun = [binding for binding in self.bindings_of.get(member, []) if binding.start <= at]
        if not begun:
            return "not_bound"
        return "released" if begun[-1].end().why == "released" else "expired"

    def _refund(self, refund: Record) -> Outcome:
        """R-1: recorded, refused, or to be tried again once the order is there."""
        for order in self._orders(refund["order"], refund["source"]):
            if reason := refund_refusal(refund, order):
                return "refused", reason
            order.refunds.append((self.applied, refund))
            return "recorded", None
        return "retryable", "unknown_order"

    def _orders(self, order_id: str, source: str) -> list[Order]:
        """The recorded order of that id, or nothing (G-6)."""
        return [o for o in self.orders if (o.record["id"], o.record["source"]) == (order_id, source)]

    def balances(self, as_of: datetime, upto: int | None = None) -> dict[tuple[str, str], dict[str, int]]:
        """S-1, A-6: what is left of an accrual is pending while on hold, from available_at on available."""
        balances: dict[tuple[str, str], dict[str, int]] = {}
        for order in (o for o in self.orders if known(o.n, upto) and o.record["at"] <= as_of):
            on_hold = as_of < plus_days(order.record["at"], order.plan["hold_days"])
            for level, (outcome, member, earned) in enumerate(order.outcomes, start=1):
                if outcome != "paid" or member is None:
                    continue
                balance = balances.setdefault((member, order.record["currency"]), dict.fromkeys(BALANCE_KEYS, 0))
                clawed_back = clawed_back_minor(order, level, as_of, upto)
                balance["earned"] += earned
                balance["clawed_back"] += clawed_back
                balance["pending" if on_hold else "available"] += earned - clawed_back
        return balances

    def digest(self, as_of: datetime, upto: int | None = None) -> str:
        """S-3, V-2: the RFC 6962 root over one line of canonical JSON per (member, currency), 64 hex digits."""
        balances = self.balances(as_of, upto)
        keys = sorted(balances, key=lambda key: (key[0].encode(), key[1].encode()))
        lines = [{"member": member, "currency": code, **balances[member, code]} for member, code in keys]
        encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return merkle_root([encoder.encode(line).encode() for line in lines]).hex()

    def outcomes(self, order_id: str, source: str = "default") -> list[LevelOutcome]:
        """A-3 for levels 1..3 of a recorded order."""
        return self._orders(order_id, source)[0].outcomes

    def upline(self, member: str, as_of: datetime, upto: int | None = None) -> list[str]:
        """T-1: up to three referrers, nearest first."""
        return self._chain(member, as_of, upto)[:LEVELS]

    def downline(self, member: str, as_of: datetime, upto: int | None = None) -> list[set[str]]:
        """T-1: the members bound to `member`, those bound to them, and so on to level 3."""
        held = [b for own in self.bindings_of.values() for b in own if b.in_force(as_of, upto)]
        levels = [{member}]
        for _ in range(LEVELS):
            levels.append({b.member for b in held if b.referrer in levels[-1]})
        return levels[1:]

    def bindings(self, member: str) -> list[tuple[str, datetime, datetime | None]]:
        """(referrer, start, end as now known, None for no end) of every binding, in recording order."""
        ends = [(binding, binding.end().at) for binding in self.bindings_of.get(member, [])]
        return [(b.referrer, b.start, None if end == FOREVER else end) for b, end in ends]


def known(n: int, upto: int | None) -> bool:
    """Whether a question that knows the first `upto` applied records knows fact `n` (G-5); None is all."""
    return upto is None or n <= upto


def plus_days(at: datetime, days: int | None) -> datetime:
    """Days of 86400 s after `at`; None is no end (B-3)."""
    return FOREVER if days is None else at + timedelta(seconds=days * 86_400)


def content_of(record: Record) -> Record:
    """G-6: defaults filled in, times as UTC instants, no `seq`; an explicit null is an absent key."""
    given = {key: value for key, value in record.items() if value is not None and key != "seq"}
    content = DEFAULTS.get(record["type"], {}) | given
    if content["type"] == "plan":
        content.setdefault("id", f"plan-{content['plan']}")
        content.setdefault("effective_from", content["at"])
        content["binding"] = BINDING_DEFAULTS | content["binding"]
    if content["type"] == "order":
        content["lines"] = [{"category": None} | line for line in content["lines"]]
    for key in {"at", "effective_from", "expires_at"} & set(content):
        content[key] = datetime.fromisoformat(content[key].upper()).astimezone(UTC)
    return content


def plan_flaw(plan: Record) -> str | None:
    """P-2, and of P-1 what the record alone shows."""
    if set(plan) - PLAN_KEYS or set(plan["binding"]) - set(BINDING_DEFAULTS):
        return "plan_keys"
    rates, cap = plan["rates_ppm"], plan["cap_ppm"]
    if len(rates) > LEVELS or any(not 0 <= ppm <= PPM for ppm in [*rates, cap]) or sum(rates) > cap:
        return "plan_rates"
    return "plan_effective_from" if plan["effective_from"] < plan["at"] else None


def refund_refusal(refund: Record, order: Order) -> str | None:
    """R-1: the first reason that applies; refused refunds take up nothing; without lines an order is line 1."""
    line, paid = refund.get("line"), order.record["amount"]
    paid_on_line = {line["n"]: line["amount"] for line in order.record["lines"]} or {1: paid}
    if refund["currency"] != order.record["currency"]:
        return "wrong_currency"
    if refund.get("member", order.record["member"]) != order.record["member"]:
        return "wrong_member"
    if line is not None and line not in paid_on_line:
        return "unknown_line"
    if refund["at"] < order.record["at"]:
        return "before_order"
    refunds = [earlier for _, earlier in order.refunds] + [refund]
    on_line = sum(r["amount"] for r in refunds if r.get("line") == line)
    if sum(r["amount"] for r in refunds) > paid or (line is not None and on_line > paid_on_line[line]):
        return "exceeds_paid"
    return None


def rate_ppm_of(plan: Record, level: int) -> int:
    """The plan's rate of level 1..3, 0 where it names none (A-3)."""
    rates: list[int] = plan["rates_ppm"]
    return rates[level - 1] if level <= len(rates) else 0


def commission_minor(plan: Record, level: int, base_minor: int) -> int:
    """A-2: base * rate / 1,000,000, rounded once as the plan says, in integers."""
    whole, rest = divmod(base_minor * rate_ppm_of(plan, level), PPM)
    if plan["rounding"] == "half_up":
        return whole + (2 * rest >= PPM)
    if plan["rounding"] == "half_even":
        return whole + (2 * rest > PPM or (2 * rest == PPM and whole % 2 == 1))
    return whole


def clawed_back_minor(order: Order, level: int, as_of: datetime, upto: int | None) -> int:
    """R-2, R-3: clawbacks fixed in order of position, then summed over those with value_at <= as_of."""
    total, left = 0, order.record["amount"]
    for _, refund in (pair for pair in order.refunds if known(pair[0], upto)):
        kept_before = commission_minor(order.plan, level, left)
        left -= refund["amount"]
        if max(refund["at"], order.record["at"]) <= as_of:
            total += kept_before - commission_minor(order.plan, level, left)
    return total


def level_outcome(order: Record, plan: Record, upline: list[str]) -> LevelOutcome:
    """A-3 for the last of an upline: paid, or the first reason; the buyer earns only `as_level_1` (A-5)."""
    member, level = upline[-1], len(upline)
    earned = commission_minor(plan, level, order["amount"])
    if member in upline[:-1]:
        return "repeat", member, 0
    if member == order["member"] and plan["self_purchase"] != "as_level_1":
        return "self", member, 0
    if rate_ppm_of(plan, level) == 0:
        return "level_not_paid", member, 0
    return ("paid", member, earned) if earned else ("rounds_to_zero", member, 0)


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962: split at the largest power of two below the number of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()
