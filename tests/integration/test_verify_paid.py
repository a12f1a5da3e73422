"""A log in which finance decides, told by somebody who has its key: true, it is performed again; each lie is found."""

from __future__ import annotations

from pathlib import Path

from tests.evidence import Telling, verified
from tests.paid_log import AS_OF


def test_true_log(paid_log: list[bytes], tmp_path: Path) -> None:
    """Every decision and every figure comes out again, from every beginning of it."""
    found = verified(Telling(paid_log, as_of=AS_OF).at(tmp_path / "whole"))
    assert found.report.findings == []
    assert found.verdict == {"integrity": "ok", "re-performed": "yes"}
