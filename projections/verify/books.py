"""What the outcomes of orders come to at (T, P): balances, totals, levels, outcomes and the digest (S-1, S-3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from ledger.canonical import quoted
from ledger.plan import LEVELS
from ledger.rules.accrual import Levels
from ledger.tree.hashing import RootBuilder
from projections.verify.facts import Placed
from projections.verify.moves import Move

MONEY = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")


class Clawback(NamedTuple):
    """What a refund took back of each level, and when it counts (R-2, R-3); of its reversal less than 0 (R-4)."""

    position: int
    value_at: str
    amount_minor: int
    minor: tuple[int, ...]


class Taker(Protocol):
    """Takes what performing the log gives, in order of position."""

    def take(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...], /) -> None:
        """An order with what became of its levels, and all that later refunds take back of them.

        Without a plan nothing matures, and `available_at` is empty.
        """
        ...

    def move(self, move: Move, /) -> None:
        """What an adjustment or a payout moves."""
        ...


class Balance(NamedTuple):
    """One member's in one currency, minor units (S-1)."""

    member: str
    currency: str
    earned: int
    clawed_back: int
    adjusted: int
    pending: int
    reserved: int
    paid: int

    @property
    def available(self) -> int:
        """What is neither lost, nor on hold, nor on its way."""
        return self.earned - self.clawed_back + self.adjusted - self.pending - self.reserved - self.paid


# An account: what was earned on each level, then these.
_CLAWED_BACK, _PENDING = LEVELS, LEVELS + 1
_Account = list[int]
_UNMOVED = (0, 0, 0)
# Levels with these outcomes have nobody on them.
_NOBODY = frozenset({"no_plan", "chain_ended", "released", "expired", "not_bound"})
_Reasons = tuple[str, str, str]


class _Currency:
    """All that is of one currency.

    accounts  by member
    moved     by member: what was adjusted, is reserved, was paid; of few
    orders    how many came to these outcomes, and what was paid for them
    taken     of each level: what was clawed back, and what was refunded of orders with somebody there
    """

    __slots__ = ("accounts", "moved", "orders", "taken")

    def __init__(self) -> None:
        self.accounts: dict[str, _Account] = defaultdict(lambda: [0] * (_PENDING + 1))
        self.moved: dict[str, list[int]] = {}
        self.orders: dict[_Reasons, list[int]] = defaultdict(lambda: [0, 0])
        self.taken = [[0, 0] for _ in range(LEVELS)]

    def level(self, index: int) -> dict[str, int]:
        """The figures of a level, counted from 0."""
        on_it = [counts for reasons, counts in self.orders.items() if reasons[index] not in _NOBODY]
        earned = [account[index] for account in self.accounts.values() if account[index]]
        clawback_minor, refund_base_minor = self.taken[index]
        return {
            "orders": sum(orders for orders, _ in on_it),
            "base_minor": sum(base_minor for _, base_minor in on_it),
            "commission_minor": sum(earned),
            "clawback_minor": clawback_minor,
            "refund_base_minor": refund_base_minor,
            "members": len(earned),
        }

    def total(self) -> dict[str, int]:
        """All balances together."""
        earned = sum(sum(account[:LEVELS]) for account in self.accounts.values())
        clawed_back = sum(account[_CLAWED_BACK] for account in self.accounts.values())
        pending = sum(account[_PENDING] for account in self.accounts.values())
        adjusted, reserved, paid = (sum(moved[index] for moved in self.moved.values()) for index in range(3))
        available = earned - clawed_back + adjusted - pending - reserved - paid
        figures = (earned, clawed_back, adjusted, pending, available, reserved, paid)
        return {**dict(zip(MONEY, figures, strict=True)), "members": len(self.accounts.keys() | self.moved.keys())}

    def balance(self, member: str, currency: str) -> Balance | None:
        """A member's, if they have one."""
        account, moved = self.accounts.get(member), self.moved.get(member)
        if account is None and moved is None:
            return None
        *earned, clawed_back, pending = account or [0] * (_PENDING + 1)
        adjusted, reserved, paid = moved or _UNMOVED
        return Balance(member, currency, sum(earned), clawed_back, adjusted, pending, reserved, paid)


