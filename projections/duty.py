"""What workers keep doing: projecting commissions, growing the tree, recording lapses.

Each goes on where its last transaction ended.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from ledger.application import Ledger
from ledger.clock import from_micros, system_clock, to_micros
from ledger.store.session import Session, load
from projections.checkpoint import checkpoint
from projections.commissions import NAME as COMMISSIONS
from projections.runner import Runner
from projections.tree import NAME as TREE
from projections.tree import Integrator

EXPIRY = "expiry"
PROJECTIONS = (COMMISSIONS, TREE, EXPIRY)

_LAG = load("projections", "select_lag")
_STREAM_AT = load("projections", "select_stream_at")
_DUE_LAPSES = load("ledger.store", "select_due_lapses")
_LAPSED = load("ledger.store", "select_lapsed")


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a projection is behind.

    position  the last event it stands for; None: it follows bindings, not positions
    events    still to be projected; for expiry: lapses due and not recorded
    seconds   since the first of those was recorded, or fell due; 0: none
    """

    position: int | None
    head: int
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """An event: its position, and its stream if the log has it."""

    position: int
    stream: str | None


def lag_of(session: Session, projection: str, now: datetime) -> Lag:
    """How far a projection is behind, whoever keeps it."""
    if projection == EXPIRY:
        due, since_us, head = session.rows(_DUE_LAPSES, upto=to_micros(now))[0]
        return Lag(None, head, due, _age(since_us, now))
    position, head, since_us = session.rows(_LAG, projection=projection)[0]
    return Lag(position, head, head - position, _age(since_us, now))


def _age(since_us: int | None, now: datetime) -> float:
    return 0.0 if since_us is None else max(0.0, (now - from_micros(since_us)).total_seconds())


class Duty(ABC):
    """One projection, as a worker sees it.

    name      of the projection
    unit      what it counts
    doing     what it does with each
    gathers   whether it rests after a batch that was not full, so that the next one has more in it
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    doing: ClassVar[str]
    gathers: ClassVar[bool] = False

    @abstractmethod
    def step(self, most: int) -> int:
        """Does the next batch in one transaction and returns how much that was; 0: nothing is left to do."""

    @abstractmethod
    def wait(self, seconds: float) -> bool:
        """Waits until there may be something to do, at most so long; whether it was woken."""

    @abstractmethod
    def close(self) -> None:
        """Ends what outlives a batch."""

    @abstractmethod
    def last(self, session: Session) -> Place | None:
        """What it did last; None where that is not one place in the log."""

    @abstractmethod
    def next(self, session: Session) -> Place | None:
        """What it would do next."""


class ProjectCommissions(Duty):
    """Keeps the commissions projection at the head of the log."""

    name = COMMISSIONS
    unit = "event"
    doing = "projected"

    def __init__(self, ledger: Ledger) -> None:
        self._log = ledger.log
        self._runner = Runner(ledger.log)

    def step(self, most: int) -> int:
        """Projects a batch."""
        return self._runner.step(most=most)

    def close(self) -> None:
        """Ends what reads the log ahead."""
        self._runner.close()

    def wait(self, seconds: float) -> bool:
        """Until an append, where the store says so."""
        return self._log.wait(seconds)

    def last(self, session: Session) -> Place:
        """The event of the checkpoint."""
        return _place(session, checkpoint(session, COMMISSIONS))

    def next(self, session: Session) -> Place:
        """The event after the checkpoint."""
        return _place(session, checkpoint(session, COMMISSIONS) + 1)


class GrowTree(Duty):
    """Takes what was appended into the log's tree."""

    name = TREE
    unit = "event"
    doing = "in the tree"
    # The last tile of each row is written anew with every batch.
    gathers = True

    def __init__(self, ledger: Ledger) -> None:
        self._integrator = Integrator(ledger.log)

    def step(self, most: int) -> int:
        """Integrates a batch."""
        return self._integrator.step(most)

    def wait(self, seconds: float) -> bool:
        """Nobody waits for the tree: who signs a head brings it there."""
        time.sleep(seconds)
        return False

    def close(self) -> None:
        """Ends what hashes ahead."""
        self._integrator.close()

    def last(self, session: Session) -> Place:
        """The event of the checkpoint."""
        return _place(session, checkpoint(session, TREE))

    def next(self, session: Session) -> Place:
        """The event after the checkpoint."""
        return _place(session, checkpoint(session, TREE) + 1)


class RecordLapses(Duty):
    """Records bindings that lapsed (rule B-4)."""

    name = EXPIRY
    unit = "lapsed binding"
    doing = "recorded"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def step(self, most: int) -> int:
        """Records a batch. The append lock, for which writers wait, is taken only where something is due."""
        with self._ledger.log.reading() as session:
            is_due = self.next(session) is not None
        return self._ledger.expire_batch(most) if is_due else 0

    def wait(self, seconds: float) -> bool:
        """Nothing tells of the time."""
        time.sleep(seconds)
        return False

    def close(self) -> None:
        """Nothing does."""

    def last(self, session: Session) -> None:
        """Bindings lapse in no order of the log."""

    def next(self, session: Session) -> Place | None:
        """The granted bind that lapsed first."""
        rows = session.rows(_LAPSED, upto=to_micros(system_clock()), most=1)
        return Place(rows[0][1], rows[0][2]) if rows else None


_DUTIES: Mapping[str, Callable[[Ledger], Duty]] = {
    duty.name: duty for duty in (ProjectCommissions, GrowTree, RecordLapses)
}


def duty_of(projection: str, ledger: Ledger) -> Duty:
    """What keeps a projection."""
    return _DUTIES[projection](ledger)


def _place(session: Session, position: int) -> Place:
    rows = session.rows(_STREAM_AT, position=position)
    return Place(position, rows[0][0] if rows else None)
