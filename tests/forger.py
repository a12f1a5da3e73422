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

    def rows(self, query: str) -> list[Any]:
        """What a query finds."""
        with self._unguarded() as store:
            return store.execute(cast("LiteralString", query)).fetchall()

    def position(self, stream: str, version: int = 1) -> int:
        """Where an event is."""
        return self._rows("SELECT position FROM event WHERE stream = ? AND version = ?", stream, version)[0][0]

    def event(self, position: int) -> Envelope:
        """An event as it is stored."""
        return json.loads(self._rows("SELECT state FROM event WHERE position = ?", position)[0][0])

    def write(self, position: int, event: Mapping[str, Any]) -> None:
        """Other bytes under the same columns."""
        with self._unguarded() as store:
            _run(store, "UPDATE event SET state = ? WHERE position = ?", canonical(event), position)

    def edit(self, position: int, change: Callable[[Envelope], None]) -> None:
        """An event that says something else, with the hash of what it says now."""
        event = self.event(position)
        change(event)
        self.write(position, _hashed(event))

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
