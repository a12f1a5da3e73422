"""What a payout batch would pay whom at (cut-off, P), and to whom nothing, with the reason (rule X-1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ledger.clock import format_instant
from ledger.errors import RefusedError
from ledger.garbage import collection_paused
from ledger.payouts.preparing import Draft
from ledger.plan import PlanTerms
from ledger.rules.payout import LeftOut, Line, Standing, is_paid, numbered, why_left_out
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session, load
from projections.balances import Balance, balances_at, digest
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.payable import payable
from projections.plans import plans_at

_FROZEN = load("projections", "select_frozen_members")


class NotPaidOutError(RefusedError):
    """Nothing of a currency is paid out at that time. code: no_plan or no_minimum."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotPaid(NamedTuple):
    """A member with a balance whom a batch does not pay, and why."""

    member: str
    reason: LeftOut
    standing: Standing


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a batch would pay of a currency at (cut-off, P), and to whom nothing (X-1).

    digest  of all balances at (cut-off, P) (S-3)
    lines   numbered in the order of members; without details of payees
    """

    currency: str
    cut_off: datetime
    at_position: int
    plan: PlanTerms
    minimum_minor: int
    digest: str
    lines: Sequence[Line]
    left_out: Sequence[NotPaid]

    @property
    def total_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)

    def detailed(self, details: Mapping[str, str]) -> list[Line]:
        """The lines with the salted hashes of payees' details, as far as there are any."""
        return [line._replace(details=details.get(line.member)) for line in self.lines]

    def draft(self, details: Mapping[str, str] | None = None, salt: str | None = None) -> Draft:
        """As it is prepared. details: salted hash by member; None: without."""
        payments = [(line.member, line.amount_minor, line.details) for line in self.detailed(details or {})]
        return Draft(
            payments=payments,
            left_out=len(self.left_out),
            at_position=self.at_position,
            digest=self.digest,
            salt=salt,
        )


def propose(session: Session, log: LogRecorder, currency: str, cut_off: datetime) -> Proposal:
    """What a batch of a currency would pay at the cut-off, as known at the checkpoint of the session's tables.

    The same (cut-off, P) gives the same lines for ever (X-5): also from a view of an earlier position.

    Raises:
        NotPaidOutError: no plan was in force, or it has no minimum of that currency.
    """
    position = checkpoint(session, NAME)
    plan, minimum_minor = _terms(log, position, currency, cut_off)
    with collection_paused():
        balances = balances_at(session, cut_off)
        payable_minor, frozen = payable(session, currency, cut_off), {member for (member,) in session.rows(_FROZEN)}
        payments: list[tuple[str, int, str | None]] = []
        left_out: list[NotPaid] = []
        for member, standing in _standings(balances, currency, payable_minor, frozen):
            if is_paid(standing, minimum_minor):
                payments.append((member, standing.payable_minor, None))
            elif (reason := why_left_out(standing)) is not None:
                left_out.append(NotPaid(member, reason, standing))
        return Proposal(
            currency=currency,
            cut_off=cut_off,
            at_position=position,
            plan=plan,
            minimum_minor=minimum_minor,
            digest=digest(balances),
            lines=numbered(payments),
            left_out=left_out,
        )


def _terms(log: LogRecorder, position: int, currency: str, cut_off: datetime) -> tuple[PlanTerms, int]:
    with log.reading() as session:
        plan = plans_at(session, position).in_force(cut_off)
    if plan is None:
        raise NotPaidOutError("no_plan", f"no plan was in force at {format_instant(cut_off)}")
    if currency not in plan.min_payout:
        raise NotPaidOutError("no_minimum", f"plan {plan.plan} has no min_payout of {currency}")
    return plan, plan.min_payout[currency]


def _standings(
    balances: Iterable[Balance], currency: str, payable_minor: Mapping[str, int], frozen: set[str]
) -> Iterator[tuple[str, Standing]]:
    """Everybody who has, or had, anything of a currency by the cut-off; nothing is payable to others."""
    for row in balances:
        if row.currency == currency:
            money = (payable_minor.get(row.member, 0), row.pending, row.available, row.reserved)
            yield row.member, Standing(*money, is_frozen=row.member in frozen)
