"""The verifier by itself, for whoever has Python, the package `cryptography` and this folder, and nothing else.

python -m projections.verify PATH --key VKEY
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ledger.errors import LedgerError
from ledger.tree.keys import parse_verifier_key
from projections.verify.asked import NOT_FOUND, USAGE, Asked, Verified
from projections.verify.trust import trust_in
from projections.verify.verification import verify


def main(words: Sequence[str] | None = None) -> int:
    """Verifies what the words ask for; returns the exit status."""
    options = _parser().parse_args(words)
    try:
        trust = trust_in(map(parse_verifier_key, options.key), map(parse_verifier_key, options.witness), options.quorum)
        previous = options.previous.read_bytes() if options.previous else None
        found = verify(options.path, Asked(trust, previous, options.as_of))
    except FileNotFoundError as error:
        return _failed(f"there is no {error.filename}", NOT_FOUND)
    except (LedgerError, OSError, ValueError) as error:
        return _failed(str(error), USAGE)
    sys.stdout.write(
        json.dumps(document_of(found), indent=2, ensure_ascii=False) + "\n" if options.json else _text(found)
    )
    return found.status


def document_of(found: Verified) -> dict[str, Any]:
    """A verification as plain data."""
    report = found.report
    return {
        "kind": found.kind,
        "verdict": found.verdict,
        "facts": report.facts,
        "checks": [asdict(check) for check in report.checks],
        "findings": [asdict(finding) for finding in report.findings],
        "findings_total": report.findings_total,
        "remarks": report.remarks,
    }


def _text(found: Verified) -> str:
    report = found.report
    lines = [f"{name}: {value}" for name, value in report.facts.items()]
    lines += [
        f"{check.name}: {check.result}" + (f" ({check.detail})" if check.detail else "") for check in report.checks
    ]
    lines += [f"{one.check}: position {one.position}: {one.message}" for one in report.findings]
    lines += [f"{name}: {value}" for name, value in found.verdict.items()]
    return "\n".join(lines) + "\n"


def _failed(message: str, status: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m projections.verify", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--witness", action="append", default=[])
    parser.add_argument("--quorum", type=int)
    parser.add_argument("--previous", type=Path)
    parser.add_argument("--as-of")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
