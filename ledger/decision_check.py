"""The decision state against the log: what its tables must hold, from the events alone, and what they hold instead.

What the log says is derived into a temporary file, so memory does not grow with it. It is a second formulation, which
shares nothing with the one that the writer keeps (`decisions.py`) but the columns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ledger.application import Ledger
from ledger.clock import micros_of, to_micros
from ledger.decisions import BINDING_TABLE, FREEZE_TABLE
from ledger.envelope import Event
from ledger.errors import IntegrityError
from ledger.events import (
    BindingExpired,
    BindingReleased,
    BindingRenewed,
    MemberBound,
    MemberFrozen,
    MemberUnfrozen,
    OrderRefunded,
    RefundReversed,
)
from ledger.findings import Finding, differing
from ledger.garbage import collection_paused
from ledger.ids import stream_of
from ledger.mapper import decode_row
from ledger.payout_events import (
    PayoutBatchApproved,
    PayoutBatchPrepared,
    PayoutBatchRejected,
    PayoutFailed,
    PayoutPaid,
    PayoutReturned,
)
from ledger.payouts.state import BATCH_TABLE, REFERENCE_TABLE
from ledger.refunds import REFUND_TABLE, REVERSAL_TABLE
from ledger.store.migrate import LEDGER, migrate
from ledger.store.owner import owning
from ledger.store.recorder import POSITION_MAX, READ_CHUNK, LogRecorder, Recorded, read_log
from ledger.store.session import Row, Session, Sql, Table, load

_CHANGE_BINDING = load(LEDGER, "update_derived_binding")
_CREATE_CHANGES = load(LEDGER, "create_derived_change")
_CHANGES = load(LEDGER, "select_derived_changes")
_LOST = load(LEDGER, "select_lost_change")
_CREATE_REFUNDS = load(LEDGER, "create_derived_refund")
_TAKE_REFUND = load(LEDGER, "delete_derived_refund")
_BATCH_CURRENCY = load(LEDGER, "select_derived_batch_currency")

_BINDS = (MemberBound, BindingReleased, BindingRenewed, BindingExpired)
_MONEY = (OrderRefunded, MemberFrozen, MemberUnfrozen, PayoutBatchPrepared, PayoutPaid, PayoutFailed, PayoutReturned)
# These need what earlier events left in the file.
_REFERRING = (RefundReversed, PayoutBatchApproved, PayoutBatchRejected)
_TOPICS = frozenset(event.TOPIC for event in (*_BINDS, *_MONEY, *_REFERRING))
_CHANGE = Table("derived_change", {"member": "text", "bind": "text", "position": "int8"})
_REFUND = Table(
    "derived_refund", {"refund_stream": "text", "order_stream": "text", "line": "int8", "amount_minor": "int8"}
)
_INSERTED = (BINDING_TABLE, REFUND_TABLE, _REFUND, FREEZE_TABLE, BATCH_TABLE, REFERENCE_TABLE)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A table of the decision state. The first two columns are its key.

    page    reads its next rows in order of the key
    delete  takes rows out by their keys
    """

    table: Table
    page: Sql
    delete: Sql


def _kept(table: Table, plural: str) -> Kept:
    return Kept(table, load(LEDGER, f"select_decision_{plural}_after"), load(LEDGER, f"delete_decision_{plural}"))


