"""The live tables against the second engine, at their checkpoint: every balance, and every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from ledger.findings import Finding, differing
from ledger.store.session import Row, Table
from projections.balances import Balance
from projections.books import Books
from projections.commissions import NAME, ORDER_OUTCOME, ORDER_REFUND, TEAM_BINDING
from projections.replay.summary import balances_of
from projections.runner import Progress

MEMBERS_MAX = 100
ORDERS_MAX = 20

_AMOUNTS = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")

# A balance as it is and as it must be; None: there is none.
Unlike = tuple[Balance | None, Balance | None]


@dataclass(frozen=True, slots=True)
class Compared:
    """A live table whose rows are compared one by one.

    kept       a condition on its rows: what is dated after T is in the table, but in no figure as of T
    key        columns of its key
    subject    the column that says what a row is about
    positions  columns that hold positions of the events behind a row
    """

    table: Table
    kept: LiteralString
    key: LiteralString
    subject: str
    positions: tuple[str, ...]


_COMPARED = (
    Compared(ORDER_OUTCOME, "occurred_at_us <= as_of_us()", "position", "order_stream", ("position",)),
    Compared(
        ORDER_REFUND,
        "value_at_us <= as_of_us()",
        "order_position, position",
        "refund_stream",
        ("order_position", "position"),
    ),
    Compared(TEAM_BINDING, "true", "member, position", "bind", ("position",)),
)


def check_projection(books: Books, progress: Progress) -> Iterator[Finding]:
    """Every balance and every row of the live tables is the second engine's, as of T at the checkpoint.

    It decides every binding again, so the two share neither rules nor decisions: what is found here may be wrong on
    either side (X-2). A balance that differs is shown with the orders behind it.

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    live, head = books.read(progress)
    if live.position > head:
        yield Finding(f"checkpoint of {NAME}", f"is {live.position}, but the log ends at {head}")
    question = books.expect(min(live.position, head), progress)
    yield from _balances(books, list(_unlike(live.balances, balances_of(question))))
    for compared in _COMPARED:
        yield from _rows(books, compared)
    yield from _lists(books)


def _unlike(live: Iterable[Balance], expected: Iterable[Balance]) -> Iterator[Unlike]:
    """Balances that differ; both sides come in order (S-3)."""
    lives, others = iter(live), iter(expected)
    found, wanted = next(lives, None), next(others, None)
    while found is not None or wanted is not None:
        if wanted is None or (found is not None and _place(found) < _place(wanted)):
            yield found, None
            found = next(lives, None)
        elif found is None or _place(wanted) < _place(found):
            yield None, wanted
            wanted = next(others, None)
        else:
            if found != wanted:
                yield found, wanted
            found, wanted = next(lives, None), next(others, None)


def _place(balance: Balance) -> tuple[bytes, bytes]:
    return balance.member.encode(), balance.currency.encode()


def _balances(books: Books, unlike: Sequence[Unlike]) -> Iterator[Finding]:
    # Of more members nobody reads.
    members = sorted({one.member for pair in unlike[:MEMBERS_MAX] for one in pair if one is not None})
    behind: dict[tuple[str, str], list[int]] = {}
    for member, currency, position in books.find("orders_behind", members=members) if members else ():
        behind.setdefault((member, currency), []).append(position)
    for pair in unlike:
        found, expected = pair
        member, currency = next((one.member, one.currency) for one in pair if one is not None)
        orders = behind.get((member, currency), [])
        why = f"orders that differ: {len(orders)}" if orders else "its orders agree"
        message = f"is {_amounts(found)} instead of {_amounts(expected)}; {why}"
        yield Finding(f"balance of {member} in {currency}", message, tuple(orders[:ORDERS_MAX]))


def _amounts(balance: Balance | None) -> str:
    if balance is None:
        return "none"
    return " ".join(f"{name}={getattr(balance, name)}" for name in _AMOUNTS)


def _rows(books: Books, compared: Compared) -> Iterator[Finding]:
    columns = list(compared.table.columns)
    for found, expected in books.differences(compared.table.name, kept=compared.kept, key=compared.key):
        # Either side may be missing; what both have, the key above all, is the same on both.
        row: Row = tuple(
            is_now if is_now is not None else must_be for is_now, must_be in zip(found, expected, strict=True)
        )
        named: dict[str, Any] = dict(zip(columns, row, strict=True))
        positions = tuple(named[name] for name in compared.positions)
        subject = f"{compared.table.name} {named[compared.subject]} at position {named['position']}"
        yield Finding(subject, differing(columns, found, expected), positions)


def _lists(books: Books) -> Iterator[Finding]:
    """Which orders concern whom: what the balance of one member is worked out from."""
    for position, member, is_listed, is_concerned, _, _ in books.find("lists_otherwise"):
        if not is_listed:
            message = "does not list the order, which concerns them"
        elif not is_concerned:
            message = "lists the order, which does not concern them"
        else:
            message = "lists the order as over before it is"
        yield Finding(f"member_order of {member}", message, (position,))
