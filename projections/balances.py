"""Balances: what each member earned, lost again, has on hold and can be paid, at (T, P) (rules S-1 and S-3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.canonical import quoted
from ledger.clock import to_micros
from ledger.store.session import Session, load
from ledger.tree.hashing import RootBuilder, leaf_hashes

_ALL = load("projections", "select_balances")
_ONE = load("projections", "select_balances_of")


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One member's balance in one currency, minor units.

    earned - clawed_back + adjusted = pending + available + reserved + paid (S-1)
    """

    member: str
    currency: str
    earned: int = 0
    clawed_back: int = 0
    adjusted: int = 0
    pending: int = 0
    available: int = 0
    reserved: int = 0
    paid: int = 0


def balances_at(session: Session, as_of: datetime, members: Sequence[str] = ()) -> list[Balance]:
    """The balances of all members, or of some, from the projection's tables at its checkpoint.

    Args:
        session: of a store with the projection's tables.
        as_of: business time T.
        members: empty for all.

    Returns:
        One per member and currency with a posting by T, sorted by member, then currency, bytewise.
    """
    at = to_micros(as_of)
    if members:
        rows = [row for member in sorted(set(members)) for row in session.rows(_ONE, as_of=at, member=member)]
    else:
        rows = session.rows(_ALL, as_of=at)
    found = [
        Balance(
            member=member,
            currency=currency,
            earned=earned,
            clawed_back=clawed_back,
            adjusted=adjusted,
            pending=pending,
            available=earned - clawed_back + adjusted - pending - reserved - paid,
            reserved=reserved,
            paid=paid,
        )
        for member, currency, earned, clawed_back, adjusted, pending, reserved, paid in rows
    ]
    return in_order(found)


def in_order(balances: Iterable[Balance]) -> list[Balance]:
    """Sorted by member, then currency, by their UTF-8 bytes (S-3)."""
    return sorted(balances, key=lambda balance: (balance.member.encode(), balance.currency.encode()))


def line_of(balance: Balance) -> str:
    """The canonical JSON of one balance, without a line end (S-3)."""
    return (
        f'{{"adjusted":{balance.adjusted},"available":{balance.available},"clawed_back":{balance.clawed_back},'
        f'"currency":{quoted(balance.currency)},"earned":{balance.earned},"member":{quoted(balance.member)},'
        f'"paid":{balance.paid},"pending":{balance.pending},"reserved":{balance.reserved}}}'
    )


def digest(balances: Iterable[Balance]) -> str:
    """The digest of balances in order: RFC 6962 root of their canonical lines, 64 hex digits (S-3)."""
    root = RootBuilder()
    root.extend(leaf_hashes([line_of(balance).encode() for balance in balances]))
    return root.root().hex()
