"""A statement as its page shows it: only what changes what the member has in all, with words for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from ledger.clock import from_micros
from ledger.currencies import exponent_of
from ledger.ids import DEFAULT_SOURCE, split_stream
from ledger.store.session import Session
from projections.adjustments import adjustments
from projections.balances import Balance
from projections.batches import payouts_of, steps_of
from projections.member_statements import Statement, StatementLine
from projections.postings import Kind
from projections.statement_pages.statement import Entry, Standing, What
from projections.statement_pages.statement import Statement as StatementShown

# What only moves money from one account of the member to another is no entry: maturity, reservation, release.
_SHOWN: Mapping[Kind, What] = {
    "accrual": "commission",
    "clawback": "clawback",
    "restoration": "restoration",
    "adjustment": "adjustment",
    "payment": "payment",
    "return": "return",
}


class Proof(NamedTuple):
    """Where the closing figures can be checked: (T, P), and the digest of all balances there (S-3)."""

    as_of: datetime
    at_position: int
    digest: str


def shown(session: Session, found: Statement, end: datetime, issuer: str, proof: Proof) -> StatementShown:
    """A statement for its page.

    Args:
        session: what the statement was made from.
        found: it.
        end: where it ends, not included; of the open period where that stands.
        issuer: who owes the money.
        proof: where the figures can be checked.

    Raises:
        StatementError: its entries do not lead from the opening to the closing balance.
    """
    account, closing = found.account, found.closing
    notes = dict(_notes(session, account.member))
    return StatementShown(
        issuer=issuer,
        member=account.member,
        currency=account.currency,
        exponent=exponent_of(account.currency),
        start=found.start,
        end=end,
        opening_minor=total_of(found.opening),
        entries=tuple(
            _entry(line, _SHOWN[line.posting.kind], notes) for line in found.lines if line.posting.kind in _SHOWN
        ),
        closing_minor=total_of(closing),
        as_of=proof.as_of,
        position=proof.at_position,
        digest=proof.digest,
        standing=Standing(
            pending_minor=closing.pending, available_minor=closing.available, reserved_minor=closing.reserved
        ),
    )


def total_of(balance: Balance) -> int:
    """All that a member has, wherever it stands."""
    return balance.pending + balance.available + balance.reserved


def _notes(session: Session, member: str) -> Iterator[tuple[int, str]]:
    """What people said of an adjustment, a payment or a return, by the position of its event."""
    for adjustment in adjustments(session, member):
        if adjustment.state == "posted" and adjustment.decided_position is not None:
            yield adjustment.decided_position, adjustment.reason
    for payout in payouts_of(session, member):
        for step in steps_of(session, payout):
            said = step.reason or (step.reference and f"reference {step.reference}")
            if said:
                yield step.position, said


def _entry(line: StatementLine, what: What, notes: Mapping[int, str]) -> Entry:
    posting, earned = line.posting, line.earned
    if what == "commission" and earned is not None:
        base, exact, remainder = earned.base_minor, earned.exact_ppm_minor, earned.remainder_ppm
        # Who bought is not the member's to know.
        hold_until, note = earned.available_at, None
    else:
        base = exact = remainder = hold_until = None
        note = notes.get(posting.position) if posting.level is None else f"of {_named(posting.order)}"
    return Entry(
        at=from_micros(posting.value_at_us),
        what=what,
        about=_named(posting.stream),
        amount_minor=line.pending_minor + line.available_minor + line.reserved_minor,
        level=posting.level,
        base_minor=base,
        rate_ppm=None if earned is None else earned.rate_ppm,
        exact_ppm_minor=exact,
        remainder_ppm=remainder,
        hold_until=hold_until,
        note=note,
    )


def _named(stream: str) -> str:
    """A stream as people name it: `order 17`, or `order shop/17` of another source than the default."""
    kind = stream[: min(index for mark in "-@" if (index := stream.find(mark)) >= 0)]
    source, named = split_stream(stream)
    return f"{kind} {named}" if source == DEFAULT_SOURCE else f"{kind} {source}/{named}"