class Books:
    """Sums up orders as they come. as_of: T, canonical text."""

    def __init__(self, as_of: str) -> None:
        self._as_of = as_of
        self._currencies: dict[str, _Currency] = {}

    def take(self, order: Placed, available_at: str, levels: Levels, clawbacks: tuple[Clawback, ...]) -> None:
        """An order; of it, what counts by T."""
        if order.at > self._as_of:
            return
        books = self._of(order.currency)
        (one, _, _), (two, _, _), (three, _, _) = levels
        counts = books.orders[one, two, three]
        counts[0] += 1
        counts[1] += order.amount_minor
        accounts, is_pending = books.accounts, available_at > self._as_of
        for index, (_, beneficiary, minor) in enumerate(levels):
            # Who is not paid has no commission.
            if minor and beneficiary is not None:
                account = accounts[beneficiary]
                account[index] += minor
                if is_pending:
                    account[_PENDING] += minor
        for clawback in clawbacks:
            if clawback.value_at <= self._as_of:
                _take_back(books, levels, clawback, is_pending=is_pending)

    def move(self, move: Move) -> None:
        """What an adjustment or a payout moves, if it counts by T."""
        if move.value_at <= self._as_of:
            moved = self._of(move.currency).moved.setdefault(move.member, [*_UNMOVED])
            for index, minor in enumerate((move.adjusted, move.reserved, move.paid)):
                moved[index] += minor

    def _of(self, currency: str) -> _Currency:
        books = self._currencies.get(currency)
        if books is None:
            books = self._currencies[currency] = _Currency()
        return books

    def balances(self) -> Iterator[Balance]:
        """By member, then currency, bytewise (S-3)."""
        currencies = sorted(self._currencies.items())
        members = {member for _, books in currencies for member in (*books.accounts, *books.moved)}
        for member in sorted(members, key=str.encode):
            for currency, books in currencies:
                if (balance := books.balance(member, currency)) is not None:
                    yield balance

    def digest(self) -> str:
        """The digest of (T, P), 64 hex digits."""
        return digest_of(self.balances())

    def totals(self) -> dict[str, dict[str, int]]:
        """All balances of each currency together."""
        return {
            currency: books.total()
            for currency, books in sorted(self._currencies.items())
            if books.accounts or books.moved
        }

    def levels(self) -> dict[str, dict[str, dict[str, int]]]:
        """By currency, then level."""
        return {
            currency: {str(index + 1): books.level(index) for index in range(LEVELS)}
            for currency, books in sorted(self._currencies.items())
            if books.orders
        }

    def outcomes(self) -> dict[str, int]:
        """How many levels of orders had each reason."""
        counts: Counter[str] = Counter()
        for books in self._currencies.values():
            for reasons, (orders, _) in books.orders.items():
                for reason in reasons:
                    counts[reason] += orders
        return dict(sorted(counts.items()))


def _take_back(books: _Currency, levels: Levels, clawback: Clawback, *, is_pending: bool) -> None:
    for taken, (_, beneficiary, _), minor in zip(books.taken, levels, clawback.minor, strict=True):
        if beneficiary is None:
            continue
        taken[0] += minor
        taken[1] += clawback.amount_minor
        if minor:
            account = books.accounts[beneficiary]
            account[_CLAWED_BACK] += minor
            account[_PENDING] -= minor * is_pending


def digest_of(balances: Iterable[Balance]) -> str:
    """The digest over balances in their order, 64 hex digits (S-3)."""
    root = RootBuilder()
    for balance in balances:
        root.add(_line(balance).encode())
    return root.root().hex()


def _line(balance: Balance) -> str:
    """The canonical JSON of one balance (S-3)."""
    return (
        f'{{"adjusted":{balance.adjusted},"available":{balance.available},"clawed_back":{balance.clawed_back},'
        f'"currency":{quoted(balance.currency)},"earned":{balance.earned},"member":{quoted(balance.member)},'
        f'"paid":{balance.paid},"pending":{balance.pending},"reserved":{balance.reserved}}}'
    )
