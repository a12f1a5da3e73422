"""The decision state of refunds: what went back of orders, and which refunds were reversed, as far as a batch asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.rules.refund import Refunded
from ledger.store.session import Row, Session, Table, load

_REFUNDS = load("ledger.store", "select_refunds")
_REVERSED = load("ledger.store", "select_reversed")

REFUND_TABLE = Table(
    "decision_refund", {"order_stream": "text", "position": "int8", "line": "int8", "amount_minor": "int8"}
)
REVERSAL_TABLE = Table("decision_reversal", {"refund_stream": "text", "position": "int8"})


class Money(NamedTuple):
    """What a refund takes of an order; line: the one it names, or None."""

    order_stream: str
    line: int | None
    amount_minor: int


class Refunds:
    """At the head, kept current while a batch is decided."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._refunded: dict[str, Refunded] = {}
        self._reversed: set[str] = set()
        self._new_refunds: list[Row] = []
        self._new_reversals: list[Row] = []

    def read(self, orders: Sequence[str], refunds: Sequence[str]) -> None:
        """Reads what went back of these orders, and which of these refunds were reversed; all by stream."""
        if orders:
            for order, line, amount_minor in self._session.rows(_REFUNDS, keys=orders):
                self._refunded[order] = self.refunded_of(order).plus(amount_minor, line)
        if refunds:
            self._reversed.update(row[0] for row in self._session.rows(_REVERSED, keys=refunds))

    def refunded_of(self, order_stream: str) -> Refunded:
        """What went back of an order and was not reversed."""
        return self._refunded.get(order_stream) or Refunded()

    def is_reversed(self, refund_stream: str) -> bool:
        """Whether a refund was given back (R-4)."""
        return refund_stream in self._reversed

    def add(self, money: Money, position: int) -> None:
        """A refund was taken at this position."""
        order_stream, line, amount_minor = money
        self._refunded[order_stream] = self.refunded_of(order_stream).plus(amount_minor, line)
        self._new_refunds.append((order_stream, position, line, amount_minor))

    def reverse(self, refund_stream: str, money: Money, position: int) -> None:
        """A refund was reversed at this position: of its order that much less went back."""
        self.add(money._replace(amount_minor=-money.amount_minor), position)
        self._reversed.add(refund_stream)
        self._new_reversals.append((refund_stream, position))

    def write(self) -> None:
        """Writes the changes of the batch, in the transaction that appends it."""
        if self._new_refunds:
            self._session.insert(REFUND_TABLE, self._new_refunds)
        if self._new_reversals:
            self._session.insert(REVERSAL_TABLE, self._new_reversals)
