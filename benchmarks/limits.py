"""The limits: what the engine and the driver take if nothing at all is decided, and what reading takes by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from benchmarks.measure import Done, Job, Watch, expect
from ledger.application import Ledger
from ledger.mapper import decode
from ledger.store.migrate import LEDGER, migrate
from ledger.store.sqlite import URL_PREFIX, path_of

COPY_OUT = """
    COPY (SELECT * FROM event WHERE position > {after} AND position <= {upto} ORDER BY position)
    TO STDOUT (FORMAT BINARY)
"""
SELECT = "SELECT position, stream, version, topic, state, recorded_at_us FROM event ORDER BY position"
INSERT = "INSERT INTO event (position, stream, version, topic, state, recorded_at_us) VALUES (?, ?, ?, ?, ?, ?)"
TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


def append(job: Job, watch: Watch) -> Done:
    """The log's own rows once more, into a table of its schema and indexes without its triggers; same transactions."""
    if job.log.startswith(URL_PREFIX):
        return _append_sqlite(path_of(job.log), job, watch)
    return _append_postgres(job, watch)


def read(job: Job, watch: Watch) -> Done:
    """The whole log, read and decoded, as projection and replay must at least."""
    with closing(Ledger(job.log)) as ledger:
        head, events = ledger.log.head(), 0
        with watch:
            for row in ledger.log.read(chunk=job.batch_size):
                decode(row.topic, row.state)
                events += 1
        expect("events read", found=events, wanted=head)
        return Done(events=events)


def _append_sqlite(source: str, job: Job, watch: Watch) -> Done:
    target = f"{source}.raw"
    migrate(URL_PREFIX + target, (LEDGER,))
    with (
        closing(sqlite3.connect(source)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        for (trigger,) in writer.execute(TRIGGERS).fetchall():
            writer.execute(f'DROP TRIGGER "{trigger}"')
        rows = reader.execute(SELECT)
        while batch := rows.fetchmany(job.batch_size):
            with watch:
                writer.execute("BEGIN IMMEDIATE")
                writer.executemany(INSERT, batch)
                writer.execute("COMMIT")
        (head,) = reader.execute("SELECT count(*) FROM event").fetchone()
        (events,) = writer.execute("SELECT count(*) FROM event").fetchone()
    # Another limit may be taken of the same log, and ten million rows more need not lie around.
    for file in Path(target).parent.glob(f"{Path(target).name}*"):
        file.unlink()
    expect("rows appended", found=events, wanted=head)
    return Done(events=events)


def _append_postgres(job: Job, watch: Watch) -> Done:
    """The bytes of COPY BINARY come out of the log as they go in again: nothing is encoded here."""
    with psycopg.connect(job.log, autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE raw_event (LIKE event INCLUDING ALL)")
        head = _count(cursor, "SELECT max(position) FROM event")
        for after in range(0, head, job.batch_size):
            with cursor.copy(sql.SQL(COPY_OUT).format(after=after, upto=after + job.batch_size)) as out:
                rows = b"".join(out)
            with watch, connection.transaction(), cursor.copy("COPY raw_event FROM STDIN (FORMAT BINARY)") as into:
                into.write(rows)
        events = _count(cursor, "SELECT count(*) FROM raw_event")
        cursor.execute("DROP TABLE raw_event")
    expect("rows appended", found=events, wanted=head)
    return Done(events=events)


def _count(cursor: psycopg.Cursor[tuple[int, ...]], query: LiteralString) -> int:
    row = cursor.execute(query).fetchone()
    return row[0] if row else 0