BINDINGS = _kept(BINDING_TABLE, "bindings")
KEPT = (
    BINDINGS,
    _kept(REFUND_TABLE, "refunds"),
    _kept(REVERSAL_TABLE, "reversals"),
    _kept(FREEZE_TABLE, "freezes"),
    _kept(BATCH_TABLE, "batches"),
    _kept(REFERENCE_TABLE, "references"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log says: as it is, and as it must be. None: there is none."""

    kept: Kept
    found: Row | None
    expected: Row | None

    @property
    def key(self) -> Row:
        """Of the row."""
        return (self.found or self.expected or ())[:2]


def check_decisions(log: LogRecorder, progress: Progress) -> Iterator[Finding]:
    """The decision tables hold what the log says, at the head (architecture.md, decision 4)."""
    with _derived() as store:
        reached = _derive(log, store, 0, log.head(), progress)
        with log.reading() as session:
            # What was appended since; then both stand at the head of this one snapshot.
            _take(store, read_log(session, reached, POSITION_MAX, POSITION_MAX))
            with store.reading() as derived:
                for difference in _differences(session, derived):
                    yield _finding(derived, difference)


def mend_decisions(url: str, progress: Progress) -> int:
    """Makes the decision tables what the log says, under the append lock; returns how many rows were wrong.

    Raises:
        RefusedError: this role may not; the owner may.
        IntegrityError: the log is not one this ledger wrote.
    """
    ledger = Ledger(url)
    try:
        with _derived() as store:
            reached = _derive(ledger.log, store, 0, ledger.log.head(), progress)
            with owning(url) as session:
                _take(store, read_log(session, reached, POSITION_MAX, POSITION_MAX))
                with store.reading() as derived:
                    return _mend(session, derived)
    finally:
        ledger.close()


@contextmanager
def _derived() -> Generator[LogRecorder]:
    """An empty file with the decision tables."""
    with tempfile.TemporaryDirectory(prefix="refledger-decisions-") as folder:
        url = f"sqlite:///{Path(folder) / 'derived.db'}"
        migrate(url, (LEDGER,))
        ledger = Ledger(url)
        try:
            with ledger.log.writing() as session:
                session.run(_CREATE_CHANGES)
                session.run(_CREATE_REFUNDS)
            yield ledger.log
        finally:
            ledger.close()


def _derive(log: LogRecorder, store: LogRecorder, after: int, head: int, progress: Progress) -> int:
    """Takes the log of (after, head] into the file; returns how far that is."""
    with collection_paused():
        while after < head:
            with log.reading() as session:
                rows = read_log(session, after, head, READ_CHUNK)
            _take(store, rows)
            after = rows[-1].position
            progress(len(rows))
    return after


def _take(store: LogRecorder, rows: Sequence[Recorded]) -> None:
    """What events say, put into the file together."""
    said = _Said()
    with store.writing() as session:
        for row in rows:
            if row.topic in _TOPICS:
                event = decode_row(row)
                if isinstance(event, _REFERRING):
                    said.put(session)
                    _refer(session, row.position, event)
                else:
                    said.add(row.position, event)
        said.put(session)


class _Said:
    """Rows of the tables, and changes of bindings in the order of update_derived_binding, as events say them."""

    def __init__(self) -> None:
        self._rows = {table.name: list[Row]() for table in _INSERTED}
        self._changes: list[Row] = []

    def add(self, position: int, event: Event) -> None:
        """The next event."""
        match event:
            case MemberBound(data=data):
                asked, at, ends_at = data.asked, to_micros(event.occurred_at), micros_of(data.ends_at)
                row = (asked.member, position, event.stream, event.seq, asked.inviter, at, ends_at, data.plan)
                self._rows[BINDING_TABLE.name].append((*row, None, None))
            case BindingReleased(data=data):
                self._change(position, event, (data.member, data.bind), released_at_us=to_micros(event.occurred_at))
            case BindingRenewed(data=data):
                self._change(position, event, (data.member, data.bind), ends_at_us=to_micros(data.ends_at))
            case BindingExpired(data=data):
                self._change(position, event, (data.member, data.bind), lapsed_at_us=to_micros(event.occurred_at))
            case _:
                self._add_money(position, event)

    def _add_money(self, position: int, event: Event) -> None:
        match event:
            case OrderRefunded(data=data):
                order = stream_of("order", data.asked.order, event.source)
                self._rows[REFUND_TABLE.name].append((order, position, data.asked.line, data.asked.amount))
                self._rows[_REFUND.name].append((event.stream, order, data.asked.line, data.asked.amount))
            case MemberFrozen(data=data):
                self._rows[FREEZE_TABLE.name].append((data.asked.member, position, 1))
            case MemberUnfrozen(data=data):
                self._rows[FREEZE_TABLE.name].append((data.asked.member, position, 0))
            case PayoutBatchPrepared(data=data):
                self._rows[BATCH_TABLE.name].append((data.asked.currency, position, event.stream))
            case PayoutPaid(data=data) | PayoutFailed(data=data) | PayoutReturned(data=data):
                if data.reference is not None:
                    self._rows[REFERENCE_TABLE.name].append((data.reference, position, event.stream))
            case _:
                pass

    def _change(self, position: int, event: Event, bound: tuple[str, str], **said: int) -> None:
        """What an event says about the binding of a member and a bind's stream."""
        version = event.seq if event.stream == bound[1] else None
        times = (said.get(name) for name in ("ends_at_us", "released_at_us", "lapsed_at_us"))
        self._changes.append((version, *times, *bound, position))

    def put(self, session: Session) -> None:
        """Everything said so far goes into the file."""
        for table in _INSERTED:
            session.insert(table, self._rows[table.name])
            self._rows[table.name].clear()
        if not self._changes:
            return
        session.write(_CHANGE_BINDING, self._changes)
        session.insert(_CHANGE, [(member, bind, position) for *_, member, bind, position in self._changes])
        if lost := session.rows(_LOST, first=self._changes[0][-1]):
            position, member, bind = lost[0]
            raise IntegrityError(f"position {position}: {bind} is not a binding of {member} before it")
        self._changes.clear()


def _refer(session: Session, position: int, event: Event) -> None:
    """An event whose rows depend on what was there before it."""
    match event:
        case RefundReversed(data=data):
            refund = stream_of("refund", data.asked.refund, event.source)
            taken = session.rows(_TAKE_REFUND, refund=refund)
            if not taken:
                raise IntegrityError(f"position {position}: {refund} is no refund before it, or was reversed already")
            order, line, amount_minor = taken[0]
            session.insert(REFUND_TABLE, [(order, position, line, -amount_minor)])
            session.insert(REVERSAL_TABLE, [(refund, position)])
        case _:
            prepared = session.rows(_BATCH_CURRENCY, batch=event.stream)
            if not prepared:
                raise IntegrityError(f"position {position}: {event.stream} was not prepared before it")
            session.insert(BATCH_TABLE, [(prepared[0][0], position, event.stream)])


def _differences(session: Session, derived: Session) -> Iterator[Difference]:
    """Rows of the live tables that are not what was derived, by key."""
    for kept in KEPT:
        found, expected = _pages(session, kept), _pages(derived, kept)
        left, right = next(found, None), next(expected, None)
        while left is not None or right is not None:
            if right is None or (left is not None and left[:2] < right[:2]):
                yield Difference(kept, left, None)
                left = next(found, None)
            elif left is None or right[:2] < left[:2]:
                yield Difference(kept, None, right)
                right = next(expected, None)
            else:
                if left != right:
                    yield Difference(kept, left, right)
                left, right = next(found, None), next(expected, None)


def _pages(session: Session, kept: Kept) -> Iterator[Row]:
    """All rows of a table in order of its key, in constant memory; rows behind the reader may be changed."""
    key: Row = ("", -1)
    while rows := session.rows(kept.page, first=key[0], second=key[1], most=READ_CHUNK):
        yield from rows
        key = rows[-1][:2]


def _mend(session: Session, derived: Session) -> int:
    total = 0
    differences = _differences(session, derived)
    while batch := list(islice(differences, READ_CHUNK)):
        for kept in KEPT:
            of_table = [difference for difference in batch if difference.kept is kept]
            session.write(kept.delete, [difference.key for difference in of_table if difference.found])
            session.insert(kept.table, [difference.expected for difference in of_table if difference.expected])
        total += len(batch)
    return total


def _finding(derived: Session, difference: Difference) -> Finding:
    kept, found, expected = difference.kept, difference.found, difference.expected
    columns, nothing = kept.table.columns, (None,) * len(kept.table.columns)
    subject = f"{kept.table.name} {difference.key[0]} at position {difference.key[1]}"
    positions: tuple[int, ...] = () if expected is None else (int(expected[1]),)
    if kept is BINDINGS and expected is not None:
        positions += tuple(row[0] for row in derived.rows(_CHANGES, bind=expected[2]))
    return Finding(subject, differing(columns, found or nothing, expected or nothing), positions)
