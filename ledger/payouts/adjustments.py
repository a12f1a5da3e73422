"""Adjustments: proposed like any input, posted or turned down here by somebody else (rules S-2, X-3)."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.application import Ledger
from ledger.ids import DEFAULT_SOURCE, stream_of
from ledger.outcomes import Outcome
from ledger.payout_events import AdjustmentPosted, AdjustmentRejected, AdjustmentRejectedData, PostedData
from ledger.payouts.answers import answered, refused
from ledger.payouts.books import OpenBooks, Place, open_books
from ledger.payouts.state import Adjustment, read_adjustments
from ledger.rules.payout import Reviewer, review


def approve_adjustments(
    ledger: Ledger, adjustment_ids: Sequence[str], *, source: str = DEFAULT_SOURCE
) -> list[Outcome]:
    """Posts adjustments, in one transaction; each is decided by itself.

    Returns:
        One outcome per id; `unknown_adjustment` where nobody proposed it.
    """
    with open_books(ledger, source) as books:
        return _review(books, adjustment_ids, rejected_for=None)


def reject_adjustments(
    ledger: Ledger, adjustment_ids: Sequence[str], reason: str, *, source: str = DEFAULT_SOURCE
) -> list[Outcome]:
    """Turns adjustments down; as `approve_adjustments`."""
    with open_books(ledger, source) as books:
        return _review(books, adjustment_ids, rejected_for=reason)


def _review(books: OpenBooks, adjustment_ids: Sequence[str], *, rejected_for: str | None) -> list[Outcome]:
    streams = [stream_of("adjustment", one, books.source) for one in adjustment_ids]
    adjustments = read_adjustments(books.session, sorted(set(streams)))
    outcomes: list[Outcome] = []
    for stream, adjustment_id in zip(streams, adjustment_ids, strict=True):
        adjustment = adjustments.get(stream)
        if adjustment is None:
            outcomes.append(refused("unknown_adjustment", f"nobody proposed an adjustment {adjustment_id!r}"))
            continue
        wanted = "approved" if rejected_for is None else "rejected"
        verdict = review(adjustment.state, wanted, _reviewer(books, adjustment))
        if verdict is None:
            _record(books, stream, adjustment, rejected_for)
            adjustment.state, adjustment.decided = wanted, books.identity.by
        outcomes.append(answered(verdict))
    return outcomes


def _reviewer(books: OpenBooks, adjustment: Adjustment) -> Reviewer:
    name = books.identity.by.name
    return Reviewer(
        is_preparer=adjustment.proposed.by.name == name,
        is_decider=adjustment.decided is not None and adjustment.decided.name == name,
        may_approve=books.identity.may_approve,
    )


def _record(books: OpenBooks, stream: str, adjustment: Adjustment, rejected_for: str | None) -> None:
    place = Place(stream, 2, adjustment.id)
    if rejected_for is not None:
        books.record(AdjustmentRejected, AdjustmentRejectedData(by=books.identity.by, reason=rejected_for), place)
        return
    asked = adjustment.proposed.asked
    data = PostedData(
        amount=asked.amount, by=books.identity.by, currency=asked.currency, member=asked.member, value_at=asked.at
    )
    books.record(AdjustmentPosted, data, place)
