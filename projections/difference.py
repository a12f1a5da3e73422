"""Two sets of balances side by side: who gains, who loses, and how much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from projections.balances import Balance


@dataclass(frozen=True, slots=True)
class Change:
    """One member's balance in two replays; minor units.

    net     earned - clawed_back + adjusted: what the member made in all
    change  net_after - net_before
    """

    member: str
    currency: str
    net_before: int
    net_after: int
    change: int
    available_before: int
    available_after: int


@dataclass(frozen=True, slots=True)
class ChangeTotals:
    """All changes of one currency; minor units.

    gaining, losing  how many members get more, less
    gained, lost     how much in all, both >= 0
    """

    currency: str
    members: int
    gaining: int
    losing: int
    gained: int
    lost: int
    change: int
    net_before: int
    net_after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two replays.

    totals   by currency, also of members that do not differ
    changes  everyone whose balance differs at all, the largest change first
    """

    totals: list[ChangeTotals]
    changes: list[Change]


def compare(before: Iterable[Balance], after: Iterable[Balance]) -> Difference:
    """Balances before and after, each member and currency at most once on either side."""
    olds = {(row.member, row.currency): row for row in before}
    pairs: list[tuple[Balance, Balance]] = []
    for new in after:
        old = olds.pop((new.member, new.currency), None)
        pairs.append((old or Balance(member=new.member, currency=new.currency), new))
    pairs += [(old, Balance(member=old.member, currency=old.currency)) for old in olds.values()]
    changes = [_change(old, new) for old, new in pairs if old != new]
    changes.sort(key=lambda row: (-abs(row.change), row.member.encode(), row.currency))
    return Difference(_totals(pairs), changes)


def _net(balance: Balance) -> int:
    return balance.earned - balance.clawed_back + balance.adjusted


def _change(old: Balance, new: Balance) -> Change:
    return Change(
        member=old.member,
        currency=old.currency,
        net_before=_net(old),
        net_after=_net(new),
        change=_net(new) - _net(old),
        available_before=old.available,
        available_after=new.available,
    )


def _totals(pairs: Iterable[tuple[Balance, Balance]]) -> list[ChangeTotals]:
    nets: dict[str, list[tuple[int, int]]] = {}
    for old, new in pairs:
        nets.setdefault(old.currency, []).append((_net(old), _net(new)))
    return [_total(currency, nets[currency]) for currency in sorted(nets)]


def _total(currency: str, nets: list[tuple[int, int]]) -> ChangeTotals:
    before, after = sum(old for old, _ in nets), sum(new for _, new in nets)
    gains = [new - old for old, new in nets if new > old]
    losses = [old - new for old, new in nets if new < old]
    return ChangeTotals(
        currency=currency,
        members=len(nets),
        gaining=len(gains),
        losing=len(losses),
        gained=sum(gains),
        lost=sum(losses),
        change=after - before,
        net_before=before,
        net_after=after,
    )
