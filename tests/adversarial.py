"""Random histories in which everything that can tie, lapse, come late or cross a hold does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.builders import bind, order, plan, refund


def adversarial(random: Random) -> Iterator[dict[str, Any]]:
    """Few members, whole days, late records: instants tie, bindings lapse and come back, refunds cross the hold."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    terms = [
        {"rounding": random.choice(("down", "half_up", "half_even")), "hold_days": random.choice((1, 3, 9))}
        | {"rates_ppm": random.choice(([100_000, 50_000, 20_000], [33_333, 0, 1], [200_000]))}
        | {"self_purchase": random.choice(("none", "as_level_1"))}
        | {
            "binding": {
                "policy": random.choice(("first_touch", "last_touch")),
                "ttl_days": random.choice((1, 4, 20, None)),
                "protection_days": random.choice((0, 2)),
                "renewal": random.choice(("none", "on_order")),
            }
        }
        for _ in range(3)
    ]
    for number, (day, some) in enumerate(zip((0, 10, 20), terms, strict=True), start=1):
        at = (start + timedelta(days=day)).isoformat()
        yield plan(number, at=at, **some)
    members = [f"m{number}" for number in range(7)]
    placed: list[tuple[str, int, datetime]] = []
    for number in range(400):
        late = random.choice((0, 0, 0, 1, 5))
        day = start + timedelta(days=max(0, number * 40 // 400 - late))
        at = day.isoformat()
        member, other = random.sample(members, 2)
        kind = random.random()
        if kind < 0.35:
            yield bind(f"b{number}", member, other, at)
        elif kind < 0.45:
            yield {"type": "unbind", "id": f"u{number}", "member": member, "at": at, "reason": "left"}
        elif kind < 0.8 or not placed:
            amount = random.choice((1, 5, 15, 25, 1000, 99_999))
            placed.append((f"o{number}", amount, day))
            yield order(f"o{number}", member, amount, at, currency=random.choice(("GBP", "USD")))
        else:
            of, amount, _ = random.choice(placed[-30:])
            yield refund(f"r{number}", of, random.randint(1, amount), at, currency="GBP")
