"""Tables of payouts, adjustments, freezes and periods: what a batch asks about is read, what it adds is written."""

from __future__ import annotations

from collections import defaultdict

from ledger.store.session import Row, Session, Table, load
from projections.changes import Changes
from projections.payout_changes import (
    Approved,
    Closed,
    Declined,
    Dropped,
    Frozen,
    Lined,
    Posted,
    Prepared,
    Proposed,
    Rejected,
    Stepped,
)
from projections.payout_fold import Batch, Movement, PayoutFact, PayoutFold, Reservation, Step, movement_of

_BATCHES = load("projections", "select_batches_by_stream")
_POSTED = load("projections", "select_posted_payouts")
_DECIDE_ADJUSTMENTS = load("projections", "decide_adjustments")
_DECIDE_BATCHES = load("projections", "decide_batches")
_DROP_PAYOUTS = load("projections", "drop_payouts")
_UPDATE_PAYOUTS = load("projections", "update_payouts")
_RESERVE_PAYOUTS = load("projections", "reserve_payouts")
_ADD_MOVEMENTS = load("projections", "add_movements")

_ADJUSTMENT = Table(
    "adjustment",
    {
        "position": "int8",
        "stream": "text",
        "member": "text",
        "currency": "text",
        "amount_minor": "int8",
        "value_at_us": "int8",
        "reason": "text",
        "proposed_by": "text",
        "state": "text",
    },
)
_MEMBER_FREEZE = Table(
    "member_freeze",
    {"position": "int8", "member": "text", "is_frozen": "int8", "at_us": "int8", "actor": "text", "reason": "text"},
)
_PAYOUT_BATCH = Table(
    "payout_batch",
    {
        "position": "int8",
        "stream": "text",
        "currency": "text",
        "at_us": "int8",
        "cut_off_us": "int8",
        "at_position": "int8",
        "plan": "int8",
        "lines": "int8",
        "total_minor": "int8",
        "left_out": "int8",
        "digest": "text",
        "lines_hash": "text",
        "salt": "text",
        "prepared_by": "text",
        "state": "text",
    },
)
_PAYOUT = Table("payout", {"batch": "int8", "no": "int8", "member": "text", "amount_minor": "int8", "details": "text"})
_PAYOUT_STEP = Table(
    "payout_step",
    {
        "batch": "int8",
        "no": "int8",
        "position": "int8",
        "kind": "text",
        "attempt": "int8",
        "at_us": "int8",
        "value_at_us": "int8",
        "reserved_minor": "int8",
        "paid_minor": "int8",
        "actor": "text",
        "reference": "text",
        "reason": "text",
        "file": "text",
    },
)
_PERIOD_CLOSE = Table(
    "period_close",
    {
        "position": "int8",
        "end_us": "int8",
        "at_position": "int8",
        "at_us": "int8",
        "closed_by": "text",
        "digest": "text",
        "root": "text",
        "trial_balance": "text",
    },
)


def read_payouts(session: Session, changes: Changes, fold: PayoutFold) -> None:
    """Puts the batches that changes refer to into the fold, as far as the tables have them; without their lines.

    What an approval reserves, the tables know themselves.
    """
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for change in changes:
        match change:
            case Stepped():
                numbers[change.batch].add(change.number)
            case Lined() | Dropped() | Approved():
                _ = numbers[change.batch]
            case _:
                pass
    if not numbers:
        return
    for stream, position, currency, reserved_at_us in session.rows(_BATCHES, keys=sorted(numbers)):
        batch = fold.batches[stream] = Batch(position, stream, currency, reserved_at_us)
        keys = [str(number) for number in sorted(numbers[stream])]
        if keys:
            batch.posted_at_us.update(dict(session.rows(_POSTED, batch=position, keys=keys)))


