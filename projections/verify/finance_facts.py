"""Facts of finance, as `facts.py` has those of orders: adjustments, batches, payouts, periods."""

from __future__ import annotations

from typing import Any, NamedTuple

from ledger.rules.payout import PayoutState


class Question(NamedTuple):
    """Figures that an event claims, of before it: as of T, at P.

    at_position  P
    as_of        T, canonical text
    currency     of a batch; empty: all, for a period
    position     of the event
    """

    at_position: int
    as_of: str
    currency: str
    position: int


class Asked(NamedTuple):
    """Comes before the log's first event: every question of it, each as the fields of a Question, in order of P."""

    kind: int
    position: int
    questions: tuple[tuple[Any, ...], ...]


class Reversal(NamedTuple):
    """A refund's reversal, and the reason against it if it was refused."""

    kind: int
    position: int
    stream: str
    at: str
    refund: str
    reason: str | None


class Frozen(NamedTuple):
    """A member was frozen, or is no longer."""

    kind: int
    position: int
    member: str
    is_frozen: bool


class Proposed(NamedTuple):
    """An adjustment was proposed. by: the name of who did."""

    kind: int
    position: int
    stream: str
    at: str
    member: str
    currency: str
    amount_minor: int
    exponent: int
    by: str


class Posted(NamedTuple):
    """An adjustment was approved; or turned down: then there is no member, and what follows it is empty."""

    kind: int
    position: int
    stream: str
    seq: int
    by: str
    member: str | None
    currency: str
    amount_minor: int
    value_at: str


class Prepared(NamedTuple):
    """A batch was prepared. lines, lines_hash, total_minor, left_out: what it says of its lines."""

    kind: int
    position: int
    stream: str
    at: str
    currency: str
    cut_off: str
    at_position: int
    by: str
    lines: int
    digest: str
    exponent: int
    left_out: int
    lines_hash: str
    plan: int
    has_salt: bool
    total_minor: int


class Lined(NamedTuple):
    """Lines of a batch: number, member, amount, details or None."""

    kind: int
    position: int
    stream: str
    seq: int
    lines: tuple[tuple[int, str, int, str | None], ...]


class Dropped(NamedTuple):
    """Lines that are not paid after all: number and reason."""

    kind: int
    position: int
    stream: str
    seq: int
    lines: tuple[tuple[int, str], ...]


class Approved(NamedTuple):
    """A batch was approved. lines, lines_hash, total_minor: of what it reserved. signed: key and signature, if any."""

    kind: int
    position: int
    stream: str
    seq: int
    at: str
    by: str
    lines: int
    lines_hash: str
    total_minor: int
    signed: tuple[str, str] | None


class Rejected(NamedTuple):
    """A batch was turned down."""

    kind: int
    position: int
    stream: str
    seq: int


class Stepped(NamedTuple):
    """Something happened to a payout. reference: the provider's, or of a submission its file."""

    kind: int
    position: int
    stream: str
    seq: int
    at: str
    state: PayoutState
    batch: str
    member: str
    currency: str
    amount_minor: int
    attempt: int
    reference: str | None


class Closed(NamedTuple):
    """A period was closed. trial_balance: canonical JSON."""

    kind: int
    position: int
    stream: str
    at: str
    end: str
    at_position: int
    digest: str
    root: str
    trial_balance: str


FinanceFact = (
    Asked | Reversal | Frozen | Proposed | Posted | Prepared | Lined | Dropped | Approved | Rejected | Stepped | Closed
)
FINANCE_KINDS: tuple[type[FinanceFact], ...] = (
    Asked,
    Reversal,
    Frozen,
    Proposed,
    Posted,
    Prepared,
    Lined,
    Dropped,
    Approved,
    Rejected,
    Stepped,
    Closed,
)
# As facts.py numbers its own from 0.
_FIRST = 20
(
    ASKED,
    REVERSAL,
    FROZEN,
    PROPOSED,
    POSTED,
    PREPARED,
    LINED,
    DROPPED,
    APPROVED,
    REJECTED,
    STEPPED,
    CLOSED,
) = range(_FIRST, _FIRST + len(FINANCE_KINDS))
