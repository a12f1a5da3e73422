"""What providers say became of payouts, many at a time (rule X-4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from ledger.application import Ledger
from ledger.envelope import Event
from ledger.ids import DEFAULT_SOURCE, stream_of
from ledger.outcomes import Outcome
from ledger.payout_commands import SettlePayout, payout_stream
from ledger.payout_events import (
    By,
    FailedData,
    PaidData,
    PayoutData,
    PayoutFailed,
    PayoutPaid,
    PayoutReturned,
    PayoutUnknown,
    UnknownData,
)
from ledger.payouts.answers import answered, refused
from ledger.payouts.books import OpenBooks, Place, open_books
from ledger.payouts.state import owners_of, read_batch, read_payouts
from ledger.rules.payout import Fact, Payout, Settlement, settle

# Of one transaction: others wait for the append lock meanwhile.
ROWS_AT_A_TIME = 10_000


def settle_payouts(ledger: Ledger, said: Sequence[SettlePayout], *, source: str = DEFAULT_SOURCE) -> list[Outcome]:
    """Records what became of payouts, in transactions of 10,000; each row is decided by itself.

    Safe to repeat: what is recorded already is a repeat. So after an error all of it may simply be said again.

    Returns:
        One outcome per row.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(said), ROWS_AT_A_TIME):
        rows = said[start : start + ROWS_AT_A_TIME]
        with open_books(ledger, source) as books:
            settling = _Settling(books, rows)
            outcomes += [settling.decide(row) for row in rows]
    return outcomes


class _Settling:
    """The payouts that some rows speak of, kept current while they are decided."""

    def __init__(self, books: OpenBooks, rows: Sequence[SettlePayout]) -> None:
        streams = {payout_stream(row.batch, row.no, books.source) for row in rows}
        self._books = books
        self._payouts = read_payouts(books.session, sorted(streams))
        if missing := streams - self._payouts.keys():
            self._payouts |= _never_sent(books, {row.batch for row in rows}, missing)
        references = (row.reference for row in rows if row.reference is not None)
        self._owners = owners_of(books.session, references)

    def decide(self, row: SettlePayout) -> Outcome:
        """One row's outcome; what is news is recorded."""
        stream = payout_stream(row.batch, row.no, self._books.source)
        payout = self._payouts.get(stream)
        if payout is None:
            return refused("unknown_payout")
        if (early := self._books.too_early(row.at)) is not None:
            return early
        said = Settlement(row.outcome, row.amount, row.currency, _reference(row), row.attempt)
        is_of_another = row.reference is not None and self._owners.get(row.reference, stream) != stream
        verdict = settle(payout, said, is_reference_of_another=is_of_another)
        if verdict is None:
            self._record(row, stream, payout)
        return answered(verdict)

    def _record(self, row: SettlePayout, stream: str, payout: Payout) -> None:
        kind, data = _event(self._books, row, payout)
        place = Place(stream, len(payout.facts) + 1, f"{row.batch}.{row.no}")
        position = self._books.record(kind, data, place, row.at)
        reference = _reference(row)
        self._payouts[stream] = payout.plus(Fact(row.outcome, payout.attempt, reference))
        if reference is not None:
            self._books.note_reference(reference, position, stream)
            self._owners[reference] = stream


def _reference(row: SettlePayout) -> str | None:
    """What the payout is known by from now on; of one that nobody knows about, nothing."""
    return None if row.outcome == "unknown" else row.reference


def _never_sent(books: OpenBooks, batch_ids: Iterable[str], streams: set[str]) -> dict[str, Payout]:
    """Those of these payouts that are reserved and were never sent."""
    payouts: dict[str, Payout] = {}
    for batch_id in sorted(batch_ids):
        batch = read_batch(books.session, stream_of("batch", batch_id, books.source))
        for line in batch.reserved if batch is not None else ():
            stream = payout_stream(batch_id, line.number, books.source)
            if stream in streams and batch is not None:
                payouts[stream] = Payout(line, batch.currency)
    return payouts


class _Common(TypedDict):
    """What every fact about a payout says."""

    amount: int
    attempt: int
    batch: str
    by: By
    currency: str
    member: str


def _event(books: OpenBooks, row: SettlePayout, payout: Payout) -> tuple[type[Event], PayoutData]:
    """The type of event that says it, and its data."""
    common: _Common = {
        "amount": payout.line.amount_minor,
        "attempt": payout.attempt,
        "batch": stream_of("batch", row.batch, books.source),
        "by": books.identity.by,
        "currency": payout.currency,
        "member": payout.line.member,
    }
    match row.outcome:
        case "paid":
            return PayoutPaid, PaidData(**common, reference=row.reference or "")
        case "failed":
            return PayoutFailed, FailedData(**common, reason=row.reason, reference=row.reference)
        case "returned":
            return PayoutReturned, FailedData(**common, reason=row.reason, reference=row.reference)
        case "unknown":
            return PayoutUnknown, UnknownData(**common, reason=row.reason)
