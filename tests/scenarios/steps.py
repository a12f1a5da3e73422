"""The words and the steps of a scenario, as the parser hands them to whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

OUTCOMES = frozenset({"bound", "recorded", "refused", "repeat", "conflict", "invalid", "retryable", "stopped"})
REASONS_NEEDED = frozenset({"refused", "retryable", "stopped"})
REFUSALS = frozenset(
    {
        "no_plan",
        "self_referral",
        "unknown_invite",
        "invite_for_another",
        "invite_expired",
        "late_binding",
        "already_bound",
        "protected",
        "would_close_loop",
        "not_bound",
        "late_unbind",
        "wrong_currency",
        "wrong_member",
        "unknown_line",
        "before_order",
        "exceeds_paid",
        "unknown_order",
        "refund_refused",
        "already_reversed",
        "before_refund",
        "unknown_refund",
        "no_minimum",
        "nothing_to_pay",
        "cut_off_in_the_future",
        "newer_batch",
        "same_actor",
        "nothing_left",
        "not_covered",
        "frozen",
        "approved",
        "rejected",
        "reserved",
        "submitted",
        "paid",
        "failed",
        "returned",
        "unknown",
        "other_reference",
        "other_amount",
        "reference_of_another",
        "period_closed",
        "end_in_the_future",
    }
)
LEVEL_OUTCOMES = frozenset(
    {
        "paid",
        "no_plan",
        "released",
        "expired",
        "not_bound",
        "chain_ended",
        "repeat",
        "self",
        "level_not_paid",
        "rounds_to_zero",
    }
)
AMOUNTS = frozenset({"pending", "available", "earned", "clawed_back", "adjusted", "reserved", "paid"})
LEFT_OUT = frozenset({"frozen", "debt", "below_minimum", "reserved", "on_hold"})
PAYOUT_STATES = frozenset(
    {"prepared", "rejected", "dropped", "reserved", "submitted", "paid", "failed", "returned", "unknown"}
)


class ScenarioSyntaxError(Exception):
    """A line of a scenario cannot be read. The message starts with file:line."""


@dataclass(frozen=True)
class Where:
    """The line a step was read from."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Input:
    """One input record and what becomes of it. `reason` None: the scenario does not say."""

    where: Where
    record: dict[str, object]
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class AllowNoPlan:
    """Ingest with `--allow-no-plan` from here on."""

    where: Where


@dataclass(frozen=True)
class Expire:
    """The expiry worker runs once."""

    where: Where
    as_of: datetime


@dataclass(frozen=True)
class ExpectBalance:
    """Amounts of one balance, by name; a balance that does not exist counts as zeros."""

    where: Where
    member: str
    currency: str
    as_of: datetime
    amounts: Mapping[str, int]


@dataclass(frozen=True)
class ExpectNoBalance:
    """The member has no balance in the currency: no line of rule S-3."""

    where: Where
    member: str
    currency: str
    as_of: datetime


@dataclass(frozen=True)
class ExpectOutcome:
    """One level of one order. `member` None: the scenario does not say; the commission is 0 unless paid."""

    where: Where
    order: str
    level: int
    outcome: str
    member: str | None
    commission_minor: int


@dataclass(frozen=True)
class ExpectUpline:
    """The upline of a member, nearest first."""

    where: Where
    member: str
    as_of: datetime
    members: tuple[str, ...]


@dataclass(frozen=True)
class ExpectDownline:
    """One level of the team of a member."""

    where: Where
    member: str
    as_of: datetime
    level: int
    members: frozenset[str]


@dataclass(frozen=True)
class Decide:
    """Finance does something at an instant, and what becomes of it.

    verb   the first word of the line
    about  the id of what it is about
    more   currency, cut_off, accounts, attempt, amount, reference, as far as the line says
    """

    where: Where
    verb: str
    about: str
    at: datetime
    more: Mapping[str, object]
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class ExpectPayable:
    """What could be paid out to a member at a cut-off, as known now."""

    where: Where
    member: str
    currency: str
    as_of: datetime
    amount_minor: int


@dataclass(frozen=True)
class ExpectLines:
    """The lines of a batch as prepared: member and amount, in order."""

    where: Where
    batch: str
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ExpectLeftOut:
    """Why a batch has nothing for a member."""

    where: Where
    batch: str
    member: str
    reason: str


@dataclass(frozen=True)
class ExpectPayout:
    """Where a payout stands."""

    where: Where
    payout: str
    state: str


@dataclass(frozen=True)
class ExpectParts:
    """What a payout is made of: kind, stream and amount, in order of position; `carried` from the payout before."""

    where: Where
    payout: str
    carried_minor: int
    parts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class ExpectClosed:
    """The trial balance of a closed period, as its event has it: the classes that the line names."""

    where: Where
    end: datetime
    currency: str
    classes: Mapping[str, int]


Expectation = (
    ExpectBalance
    | ExpectNoBalance
    | ExpectOutcome
    | ExpectUpline
    | ExpectDownline
    | ExpectPayable
    | ExpectLines
    | ExpectLeftOut
    | ExpectPayout
    | ExpectParts
    | ExpectClosed
)
Step = Input | AllowNoPlan | Expire | Decide | Expectation
