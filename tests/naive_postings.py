"""The postings of S-2 written down one by one, and what follows from them: a slow and plain reading of the rule book.

It takes who stands on which level of an order as given, and shares nothing with the SQL but the relations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.relations import Relations

EXPENSE, PAYOUT, ADJUSTMENT = "expense:commission", "house:payout", "house:adjustment"

# Beneficiary and commission of each level of an order, or None.
Levels = Mapping[int, Sequence[tuple[str, int] | None]]


class Posting(NamedTuple):
    """An amount > 0 from one account to another."""

    order: str
    kind: str
    level: int | None
    position: int
    value_at_us: int
    debit: str
    credit: str
    currency: str
    amount: int


class Books:
    """All postings of positions up to P."""

    def __init__(self, relations: Relations, levels: Levels, at_position: int) -> None:
        self._upto = at_position
        self._rows: dict[str, list[tuple[Any, ...]]] = {
            name: [row for row in rows if name == "member_name" or _position(name, row) <= at_position]
            for name, rows in relations.rows.items()
        }
        self._names = relations.names
        self._plans: dict[Any, tuple[Any, ...]] = {row[0]: row for row in relations.rows["plan_term"]}
        self.postings = [*self._of_orders(levels), *self._of_adjustments(), *self._of_payouts()]

    def accounts(self, as_of_us: int) -> dict[tuple[str, str], int]:
        """Credits less debits of every account and currency, by postings dated up to T."""
        sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        for posting in self.postings:
            if posting.value_at_us <= as_of_us:
                sums[posting.debit, posting.currency] -= posting.amount
                sums[posting.credit, posting.currency] += posting.amount
        return sums

    def balances(self, as_of_us: int) -> dict[tuple[str, str], tuple[int, ...]]:
        """Earned, clawed back, adjusted, pending, available, reserved, paid; by member and currency."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 7)
        for posting in self.postings:
            if posting.value_at_us > as_of_us:
                continue
            for account, sign in ((posting.debit, -1), (posting.credit, 1)):
                if not account.startswith("member:"):
                    continue
                _, member, part = account.split(":")
                row = found[member, posting.currency]
                signed = sign * posting.amount
                row[3 + ("pending", "available", "reserved").index(part)] += signed
                row[0] += signed * (posting.kind == "accrual")
                row[1] -= signed * (posting.kind in {"clawback", "restoration"})
                row[2] += signed * (posting.kind == "adjustment")
                row[6] -= signed * (PAYOUT in {posting.debit, posting.credit})
        return {key: tuple(row) for key, row in found.items()}

    def payable(self, as_of_us: int, member: str, currency: str) -> int:
        """Credits of `available` by T, less all its debits, with all its releases (X-1)."""
        account, total = f"member:{member}:available", 0
        for posting in self.postings:
            if posting.currency != currency:
                continue
            if posting.debit == account:
                total -= posting.amount
            elif posting.credit == account and (
                posting.kind in {"release", "return"} or posting.value_at_us <= as_of_us
            ):
                total += posting.amount
        return total

    def _of_orders(self, levels: Levels) -> Iterator[Posting]:
        for order in self._rows["order_fact"]:
            for level, found in enumerate(levels.get(order[0], ()), start=1):
                if found is not None:
                    yield from self._of_level(order, level, *found)

    def _of_level(self, order: Sequence[Any], level: int, member: str, accrual: int) -> Iterator[Posting]:
        """Accrual, clawbacks, restorations and maturity of a level; amounts of 0 are left out."""
        position, at_us, _, currency, paid, plan = order
        terms = self._plans[plan]
        available_us = at_us + terms[7]
        stream, running, refunded, matures = f"order-{position}", accrual, 0, accrual
        taken: dict[int, tuple[int, int]] = {}
        pending, available = f"member:{member}:pending", f"member:{member}:available"
        yield Posting(stream, "accrual", level, position, at_us, EXPENSE, pending, currency, accrual)
        for place, when_us, refund, amount in self._steps(position):
            if place == refund:
                refunded += amount
                left = _share(paid - refunded, terms[2 + level], terms[6])
                minor, value_us = max(0, running - left), max(when_us, at_us)
                running -= minor
                taken[refund] = minor, value_us
                kind, sign = "clawback", -1
            else:
                refunded -= amount
                minor, value_us = taken[refund][0], max(when_us, taken[refund][1])
                running += minor
                kind, sign = "restoration", 1
            account = pending if value_us < available_us else available
            matures += sign * minor * (value_us < available_us)
            debit, credit = (account, EXPENSE) if kind == "clawback" else (EXPENSE, account)
            if minor:
                yield Posting(stream, kind, level, place, value_us, debit, credit, currency, minor)
        if matures:
            yield Posting(stream, "maturity", level, position, available_us, pending, available, currency, matures)

    def _steps(self, order: int) -> list[tuple[int, int, int, int]]:
        """Refunds and reversals of an order by position: position, time, position of the refund, its amount."""
        refunds = {row[0]: row for row in self._rows["refund_fact"] if row[2] == order}
        steps = [(row[0], row[1], row[0], row[3]) for row in refunds.values()]
        steps += [
            (row[0], row[1], row[2], refunds[row[2]][3]) for row in self._rows["reversal_fact"] if row[2] in refunds
        ]
        return sorted(steps)

    def _of_adjustments(self) -> Iterator[Posting]:
        for position, kind, at_us, member, currency, amount, _, stream in self._rows["adjustment_fact"]:
            if kind == "posted":
                account = f"member:{self._names[member - 1]}:available"
                debit, credit = (ADJUSTMENT, account) if amount > 0 else (account, ADJUSTMENT)
                yield Posting(stream, "adjustment", None, position, at_us, debit, credit, currency, abs(amount))

    def _of_payouts(self) -> Iterator[Posting]:
        approvals = {row[2]: row for row in self._rows["batch_fact"] if row[1] == "approved"}
        currencies = {row[2]: row[5] for row in self._rows["batch_fact"] if row[1] == "prepared"}
        dropped = {(row[1], row[2]) for row in self._rows["drop_fact"]}
        for _, batch, number, member, amount, _ in self._rows["line_fact"]:
            if batch not in approvals or (batch, number) in dropped:
                continue
            moves = [(approvals[batch][0], "approved", approvals[batch][3], 1)]
            moves += [
                (row[0], row[1], row[2], row[5]) for row in self._rows["payout_fact"] if row[3:5] == (batch, number)
            ]
            stream = f"payout-{batch.removeprefix('batch-')}.{number}"
            before_us = -(1 << 62)
            for position, kind, at_us, attempt in sorted(moves):
                move = _moved(kind, attempt)
                if move is None:
                    continue
                before_us = max(before_us, at_us)
                holder = str(self._names[member - 1])
                name, debit, credit = (text.replace("MEMBER", holder) for text in move)
                yield Posting(stream, name, None, position, before_us, debit, credit, currencies[batch], amount)


def _moved(kind: str, attempt: int) -> tuple[str, str, str] | None:
    available, reserved = "member:MEMBER:available", "member:MEMBER:reserved"
    if kind == "approved" or (kind == "submitted" and attempt > 1):
        return "reservation", available, reserved
    moves = {
        "paid": ("payment", reserved, PAYOUT),
        "failed": ("release", reserved, available),
        "returned": ("return", PAYOUT, available),
    }
    return moves.get(kind)


def _position(name: str, row: Sequence[Any]) -> int:
    return row[1] if name == "plan_term" else row[0]


def _share(base: int, rate_ppm: int, rounding: str) -> int:
    whole, rest = divmod(base * rate_ppm, 1_000_000)
    up = rest > 500_000 or (rest == 500_000 and (rounding == "half_up" or whole % 2 == 1))
    return whole + (rounding != "down" and up)
