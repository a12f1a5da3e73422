"""Who is paid, and what may become of a batch and of each of its payouts (rules X-1, X-3, X-4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ledger.canonical import canonical
from ledger.tree.hashing import RootBuilder

LeftOut = Literal["frozen", "debt", "below_minimum", "reserved", "on_hold"]
DropReason = Literal["not_covered", "frozen", "no_details"]

# A batch is prepared, an adjustment proposed; the rest they share.
ReviewState = Literal["prepared", "proposed", "approved", "rejected"]
Settled = Literal["paid", "failed", "returned", "unknown"]
PayoutState = Literal["reserved", "submitted"] | Settled

# What may follow in each state; anything else is refused. `returned` is final: the next batch pays it.
AFTER: Mapping[PayoutState, frozenset[PayoutState]] = {
    "reserved": frozenset({"submitted"}),
    "submitted": frozenset({"paid", "failed", "unknown"}),
    "unknown": frozenset({"paid", "failed"}),
    "failed": frozenset({"submitted"}),
    "paid": frozenset({"returned"}),
    "returned": frozenset(),
}


# ---- which lines a batch has


class Standing(NamedTuple):
    """A member's money of one currency at (cut-off, P), minor units."""

    payable_minor: int
    pending_minor: int
    available_minor: int
    reserved_minor: int
    is_frozen: bool = False


class Line(NamedTuple):
    """One payout of a batch. details: salted hash of where it goes, hex; None: not known to the ledger."""

    number: int
    member: str
    amount_minor: int
    details: str | None = None


def is_paid(standing: Standing, minimum_minor: int) -> bool:
    """Whether a batch has a line for them, of all that is payable.

    X-1 says `min(payable, available now)`: as the cut-off is not after the batch's own time, payable is never more.
    """
    return not standing.is_frozen and 0 < standing.payable_minor >= minimum_minor


def why_left_out(standing: Standing) -> LeftOut | None:
    """Why somebody who is not paid is not, the first reason that applies; None: they have no balance (X-1)."""
    if not (standing.pending_minor or standing.available_minor or standing.reserved_minor):
        return None
    if standing.is_frozen:
        return "frozen"
    if standing.payable_minor:
        return "debt" if standing.payable_minor < 0 else "below_minimum"
    if standing.reserved_minor > 0:
        return "reserved"
    return "on_hold" if standing.pending_minor > 0 else "debt"


def numbered(payments: Iterable[tuple[str, int, str | None]]) -> list[Line]:
    """Lines of (member, amount, details), numbered 1, 2, ... in the order of members, bytewise."""
    ordered = sorted(payments, key=lambda payment: payment[0].encode())
    return [Line(number, *payment) for number, payment in enumerate(ordered, start=1)]


def lines_hash(lines: Iterable[Line]) -> str:
    """RFC 6962 root over one canonical JSON object a line, in order of their numbers; hex (X-1)."""
    root = RootBuilder()
    for number, member, amount_minor, details in lines:
        line = {"amount": amount_minor, "member": member, "no": number}
        root.add(canonical(line if details is None else {**line, "details": details}))
    return root.root().hex()


def drop_reason(line: Line, payable_minor: int, *, is_frozen: bool, is_detailed: bool = False) -> DropReason | None:
    """Why a line is dropped when its batch is approved; None: it is reserved (X-3).

    Args:
        line: of the batch.
        payable_minor: payable(cut-off, head) of its member.
        is_frozen: whether the member is.
        is_detailed: whether the batch knows where its lines are paid. One that it does not know of could never be sent.
    """
    if payable_minor < line.amount_minor:
        return "not_covered"
    if is_frozen:
        return "frozen"
    return "no_details" if is_detailed and line.details is None else None


def has_details(lines: Iterable[Line]) -> bool:
    """Whether a batch knows of any of its lines where it is paid."""
    return any(line.details is not None for line in lines)


def approval_text(batch_id: str, *, lines: str, count: int, total_minor: int, currency: str) -> str:
    """The text an approver may sign: what was prepared. A signed note's text ends with a newline."""
    return f"refledger.approval/v1\n{batch_id}\n{lines}\n{count} {total_minor} {currency}\n"


# ---- what may become of a batch, and of an adjustment


class Refused(NamedTuple):
    """A decision that cannot be taken; the reason is a stable word."""

    reason: str


class Conflict(NamedTuple):
    """What is said contradicts what is recorded; the reason is a stable word."""

    reason: str


Repeat = Literal["repeat"]
Verdict = Repeat | Refused | Conflict | None