class PayoutRows:
    """What one batch of changes adds to the tables."""

    def __init__(self) -> None:
        self._adjustments: list[Row] = []
        self._decided_adjustments: list[Row] = []
        self._freezes: list[Row] = []
        self._batches: list[Row] = []
        self._lines: list[Row] = []
        self._dropped: list[Row] = []
        self._decided_batches: list[Row] = []
        self._reserved: list[int] = []
        self._steps: list[Row] = []
        self._payouts: dict[tuple[int, int], Row] = {}
        self._periods: list[Row] = []
        self._accounts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._is_empty = True

    def take(self, fact: PayoutFact, fold: PayoutFold) -> None:
        """One fact, in order of position."""
        self._is_empty = False
        match fact:
            case Step():
                self._step(fact)
            case Proposed() | Posted() | Declined():
                self._adjustment(fact)
            case Frozen():
                self._freezes.append((*fact[:2], int(fact.is_frozen), *fact[3:]))
            case Closed():
                self._periods.append(fact)
            case _:
                self._batch(fact, fold)

    def write(self, session: Session) -> None:
        """Everything that was taken: what is added first, then what changes it."""
        if self._is_empty:
            return
        session.insert(_ADJUSTMENT, self._adjustments)
        session.write(_DECIDE_ADJUSTMENTS, self._decided_adjustments)
        session.insert(_MEMBER_FREEZE, self._freezes)
        session.insert(_PAYOUT_BATCH, self._batches)
        session.insert(_PAYOUT, self._lines)
        session.write(_DROP_PAYOUTS, self._dropped)
        session.write(_DECIDE_BATCHES, self._decided_batches)
        for batch in self._reserved:
            session.run(_RESERVE_PAYOUTS, batch=batch)
        session.insert(_PAYOUT_STEP, self._steps)
        session.write(_UPDATE_PAYOUTS, [(*key, *row) for key, row in sorted(self._payouts.items())])
        session.write(_ADD_MOVEMENTS, [(*account, *sums) for account, sums in sorted(self._accounts.items())])
        session.insert(_PERIOD_CLOSE, self._periods)

    def _adjustment(self, fact: Proposed | Posted | Declined) -> None:
        match fact:
            case Proposed():
                self._adjustments.append((*fact, "proposed"))
            case Posted():
                self._decided_adjustments.append((fact.stream, "posted", fact.position, fact.at_us, fact.by, None))
                self._add(movement_of(fact))
            case Declined():
                self._decided_adjustments.append(
                    (fact.stream, "rejected", fact.position, fact.at_us, fact.by, fact.reason)
                )

    def _batch(self, fact: PayoutFact, fold: PayoutFold) -> None:
        match fact:
            case Prepared():
                self._batches.append((*fact, "prepared"))
            case Lined():
                position = fold.batches[fact.batch].position
                self._lines += [(position, *line) for line in fact.lines]
            case Dropped():
                position = fold.batches[fact.batch].position
                self._dropped += [(position, *line) for line in fact.lines]
            case Reservation(change=change):
                reserved = (change.lines, change.total_minor, change.lines_hash)
                decided = (change.batch, "approved", change.position, change.at_us, change.by, None)
                self._decided_batches.append((*decided, *reserved))
                self._reserved.append(fact.batch.position)
            case Rejected():
                decided = (fact.batch, "rejected", fact.position, fact.at_us, fact.by, fact.reason)
                self._decided_batches.append((*decided, None, None, None))
            case _:
                pass

    def _step(self, fact: Step) -> None:
        step, movement = fact.change, fact.movement
        key = (fact.batch.position, step.number)
        value_at_us = None if movement is None else movement.value_at_us
        changes = (0, 0) if movement is None else (movement.reserved_minor, movement.paid_minor)
        self._steps.append(
            (
                *key,
                step.position,
                step.kind,
                step.attempt,
                step.at_us,
                value_at_us,
                *changes,
                step.by,
                step.reference,
                step.reason,
                step.file,
            )
        )
        posted_at_us = fact.batch.posted_at_us.get(step.number)
        _, _, known, *_ = self._payouts.get(key, (None, None, None))
        reference = step.reference or known
        self._payouts[key] = (step.kind, step.attempt, reference, posted_at_us, step.at_us, step.position)
        if movement is not None:
            self._add(movement)

    def _add(self, movement: Movement) -> None:
        sums = self._accounts[movement.member, movement.currency]
        sums[0] += movement.adjusted_minor
        sums[1] += movement.reserved_minor
        sums[2] += movement.paid_minor
        sums[3] += 1
