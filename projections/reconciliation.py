"""Payouts reconciled three ways: what was approved, what the provider said, what was posted; and what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.findings import Finding
from ledger.store.session import Session, load
from projections.batches import BatchFound, PayoutFound, StateSum, batches, payouts_from

_OPEN = load("projections", "select_open_payouts")
_MOVEMENTS = load("projections", "select_batch_movements")
_CURRENCIES = load("projections", "select_currency_sums")

# Open for at most so many days; what is older is in a class of its own.
AGES_DAYS = (1, 7, 30)

OPEN, SETTLED = ("reserved", "submitted", "unknown"), ("paid", "failed", "returned")
_NONE = StateSum(0, 0)


class Posted(NamedTuple):
    """What postings come to, minor units."""

    reserved_minor: int = 0
    paid_minor: int = 0


@dataclass(frozen=True, slots=True)
class BatchReconciled:
    """One approved batch from three sides, minor units.

    approved_minor  what its approval reserved, as the event says
    by_state        its payouts: reserved, submitted, unknown are open; the others are what the provider said
    posted          what the ledger posted for it: reserved is what is open, paid what is paid
    """

    batch: BatchFound
    approved_minor: int
    open_minor: int
    paid_minor: int
    failed_minor: int
    returned_minor: int
    posted: Posted

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it is open."""
        return self.open_minor == 0

    def findings(self) -> Iterator[Finding]:
        """Where two of the sides differ."""
        said = self.open_minor + self.paid_minor + self.failed_minor + self.returned_minor
        sides = (
            ("payouts", "sum to", said, self.approved_minor),
            ("ledger", "has reserved", self.posted.reserved_minor, self.open_minor),
            ("ledger", "has paid", self.posted.paid_minor, self.paid_minor),
        )
        for side, words, found, expected in sides:
            if found != expected:
                currency = self.batch.currency
                yield Finding(
                    f"batch {self.batch.id}, {side}", f"{words} {found} instead of {expected} minor {currency}"
                )


@dataclass(frozen=True, slots=True)
class OpenPayout:
    """A payout whose money is on its way. age: since it came into its state."""

    payout: PayoutFound
    age: timedelta


class AgeClass(NamedTuple):
    """What has been open for so long, by currency and state. days: at most; None: longer than all others."""

    currency: str
    state: str
    days: int | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All payouts as known at the checkpoint.

    batches   approved ones, in order
    open      the oldest first
    ages      how many are open for how long, and their sums
    findings  where the sides differ; none: they agree
    """

    batches: list[BatchReconciled]
    open: list[OpenPayout]
    ages: Mapping[AgeClass, StateSum]
    findings: list[Finding]


def reconcile(session: Session, as_of: datetime) -> Reconciliation:
    """Every approved batch from three sides; what is open, and for how long as of T.

    Args:
        session: of a store with the projection's tables.
        as_of: T, which ages are counted to.
    """
    movements = {row[0]: Posted(*row[1:]) for row in session.rows(_MOVEMENTS)}
    approved = [batch for batch in batches(session) if batch.state == "approved"]
    found = [_reconciled(batch, movements.get(batch.stream, Posted())) for batch in approved]
    still_open = [
        OpenPayout(payout, max(timedelta(), as_of - payout.since)) for payout in payouts_from(session.rows(_OPEN))
    ]
    return Reconciliation(
        batches=found,
        open=still_open,
        ages=_ages(still_open),
        findings=[*[one for row in found for one in row.findings()], *_of_accounts(session, found)],
    )


def _reconciled(batch: BatchFound, posted: Posted) -> BatchReconciled:
    sums = {state: batch.by_state.get(state, _NONE).total_minor for state in (*OPEN, *SETTLED)}
    return BatchReconciled(
        batch=batch,
        approved_minor=batch.reserved_minor or 0,
        open_minor=sum(sums[state] for state in OPEN),
        paid_minor=sums["paid"],
        failed_minor=sums["failed"],
        returned_minor=sums["returned"],
        posted=posted,
    )


def _ages(still_open: Iterable[OpenPayout]) -> dict[AgeClass, StateSum]:
    sums: defaultdict[AgeClass, StateSum] = defaultdict(lambda: _NONE)
    for row in still_open:
        days = next((most for most in AGES_DAYS if row.age <= timedelta(days=most)), None)
        key = AgeClass(row.payout.currency, row.payout.state, days)
        count, total_minor = sums[key].payouts, sums[key].total_minor
        sums[key] = StateSum(count + 1, total_minor + row.payout.amount_minor)
    return dict(sums)


def _of_accounts(session: Session, found: Iterable[BatchReconciled]) -> Iterator[Finding]:
    """The members' accounts have what is open and what is paid, and nothing else."""
    expected: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in found:
        expected[row.batch.currency][0] += row.open_minor
        expected[row.batch.currency][1] += row.paid_minor
    for currency, *sums in session.rows(_CURRENCIES):
        for account, minor, due in zip(("reserved", "paid"), sums, expected[currency], strict=True):
            if minor != due:
                yield Finding(f"accounts in {currency}", f"{account} is {minor} instead of {due} minor units")
