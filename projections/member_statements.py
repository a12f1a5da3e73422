"""Statements: a member's books between two instants, or of a period, posting by posting (rules S-1, S-2, S-4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger.clock import format_instant, from_micros, instant_of, micros_of, to_micros
from ledger.errors import NotFoundError, RefusedError
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session
from projections.balances import Balance
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.member_books import Account, Earned, MemberBooks, books_of, changes_of, sum_of
from projections.periods import calendar_of
from projections.postings import Posting


class PeriodError(RefusedError):
    """A period that has not begun by the time that is asked for."""

    code = "period_not_begun"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting on a member's accounts. Minor units, signed.

    pending_minor, available_minor, reserved_minor
                 what it changes
    earned       of the order behind it: level, rate, rounding, hold; None: no order is behind it
    belongs_end  end of the closed period that its time lies in, where that is not the statement's own: it was recorded
                 after that one was closed
    """

    posting: Posting
    pending_minor: int
    available_minor: int
    reserved_minor: int
    earned: Earned | None
    belongs_end: datetime | None = None

    @property
    def balance_minor(self) -> int:
        """What it changes of all three together: 0 where money only moves between them."""
        return self.pending_minor + self.available_minor + self.reserved_minor


@dataclass(frozen=True, slots=True)
class Statement:
    """A member's books: what was there, what happened, what is there then.

    start, end   of what it covers, `[start, end)`; None: the beginning, or no end yet
    at_position  what was known
    lines        in order of time, then of position
    """

    account: Account
    start: datetime | None
    end: datetime | None
    at_position: int
    opening: Balance
    lines: list[StatementLine]
    closing: Balance


def statement_between(
    session: Session, log: LogRecorder, account: Account, start: datetime | None, end: datetime
) -> Statement:
    """What counts from `start` on and before `end`, as known at the checkpoint of the session's tables.

    The opening balance is the one as of the last instant before `start`, the closing one as of the last before `end`.
    """
    position = checkpoint(session, NAME)
    books = books_of(session, log, account, position)
    start_us, end_us = micros_of(start), to_micros(end)
    until = [posting for posting in books.postings() if posting.value_at_us < end_us]
    before = [] if start_us is None else [posting for posting in until if posting.value_at_us < start_us]
    within = [posting for posting in until if start_us is None or posting.value_at_us >= start_us]
    return Statement(
        account=account,
        start=start,
        end=end,
        at_position=position,
        opening=sum_of(account, before),
        lines=[_line(books, posting) for posting in _in_order(within)],
        closing=sum_of(account, until),
    )


def statement_of_period(
    session: Session, log: LogRecorder, account: Account, end: datetime | None, as_of: datetime
) -> Statement:
    """What is booked in a closed period, or in the one that is open as far as T; with what belongs to an earlier one.

    The statement of a closed period is the same for ever, whatever is recorded later.

    Args:
        session: of a store with the projection's tables.
        log: the log.
        account: whose, in which currency.
        end: where the period ends; None: the open one.
        as_of: T, of the open one; a closed period is shown whole.

    Raises:
        NotFoundError: no period that ends then is closed at the view's position.
        PeriodError: T is before the open one begins: what is booked in it by then follows on no balance.
    """
    position = checkpoint(session, NAME)
    calendar, period = calendar_of(session), micros_of(end)
    if period is not None and not calendar.has(period):
        raise NotFoundError(f"no period that ends at {format_instant(from_micros(period))} is closed")
    start = calendar.before(period)
    if period is None and start is not None and to_micros(as_of) < start:
        raise PeriodError(
            f"the open period begins at {format_instant(from_micros(start))}, after {format_instant(as_of)}: "
            "ask for a closed one by its end, or for no period"
        )
    books = books_of(session, log, account, position)
    before: list[Posting] = []
    within: list[Posting] = []
    for posting in books.postings(calendar.period_of):
        booked = calendar.period_of(posting.position, posting.value_at_us)
        is_due = period is not None or posting.value_at_us <= to_micros(as_of)
        if booked == period and is_due:
            within.append(posting)
        elif booked is not None and (period is None or booked < period):
            before.append(posting)
    belongs = calendar.containing
    return Statement(
        account=account,
        start=instant_of(start),
        end=end,
        at_position=position,
        opening=sum_of(account, before),
        lines=[
            _line(books, posting, None if (own := belongs(posting.value_at_us)) == period else own)
            for posting in _in_order(within)
        ],
        closing=sum_of(account, [*before, *within]),
    )


def _line(books: MemberBooks, posting: Posting, belongs_us: int | None = None) -> StatementLine:
    changes = changes_of(posting, books.account.member)
    return StatementLine(
        posting=posting,
        pending_minor=changes.get("pending", 0),
        available_minor=changes.get("available", 0),
        reserved_minor=changes.get("reserved", 0),
        earned=None if posting.level is None else books.orders[posting.order].earned,
        belongs_end=instant_of(belongs_us),
    )


def _in_order(postings: Iterable[Posting]) -> list[Posting]:
    """By time, then position; what stands at one position stays in its order."""
    return sorted(postings, key=lambda posting: (posting.value_at_us, posting.position))
