"""What tests of the archive share: sealing, and what lies in an archive byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.store.recorder import LogRecorder
from projections.archive.manifest import decode, file_of, hash_of
from projections.archive.sealing import SEGMENT_EVENTS_MAX, sealing


def seal(
    log: LogRecorder, address: object, upto: int | None = None, segment_events: int = SEGMENT_EVENTS_MAX
) -> list[str]:
    """Seals the log; returns the names of the new segments."""
    with sealing(log, str(address)) as sealer:
        head = log.head() if upto is None else upto
        return [segment.folder for segment in sealer.seal(head, segment_events)]


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of every segment; what is hidden is nobody's concern."""
    return {
        f"{file.parent.name}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for segment in segments(folder)
        for file in sorted(segment.iterdir())
    }


def segments(folder: Path) -> list[Path]:
    """The folders of the segments, in order."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def copied(archive: Path, to: Path) -> Path:
    """A copy to do damage to."""
    shutil.copytree(archive, to)
    return to


def rewrite(segment: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes a manifest; what is written is canonical again."""
    path = segment / "segment.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n")


def forge(archive: Path) -> None:
    """Makes all manifests agree with whatever the files are by now: what somebody does who knows the format."""
    previous = "0" * 64
    for segment in segments(archive):

        def change(document: dict[str, Any], segment: Path = segment, previous: str = previous) -> None:
            document["previous"] = previous
            for kind, facts in document["files"].items():
                state = (segment / file_of(kind)).read_bytes()
                facts |= {"bytes": len(state), "sha256": hashlib.sha256(state).hexdigest()}

        rewrite(segment, change)
        state = (segment / "segment.json").read_bytes()
        decode(state)
        previous = hash_of(state)
