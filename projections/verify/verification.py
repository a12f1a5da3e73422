"""Evidence of any kind, verified."""

from __future__ import annotations

from pathlib import Path

from projections.verify.asked import Asked, Verified
from projections.verify.bundle import verify_bundle
from projections.verify.entries import read_limited
from projections.verify.manifest import MANIFEST
from projections.verify.misbehaviour import MISBEHAVIOUR_BYTES_MAX, is_misbehaviour
from projections.verify.single_files import verify_misbehaviour_file, verify_proof_file
from projections.verify.tiled_log import verify_tiled_log


def verify(path: Path, asked: Asked) -> Verified:
    """Verifies a bundle's folder, a tiled log's, a proof of one event, or one of misbehaviour.

    Raises:
        FileNotFoundError: there is nothing.
        MalformedEvidenceError: a file too large to be a proof.
        OSError: it cannot be read.
    """
    if path.is_dir():
        is_tiled = (path / "tile").is_dir() and not (path / MANIFEST).exists()
        return verify_tiled_log(path, asked) if is_tiled else verify_bundle(path, asked)
    raw = read_limited(path, MISBEHAVIOUR_BYTES_MAX)
    return verify_misbehaviour_file(raw, asked) if is_misbehaviour(raw) else verify_proof_file(raw, asked)
