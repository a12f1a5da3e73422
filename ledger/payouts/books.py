"""The books, open for one decision: the log under the append lock, and who is at it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from ledger.application import Ledger
from ledger.clock import format_instant
from ledger.commands import AHEAD_MAX
from ledger.envelope import Data, Event
from ledger.identity import Identity, identity_of
from ledger.ids import DEFAULT_SOURCE, check_source
from ledger.mapper import encode
from ledger.outcomes import Outcome
from ledger.payouts.state import BATCH_TABLE, REFERENCE_TABLE
from ledger.records import Command
from ledger.store.recorder import Append, Encoded
from ledger.store.session import Row


class Place(NamedTuple):
    """Where an event goes: its stream and version, and the input it follows from."""

    stream: str
    version: int
    id: str


class OpenBooks:
    """One transaction; what is recorded is appended at its end, all of it or nothing.

    source  of the inputs that the decision is about
    """

    def __init__(self, append: Append, *, actor: str, now: datetime, source: str) -> None:
        self.session = append.session
        self.head = append.head
        self.source = source
        self.recorded_at = append.recorded_at(now)
        self.identity: Identity = identity_of(append.session, actor)
        self._append = append
        self._actor = actor
        self._new: list[Encoded] = []
        self._batches: list[Row] = []
        self._references: list[Row] = []

    def record(self, kind: type[Event], data: Data, place: Place, at: datetime | None = None) -> int:
        """A fact that happened at `at`, by default now; returns its position."""
        return self._add(kind, data, place, at or self.recorded_at, None)

    def record_asked(self, kind: type[Event], data: Data, asked: Command) -> int:
        """The first event of an input; returns its position."""
        place = Place(asked.stream(self.source), 1, asked.id)
        return self._add(kind, data, place, asked.at, asked.content_hash())

    def note_batch(self, currency: str, position: int, batch: str) -> None:
        """Something was decided about a batch at this position (X-2)."""
        self._batches.append((currency, position, batch))

    def note_reference(self, reference: str, position: int, payout: str) -> None:
        """A provider's reference was recorded with a payout (X-4)."""
        self._references.append((reference, position, payout))

    def too_early(self, at: datetime) -> Outcome | None:
        """Refuses what lies in the future (G-2)."""
        if at <= self.recorded_at + AHEAD_MAX:
            return None
        return Outcome("invalid", "in_the_future", f"{format_instant(at)} is more than 5 minutes ahead")

    def close(self) -> None:
        """Appends what was recorded, and writes what the next decision asks for."""
        self._append.append(self._new, self.recorded_at)
        if self._batches:
            self.session.insert(BATCH_TABLE, self._batches)
        if self._references:
            self.session.insert(REFERENCE_TABLE, self._references)

    def _add(self, kind: type[Event], data: Data, place: Place, at: datetime, content: str | None) -> int:
        event = kind(
            actor=self._actor,
            content=content,
            data=data,
            id=place.id,
            occurred_at=at,
            recorded_at=self.recorded_at,
            seq=place.version,
            source=self.source,
            stream=place.stream,
            type=kind.TOPIC,
            v=kind.VERSION,
        )
        self._new.append((event.stream, event.seq, event.TOPIC, encode(event)))
        return self.head + len(self._new)


@contextmanager
def open_books(ledger: Ledger, source: str = DEFAULT_SOURCE) -> Generator[OpenBooks]:
    """Waits for the append lock and holds it until the decision is recorded."""
    with ledger.log.appending() as append:
        books = OpenBooks(append, actor=ledger.actor, now=ledger.now(), source=check_source(source))
        yield books
        books.close()
