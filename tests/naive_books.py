"""Naive books: the second opinion on payouts, adjustments and reversals, from the stored JSON alone.

One list of double entries, worked out anew for every question and written from the rule book; shares no code with the
product. What orders earn it asks `properties/naive.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.properties.naive import BALANCE_KEYS, NaiveLedger, Order, commission_minor, merkle_root, plus_days

Event = dict[str, Any]
# What says who is bound to whom and what was bought; what follows from others has nothing asked.
_RELATIONS = {
    "PlanPublished",
    "MemberInvited",
    "MemberBound",
    "BindingRefused",
    "BindingReleased",
    "UnbindRefused",
    "OrderPlaced",
}
KINDS = ("accrual", "clawback", "maturity", "restoration")


class Entry(NamedTuple):
    """A posting, and where it stands: at a position, by kind, by the position of its cause, by level or number."""

    place: tuple[int, int, int, int]
    order: str
    kind: str
    level: int | None
    position: int
    value_at: datetime
    debit: str
    credit: str
    currency: str
    amount: int


@dataclass
class Refund:
    """What a refund took from each level, or what its reversal gave back (negative)."""

    position: int
    at: datetime
    amount: int
    taken: list[int]
    is_reversed: bool = False


@dataclass
class Placed:
    """An order, its outcomes, and what took from it, in order of position."""

    position: int
    stream: str
    order: Order
    refunds: list[Refund] = field(default_factory=list[Refund])

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.order.record["at"]

    @property
    def available_at(self) -> datetime:
        """A-6."""
        return plus_days(self.at, self.order.plan["hold_days"])

    def earned(self, level: int) -> int:
        """What a level 1..3 earned."""
        return self.order.outcomes[level - 1][2]

    def take(self, position: int, at: datetime, amount: int) -> Refund:
        """R-2, with the running amount of each level where refunds were reversed."""
        left = self.order.record["amount"] - amount - sum(r.amount for r in self.refunds)
        taken: list[int] = []
        for level in (1, 2, 3):
            running = self.earned(level) - sum(r.taken[level - 1] for r in self.refunds)
            may_keep = commission_minor(self.order.plan, level, left) if self.earned(level) else 0
            taken.append(max(0, running - may_keep))
        self.refunds.append(Refund(position, max(at, self.at), amount, taken))
        return self.refunds[-1]


class NaiveBooks:
    """The books of a log up to any position."""

    def __init__(self, states: Iterable[bytes]) -> None:
        """Take the stored events, in order."""
        self.events: list[Event] = [json.loads(state) for state in states]

    # ---- questions

    def balances(self, as_of: datetime, upto: int) -> dict[tuple[str, str], dict[str, int]]:
        """S-1 for every member and currency with a posting by T."""
        found: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(BALANCE_KEYS, 0))
        for entry in self.postings(upto):
            if entry.value_at > as_of:
                continue
            for account, minor in ((entry.debit, -entry.amount), (entry.credit, entry.amount)):
                if account.startswith("member:"):
                    member, _, part = account.removeprefix("member:").rpartition(":")
                    found[member, entry.currency][part] += minor
            row = found[member_of(entry), entry.currency]
            sign = 1 if entry.credit.startswith("member:") else -1
            row["earned"] += entry.amount * (entry.kind == "accrual")
            row["clawed_back"] += entry.amount * (entry.kind == "clawback") - entry.amount * (
                entry.kind == "restoration"
            )
            row["adjusted"] += sign * entry.amount * (entry.kind == "adjustment")
            row["paid"] -= sign * entry.amount * (entry.kind in {"payment", "return"})
        return dict(found)

    def digest(self, as_of: datetime, upto: int) -> str:
        """S-3."""
        balances = self.balances(as_of, upto)
        keys = sorted(balances, key=lambda key: (key[0].encode(), key[1].encode()))
        encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        lines = [{"member": member, "currency": code, **balances[member, code]} for member, code in keys]
        return merkle_root([encoder.encode(line).encode() for line in lines]).hex()

    def payable(self, currency: str, cut_off: datetime, upto: int) -> dict[str, int]:
        """X-1: credits by T; debits and what comes back of payouts whatever their time."""
        found: defaultdict[str, int] = defaultdict(int)
        for entry in self.postings(upto):
            is_late = entry.value_at > cut_off
            if entry.currency != currency or (is_late and entry.kind == "maturity"):
                continue
            if entry.debit.endswith(":available"):
                found[member_of(entry)] -= entry.amount
            if entry.credit.endswith(":available") and (not is_late or entry.kind in {"release", "return"}):
                found[member_of(entry)] += entry.amount
        return {member: minor for member, minor in found.items() if minor}

    def trial_balance(self, upto: int, counts: Callable[[Entry], bool]) -> dict[str, dict[str, int]]:
        """Credits less debits by currency and class of accounts, of entries that count."""
        found: dict[str, dict[str, int]] = {}
        for entry in filter(counts, self.postings(upto)):
            classes = found.setdefault(entry.currency, defaultdict(int))
            for account, minor in ((entry.debit, -entry.amount), (entry.credit, entry.amount)):
                classes[f"members:{account.rpartition(':')[2]}" if "member:" in account else account] += minor
        return found

    def postings(self, upto: int) -> list[Entry]:
        """Every posting of events up to P, whatever its time, in order."""
        told = _Told()
        for position, event in enumerate(self.events[:upto], start=1):
            told.tell(position, event)
        entries = [entry for placed in told.orders for entry in _of_order(placed)]
        return sorted([*entries, *told.others], key=lambda entry: entry.place)


class _Told:
    """What the events say, one after the other.

    others   entries of adjustments and payouts
    lines    member and amount by number, of each batch, without those that were dropped
    last_at  when the last posting of a payout counts
    """

    def __init__(self) -> None:
        self.naive = NaiveLedger()
        self.orders: list[Placed] = []
        self.others: list[Entry] = []
        self.refunds: dict[str, tuple[Placed, Refund]] = {}
        self.currencies: dict[str, str] = {}
        self.lines: dict[str, dict[int, tuple[str, int]]] = defaultdict(dict)
        self.last_at: dict[str, datetime] = {}

    def tell(self, position: int, event: Event) -> None:
        """The next event."""
        kind, asked = event["type"], event["data"].get("asked")
        if kind in _RELATIONS and asked:
            self.naive.apply(asked, source=event["source"], allow_no_plan=True)
        if kind == "OrderPlaced":
            self.orders.append(Placed(position, event["stream"], self.naive.orders[-1]))
        elif kind in {"OrderRefunded", "RefundReversed"}:
            self._refund(position, event)
        elif kind == "AdjustmentPosted":
            data = event["data"]
            accounts = ("house:adjustment", f"member:{data['member']}:available")
            self.others.append(_other(event["stream"], position, "adjustment", _time(data["value_at"]), accounts, data))
        elif kind.startswith("Payout"):
            self._payout(position, event)

    def _refund(self, position: int, event: Event) -> None:
        asked, source, at = event["data"]["asked"], event["source"], _time(event["occurred_at"])
        if event["type"] == "OrderRefunded":
            stream = _stream("order", asked["order"], source)
            order = next(placed for placed in self.orders if placed.stream == stream)
            self.refunds[event["stream"]] = order, order.take(position, at, asked["amount"])
            return
        order, refund = self.refunds[_stream("refund", asked["refund"], source)]
        back = [-minor for minor in refund.taken]
        order.refunds.append(Refund(position, max(at, refund.at), -refund.amount, back))

    def _payout(self, position: int, event: Event) -> None:
        kind, data, stream, at = event["type"], event["data"], event["stream"], _time(event["occurred_at"])
        if kind == "PayoutBatchPrepared":
            self.currencies[stream] = data["asked"]["currency"]
        elif kind == "PayoutBatchLines":
            self.lines[stream] |= {number: (member, amount) for number, member, amount, _ in data["lines"]}
        elif kind == "PayoutLinesDropped":
            for number, _ in data["lines"]:
                del self.lines[stream][number]
        elif kind == "PayoutBatchApproved":
            for number, (member, amount) in self.lines[stream].items():
                self.last_at[payout := f"payout{stream.removeprefix('batch')}.{number}"] = at
                accounts = (f"member:{member}:available", f"member:{member}:reserved")
                money = {"amount": amount, "currency": self.currencies[stream]}
                reserved = _other(payout, position, "reservation", at, accounts, money)
                self.others.append(reserved._replace(place=(position, 0, position, number)))
        elif (step := _step(kind, data)) is not None:
            name, accounts = step
            self.last_at[stream] = max(at, self.last_at[stream])
            self.others.append(_other(stream, position, name, self.last_at[stream], accounts, data))


def member_of(entry: Entry) -> str:
    """Whose it is."""
    account = entry.debit if entry.debit.startswith("member:") else entry.credit
    return account.removeprefix("member:").rpartition(":")[0]


def _step(kind: str, data: Event) -> tuple[str, tuple[str, str]] | None:
    """What a payout's event posts, if anything."""
    available, reserved = (f"member:{data.get('member')}:{part}" for part in ("available", "reserved"))
    if kind == "PayoutSubmitted" and data["attempt"] > 1:
        return "reservation", (available, reserved)
    return {
        "PayoutPaid": ("payment", (reserved, "house:payout")),
        "PayoutFailed": ("release", (reserved, available)),
        "PayoutReturned": ("return", ("house:payout", available)),
    }.get(kind)


