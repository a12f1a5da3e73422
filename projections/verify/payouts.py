"""Payouts decided again, step by step; what became of each (X-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ledger.ids import split_stream, stream_of
from ledger.rules.payout import Fact, Line, Payout, PayoutState, Settlement, Verdict, settle, submit
from projections.verify.batches import Batch, recorded_against
from projections.verify.finance_facts import Approved, Stepped
from projections.verify.moves import Move


class Reserved:
    """A payout: a line that an approval reserved, and what happened to it.

    counts_at  of each fact: when it counts, never before the payout's posting before it
    posted_at  when its last posting counts
    """

    __slots__ = ("batch", "counts_at", "payout", "posted_at", "reserved_at", "stream")

    def __init__(self, stream: str, batch: Batch, line: Line, reserved_at: str) -> None:
        self.stream, self.batch = stream, batch
        self.payout = Payout(line, batch.prepared.currency)
        self.reserved_at = self.posted_at = reserved_at
        self.counts_at: list[str] = []


class PayoutRow(NamedTuple):
    """A payout as of T. attempt: how often it was sent; paid_at: empty if it was not paid."""

    stream: str
    batch: str
    line: Line
    currency: str
    state: PayoutState
    attempt: int
    reference: str
    reserved_at: str
    state_at: str
    paid_at: str


class Payouts:
    """Takes steps of payouts in order of position.

    payable    of the member of a payout, at the cut-off of its batch
    is_frozen  whether a member is
    """

    def __init__(
        self,
        find: Callable[[Stepped, str], None],
        payable: Callable[[Reserved], int],
        is_frozen: Callable[[str], bool],
    ) -> None:
        self._find, self._payable, self._is_frozen = find, payable, is_frozen
        self._payouts: dict[str, Reserved] = {}
        # Of each reference of a provider, the payout that it belongs to.
        self._owners: dict[str, str] = {}

    def reserved(self, fact: Approved, batch: Batch, lines: Iterable[Line]) -> Iterator[Move]:
        """Lines are reserved by an approval."""
        source, batch_id = split_stream(fact.stream)
        for line in lines:
            stream = stream_of("payout", f"{batch_id}.{line.number}", source)
            # Nobody asks for its details any more.
            reserved = Reserved(stream, batch, line._replace(details=None), fact.at)
            self._payouts[stream] = reserved
            money = (line.member, batch.prepared.currency, line.amount_minor)
            yield Move("reservation", fact.position, stream, fact.at, *money)

    def step(self, fact: Stepped) -> Move | None:
        """Something happened to a payout; what it moves, if anything."""
        reserved = self._payouts.get(fact.stream)
        if reserved is None:
            self._find(fact, "is about a payout that no approved batch reserved (X-4)")
            return None
        payout = reserved.payout
        if fact.seq != len(payout.facts) + 1:
            self._find(fact, f"is version {fact.seq} of its stream, whose next version is {len(payout.facts) + 1}")
        line = payout.line
        if (fact.member, fact.currency, fact.amount_minor) != (line.member, payout.currency, line.amount_minor):
            self._find(fact, f"is not of {line.amount_minor} {payout.currency} to {line.member!a}, its line (X-4)")
        elif (verdict := self._verdict(reserved, fact)) is not None:
            self._find(fact, f"{recorded_against(verdict)}, of a payout that is {payout.state} (X-4)")
        return self._follow(reserved, fact)

    def rows(self, as_of: str) -> Iterator[PayoutRow]:
        """Every payout that is reserved by T, in the order of their approvals, then of their numbers."""
        for reserved in self._payouts.values():
            if reserved.reserved_at <= as_of:
                yield _row(reserved, as_of)

    def _verdict(self, reserved: Reserved, fact: Stepped) -> Verdict:
        payout = reserved.payout
        if fact.state == "submitted":
            payable_minor = self._payable(reserved) if fact.attempt > 1 else 0
            is_frozen = self._is_frozen(fact.member)
            return submit(payout, fact.attempt, fact.reference or "", payable_minor, is_frozen=is_frozen)
        if fact.state == "reserved":
            return None
        said = Settlement(fact.state, fact.amount_minor, fact.currency, fact.reference, fact.attempt)
        owner = fact.stream if fact.reference is None else self._owners.get(fact.reference, fact.stream)
        return settle(payout, said, is_reference_of_another=owner != fact.stream)

    def _follow(self, reserved: Reserved, fact: Stepped) -> Move | None:
        """What was recorded is what happened."""
        reserved.payout = reserved.payout.plus(Fact(fact.state, fact.attempt, fact.reference))
        at = max(fact.at, reserved.posted_at)
        reserved.counts_at.append(at)
        if fact.reference is not None and fact.state != "submitted":
            self._owners.setdefault(fact.reference, fact.stream)
        money = (fact.member, fact.currency, fact.amount_minor)
        match fact.state:
            case "paid":
                move = Move("payment", fact.position, fact.stream, at, *money)
            case "failed":
                move = Move("release", fact.position, fact.stream, at, *money)
            case "returned":
                move = Move("return", fact.position, fact.stream, at, *money)
            case "submitted" if fact.attempt > 1:
                move = Move("reservation", fact.position, fact.stream, at, *money)
            case _:
                return None
        reserved.posted_at = at
        return move


def _row(reserved: Reserved, as_of: str) -> PayoutRow:
    payout = reserved.payout
    state, attempt, reference, state_at, paid_at = "reserved", 0, "", reserved.reserved_at, ""
    for fact, at in zip(payout.facts, reserved.counts_at, strict=True):
        if at <= as_of:
            state, attempt, state_at = fact.state, fact.attempt, at
            if fact.state != "submitted":
                reference = fact.reference or reference
            if fact.state == "paid":
                paid_at = at
    money = (payout.line, payout.currency)
    times = (reserved.reserved_at, state_at, paid_at)
    return PayoutRow(reserved.stream, reserved.batch.prepared.stream, *money, state, attempt, reference, *times)
