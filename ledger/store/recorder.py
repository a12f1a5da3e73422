"""What both recorders share: appending under the lock, reading the log in order."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent

from ledger.clock import from_micros, system_clock, to_micros
from ledger.errors import IntegrityError
from ledger.store.session import Row, Session, Table, load
from ledger.tree.hashing import leaf_hashes
from ledger.tree.proofs import HASH_BYTES

EVENT_TABLE = Table(
    "event",
    {
        "position": "int8",
        "stream": "text",
        "version": "int8",
        "topic": "text",
        "state": "bytea",
        "recorded_at_us": "int8",
    },
)
POSITION_MAX = (1 << 62) - 1
READ_CHUNK = 5_000

_HEAD = load("ledger.store", "select_head")
_STREAM = load("ledger.store", "select_stream")
_LOG = load("ledger.store", "select_log")
_STATES = load("ledger.store", "select_states")
_LEAF_HASHES = load("ledger.store", "select_leaf_hashes")
_IN_ORDER = load("ledger.store", "read_in_order")
_NOTIFICATIONS = load("ledger.store", "select_notifications")


class Recorded(NamedTuple):
    """One row of the log as stored."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


# Stream, version, topic and state of an event that is to be appended.
Encoded = tuple[str, int, str, bytes]


class Append:
    """An open transaction that holds the append lock: nobody else appends until it ends.

    session           for the decision state, in the same transaction
    head              the last position, 0 for an empty log
    last_recorded_at  recorded_at of the head; None for an empty log
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        head, recorded_at_us = session.rows(_HEAD)[0]
        self.head: int = head
        self.last_recorded_at = None if recorded_at_us is None else from_micros(recorded_at_us)

    def recorded_at(self, now: datetime) -> datetime:
        """max(now, the last recorded_at): a clock set back never runs the log backwards (G-2)."""
        return now if self.last_recorded_at is None else max(now, self.last_recorded_at)

    def append(self, events: Iterable[Encoded], recorded_at: datetime) -> None:
        """Appends at the head, without gaps."""
        rows = self._rows(events, to_micros(recorded_at))
        first = next(rows, None)
        if first is not None:
            self.session.insert(EVENT_TABLE, chain([first], rows))
            self.last_recorded_at = recorded_at

    def _rows(self, events: Iterable[Encoded], recorded_at_us: int) -> Iterator[Row]:
        for event in events:
            self.head += 1
            yield (self.head, *event, recorded_at_us)


class LogRecorder(ApplicationRecorder, ABC):
    """The library's application recorder over our one event table, for either engine.

    url  where the store is, for another process to open it; None: only this one can
    """

    url: str | None = None

    @abstractmethod
    def appending(self) -> AbstractContextManager[Append]:
        """A transaction that holds the append lock; commits at the end, rolls back on an exception."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Session]:
        """A transaction that may write read models; commits at the end."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Session]:
        """A read-only transaction that sees one state of everything."""

    @abstractmethod
    def settle(self) -> None:
        """Returns once all that could be read before is on disk, and outlasts a crash of the machine.

        Raises:
            ReplicaError: the store is a copy, which another one may yet contradict.
        """

    def wait(self, seconds: float) -> bool:
        """Waits until something may have been appended, at most so long: polling is the truth, waking sooner.

        Returns:
            Whether it was woken before the time was up.
        """
        time.sleep(seconds)
        return False

    @abstractmethod
    def close(self) -> None:
        """Closes every connection."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Appends events in a transaction of their own and returns their positions."""
        del kwargs
        with self.appending() as log:
            first = log.head + 1
            events = [
                (str(event.originator_id), event.originator_version, event.topic, event.state)
                for event in stored_events
            ]
            log.append(events, log.recorded_at(system_clock()))
            return list(range(first, log.head + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream, by version."""
        with self.reading() as session:
            rows = session.rows(
                _STREAM,
                stream=str(originator_id),
                after=-1 if gt is None else gt,
                upto=POSITION_MAX if lte is None else lte,
            )
        events = [StoredEvent(*row) for row in rows]
        return (events[::-1] if desc else events)[:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The log between two positions, at most `limit`, of all topics or of some."""
        after = 0 if start is None else start - inclusive_of_start
        with self.reading() as session:
            rows = session.rows(
                _NOTIFICATIONS,
                after=after,
                upto=POSITION_MAX if stop is None else stop,
                any_topic=int(not topics),
                topics=list(topics),
                most=limit,
            )
        return [Notification(*row[1:], id=row[0]) for row in rows]

    def max_notification_id(self) -> int | None:
        """The head; None for an empty log."""
        return self.head() or None

    def head(self) -> int:
        """The last position; 0 for an empty log."""
        with self.reading() as session:
            return head_of(session)

    def read(self, after: int = 0, upto: int = POSITION_MAX, chunk: int = READ_CHUNK) -> Iterator[Recorded]:
        """Every event of `(after, upto]` in order, in constant memory.

        The log only grows, so chunks read one after the other are one consistent log.

        Raises:
            IntegrityError: a gap.
        """
        while True:
            with self.reading() as session:
                rows = read_log(session, after, upto, chunk)
            yield from rows
            if not rows:
                return
            after = rows[-1].position


def head_of(session: Session) -> int:
    """The last position; 0 for an empty log."""
    return session.rows(_HEAD)[0][0]


def read_log(session: Session, after: int, upto: int, most: int) -> list[Recorded]:
    """The next events of `(after, upto]`, at most `most`.

    Without gaps the range itself is the limit.

    Raises:
        IntegrityError: a gap, which would otherwise look like the end.
    """
    _read_in_order(session)
    rows = list(map(Recorded._make, session.rows(_LOG, after=after, upto=min(upto, after + most))))
    is_whole = rows[-1].position == after + len(rows) if rows else after >= min(upto, head_of(session))
    if not is_whole:
        raise IntegrityError(f"the log has a gap somewhere after position {after}")
    return rows


def read_states(session: Session, after: int, upto: int) -> list[bytes]:
    """The stored bytes of exactly the events of `(after, upto]`, in order.

    Raises:
        IntegrityError: the log has not all of them.
    """
    _read_in_order(session)
    states = [state for (state,) in session.rows(_STATES, after=after, upto=upto)]
    _check_all(len(states), after, upto)
    return states


def read_leaf_hashes(session: Session, after: int, upto: int) -> list[bytes]:
    """The leaf hashes of exactly the events of `(after, upto]`, in order; PostgreSQL computes them itself (V-1).

    Raises:
        IntegrityError: the log has not all of them.
    """
    if session.dialect == "sqlite":
        return leaf_hashes(read_states(session, after, upto))
    _read_in_order(session)
    joined, count = session.rows(_LEAF_HASHES, after=after, upto=upto)[0]
    _check_all(count, after, upto)
    return [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]


def _check_all(count: int, after: int, upto: int) -> None:
    if count != upto - after:
        raise IntegrityError(f"the log has {count} of the {upto - after} events after position {after}")


def _read_in_order(session: Session) -> None:
    """Also where the planner knows nothing of the table; SQLite reads by its key in any case."""
    if session.dialect == "postgres":
        session.rows(_IN_ORDER)
