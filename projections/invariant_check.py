"""What must hold of any log that this ledger wrote, looked for in the log alone.

Each is a property that anybody can see without deciding requests again: no loop of referrers, no more refunded than
paid, accounts that are the sums of their postings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from ledger.findings import Finding, instant
from ledger.log_check import FINDINGS_MAX
from projections.balances import Balance
from projections.books import Books
from projections.loops import Interval, Loop, loops, on_circles
from projections.runner import Progress

# Of a long loop nobody reads more.
MEMBERS_SHOWN_MAX = 10

# The largest integer: how the relations say that a binding has no end.
_NO_END = (1 << 63) - 1

_AMOUNTS = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")


def check_invariants(books: Books, progress: Progress) -> Iterator[Finding]:
    """Plans in order, one binding at a time, no loops, refunds within what was paid, and accounts that add up.

    Raises:
        IntegrityError: the log is not one this ledger wrote.
    """
    live, head = books.read(progress)
    yield from _plans(books)
    yield from _bindings(books)
    yield from _refunds(books)
    books.tabulate(head, progress)
    yield from _levels(books)
    yield from _accounts(books)
    yield from _live(live.balances)


def _plans(books: Books) -> Iterator[Finding]:
    """P-1 and P-3: plans follow one another, and what was recorded under one was recorded under the right one."""
    for position, plan, number, is_early in books.find("wrong_plans"):
        message = "takes effect no later than the plan before it" if is_early else f"should be number {number}"
        yield Finding(f"plan {plan}", message, (position,))
    for position, plan, in_force in books.find("other_plans"):
        message = f"was recorded under {_plan(plan)}; in force was {_plan(in_force)}"
        yield Finding(f"position {position}", message, (position,))


def _plan(plan: int | None) -> str:
    return "no plan" if plan is None else f"plan {plan}"


def _bindings(books: Books) -> Iterator[Finding]:
    """B-1, B-2 and B-6: at no instant has anybody two referrers, or is below themselves."""
    for other, bind, name, from_us, until_us in books.find("overlaps"):
        until = "has no end" if until_us == _NO_END else f"is in force until {instant(until_us)}"
        message = f"begins at {instant(from_us)}, but the one at position {other} {until}"
        yield Finding(f"binding of {name} at position {bind}", message, (other, bind))
    circles = on_circles(books.edges(), books.members())
    # Their names are asked for once all are found: one question at a time.
    found = list(islice(loops(map(Interval._make, books.intervals(circles))), FINDINGS_MAX)) if circles else []
    for loop in found:
        yield _loop(books, loop)


def _loop(books: Books, loop: Loop) -> Finding:
    shown = loop.members[:MEMBERS_SHOWN_MAX]
    names = dict(books.find("names", members=list(shown)))
    more = f" and {len(loop.members) - len(shown)} more" if len(loop.members) > len(shown) else ""
    message = f"closes at {instant(loop.from_us)}: {', '.join([names[member] for member in shown])}{more}"
    return Finding(f"loop of {len(loop.members)}", message, tuple(sorted(loop.binds)))


def _refunds(books: Books) -> Iterator[Finding]:
    """R-1: every refund is as the refunds and the order before it make it, and no more goes back than was paid."""
    for row in books.find("refunds_otherwise"):
        position, order, recorded, decided, *amounts = row
        message = f"was recorded as {recorded}; the rules say {decided}"
        if decided == "exceeds_paid":
            message = f"{message}: {_excess(*amounts)}"
        yield Finding(f"refund at position {position}", message, (position,) if order is None else (order, position))


def _excess(amount: int, before: int, paid: int, line: int | None, line_before: int, line_paid: int | None) -> str:
    if before + amount > paid:
        return f"{before} + {amount} of {paid} paid for the order"
    return f"{line_before} + {amount} of {line_paid} paid for line {line}"


def _levels(books: Books) -> Iterator[Finding]:
    """A-1, A-3, A-5 and R-2: who is paid on an order, and that a level loses no more than it earned."""
    for position, accruals, members, own in books.find("paid_twice"):
        told = f"pays {accruals} levels to {members} members"
        message = f"{told}, one of them the buyer, whom its plan does not pay" if own else told
        yield Finding(f"order at position {position}", message, (position,))
    for position, level, commission, clawback, refunds in books.find("lost_more"):
        message = f"earned {commission} and lost {clawback} of it"
        yield Finding(f"level {level} of the order at position {position}", message, (position, *refunds))


def _accounts(books: Books) -> Iterator[Finding]:
    """S-1 and S-2, of the replay: balances and their postings, one account after the other and all together."""
    for member, currency, *amounts in books.find("unlike_postings"):
        balance, postings = _told(amounts[: len(_AMOUNTS)]), _told(amounts[len(_AMOUNTS) :])
        yield Finding(f"balance of {member} in {currency}", f"is {balance}; its postings come to {postings}")
    for currency, members, expense in books.find("trial_balance"):
        message = f"is {expense - members} instead of 0: members have {members}, of {expense} expensed"
        yield Finding(f"trial balance in {currency}", message)


def _live(balances: Sequence[Balance]) -> Iterator[Finding]:
    """S-1, of the live tables."""
    for row in balances:
        has = row.pending + row.available + row.reserved + row.paid
        made = row.earned - row.clawed_back + row.adjusted
        if made != has or min(row.earned, row.clawed_back) < 0:
            amounts = _told([getattr(row, name) for name in _AMOUNTS])
            yield Finding(f"live balance of {row.member} in {row.currency}", f"does not add up: {amounts}")


def _told(amounts: Sequence[int | None]) -> str:
    if amounts[0] is None:
        return "none"
    return " ".join([f"{name}={amount}" for name, amount in zip(_AMOUNTS, amounts, strict=True)])
