"""A run of the verifier: a bundle checked and performed again, beside a replay of the export that proves nothing."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engines import Engine
from benchmarks.measure import Done, Job, Watch, expect
from benchmarks.programs import Ended, Limits, run_program
from benchmarks.replays import AS_OF
from benchmarks.report import print_aligned
from benchmarks.rows import COMMAND, INSIDE, Row, Rows, spawned
from benchmarks.run import ROOT
from benchmarks.scale import REFLEDGER
from benchmarks.streams import generated
from cli.ingest import BATCH_SIZE
from ledger.store.recorder import Recorded
from projections.replay_python import replay

ORIGIN = "benchmark.example/ledger"
ALONE, VERIFY, PEER, LIMIT = "verify, alone", "verify", "peer: replay", "limit: hash lines"
HEAD = ("case", "way", "events", "seconds", "events/s", "peak MB", "x peer", "x limit")


def replay_export(job: Job, watch: Watch) -> Done:
    """The Python engine over the lines of an export: figures from the events, no proof and no decision."""
    with watch:
        found = replay(_rows(Path(job.file)), AS_OF)
    return Done(events=found.events, digest=found.digest)


def _rows(lines: Path) -> Iterator[Recorded]:
    """The lines of an export as the rows they were."""
    with lines.open("rb") as file:
        for position, line in enumerate(file, start=1):
            state = line.removesuffix(b"\n")
            event = json.loads(state)
            yield Recorded(position, event["stream"], event["seq"], event["type"], state)


def hash_lines(job: Job, watch: Watch) -> Done:
    """Every line read, and its SHA-256: whoever proves anything about them does this."""
    with watch, Path(job.file).open("rb") as lines:
        events, sha256 = 0, hashlib.sha256
        for line in lines:
            sha256(line).digest()
            events += 1
    return Done(events=events)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run. folder: for the bundle and what programs print; inputs: for generated streams; events: lines of these."""

    engine: Engine
    events: int
    folder: Path
    inputs: Path
    rows: Rows
    limits: Limits = Limits()  # noqa: RUF009  # frozen

    def run(self) -> None:
        """Exports once, then measures; all must come to one digest."""
        with self.rows.about("verify"), self.engine.fresh("evidence") as url:
            stream = generated(self.inputs, "evidence", count=self.events, beginning=1)
            spawned(Job(case="ingest", log=url, file=str(stream.whole), batch_size=BATCH_SIZE))
            key, bundle = self._export(url)
            manifest = json.loads((bundle / "manifest.json").read_bytes())
            events, orders = manifest["events"]["count"], manifest["events"]["by_type"]["OrderPlaced"]
            lines = str(bundle / "events.jsonl")
            self._command(ALONE, (sys.executable, "-m", "projections.verify", "--json"), bundle, key)
            self._command(VERIFY, (REFLEDGER, "verify", "--format", "json"), bundle, key)
            for case in (PEER, LIMIT):
                self.rows.measure(case, lambda case=case: self._inside(case, Job(case=case, file=lines), orders))
            digests = {row.digest for row in self.rows.done if row.digest}
            if digests != {manifest["digest"]} or {row.events for row in self.rows.done} != {events}:
                self.rows.fail("other digests or numbers of events than the manifest's: no figure counts")

    def _export(self, url: str) -> tuple[str, Path]:
        """The public key of a new log key, and a bundle that it signed."""
        key, head, bundle = self.folder / "log.key", self.folder / "head", self.folder / "bundle"
        self._refledger(url, "head", "keygen", ORIGIN, "-o", str(key))
        public = (self.folder / "printed.txt").read_text().strip()
        self._refledger(url, "head", "sign", "--key", str(key), "--first", "-o", str(head))
        words = ("--key", str(key), "--head", str(head), "--as-of", AS_OF.isoformat())
        self._refledger(url, "export", "bundle", "-o", str(bundle), *words)
        return public, bundle

    def _refledger(self, url: str, *words: str) -> None:
        self._program(REFLEDGER, "--db", url, *words)

    def _program(self, *words: str) -> Ended:
        return run_program(words, self.folder / "printed.txt", self.limits, {"PYTHONPATH": str(ROOT)})

    def _command(self, case: str, words: Sequence[str], bundle: Path, key: str) -> None:
        def measure() -> Row:
            ended = self._program(*words, str(bundle), "--key", key)
            document = json.loads((self.folder / "printed.txt").read_bytes())
            expect("verdict", found=document["verdict"], wanted={"integrity": "ok", "re-performed": "yes"})
            manifest = json.loads((bundle / "manifest.json").read_bytes())["events"]
            orders = manifest["by_type"]["OrderPlaced"]
            row = Row(log="", case=case, way=COMMAND, events=manifest["count"], orders=orders, ended=ended)
            return replace(row, digest=document["facts"]["digest"])

        self.rows.measure(case, measure)

    def _inside(self, case: str, job: Job, orders: int) -> Row:
        found = spawned(job)
        ended = Ended(found.seconds, found.peak_mb)
        return Row(log="", case=case, way=INSIDE, events=found.events, orders=orders, ended=ended, digest=found.digest)


def print_evidence(rows: Sequence[Row]) -> None:
    """One row each, with how many times more events a second it does than the peer and the limit."""
    rates = {row.case: row.events_per_second for row in rows}
    lines = [
        (
            row.case,
            row.way,
            f"{row.events:,}",
            f"{row.ended.seconds:.2f}",
            f"{row.events_per_second:,.0f}",
            f"{row.ended.peak_mb:,.0f}",
            *[f"{row.events_per_second / rates[other]:.2f}" if other in rates else "-" for other in (PEER, LIMIT)],
        )
        for row in rows
    ]
    print_aligned([HEAD, *lines], texts=2)
