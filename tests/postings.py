"""Postings for tests: of an order, its refund and payout, and random ones with ids that programs could stumble over."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from ledger.clock import to_micros

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
EXPENSE, PAYOUT, ADJUSTMENT = "expense:commission", "house:payout", "house:adjustment"


class Posted(NamedTuple):
    """A posting as the ledger has them."""

    order: str | None
    kind: str
    level: int | None
    stream: str
    position: int
    value_at_us: int
    debit: str
    credit: str
    currency: str
    amount_minor: int


# Ids may hold anything but spaces and control characters (V-2).
AWKWARD = [
    "ben",
    "Ben",
    "m-17",
    "m--17",
    "m-2D17",
    "a:b",
    "a:pending",
    ";x",
    "|x|",
    '"q"',
    "'",
    "\\n",
    "{a}",
    "[x]",
    "(x)",
    "<x>",
    "=1",
    "@5",
    "#tag",
    "^link",
    "*",
    "!",
    "%41",
    "A",
    "1,000.00",
    "-",
    "--",
    "é",
    "記録",
    "😀",
    "x" * 128,
]


def member(name: str, part: str = "pending") -> str:
    """An account of a member."""
    return f"member:{name}:{part}"


def story() -> list[Posted]:
    """An order of two levels, a refund of a part, maturity, a payout and an adjustment."""
    o1 = "order-o1"

    def posted(
        order: str | None, kind: str, level: int | None, cause: tuple[str, int, int], *rest: str | int
    ) -> Posted:
        stream, position, days = cause
        debit, credit, currency, amount = rest
        at = to_micros(NOON + timedelta(days=days))
        return Posted(order, kind, level, stream, position, at, str(debit), str(credit), str(currency), int(amount))

    available, reserved = member("ben", "available"), member("ben", "reserved")
    return [
        posted(o1, "accrual", 1, (o1, 4, 0), EXPENSE, member("ben"), "GBP", 999),
        posted(o1, "accrual", 2, (o1, 4, 0), EXPENSE, member("ann"), "GBP", 499),
        posted(o1, "clawback", 1, ("refund-r1", 5, 2), member("ben"), EXPENSE, "GBP", 334),
        posted(o1, "maturity", 1, (o1, 4, 14), member("ben"), available, "GBP", 665),
        posted(None, "reservation", None, ("payout-b1.1", 8, 20), available, reserved, "GBP", 665),
        posted(None, "payment", None, ("payout-b1.1", 9, 21), reserved, PAYOUT, "GBP", 665),
        posted(None, "adjustment", None, ("adjustment-a;1", 10, 3), ADJUSTMENT, member("ann", "available"), "JPY", 500),
    ]


def random_postings(count: int, seed: int = 1) -> list[Posted]:
    """Postings in several currencies between all kinds of accounts, out of order of time."""
    random = Random(seed)  # noqa: S311  # no secret
    found: list[Posted] = []
    for position in range(1, count + 1):
        name = random.choice(AWKWARD)
        accounts = [EXPENSE, PAYOUT, ADJUSTMENT, *(member(name, part) for part in ("pending", "available", "reserved"))]
        debit, credit = random.sample(accounts, 2)
        at = NOON + timedelta(seconds=random.randrange(-40_000_000, 40_000_000))
        currency, amount = random.choice(["GBP", "JPY", "KWD", "EUR"]), random.randrange(1, 2**43)
        level = random.choice([None, 1, 2, 3])
        order, stream = (f"{kind}@shop/{random.choice(AWKWARD)}" for kind in ("order", "refund"))
        cause = (stream, position, to_micros(at))
        found.append(Posted(order, "clawback", level, *cause, debit, credit, currency, amount))
    return found


def balances_of(postings: list[Posted]) -> dict[tuple[str, str], int]:
    """Debits less credits by account and currency, minor units; what nets to nothing is left out."""
    found: dict[tuple[str, str], int] = {}
    for row in postings:
        for account, amount in ((row.debit, row.amount_minor), (row.credit, -row.amount_minor)):
            found[account, row.currency] = found.get((account, row.currency), 0) + amount
    return {key: amount for key, amount in found.items() if amount}
