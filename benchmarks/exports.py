"""The log carried out of the store: a bundle, a table, and what programs of the stores do with the rows alone."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks.measure import Done, Job, Watch, expect
from ledger.application import Ledger
from ledger.store.sqlite import URL_PREFIX, path_of
from ledger.tree.checkpoint import TreeHead, sign_head
from ledger.tree.keys import Kind, SignerKey
from projections.export.asked import Asked, SignedHead
from projections.export.bundle import export_bundle
from projections.export.events import Look, write_events
from projections.export.selection import Selection
from projections.heads import tree_now
from projections.replay.session import Setup
from projections.tree import catch_up

KEY = SignerKey("benchmark.example/ledger", Kind.NOTE, bytes(32))


def bundle(job: Job, watch: Watch) -> Done:
    """`refledger export bundle` of the whole log under its head; tiles and head are there before, as a worker's are."""
    with closing(Ledger(job.log)) as ledger, tempfile.TemporaryDirectory(prefix="refledger-benchmark-") as folder:
        catch_up(ledger.log)
        head = TreeHead(KEY.name, *tree_now(ledger.log))
        signed = SignedHead(bytes(sign_head(head, KEY)), head)
        with watch:
            facts = export_bundle(
                ledger.log, Asked(signed, 1, head.size), KEY, Path(folder, "out"), setup=Setup(), bars=_no_bars
            )
        expect("events exported", found=facts["events"]["count"], wanted=ledger.log.head())
        size = sum(file.stat().st_size for file in Path(folder, "out").rglob("*") if file.is_file())
        return Done(events=head.size, figures={"bundle_mb": size / 1e6})


def table(job: Job, watch: Watch) -> Done:
    """`refledger export events` of the whole log as CSV."""
    with closing(Ledger(job.log)) as ledger, tempfile.TemporaryFile() as out:
        head = ledger.log.head()
        with watch:
            events = write_events(ledger.log, Look(1, head, Selection(), "csv", "benchmark"), out, _no_bars)
        expect("events exported", found=events, wanted=head)
        return Done(events=events)


def dump(job: Job, watch: Watch) -> Done:
    """What a store's own program does: `psql` copies the rows as CSV, `sqlite3` dumps the file as SQL."""
    with tempfile.NamedTemporaryFile() as out:
        if job.log.startswith(URL_PREFIX):
            command = ["sqlite3", path_of(job.log), ".dump event"]
        else:
            command = ["psql", "--quiet", job.log, "-c", r"\copy (SELECT * FROM event ORDER BY position) TO STDOUT CSV"]
        with watch:
            subprocess.run(command, stdout=out, check=True)
        with Path(out.name).open("rb") as lines:
            found = sum(
                line.startswith((b"INSERT INTO event", b'INSERT INTO "event"')) or line[:1].isdigit() for line in lines
            )
        with closing(Ledger(job.log)) as ledger:
            expect("rows dumped", found=found, wanted=ledger.log.head())
        return Done(events=found)


def states(job: Job, watch: Watch) -> Done:
    """The stored bytes alone, as driver and engine give them, into a file."""
    blocks = _states_of_file if job.log.startswith(URL_PREFIX) else _states_of_server
    with closing(Ledger(job.log)) as ledger, tempfile.TemporaryFile() as out:
        with watch:
            out.writelines(blocks(job))
        return Done(events=ledger.log.head())


def _states_of_file(job: Job) -> Iterator[bytes]:
    with closing(sqlite3.connect(path_of(job.log))) as reader:
        rows = reader.execute("SELECT state FROM event ORDER BY position")
        while batch := rows.fetchmany(job.batch_size):
            yield b"\n".join([state for (state,) in batch])


def _states_of_server(job: Job) -> Iterator[bytes]:
    query = "COPY (SELECT state FROM event ORDER BY position) TO STDOUT (FORMAT BINARY)"
    with psycopg.connect(job.log) as connection, connection.cursor().copy(query) as blocks:
        yield from map(bytes, blocks)


@contextmanager
def _no_bars(label: str, length: int) -> Generator[Callable[[int], None]]:
    """Shows nothing."""
    del label, length
    yield lambda _: None
