"""What a bundle says of itself: manifest.json, and the note by which the log's key signs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from ledger.clock import format_instant
from ledger.tree.keys import SignerKey
from ledger.tree.note import sign_note
from ledger.tree.spelling import encode_base64
from projections.export.asked import Asked
from projections.export.event_lines import EventLines
from projections.export.folder import Folder
from projections.export.proofs import document
from projections.figures import Replay, figures_document

FORMAT = "refledger-bundle-1"


def write_manifest(folder: Folder, facts: Mapping[str, Any], key: SignerKey) -> None:
    """Writes manifest.json with the facts of every file so far, and manifest.note."""
    files = {name: asdict(found) for name, found in folder.files.items()}
    manifest = document({**facts, "files": files})
    folder.write("manifest.json", manifest)
    digest = encode_base64(sha256(manifest).digest())
    text = f"refledger.bundle/v1 {key.name}\n{len(manifest)}\n{digest}\n"
    folder.write("manifest.note", bytes(sign_note(text, key)))


def facts_of(
    asked: Asked, lines: EventLines, as_of: datetime, content_root: str | None, found: Replay | None
) -> dict[str, Any]:
    """What manifest.json says, but for the files.

    found  the figures of the tables; None: there are no tables
    """
    head, previous = asked.head.head, asked.previous
    return {
        "format": FORMAT,
        "origin": head.origin,
        "from": asked.first,
        "to": asked.last,
        "size": head.size,
        "root": head.root.hex(),
        "as_of": format_instant(as_of),
        "redacted": lines.redacted,
        "events": {"count": lines.by_type.total(), "by_type": dict(lines.by_type)},
        "content_root": content_root,
        "digest": found and found.digest,
        "previous": previous and {"size": previous.head.size, "root": previous.head.root.hex()},
        **(dict.fromkeys(("totals", "levels", "outcomes")) if found is None else figures_document(found)),
    }
