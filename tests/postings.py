"""Postings for tests: of an order, its refund and payout, and random ones with ids that programs could stumble over."""

from datetime import UTC, datetime, timedelta
from random import Random

from projections.journals.posting import Posting

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
EXPENSE, PAYOUT, ADJUSTMENT = "expense:commission", "house:payout", "house:adjustment"

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


def story() -> list[Posting]:
    """An order of two levels, a refund of a part, maturity, a payout and an adjustment."""
    month = "2026-02"

    def posting(order: str, kind: str, level: int | None, position: int, days: int, *rest: str | int) -> Posting:
        debit, credit, currency, amount = rest
        at = NOON + timedelta(days=days)
        return Posting(order, kind, level, position, at, str(debit), str(credit), str(currency), int(amount), month)

    return [
        posting("order-o1", "accrual", 1, 4, 0, EXPENSE, member("ben"), "GBP", 999),
        posting("order-o1", "accrual", 2, 4, 0, EXPENSE, member("ann"), "GBP", 499),
        posting("order-o1", "clawback", 1, 5, 2, member("ben"), EXPENSE, "GBP", 334),
        posting("order-o1", "maturity", 1, 4, 14, member("ben"), member("ben", "available"), "GBP", 665),
        posting(
            "batch-b1", "reservation", None, 8, 20, member("ben", "available"), member("ben", "reserved"), "GBP", 665
        ),
        posting("payout-b1.1", "payment", None, 9, 21, member("ben", "reserved"), PAYOUT, "GBP", 665),
        posting("adjustment-a;1", "adjustment", None, 10, 3, ADJUSTMENT, member("ann", "available"), "JPY", 500),
    ]


def random_postings(count: int, seed: int = 1) -> list[Posting]:
    """Postings in several currencies between all kinds of accounts, out of order of time."""
    random = Random(seed)  # noqa: S311  # no secret
    found: list[Posting] = []
    for position in range(1, count + 1):
        name = random.choice(AWKWARD)
        accounts = [EXPENSE, PAYOUT, ADJUSTMENT, *(member(name, part) for part in ("pending", "available", "reserved"))]
        debit, credit = random.sample(accounts, 2)
        at = NOON + timedelta(seconds=random.randrange(-40_000_000, 40_000_000))
        currency, amount = random.choice(["GBP", "JPY", "KWD", "EUR"]), random.randrange(1, 2**43)
        level = random.choice([None, 1, 2, 3])
        stream = f"order@shop/{random.choice(AWKWARD)}"
        found.append(Posting(stream, "accrual", level, position, at, debit, credit, currency, amount))
    return found


def balances_of(postings: list[Posting]) -> dict[tuple[str, str], int]:
    """Debits less credits by account and currency, minor units; what nets to nothing is left out."""
    found: dict[tuple[str, str], int] = {}
    for row in postings:
        for account, amount in ((row.debit, row.amount), (row.credit, -row.amount)):
            found[account, row.currency] = found.get((account, row.currency), 0) + amount
    return {key: amount for key, amount in found.items() if amount}
