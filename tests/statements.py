"""A statement to look at: two months of a member who earned, lost some of it, and was paid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from projections.statement_pages.statement import Entry, Standing, Statement, What

START = datetime(2026, 2, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
DIGEST = "a1b590a09fabd870b51a3c70eac63cf48a20e513c45d5b2fe1399845d51b9c38"


def commission(order: str, days: int, base_minor: int, rate_ppm: int = 100_000, level: int = 1) -> Entry:
    """What an order earned, rounded down; on hold for 14 days."""
    at = START + timedelta(days=days, hours=9)
    exact = base_minor * rate_ppm
    return Entry(
        at=at,
        what="commission",
        about=order,
        amount_minor=exact // 1_000_000,
        level=level,
        base_minor=base_minor,
        rate_ppm=rate_ppm,
        exact_ppm_minor=exact,
        remainder_ppm=exact % 1_000_000,
        hold_until=at + timedelta(days=14),
    )


def entry(what: What, about: str, days: int, amount_minor: int, **more: Any) -> Entry:
    """Any other line."""
    plain = Entry(at=START + timedelta(days=days, hours=10), what=what, about=about, amount_minor=amount_minor)
    return replace(plain, **more)


def statement(**facts: Any) -> Statement:
    """All kinds of entries, in pounds."""
    entries = (
        commission("order o-1001", 0, 9_990),
        commission("order o-1002", 4, 25_875, 50_000, 2),
        commission("order o-1003", 9, 199_999, 20_000, 3),
        entry("clawback", "refund r-77", 12, -334, level=1, base_minor=3_333, rate_ppm=100_000, note="of order o-1001"),
        entry("restoration", "reversal of r-77", 20, 334, level=1, base_minor=3_333, rate_ppm=100_000),
        entry("payment", "payout b-2026-02.17", 27, -11_250, note="reference pay-88213"),
        entry("return", "payout b-2026-02.17", 31, 11_250, note="account closed"),
        commission("order o-1010", 33, 123_450),
        entry("adjustment", "adjustment a-5", 40, 2_000, note="Voucher of the spring campaign"),
        entry("payment", "payout b-2026-03.9", 58, -24_500, note="reference pay-90001"),
    )
    opening = 12_050
    closing = opening + sum(row.amount_minor for row in entries)
    plain = Statement(
        issuer="Example Shop Ltd",
        member="member-4711",
        currency="GBP",
        exponent=2,
        start=START,
        end=END,
        opening_minor=opening,
        entries=entries,
        closing_minor=closing,
        as_of=END,
        position=48_213,
        digest=DIGEST,
        standing=Standing(pending_minor=2_000, available_minor=closing - 2_000, reserved_minor=0),
    )
    return replace(plain, **facts)
