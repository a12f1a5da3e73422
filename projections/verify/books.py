"""What the outcomes of orders come to at (T, P): balances, totals, levels, outcomes and the digest (S-1, S-3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ledger.canonical import quoted
from ledger.plan import LEVELS
from ledger.rules.accrual import Levels
from ledger.tree.hashing import RootBuilder
from projections.verify.facts import Placed

MONEY = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")


class Clawback(NamedTuple):
    """What a refund took back of each level, and when it counts (R-2, R-3)."""

    position: int
    value_at: str
    amount_minor: int
    minor: tuple[int, ...]


class OrderTaker(Protocol):
    """Takes every order, with what became of its levels, and all that later refunds take back of them.

    Without a plan nothing matures, and `available_at` is empty.
    """

    def __call__(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...], /) -> None:
        """The next order."""
        ...


class Account:
    """One member's in one currency, minor units."""

    __slots__ = ("clawed_back", "earned", "pending")

    def __init__(self) -> None:
        self.earned = self.clawed_back = self.pending = 0

    @property
    def available(self) -> int:
        """What is neither lost nor on hold (S-1)."""
        return self.earned - self.clawed_back - self.pending


class _Level:
    """One level in one currency, as `replay` counts it."""

    __slots__ = ("base_minor", "clawback_minor", "commission_minor", "earners", "orders", "refund_base_minor")

    def __init__(self) -> None:
        self.orders = self.base_minor = self.commission_minor = self.clawback_minor = self.refund_base_minor = 0
        self.earners: set[str] = set()

    def figures(self) -> dict[str, int]:
        return {
            "orders": self.orders,
            "base_minor": self.base_minor,
            "commission_minor": self.commission_minor,
            "clawback_minor": self.clawback_minor,
            "refund_base_minor": self.refund_base_minor,
            "members": len(self.earners),
        }


class Books:
    """Sums up orders as they come. as_of: T, canonical text."""

    def __init__(self, as_of: str) -> None:
        self._as_of = as_of
        self._accounts: dict[str, dict[str, Account]] = {}
        self._levels: dict[str, list[_Level]] = {}
        # By the reasons of all levels of an order.
        self._outcomes: Counter[tuple[str, str, str]] = Counter()

    def take(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...]) -> None:
        """An order with occurred_at <= T."""
        currency, base_minor = order.currency, order.amount_minor
        totals = self._levels.get(currency)
        if totals is None:
            totals = self._levels[currency] = [_Level() for _ in range(LEVELS)]
            self._accounts.setdefault(currency, {})
        accounts, is_pending = self._accounts[currency], available_at > self._as_of
        one, two, three = levels
        self._outcomes[one[0], two[0], three[0]] += 1
        for total, (reason, beneficiary, minor) in zip(totals, levels, strict=True):
            if beneficiary is None:
                continue
            total.orders += 1
            total.base_minor += base_minor
            if reason == "paid":
                account = accounts.get(beneficiary)
                if account is None:
                    account = accounts[beneficiary] = Account()
                account.earned += minor
                if is_pending:
                    account.pending += minor
                total.commission_minor += minor
                total.earners.add(beneficiary)
        for clawback in clawbacks:
            if clawback.value_at <= self._as_of:
                self._take_back(currency, levels, clawback, is_pending=is_pending)

    def _take_back(self, currency: str, levels: Levels, clawback: Clawback, *, is_pending: bool) -> None:
        for total, (_, beneficiary, _), minor in zip(self._levels[currency], levels, clawback.minor, strict=True):
            if beneficiary is None:
                continue
            total.refund_base_minor += clawback.amount_minor
            total.clawback_minor += minor
            if minor:
                account = self._accounts[currency][beneficiary]
                account.clawed_back += minor
                account.pending -= minor * is_pending

    def balances(self) -> Iterator[tuple[str, str, Account]]:
        """Member, currency and account, by member, then currency, bytewise (S-3)."""
        members = {member for accounts in self._accounts.values() for member in accounts}
        currencies = sorted(self._accounts)
        for member in sorted(members, key=str.encode):
            for currency in currencies:
                account = self._accounts[currency].get(member)
                if account is not None:
                    yield member, currency, account

    def digest(self) -> str:
        """The digest of (T, P), 64 hex digits."""
        root = RootBuilder()
        for balance in self.balances():
            root.add(_line(*balance).encode())
        return root.root().hex()

    def totals(self) -> dict[str, dict[str, int]]:
        """All balances of a currency together."""
        return {currency: _total(accounts) for currency, accounts in sorted(self._accounts.items()) if accounts}

    def levels(self) -> dict[str, dict[str, dict[str, int]]]:
        """By currency, then level."""
        return {
            currency: {str(level): row.figures() for level, row in enumerate(rows, start=1)}
            for currency, rows in sorted(self._levels.items())
        }

    def outcomes(self) -> dict[str, int]:
        """How many levels of orders had each reason."""
        counts: Counter[str] = Counter()
        for reasons, orders in self._outcomes.items():
            for reason in reasons:
                counts[reason] += orders
        return dict(sorted(counts.items()))


def _line(member: str, currency: str, account: Account) -> str:
    """The canonical JSON of one balance; nothing of this version adjusts, reserves or pays (S-3)."""
    return (
        f'{{"adjusted":0,"available":{account.available},"clawed_back":{account.clawed_back},'
        f'"currency":{quoted(currency)},"earned":{account.earned},"member":{quoted(member)},'
        f'"paid":0,"pending":{account.pending},"reserved":0}}'
    )


def _total(accounts: dict[str, Account]) -> dict[str, int]:
    earned = sum(account.earned for account in accounts.values())
    clawed_back = sum(account.clawed_back for account in accounts.values())
    pending = sum(account.pending for account in accounts.values())
    available = earned - clawed_back - pending
    figures = (earned, clawed_back, 0, pending, available, 0, 0)
    return {**dict(zip(MONEY, figures, strict=True)), "members": len(accounts)}
