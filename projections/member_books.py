"""One member's books in one currency, from the live tables: what they earned on, what was taken, adjusted and paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, cast, get_args

from ledger.money import PPM
from ledger.plan import Plans
from ledger.store.recorder import LogRecorder
from ledger.store.session import Row, Session, load
from projections.balances import Balance
from projections.commissions import order_outcome
from projections.fold import Clawback, OrderOutcome
from projections.payout_fold import Movement, MovementKind
from projections.plans import plans_at
from projections.postings import PeriodOf, Posting, movement_posting, order_postings, payout_of

_ORDERS = load("projections", "select_member_orders")
_REFUNDS = load("projections", "select_member_refunds")
_MOVEMENTS = load("projections", "select_member_movements")

Part = Literal["pending", "available", "reserved"]
PARTS: tuple[Part, ...] = get_args(Part)


class Account(NamedTuple):
    """Whose books, in which currency."""

    member: str
    currency: str


@dataclass(frozen=True, slots=True)
class Earned:
    """How a level of an order came to what it earned.

    order            its stream
    exact_ppm_minor  base x rate, in millionths of a minor unit, before rounding
    remainder_ppm    what rounding left with the house, in millionths of a minor unit; negative where it rounded up
    available_at     until when it is on hold (A-6)
    """

    order: str
    position: int
    level: int
    buyer: str
    occurred_at: datetime
    available_at: datetime
    base_minor: int
    plan: int
    rate_ppm: int
    rounding: str
    exact_ppm_minor: int
    remainder_ppm: int
    commission_minor: int


@dataclass(frozen=True, slots=True)
class EarnedOrder:
    """An order that the member earned on, with its refunds and their reversals in order of position.

    earned  on one level: nobody earns on more of the same order (A-3)
    """

    earned: Earned
    order: OrderOutcome
    clawbacks: list[Clawback]


@dataclass(frozen=True, slots=True)
class MemberBooks:
    """Everything that posts to a member's accounts in one currency, up to the checkpoint.

    orders     by stream, in order of position
    movements  with the stream of the adjustment or the payout
    """

    account: Account
    orders: Mapping[str, EarnedOrder]
    movements: list[tuple[str, Movement]]

    def postings(self, period_of: PeriodOf | None = None) -> list[Posting]:
        """The postings on the member's accounts, whatever their time; with periods as `order_postings` has it."""
        mine = _accounts_of(self.account.member)
        of_orders = [
            posting for row in self.orders.values() for posting in order_postings(row.order, row.clawbacks, period_of)
        ]
        return [
            *[one for one in of_orders if one.debit in mine or one.credit in mine],
            *[movement_posting(stream, movement) for stream, movement in self.movements],
        ]


def books_of(session: Session, log: LogRecorder, account: Account, position: int) -> MemberBooks:
    """A member's books.

    Args:
        session: of a store with the projection's tables.
        log: the log.
        account: whose, in which currency.
        position: the checkpoint of the tables.
    """
    with log.reading() as events:
        plans = plans_at(events, position)
    named = account._asdict()
    orders = [order_outcome(row) for row in session.rows(_ORDERS, **named)]
    refunds: defaultdict[int, list[Row]] = defaultdict(list)
    for order_position, *row in session.rows(_REFUNDS, **named):
        refunds[order_position].append(tuple(row))
    return MemberBooks(
        account,
        {
            order.order: EarnedOrder(
                _earned(order, account.member, plans), order, [_clawback(order, row) for row in refunds[order.position]]
            )
            for order in orders
        },
        [_movement(account, row) for row in session.rows(_MOVEMENTS, **named)],
    )


def sum_of(account: Account, postings: Iterable[Posting]) -> Balance:
    """What postings on a member's accounts come to."""
    parts = dict.fromkeys(("pending", "available", "reserved"), 0)
    sums = dict.fromkeys(("earned", "clawed_back", "adjusted", "paid"), 0)
    for posting in postings:
        for part, minor in changes_of(posting, account.member).items():
            parts[part] += minor
        # What leaves one of the member's accounts for another counts in none of these.
        is_credit, minor = posting.credit.startswith("member:"), posting.amount_minor
        match posting.kind:
            case "accrual":
                sums["earned"] += minor
            case "clawback" | "restoration":
                sums["clawed_back"] += -minor if is_credit else minor
            case "adjustment":
                sums["adjusted"] += minor if is_credit else -minor
            case "payment" | "return":
                sums["paid"] += -minor if is_credit else minor
            case _:
                pass
    return Balance(member=account.member, currency=account.currency, **sums, **parts)


def changes_of(posting: Posting, member: str) -> dict[Part, int]:
    """What a posting changes of pending, available and reserved; signed."""
    mine, changes = _accounts_of(member), dict[Part, int]()
    for name, minor in ((posting.debit, -posting.amount_minor), (posting.credit, posting.amount_minor)):
        if name in mine:
            changes[mine[name]] = minor
    return changes


@lru_cache(maxsize=64)
def _accounts_of(member: str) -> dict[str, Part]:
    """The accounts by name, whole: those of a member `a:b` begin like the ones of a member `a`."""
    return {f"member:{member}:{part}": part for part in PARTS}


def _earned(order: OrderOutcome, member: str, plans: Plans) -> Earned:
    level = next(
        number for number, one in enumerate(order.levels, start=1) if (one.beneficiary, one.reason) == (member, "paid")
    )
    # Without a plan nobody earns.
    plan = plans[order.plan or 0]
    minor, exact = order.levels[level - 1].commission_minor, order.amount_minor * plan.rate_ppm(level)
    return Earned(
        order=order.order,
        position=order.position,
        level=level,
        buyer=order.member,
        occurred_at=order.occurred_at,
        available_at=order.available_at,
        base_minor=order.amount_minor,
        plan=plan.plan,
        rate_ppm=plan.rate_ppm(level),
        rounding=plan.rounding,
        exact_ppm_minor=exact,
        remainder_ppm=exact - minor * PPM,
        commission_minor=minor,
    )


def _clawback(order: OrderOutcome, row: Row) -> Clawback:
    refund, position, value_at_us, amount_minor, *clawed_back, reverses = row
    return Clawback(refund, position, order, value_at_us, amount_minor, tuple(clawed_back), reverses)


def _movement(account: Account, row: Row) -> tuple[str, Movement]:
    kind, stream, number, position, value_at_us, *changes = row
    movement = Movement(cast("MovementKind", kind), position, *account, value_at_us, *changes)
    return stream if number is None else payout_of(stream, number), movement
