"""Everybody's money at some instants, as known at the position that is reached: balances, what is payable (S-1, X-1).

The instants are those that batches and periods of the log are about, known before. So of all postings only sums are
kept: for each member what falls between two of these instants.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from ledger.rules.accrual import Levels
from projections.verify.books import Balance, Clawback
from projections.verify.facts import Placed
from projections.verify.moves import Move

# Sums of postings between two instants. MATURE: what came out of its hold, or was taken from and given to what had.
# CREDIT: credits of `available`, of which payable counts those by T.
_EARNED, _CLAWED_BACK, _MATURE, _ADJUSTED, _RESERVED, _PAID, _CREDIT = range(7)
_NOTHING = (0,) * 7


class _Account:
    """A member's in one currency.

    always  what payable counts whatever its time: debits of `available` and releases (X-1)
    sums    by the number of the first instant that they count at
    """

    __slots__ = ("always", "sums")

    def __init__(self) -> None:
        self.always = 0
        self.sums: dict[int, list[int]] = {}

    def at(self, number: int) -> list[int]:
        """The sums that count from an instant on."""
        sums = self.sums.get(number)
        if sums is None:
            sums = self.sums[number] = [*_NOTHING]
        return sums

    def payable(self, number: int) -> int:
        """At an instant (X-1)."""
        return self.always + sum([sums[_CREDIT] for first, sums in self.sums.items() if first <= number])

    def total(self, number: int) -> Sequence[int] | None:
        """All that counts at an instant; None: nothing does."""
        counted = [sums for first, sums in self.sums.items() if first <= number]
        return [sum(column) for column in zip(*counted, strict=True)] if counted else None


class Standings:
    """Takes postings in order of position. instants: canonical texts, sorted, each once."""

    def __init__(self, instants: Sequence[str]) -> None:
        self._instants = instants
        self._currencies: dict[str, dict[str, _Account]] = {}

    def take(self, order: Placed, available_at: str, levels: Levels) -> None:
        """What an order accrues, and what of it matures."""
        accrued, matured = self._number(order.at), self._number(available_at)
        for reason, member, minor in levels:
            if reason == "paid" and member is not None:
                account = self._account(order.currency, member)
                if accrued is not None:
                    account.at(accrued)[_EARNED] += minor
                if matured is not None:
                    sums = account.at(matured)
                    sums[_MATURE] += minor
                    sums[_CREDIT] += minor

    def take_back(self, currency: str, available_at: str, levels: Levels, clawback: Clawback) -> None:
        """What a refund takes, or its reversal gives back."""
        is_held = clawback.value_at < available_at
        counted = self._number(clawback.value_at)
        matured = self._number(available_at) if is_held else counted
        for (_, member, _), minor in zip(levels, clawback.minor, strict=True):
            if not minor or member is None:
                continue
            account = self._account(currency, member)
            if counted is not None:
                account.at(counted)[_CLAWED_BACK] += minor
            if matured is not None:
                account.at(matured)[_MATURE] -= minor
            if not is_held and minor > 0:
                account.always -= minor
            elif matured is not None:
                account.at(matured)[_CREDIT] -= minor

    def move(self, move: Move) -> None:
        """What an adjustment or a payout moves."""
        account, number = self._account(move.currency, move.member), self._number(move.value_at)
        if number is not None:
            sums = account.at(number)
            sums[_ADJUSTED] += move.adjusted
            sums[_RESERVED] += move.reserved
            sums[_PAID] += move.paid
            sums[_CREDIT] += max(move.adjusted, 0)
        account.always += min(move.adjusted, 0) - move.reserved - move.paid

    def payable(self, currency: str, as_of: str, member: str) -> int:
        """Payable(T, P) of a member: T is one of the instants, P the position that is reached."""
        account = self._currencies.get(currency, {}).get(member)
        return 0 if account is None else account.payable(bisect_left(self._instants, as_of))

    def balances(self, as_of: str) -> Iterator[tuple[Balance, int]]:
        """Every balance at an instant, by member, then currency, bytewise (S-3); and what is payable."""
        number = bisect_left(self._instants, as_of)
        currencies = sorted(self._currencies.items())
        members = {member for _, accounts in currencies for member in accounts}
        for member in sorted(members, key=str.encode):
            for currency, accounts in currencies:
                account = accounts.get(member)
                total = None if account is None else account.total(number)
                if account is not None and total is not None:
                    earned, clawed_back, mature, adjusted, reserved, paid, _ = total
                    pending = earned - clawed_back - mature
                    money = (earned, clawed_back, adjusted, pending, reserved, paid)
                    yield Balance(member, currency, *money), account.payable(number)

    def _account(self, currency: str, member: str) -> _Account:
        accounts = self._currencies.get(currency)
        if accounts is None:
            accounts = self._currencies[currency] = {}
        account = accounts.get(member)
        if account is None:
            account = accounts[member] = _Account()
        return account

    def _number(self, at: str) -> int | None:
        """Of the first instant that a time counts at; None: it counts at none of them."""
        number = bisect_left(self._instants, at)
        return number if number < len(self._instants) else None
