"""A bundle, checked from the outside in: signatures, the tree, every event; then all decided and computed again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from ledger.tree.checkpoint import TreeHead
from ledger.tree.ranges import RangeProof
from projections.verify import manifest as names
from projections.verify.asked import Asked, Verified
from projections.verify.entries import read_limited
from projections.verify.figures import differences
from projections.verify.folder import FILES, Folder
from projections.verify.history import HISTORY, History
from projections.verify.later_range import PLANS, RangeCheck
from projections.verify.log_reader import DECIDED, DECISIONS, EVENTS, RANGE, Summary, Task
from projections.verify.manifest import CSV, Manifest, read_manifest
from projections.verify.misbehaviour import Misbehaviour
from projections.verify.parquet_tables import ParquetTables
from projections.verify.proof_files import read_consistency, read_range
from projections.verify.report import Report
from projections.verify.running import perform, read_only
from projections.verify.table_rows import TABLES
from projections.verify.tables import Tables, digest_of
from projections.verify.trust import NO_KEY, SIGNATURE, believed_head, check_bundle_note

MANIFEST, FIGURES = "manifest", "figures"
DOCUMENT_BYTES_MAX = 4_000_000


def verify_bundle(path: Path, asked: Asked) -> Verified:
    """Everything that can be said about a bundle; whatever is wrong with one part hides no other."""
    report = Report(is_signed=bool(asked.trust.log_keys), findings_max=asked.findings_max)
    bundle = _Bundle(path, asked, report)
    bundle.check_outside()
    bundle.check_inside()
    bundle.check_history()
    bundle.check_files()
    return Verified("bundle", report, misbehaviour=bundle.misbehaviour)


class _Bundle:
    def __init__(self, path: Path, asked: Asked, report: Report) -> None:
        self._asked, self._report = asked, report
        for check in (SIGNATURE, MANIFEST, FILES, RANGE):
            report.begin(check)
        self._folder = Folder(path, report)
        self._manifest: Manifest | None = None
        self._head: TreeHead | None = None
        self._raw_head = b""
        self._task: Task | None = None
        self._summary: Summary | None = None
        self._history = History(asked.trust, report)
        self.misbehaviour: Misbehaviour | None = None

    # -- what others signed

    def check_outside(self) -> None:
        """The manifest and its note, the tree head, what leads to it, and the heads it must go on from."""
        report = self._report
        if not self._asked.trust.log_keys:
            report.skip(SIGNATURE, NO_KEY)
        with report.checking(MANIFEST):
            raw = self._read(names.MANIFEST)
            self._manifest = read_manifest(raw)
            note = self._read(names.NOTE)
            check_bundle_note(note, raw, self._manifest.origin, self._asked.trust, report)
            report.begin(MANIFEST, "signed as it is, about this tree and these events")
        with report.checking(SIGNATURE):
            self._raw_head = self._read(names.CHECKPOINT)
            self._head = believed_head(self._raw_head, self._asked.trust, report)
        self._check_agreement()
        with report.checking(RANGE):
            self._task = self._task_of(read_range(self._read(names.RANGE)))
        self._read_earlier()

    def _check_agreement(self) -> None:
        """The manifest and the tree head speak of one tree."""
        manifest, head, report = self._manifest, self._head, self._report
        if head is not None:
            report.facts |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        if manifest is None:
            return
        report.facts |= {"from": manifest.first, "to": manifest.last, "as_of": manifest.as_of}
        with_previous = [name in manifest.files for name in (names.PREVIOUS, names.CONSISTENCY)]
        if with_previous != [manifest.previous is not None] * 2:
            report.find(MANIFEST, "names an earlier tree without its files, or the files without the tree")
        said = (manifest.origin, manifest.size, manifest.root)
        if head is not None and said != (head.origin, head.size, head.root.hex()):
            report.find(MANIFEST, "origin, size or root is not the checkpoint's")

    def _task_of(self, proof: RangeProof) -> Task:
        """What is to be read, by the range proof; what the manifest says otherwise is found."""
        manifest, head = self._manifest, self._head
        if manifest is not None and (proof.start + 1, proof.end, proof.size) != (
            manifest.first,
            manifest.last,
            manifest.size,
        ):
            self._report.find(RANGE, f"range.json is of positions {proof.start + 1} to {proof.end} of {proof.size}")
        root = head.root if head is not None else bytes.fromhex(manifest.root) if manifest is not None else b""
        self._report.begin(RANGE, f"exactly positions {proof.start + 1} to {proof.end} of {proof.size}")
        return Task(
            path=str(self._folder.file(names.EVENTS)),
            is_tiled=False,
            proof=proof,
            root=root,
            is_redacted=manifest is not None and manifest.redacted > 0,
            findings_max=self._asked.findings_max,
        )

    def _read_earlier(self) -> None:
        """Heads that this one must go on from: the bundle's own, and what the auditor has."""
        report, manifest = self._report, self._manifest
        if manifest is not None and manifest.previous is not None:
            with report.checking(HISTORY):
                proof = read_consistency(self._read(names.CONSISTENCY))
                head = self._history.add("the bundle's previous head", self._read(names.PREVIOUS), proof)
                if manifest.previous != (head.size, head.root.hex()):
                    report.find(HISTORY, "the manifest names another previous tree than the file of that name")
        if self._asked.previous is not None:
            with report.checking(HISTORY):
                self._history.add("the head you have", self._asked.previous)

    # -- what is in it

    def check_inside(self) -> None:
        """Every event, and what follows from them."""
        manifest, task = self._manifest, self._task
        if manifest is None or task is None:
            self._report.re_performed = "without a manifest and a range proof nobody knows what these events are"
            return
        self._task = task = replace(task, old_sizes=self._history.sizes)
        why_not = _why_not_performed(manifest, task)
        parquet = ParquetTables(self._folder, manifest.files, self._asked.compare_parquet)
        with self._report.checking(EVENTS):
            if why_not is None:
                self._perform(manifest, task)
            else:
                self._read_only(manifest, task, why_not)
        self._check_counts(manifest)
        parquet.end(self._report)

    def _perform(self, manifest: Manifest, task: Task) -> None:
        report = self._report
        report.begin(EVENTS)
        report.begin(DECISIONS, DECIDED)
        if self._folder.size(names.PLANS):
            report.find(PLANS, "there are plans of before position 1")
        tables = Tables(self._folder, manifest.as_of, report)
        self._summary, performance = perform(task, report, tables, self._asked.progress)
        tables.end(performance)
        books = tables.books
        report.facts["digest"] = books.digest()
        computed = {
            "digest": report.facts["digest"],
            "content_root": self._summary.content_root,
            "totals": books.totals(),
            "levels": books.levels(),
            "outcomes": books.outcomes(),
        }
        self._check_figures(manifest, computed)
        if report.counts.get(EVENTS):
            report.re_performed = "not all of the events could be read"
        elif not manifest.has_tables:
            report.re_performed = "the bundle has no derived tables; every decision was made again"
        else:
            report.re_performed = None

    def _read_only(self, manifest: Manifest, task: Task, why_not: str) -> None:
        report = self._report
        report.re_performed = why_not
        if manifest.content_root is not None:
            report.find(MANIFEST, "says a content root, which only a whole log has (G-8)")
        later = RangeCheck(report)
        take = None if manifest.redacted else later.take
        if self._head is not None:
            with report.checking(PLANS):
                count = later.take_older(self._folder.file(names.PLANS), first=task.proof.start + 1, head=self._head)
                of_events = "" if take is None else "; the plan of every bind and order"
                report.begin(PLANS, f"{count} published before{of_events}")
        self._summary = read_only(task, report, self._asked.progress, take)
        report.skip(DECISIONS, why_not)
        if self._summary.content_root and self._summary.content_root != manifest.content_root:
            report.find(FIGURES, "the content root is not that of the events")
        for table in TABLES:
            if self._folder.has(CSV[table]):
                report.skip(table, why_not)
        if manifest.digest is not None:
            with report.checking(FIGURES, "the digest is that of balances.csv"):
                if digest_of(self._folder.file(CSV["balances"])) != manifest.digest:
                    report.find(FIGURES, "the digest is not that of balances.csv")

    def _check_figures(self, manifest: Manifest, computed: Mapping[str, object]) -> None:
        report = self._report
        figures: dict[str, object] = {"digest": manifest.digest, **manifest.figures}
        # Without tables there need be no figures; but what is said must be so.
        said = {key: value for key, value in figures.items() if manifest.has_tables or value is not None}
        said["content_root"] = manifest.content_root
        report.begin(FIGURES, ", ".join(said))
        for key, value in said.items():
            for message in differences(value, computed[key], key):
                report.find(FIGURES, message)

    def _check_counts(self, manifest: Manifest) -> None:
        """What the manifest says of its events."""
        summary, report = self._summary, self._report
        if summary is None:
            return
        if summary.sha256:
            self._folder.seen[names.EVENTS] = summary.size_bytes, summary.sha256
        report.begin(EVENTS, f"{summary.events} events, each canonical, with its own hash, in its own stream")
        found = {"count": summary.events, "by_type": summary.by_type, "redacted": summary.redacted}
        said = {"count": manifest.events, "by_type": {**manifest.by_type}, "redacted": manifest.redacted}
        for message in differences(said, found, "events"):
            report.find(MANIFEST, message)

    # -- what only the whole shows

    def check_history(self) -> None:
        """Does this tree go on from those before it? If not, and all is signed, that proves misbehaviour."""
        if self._head is not None and self._summary is not None and self._task is not None:
            with self._report.checking(HISTORY) if self._history.sizes else nullcontext():
                self.misbehaviour = self._history.check(self._raw_head, self._head, self._summary.old_roots, self._task)

    def check_files(self) -> None:
        """Every file is the manifest's."""
        if self._manifest is not None:
            self._folder.check(self._manifest.files)

    def _read(self, name: str) -> bytes:
        return read_limited(self._folder.file(name), DOCUMENT_BYTES_MAX)


def _why_not_performed(manifest: Manifest, task: Task) -> str | None:
    if task.proof.start:
        return f"the export begins at position {task.proof.start + 1}, figures follow from all that comes before"
    return f"{manifest.redacted} events are hidden" if manifest.redacted else None
