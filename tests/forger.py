"""Somebody with every right on the database, who changes a ledger behind its back and puts the guards back in place."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, LiteralString, cast

import psycopg

from ledger.canonical import canonical
from ledger.clock import parse_instant, to_micros

Envelope = dict[str, Any]
Connection = sqlite3.Connection | psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Forger:
    """Changes the store of a URL: an SQLite file without its triggers, PostgreSQL as a superuser without them."""

    url: str

    def run(self, *statements: str) -> None:
        """Runs statements that both engines read alike."""
        with self._unguarded() as store:
            for statement in statements:
                _run(store, statement)

    def event(self, position: int) -> Envelope:
        """An event as it is stored."""
        return json.loads(self._rows("SELECT state FROM event WHERE position = ?", position)[0][0])

    def write(self, position: int, state: bytes) -> None:
        """Other bytes under the same columns."""
        with self._unguarded() as store:
            _run(store, "UPDATE event SET state = ? WHERE position = ?", state, position)

    def edit(self, position: int, change: Callable[[Envelope], None]) -> None:
        """An event that says something else, with the hash of what it says now."""
        event = self.event(position)
        change(event)
        self.write(position, canonical(_hashed(event)))

    def append(self, kind: str, stream: str, at: str, data: Mapping[str, Any], **envelope: Any) -> int:
        """An event that nobody decided, at the head; returns its position."""
        head, last = self._rows("SELECT position, state FROM event ORDER BY position DESC LIMIT 1")[0]
        event = {
            "actor": "forger",
            "data": data,
            "id": stream.partition("-")[2],
            "occurred_at": at,
            "recorded_at": json.loads(last)["recorded_at"],
            "seq": 1,
            "source": "default",
            "stream": stream,
            "type": kind,
            "v": 1,
        } | envelope
        event = _hashed(event)
        row = (
            head + 1,
            event["stream"],
            event["seq"],
            kind,
            canonical(event),
            to_micros(parse_instant(event["recorded_at"])),
        )
        with self._unguarded() as store:
            _run(store, "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", *row)
        return head + 1

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._unguarded() as store:
            return _run(store, query, *values).fetchall()

    @contextmanager
    def _unguarded(self) -> Generator[Connection]:
        if not self.url.startswith("sqlite"):
            with psycopg.connect(self.url) as server:
                server.execute("SET session_replication_role = replica")
                yield server
            return
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
            triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                file.execute(f"DROP TRIGGER {name}")
            yield file
            for _, text in triggers:
                file.execute(text)
            file.commit()


def _run(store: Connection, statement: str, *values: object) -> Any:  # noqa: ANN401  # a cursor of either driver
    if isinstance(store, sqlite3.Connection):
        return store.execute(statement, values)
    return store.execute(cast("LiteralString", statement.replace("?", "%s")), cast("Sequence[Any]", values))


def _hashed(event: Envelope) -> Envelope:
    asked = event["data"].get("asked")
    return event if asked is None else event | {"content": sha256(canonical(asked)).hexdigest()}


# ---- What can be done with it

Deed = Callable[[Forger], object]


def setting(key: str, value: Any) -> Callable[[Envelope], None]:  # noqa: ANN401  # whatever JSON holds
    """Changes a key of `asked`, or of `data` if it is written `.key`."""

    def change(event: Envelope) -> None:
        (event["data"] if key.startswith(".") else event["data"]["asked"])[key.removeprefix(".")] = value

    return change


def editing(position: int, change: Callable[[Envelope], None]) -> Deed:
    """An event that says something else, with the hash of what it says."""
    return lambda forger: forger.edit(position, change)


def overwriting(position: int, key: str, value: Any) -> Deed:  # noqa: ANN401
    """Changes stored bytes without a thought of their hash."""

    def do(forger: Forger) -> None:
        event = forger.event(position)
        setting(key, value)(event)
        forger.write(position, canonical(event))

    return do


def replacing(position: int, part: bytes, other: bytes) -> Deed:
    """Changes stored bytes as bytes."""
    return lambda forger: forger.write(position, canonical(forger.event(position)).replace(part, other))


def swapping(one: int, other: int) -> Deed:
    """Two events at each other's positions."""
    spare, sql = 1_000_000, "UPDATE event SET position = {} WHERE position = {}"
    return lambda forger: forger.run(sql.format(spare, one), sql.format(one, other), sql.format(other, spare))


def running(*statements: str) -> Deed:
    """Statements."""
    return lambda forger: forger.run(*statements)


def doubling(position: int, into: str, **envelope: Any) -> Deed:
    """An event once more, at the head, in another stream."""

    def do(forger: Forger) -> int:
        event = forger.event(position)
        return forger.append(
            event["type"], into, event["occurred_at"], event["data"], **({"id": event["id"]} | envelope)
        )

    return do


def binding(member: str, referrer: str, at: str) -> Deed:
    """A bind that was granted, so it says."""
    asked = {"at": at, "id": "x1", "inviter": referrer, "member": member, "type": "bind"}
    data = {"asked": asked, "ends_at": "2026-12-01T00:00:00.000000Z", "plan": 2}
    return lambda forger: forger.append("MemberBound", "bind-x1", at, data)


def refusing(member: str, referrer: str, reason: str) -> Deed:
    """A bind that was refused, so it says."""
    at = "2026-06-01T00:00:00.000000Z"
    asked = {"at": at, "id": "x1", "inviter": referrer, "member": member, "type": "bind"}
    return lambda forger: forger.append("BindingRefused", "bind-x1", at, {"asked": asked, "reason": reason})


def lapsing(bind_stream: str, member: str, referrer: str, at: str, stream: str = "") -> Deed:
    """A lapse that was recorded, so it says."""
    data = {"bind": bind_stream, "member": member, "referrer": referrer}
    return lambda forger: forger.append(
        "BindingExpired", stream or f"expiry-{at}-{bind_stream}", at, data, id=bind_stream.removeprefix("bind-")
    )


def refunding(amount: int, **asked: Any) -> Deed:
    """A refund that was taken, so it says: of order o2 unless it says another."""
    at = "2026-03-01T00:00:00.000000Z"
    refund: dict[str, Any] = {
        "amount": amount,
        "at": at,
        "currency": "GBP",
        "id": "x1",
        "order": "o2",
        "type": "refund",
    } | asked
    return lambda forger: forger.append("OrderRefunded", "refund-x1", refund["at"], {"asked": refund})


def renewing(ends_at: str) -> Deed:
    """An order that moved the end of b2, so it says."""
    data = {"bind": "bind-b2", "ends_at": ends_at, "member": "cat"}
    return lambda forger: forger.append(
        "BindingRenewed", "bind-b2", "2026-01-05T00:00:00.000000Z", data, id="o1", seq=2
    )