class Reviewer(NamedTuple):
    """Whoever wants to approve or reject something.

    is_preparer  they prepared or proposed it
    is_decider   they brought it into its present state
    may_approve  they are an approver
    """

    is_preparer: bool
    is_decider: bool
    may_approve: bool


def review(state: ReviewState, wanted: Literal["approved", "rejected"], reviewer: Reviewer) -> Verdict:
    """Whether a batch or an adjustment may be approved or rejected; None: it may (X-3).

    Anybody may reject, also whoever prepared it: that moves no money.
    """
    if state == wanted and reviewer.is_decider:
        return "repeat"
    if state not in {"prepared", "proposed"}:
        return Refused(state)
    if wanted == "rejected":
        return None
    if not reviewer.may_approve:
        return Refused("not_an_approver")
    return Refused("same_actor") if reviewer.is_preparer else None


# ---- what may become of a payout


class Fact(NamedTuple):
    """What happened to a payout. reference: the provider's, or of a submission its file."""

    state: PayoutState
    attempt: int
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    """A reserved line and all that happened to it, in order."""

    line: Line
    currency: str
    facts: tuple[Fact, ...] = ()

    @property
    def state(self) -> PayoutState:
        """Where it stands."""
        return self.facts[-1].state if self.facts else "reserved"

    @property
    def attempt(self) -> int:
        """How often it was sent."""
        return self.facts[-1].attempt if self.facts else 0

    def plus(self, fact: Fact) -> Payout:
        """The same, with one fact more."""
        return Payout(self.line, self.currency, (*self.facts, fact))


class Settlement(NamedTuple):
    """What a provider says became of a payout; attempt: of which attempt, None: it does not say."""

    state: Settled
    amount_minor: int
    currency: str
    reference: str | None = None
    attempt: int | None = None


def submit(payout: Payout, attempt: int, file: str, payable_minor: int, *, is_frozen: bool) -> Verdict:
    """Whether a payout may go out in a file; None: it may (X-4).

    A first attempt is covered by its reservation. After a failure the money is the member's again: it must still be
    there, and they must not be frozen.

    Args:
        payout: what happened so far.
        attempt: which attempt the file is of.
        file: its hash.
        payable_minor: payable(cut-off, head) of the member.
        is_frozen: whether the member is.
    """
    for fact in payout.facts:
        if fact.state == "submitted" and fact.attempt == attempt:
            return "repeat" if fact.reference == file else Conflict("other_file")
    if "submitted" not in AFTER[payout.state]:
        return Refused(payout.state)
    if attempt != payout.attempt + 1:
        return Refused("other_attempt")
    if attempt == 1:
        return None
    reason = drop_reason(payout.line, payable_minor, is_frozen=is_frozen)
    return None if reason is None else Refused(reason)


def settle(payout: Payout, said: Settlement, *, is_reference_of_another: bool) -> Verdict:
    """Whether what a provider says is news; None: it is, and may be recorded (X-4)."""
    return (
        _contradiction(payout, said, is_reference_of_another=is_reference_of_another)
        or _known(payout, said)
        or _untimely(payout, said)
    )


def _contradiction(payout: Payout, said: Settlement, *, is_reference_of_another: bool) -> Conflict | None:
    """It speaks of another payment."""
    if said.amount_minor != payout.line.amount_minor:
        return Conflict("other_amount")
    if said.currency != payout.currency:
        return Conflict("other_currency")
    return Conflict("reference_of_another") if is_reference_of_another else None


def _known(payout: Payout, said: Settlement) -> Repeat | Conflict | None:
    """The outcome is recorded: with the same reference a repeat, also when more has happened since."""
    recorded = [fact for fact in payout.facts if fact.state == said.state]
    if said.attempt is None and said.reference is not None and any(f.reference == said.reference for f in recorded):
        return "repeat"
    for fact in recorded:
        if fact.attempt == (said.attempt or payout.attempt):
            return "repeat" if fact.reference == said.reference else Conflict("other_reference")
    return None


def _untimely(payout: Payout, said: Settlement) -> Refused | Conflict | None:
    """It is not what may happen next."""
    if said.attempt is not None and said.attempt < payout.attempt:
        return Conflict("other_outcome")
    if said.state not in AFTER[payout.state]:
        return Refused(payout.state)
    if said.attempt is not None and said.attempt > payout.attempt:
        return Refused("other_attempt")
    # The same happened to an earlier attempt, and nothing tells the two apart: perhaps an old file once more.
    is_ambiguous = said.attempt is None and said.reference is None and any(f.state == said.state for f in payout.facts)
    return Refused("which_attempt") if is_ambiguous else None
