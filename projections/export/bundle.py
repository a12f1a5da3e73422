"""A bundle: a range of the log that proves itself, with the tables that follow from it. README.md is its format."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from ledger.clock import parse_instant, to_micros
from ledger.errors import NotFoundError
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from ledger.tree.keys import SignerKey
from ledger.tree.ranges import range_proof
from projections.export.asked import Asked, Bars
from projections.export.event_lines import EventLines
from projections.export.folder import Folder, new_folder
from projections.export.line_hashes import LineHashes, hashing
from projections.export.manifest import facts_of, write_manifest
from projections.export.proofs import of_this_log, plan_lines, plans_before, proving, range_document
from projections.export.selection import Selection
from projections.export.statements import statement
from projections.export.tables import write_tables
from projections.figures import Replay
from projections.heads import prove_consistency
from projections.replay.duck import Duck
from projections.replay.load import Loading
from projections.replay.pipeline import Question
from projections.replay.session import Setup, connected
from projections.replay.source import fetched, source_of
from projections.replay.summary import answered

# Events in memory at a time, twice: about 500 bytes each. More are not quicker.
RANGE_EVENTS = 100_000

_FOR_PEOPLE = {"README.txt": resources.files("projections.export").joinpath("for_people.txt").read_bytes()}


def export_bundle(
    log: LogRecorder, asked: Asked, key: SignerKey, target: Path, *, setup: Setup, bars: Bars
) -> dict[str, Any]:
    """Writes a bundle into a new folder, which is there only once everything in it is proven.

    Args:
        log: has what the head covers.
        asked: what to prove.
        key: of the log; signs the manifest.
        target: the folder; nothing may be there.
        setup: how much memory the tables may take.
        bars: show how far it is.

    Returns:
        The facts of the manifest.

    Raises:
        IntegrityError: a head is not of this log, or the log is not one this ledger wrote. Nothing is at the target.
        NotFoundError: a redacted bundle would show nothing but plans.
        TargetError: the target cannot be made, or something is there.
    """
    head, plans = asked.head.head, plans_before(log, asked.first)
    with proving(log, head) as subtree:
        proof = range_proof(subtree, start=asked.first - 1, end=asked.last, size=head.size)
        plan_proofs = b"".join(plan_lines(plans, subtree, head))
    proofs = {"range.json": range_document(proof), "plans.jsonl": plan_proofs, "checkpoint": asked.head.raw}
    if asked.previous is not None:
        consistency = prove_consistency(log, asked.previous.head, head)
        proofs |= {"previous": asked.previous.raw, "consistency.json": bytes(consistency)}
    with new_folder(target) as folder, connected(setup) as duck:
        for name, data in (_FOR_PEOPLE | proofs).items():
            folder.write(name, data)
        filling = _Filling(log, asked, folder, duck, bars)
        with closing(hashing(proof, has_content=asked.first == 1 and asked.shown is None)) as hashes, of_this_log():
            lines = filling.show_all(hashes) if asked.shown is None else filling.show_some(hashes, asked.shown)
            content = hashes.prove(head.root)
        # Of the last event that is shown: what is hidden does not show its time either.
        as_of = asked.as_of or _recorded_at(lines.last)
        figures = None if asked.shown is not None else filling.compute(content, as_of)
        facts = facts_of(asked, lines, as_of, content, figures)
        write_manifest(folder, facts, key)
    return facts


class _Filling:
    """A bundle's folder while its events and tables are put into it."""

    def __init__(self, log: LogRecorder, asked: Asked, folder: Folder, duck: DuckDBPyConnection, bars: Bars) -> None:
        self._log = log
        self._asked = asked
        self._folder = folder
        self._duck = duck
        self._bars = bars

    def show_all(self, hashes: LineHashes) -> EventLines:
        """Writes every event of the range; leaves the relations of all up to its end with DuckDB."""
        self._duck.execute(statement("table_bind_stream"))
        with self._folder.writing("events.jsonl") as file, source_of(self._log) as source, collection_paused():
            lines, loading = EventLines(file, hashes, self._asked.first), Loading(self._duck, range_events=RANGE_EVENTS)

            def watch(duck: DuckDBPyConnection, table: str) -> None:
                duck.execute(statement("bind_stream").format(table=table))
                lines.watch(duck, table)

            with self._bars("reading", self._asked.last) as advance:
                loading.take(source, 0, self._asked.last, watch, advance)
            loading.finish(None)
        return lines

    def show_some(self, hashes: LineHashes, shown: Selection) -> EventLines:
        """Writes the events of the range that may be shown, and the hashes of the others."""
        first, last = self._asked.first, self._asked.last
        # Orders of a member may stand before the range, and their refunds in it.
        after = 0 if shown.members else first - 1
        shown.prepare(self._duck, first)
        with self._folder.writing("events.jsonl") as file, source_of(self._log) as source, collection_paused():
            lines = EventLines(file, hashes, first, shown)
            with self._bars("reading", last - after) as advance:
                for table, count in fetched(self._duck, source, after, last, RANGE_EVENTS):
                    lines.watch(self._duck, table)
                    advance(count)
        if not lines.chosen:
            raise NotFoundError(f"none of the events at positions {first} to {last} is what was asked for")
        return lines

    def compute(self, content_root: str | None, as_of: datetime) -> Replay:
        """Writes the tables as of T; gives the figures."""
        started, last = time.perf_counter(), self._asked.last
        with self._bars("computing", last) as advance:
            engine = Duck(self._duck)
            question = Question(engine, as_of_us=to_micros(as_of), at_position=last, progress=advance)
            question.tabulate()
        found = answered(
            question,
            as_of=as_of,
            at_position=last,
            engine="duckdb",
            content_root=content_root or "",
            started=started,
        )
        write_tables(self._duck, self._folder)
        return found


def _recorded_at(state: bytes) -> datetime:
    return parse_instant(json.loads(state)["recorded_at"])
