"""A bundle: a range of the log that proves itself, with the tables that follow from it. README.md is its format."""

from __future__ import annotations

import json
import time
from datetime import datetime
from importlib import resources
from pathlib import Path

from duckdb import DuckDBPyConnection

from ledger.clock import parse_instant, to_micros
from ledger.errors import NotFoundError
from ledger.garbage import collection_paused
from ledger.store.recorder import LogRecorder
from ledger.tree.keys import SignerKey
from ledger.tree.proofs import SubtreeHash
from ledger.tree.ranges import RangeProof, RangeVerifier, range_proof
from projections.export.asked import Asked, Bars
from projections.export.event_lines import EventLines, RedactedLines
from projections.export.folder import Folder, Output, new_folder
from projections.export.manifest import facts_of, write_manifest
from projections.export.proofs import check_head, consistency_document, plan_lines, range_document
from projections.export.statements import statement
from projections.export.tables import write_tables
from projections.export.trees import hash_reader
from projections.figures import Replay
from projections.replay.duck import Duck
from projections.replay.load import RANGE_EVENTS, Loading
from projections.replay.pipeline import Question
from projections.replay.session import Setup, connected
from projections.replay.source import fetched, source_of
from projections.replay.summary import answered


def export_bundle(
    log: LogRecorder, asked: Asked, key: SignerKey, target: Path, setup: Setup, bars: Bars
) -> dict[str, object]:
    """Writes a bundle into a new folder, which is there only once everything in it is proven.

    Args:
        log: the whole of it, up to the head at least.
        asked: what to prove.
        key: of the log; signs the manifest.
        target: the folder; nothing may be there.
        setup: how much memory the tables may take.
        bars: show how far it is.

    Returns:
        The facts of the manifest.

    Raises:
        IntegrityError: a head is not of this log, or the log is not one this ledger wrote. Nothing is at the target.
        TargetError: there is something at the target.
    """
    head = asked.head.head
    subtree = hash_reader(log, head.size)
    check_head(subtree, head)
    proof = range_proof(subtree, start=asked.first - 1, end=asked.last, size=head.size)
    with new_folder(target) as folder, connected(setup) as duck:
        _write_proofs(folder, log, asked, subtree, proof)
        as_of = asked.as_of or _recorded_at(log, asked.last)
        if asked.shown is None:
            lines = _take_all(folder, log, asked, proof, duck, bars)
            found = _write_tables(folder, asked, lines, as_of, duck, bars)
        else:
            lines = _take_some(folder, log, asked, proof, duck, bars)
            as_of, found = parse_instant(json.loads(lines.last)["recorded_at"]), None
        facts = facts_of(asked, lines, as_of, found)
        write_manifest(folder, facts, key)
    return facts


def _write_proofs(folder: Folder, log: LogRecorder, asked: Asked, subtree: SubtreeHash, proof: RangeProof) -> None:
    head = asked.head.head
    folder.write("README.txt", resources.files("projections.export").joinpath("for_people.txt").read_bytes())
    folder.write("checkpoint", asked.head.raw)
    folder.write("range.json", range_document(proof))
    if asked.previous is not None:
        folder.write("previous", asked.previous.raw)
        folder.write("consistency.json", consistency_document(subtree, old=asked.previous.head, new=head))
    with folder.writing("plans.jsonl") as file:
        for line in plan_lines(log, subtree, before=asked.first, size=head.size):
            file.write(line)


def _take_all(
    folder: Folder, log: LogRecorder, asked: Asked, proof: RangeProof, duck: DuckDBPyConnection, bars: Bars
) -> EventLines:
    """Writes every event of the range, and makes the relations of all up to its end."""
    verifier = RangeVerifier(proof)
    with folder.writing("events.jsonl") as file, source_of(log) as source, collection_paused():
        lines, loading = EventLines(file, verifier, asked.first), Loading(duck)
        duck.execute(statement("table_bind_stream"))

        def watch(reading: DuckDBPyConnection, table: str) -> None:
            reading.execute(statement("bind_stream").format(table=table))
            lines.watch(reading, table)

        with bars("reading", asked.last) as advance:
            loading.take(source, 0, asked.last, watch, advance)
        loading.finish(None)
    verifier.verify(asked.head.head.root)
    return lines


def _take_some(
    folder: Folder, log: LogRecorder, asked: Asked, proof: RangeProof, duck: DuckDBPyConnection, bars: Bars
) -> EventLines:
    """Writes the events of the range that are asked for, and the hashes of the others."""
    verifier = RangeVerifier(proof)
    after = 0 if asked.shown.members else asked.first - 1
    with folder.writing("events.jsonl") as file, source_of(log) as source, collection_paused():
        lines = RedactedLines(file, verifier, asked.first, duck, asked.shown)
        with bars("reading", asked.last - after) as advance:
            for table, count in fetched(duck, source, after, asked.last, RANGE_EVENTS):
                lines.watch(duck, table)
                advance(count)
    verifier.verify(asked.head.head.root)
    if not lines.by_type:
        raise NotFoundError(f"no event at positions {asked.first} to {asked.last} is what was asked for")
    return lines


def _write_tables(
    folder: Folder, asked: Asked, lines: EventLines, as_of: datetime, duck: DuckDBPyConnection, bars: Bars
) -> Replay:
    started = time.perf_counter()
    with bars("computing", asked.last) as advance:
        question = Question(
            Duck(duck), as_of_us=to_micros(as_of), at_position=asked.last, details=True, progress=advance
        )
        found = answered(
            question,
            as_of=as_of,
            at_position=asked.last,
            engine="duckdb",
            content_root="" if lines.content is None else lines.content.hex(),
            started=started,
        )
        question.tabulate()
        write_tables(duck, folder)
    return found


def _recorded_at(log: LogRecorder, position: int) -> datetime:
    """When the event of a position was recorded."""
    state = next(log.read(position - 1, position)).state
    return parse_instant(json.loads(state)["recorded_at"])
