"""What a verification is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from projections.verify.misbehaviour import Misbehaviour
from projections.verify.report import FINDINGS_MAX, Report
from projections.verify.running import Progress, silent
from projections.verify.trust import Trust

# A CSV file and a Parquet file, which must hold the same rows: what differs, one a line.
CompareParquet = Callable[[Path, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verification is asked.

    trust            whose signatures count
    previous         a checkpoint that the auditor has from before; None: none
    as_of            T, canonical text, of a log that comes without figures; None: its last event's recorded_at
    compare_parquet  None: nothing here reads Parquet
    findings_max     of each check, that are shown
    progress         shows how far it is
    """

    trust: Trust = field(default_factory=Trust)
    previous: bytes | None = None
    as_of: str | None = None
    compare_parquet: CompareParquet | None = None
    findings_max: int = FINDINGS_MAX
    progress: Progress = silent


MISBEHAVIOUR = "proof of misbehaviour"

# Exit statuses, as of every command of the ledger.
OK, USAGE, DISAGREE, NOT_FOUND = 0, 2, 3, 4


@dataclass(slots=True)
class Verified:
    """What a verification answers.

    kind          what was verified
    event         of a proof of one entry: its bytes
    misbehaviour  of two heads that contradict each other: the proof of it
    """

    kind: str
    report: Report
    event: bytes = b""
    misbehaviour: Misbehaviour | None = None

    @property
    def verdict(self) -> dict[str, str]:
        """What it comes to, in a line or two: never more than was checked."""
        report = self.report
        if self.kind != MISBEHAVIOUR:
            return {"integrity": report.integrity, "re-performed": report.performance}
        if report.findings_total:
            return {"misbehaviour": "NOT PROVEN"}
        if not report.is_signed:
            return {"misbehaviour": "NOT PROVEN: signatures are not checked; give the log's key with --key"}
        return {"misbehaviour": "PROVEN: the log's key signed two trees that contradict each other"}

    @property
    def status(self) -> int:
        """Exit status; without the log's key nothing is proven, so what asked for that is told to ask again."""
        if self.report.findings_total:
            return DISAGREE
        return OK if self.report.is_signed else USAGE

    def document(self) -> dict[str, Any]:
        """All of it as plain data."""
        report = self.report
        return {
            "kind": self.kind,
            "verdict": self.verdict,
            "facts": report.facts,
            "checks": [asdict(check) for check in report.checks],
            "findings": [asdict(finding) for finding in report.findings],
            "findings_total": report.findings_total,
            "remarks": report.remarks,
            "event": self.event.decode(errors="replace") or None,
        }
