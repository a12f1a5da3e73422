"""A tiled log in a folder (C2SP tlog-tiles): every tile and bundle against the checkpoint, then all performed again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ledger.tree.checkpoint import TreeHead
from ledger.tree.note import NOTE_BYTES_MAX
from ledger.tree.ranges import RangeProof
from ledger.tree.tiles import tiles_grown
from projections.verify.asked import Asked, Verified
from projections.verify.books import Books
from projections.verify.entries import read_limited
from projections.verify.folder import FILES, Folder
from projections.verify.history import HISTORY, History
from projections.verify.log_reader import DECIDED, DECISIONS, EVENTS, RANGE, Task
from projections.verify.manifest import CHECKPOINT
from projections.verify.report import Report
from projections.verify.running import perform
from projections.verify.stored import read_event
from projections.verify.tile_files import TILES
from projections.verify.trust import NO_KEY, SIGNATURE, believed_head


def verify_tiled_log(path: Path, asked: Asked) -> Verified:
    """Everything that can be said about a tiled log; it comes without figures, so those computed are shown."""
    report = Report(is_signed=bool(asked.trust.log_keys), findings_max=asked.findings_max)
    verified = Verified("tiled log", report)
    for check in (SIGNATURE, FILES, RANGE, TILES, EVENTS, DECISIONS):
        report.begin(check)
    if not asked.trust.log_keys:
        report.skip(SIGNATURE, NO_KEY)
    folder, history = Folder(path, report), History(asked.trust, report)
    head: TreeHead | None = None
    raw = b""
    with report.checking(SIGNATURE):
        raw = read_limited(folder.file(CHECKPOINT), NOTE_BYTES_MAX)
        head = believed_head(raw, asked.trust, report)
        report.facts |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
    if asked.previous is not None:
        with report.checking(HISTORY):
            history.add("the head you have", asked.previous)
    if head is not None:
        task = Task(
            path=str(path),
            is_tiled=True,
            proof=RangeProof(0, head.size, head.size, (), ()),
            root=head.root,
            old_sizes=history.sizes,
            findings_max=asked.findings_max,
        )
        folder.check_names({CHECKPOINT, *_files(head.size)})
        with report.checking(EVENTS):
            roots = _perform(task, asked, report) if head.size else {}
            verified.misbehaviour = history.check(raw, head, roots, task)
    return verified


def _files(size: int) -> Iterator[str]:
    for tile in tiles_grown(0, size):
        yield tile.path
        if tile.row == 0:
            yield tile.bundle_path


def _perform(task: Task, asked: Asked, report: Report) -> dict[int, bytes]:
    """Performs the log again as of T; returns roots of its beginnings."""
    last = task.proof.size - 1
    as_of = asked.as_of or read_event(task.entries().at(last), last + 1).recorded_at
    books = Books(as_of)
    summary, _ = perform(task, report, books, asked.progress)
    report.begin(RANGE, f"positions 1 to {task.proof.size}, all there are")
    report.begin(TILES, "every tile is what the entries give")
    report.begin(DECISIONS, DECIDED)
    report.begin(EVENTS, f"{summary.events} events, each canonical, with its own hash, in its own stream")
    report.facts |= {"as_of": as_of, "digest": books.digest(), "content_root": summary.content_root}
    report.re_performed = "not all of the events could be read" if report.counts.get(EVENTS) else None
    return summary.old_roots