def _other(  # an entry has that many fields
    stream: str, position: int, kind: str, at: datetime, accounts: tuple[str, str], data: Event
) -> Entry:
    """An entry of no order; a negative amount goes the other way round."""
    debit, credit = accounts if data["amount"] > 0 else accounts[::-1]
    place = (position, 0, position, 0)
    return Entry(place, stream, kind, None, position, at, debit, credit, data["currency"], abs(data["amount"]))


def _of_order(placed: Placed) -> Iterator[Entry]:
    expense, currency = "expense:commission", placed.order.record["currency"]
    for level, (outcome, member, earned) in enumerate(placed.order.outcomes, start=1):
        if outcome != "paid":
            continue
        pending, available = f"member:{member}:pending", f"member:{member}:available"
        found = [("accrual", placed.position, placed.at, expense, pending, earned)]
        matured = earned
        for refund in placed.refunds:
            minor = refund.taken[level - 1]
            is_held = refund.at < placed.available_at
            matured -= minor * is_held
            account = pending if is_held else available
            if minor > 0:
                found.append(("clawback", refund.position, refund.at, account, expense, minor))
            if minor < 0:
                found.append(("restoration", refund.position, refund.at, expense, account, -minor))
        if matured:
            way = (pending, available) if matured > 0 else (available, pending)
            found.append(("maturity", placed.position, placed.available_at, *way, abs(matured)))
        for kind, cause, at, debit, credit, minor in found:
            place = (placed.position, KINDS.index(kind), cause, level)
            yield Entry(place, placed.stream, kind, level, cause, at, debit, credit, currency, minor)


def _stream(kind: str, record_id: str, source: str) -> str:
    return f"{kind}-{record_id}" if source == "default" else f"{kind}@{source}/{record_id}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
