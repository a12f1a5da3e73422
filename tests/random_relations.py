"""Random relations that obey the rule book, with times that tie and records that come late."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.relations import Relations

DAYS = 60
MEMBERS = 12


@dataclass
class _Binding:
    """A member's newest binding."""

    bind: int
    referrer: int
    starts: int
    ends: int
    is_released: bool = False


def random_relations(random: Random, *, events: int = 600) -> Relations:
    """Draw bindings, releases, take-overs, renewals, orders, refunds, reversals, adjustments and payouts.

    Loops may close, nothing need be covered, positions have gaps.
    """
    relations = Relations([f"m{number}" for number in range(MEMBERS)])
    relations.plan((100_000, 50_000, 20_000), number=1, rounding="down", hold=5)
    relations.plan((70_000, 0, 33_333), number=2, rounding="half_even", hold=0, own=True)
    relations.plan((150_000, 50_000), number=3, rounding="half_up", hold=20)
    draw = _Draw(relations, random)
    for step in range(events):
        position = 10 + 2 * step
        # Most records come in time, some days late.
        day = max(0, step * DAYS // events - (random.randrange(20) if random.random() < 0.3 else 0))
        kind = random.random()
        if kind < 0.28:
            draw.bind(position, day)
        elif kind < 0.53:
            draw.order(position, day)
        elif kind < 0.73:
            draw.refund(position, day)
        else:
            random.choice(draw.others)(position, day)
    return relations


class _Draw:
    def __init__(self, relations: Relations, random: Random) -> None:
        self._relations = relations
        self._random = random
        self._newest: dict[int, _Binding] = {}
        self._left: dict[int, tuple[int, int]] = {}
        self._refunds: dict[int, tuple[int, int, int]] = {}
        self._prepared: list[tuple[str, int]] = []
        self._payouts: dict[tuple[str, int], tuple[str, int]] = {}
        self.others = (*[self.reversal, self.payout] * 5, self.batch, self.batch, self.adjustment, self.freeze)

    def bind(self, position: int, day: int) -> None:
        """Bind, take over or release."""
        member, referrer = self._random.sample(range(MEMBERS), 2)
        newest = self._newest.get(member)
        if newest is not None and day < newest.starts:
            return
        if newest is not None and day < newest.ends:
            pair = (f"m{member}", f"m{newest.referrer}")
            self._relations.released(position - self._random.randrange(2), newest.bind, pair, at=day)
            newest.ends, newest.is_released, newest.starts = day, True, day
            if self._random.random() < 0.4:
                return
        ends = day + self._random.choice((1, 5, 10, 40))
        self._relations.bound(position, f"m{member}", f"m{referrer}", at=day, end=ends)
        self._newest[member] = _Binding(position, referrer, day, ends)

    def order(self, position: int, day: int) -> None:
        """Order, and perhaps renew."""
        member = self._random.randrange(MEMBERS)
        amount = self._random.choice((0, 5, 15, 99, 1000, 12_345))
        plan = self._random.choice((1, 2, 3, 3, None))
        currency = self._random.choice(("GBP", "GBP", "USD"))
        self._relations.order(position, f"m{member}", amount, at=day, plan=plan, currency=currency)
        self._left[position] = (amount, day)
        newest = self._newest.get(member)
        if newest is None or newest.is_released or self._random.random() < 0.3:
            return
        if newest.starts <= day < newest.ends < day + 10:
            newest.ends = day + 10
            pair = (f"m{member}", f"m{newest.referrer}")
            self._relations.renewed(position + self._random.randrange(2), newest.bind, pair, at=day, end=newest.ends)

    def refund(self, position: int, day: int) -> None:
        """Refund a part or all of what is left of an order."""
        if not self._left:
            return
        # Of the latest few, so that some have many refunds, and reversals between them.
        order = self._random.choice(list(self._left)[-12:])
        left, ordered = self._left[order]
        if left == 0 or day < ordered:
            return
        amount = left if self._random.random() < 0.3 else self._random.randint(1, left)
        self._left[order] = (left - amount, ordered)
        self._relations.refund(position, order, amount, at=day)
        self._refunds[position] = order, amount, day

    def reversal(self, position: int, day: int) -> None:
        """Reverse one of the latest refunds."""
        found = [refund for refund, (_, _, refunded) in self._refunds.items() if refunded <= day]
        if not found:
            return
        refund = self._random.choice(found[-6:])
        order, amount, _ = self._refunds.pop(refund)
        left, ordered = self._left[order]
        self._left[order] = (left + amount, ordered)
        self._relations.reversal(position, refund, at=day)

    def adjustment(self, position: int, day: int) -> None:
        """Give somebody something, or take it."""
        amount = self._random.choice((-500, -20, 1, 300))
        currency = self._random.choice(("GBP", "GBP", "EUR"))
        self._relations.adjustment(position, self._somebody(), amount, at=day, currency=currency)

    def batch(self, position: int, day: int) -> None:
        """Prepare a batch, or approve one."""
        if self._prepared and self._random.random() < 0.5:
            batch, count = self._prepared.pop()
            dropped = {number: "frozen" for number in range(1, count + 1) if self._random.random() < 0.2}
            self._relations.approved(position, batch, at=day, dropped=dropped)
            kept = set(range(1, count + 1)) - set(dropped)
            self._payouts |= {(batch, number): ("reserved", 1) for number in sorted(kept)}
            return
        members = sorted({self._somebody() for _ in range(4)})
        lines = [(member, self._random.randint(1, 400)) for member in members]
        self._prepared.append((self._relations.batch(position, lines, cut_off=day, known=position - 1), len(lines)))

    def payout(self, position: int, day: int) -> None:
        """Let something happen to a payout."""
        if not self._payouts:
            return
        line = self._random.choice(list(self._payouts))
        state, attempt = self._payouts[line]
        following = {"reserved": ("submitted",), "failed": ("submitted",), "paid": ("returned", ""), "returned": ("",)}
        kind = self._random.choice(following.get(state, ("paid", "failed", "unknown")))
        attempt += state == "failed"
        if kind:
            self._payouts[line] = kind, attempt
            self._relations.payout(position, kind, line, at=day, attempt=attempt)

    def freeze(self, position: int, day: int) -> None:
        """Freeze somebody, or unfreeze."""
        del day
        self._relations.frozen(position, self._somebody(), self._random.choice(("frozen", "frozen", "unfrozen")))

    def _somebody(self) -> str:
        return f"m{self._random.randrange(MEMBERS)}"
