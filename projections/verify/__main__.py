"""The verifier by itself, for whoever has Python, the package `cryptography` and this folder, and nothing else.

python -m projections.verify PATH --key VKEY
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.clock import format_instant, parse_instant
from ledger.errors import LedgerError
from ledger.tree.keys import parse_verifier_key
from ledger.tree.note import NOTE_BYTES_MAX
from projections.verify.asked import DISAGREE, NOT_FOUND, USAGE, Asked, Verified
from projections.verify.entries import read_limited
from projections.verify.misbehaviour import Misbehaviour
from projections.verify.report import FINDINGS_MAX
from projections.verify.trust import trust_in
from projections.verify.verification import verify

UNWRITTEN = 1


def main(words: Sequence[str] | None = None) -> int:
    """Verifies what the words ask for; returns the exit status."""
    options = _parser().parse_args(words)
    try:
        trust = trust_in(map(parse_verifier_key, options.key), map(parse_verifier_key, options.witness), options.quorum)
        previous = read_limited(options.previous, NOTE_BYTES_MAX) if options.previous else None
        as_of = format_instant(parse_instant(options.as_of)) if options.as_of else None
    except (LedgerError, OSError, ValueError) as error:
        return _failed(str(error), USAGE)
    try:
        if not options.path.exists():
            return _failed(f"there is nothing at {options.path}", NOT_FOUND)
        found = verify(options.path, Asked(trust, previous, as_of, findings_max=options.findings))
    except OSError as error:
        return _failed(f"{options.path} cannot be read: {error.strerror}", USAGE)
    except LedgerError as error:
        return _failed(str(error), DISAGREE)
    if found.misbehaviour is not None:
        _keep(found.misbehaviour, options.misbehaviour)
    text = json.dumps(found.document(), indent=2) + "\n" if options.json else _text(found)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # The interpreter would try again at its end, and have the last word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _failed(f"the verdict cannot be written: {error.strerror}", UNWRITTEN)
    return found.status


def _keep(proof: Misbehaviour, file: Path | None) -> None:
    """Writes a proof of misbehaviour; where that cannot be, the verdict is given all the same."""
    target = file or Path(proof.file_name)
    try:
        target.write_bytes(bytes(proof))
    except OSError as error:
        why = f"{target} cannot be written: {error.strerror}: name --misbehaviour FILE"
        _failed(f"two signed heads contradict each other, but {why}", DISAGREE)
        return
    sys.stderr.write(f"two signed heads contradict each other: {target} proves it to anybody who has the key\n")


def _text(found: Verified) -> str:
    """Facts, checks, findings and the verdict, a line each; nothing in it can steer a terminal."""
    report = found.report
    lines = [f"{name}: {value}" for name, value in report.facts.items()]
    lines += [f"{one.name}: {one.result}" + (f": {one.detail}" if one.detail else "") for one in report.checks]
    for one in report.findings:
        where = "" if one.position is None else f" at position {one.position}"
        lines.append(f"finding of {one.check}{where}: {one.message}")
    if report.findings_total > len(report.findings):
        lines.append(f"findings in all: {report.findings_total}")
    if found.event:
        lines.append(found.event.decode(errors="replace"))
    lines += [f"note: {remark}" for remark in report.remarks]
    lines += [f"{name}: {text}" for name, text in found.verdict.items()]
    return "".join([f"{_printable(line)}\n" for line in lines])


def _printable(text: str) -> str:
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def _failed(message: str, status: int) -> int:
    sys.stderr.write(f"error: {_printable(message)}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m projections.verify", description="Verifies an export or a proof, offline."
    )
    parser.add_argument("path", type=Path, help="a bundle, a tiled log, or a proof")
    parser.add_argument("--key", action="append", default=[], metavar="VKEY", help="the log's public key; repeatable")
    parser.add_argument(
        "--previous", type=Path, metavar="FILE", help="a head you have: is this the same log, grown on?"
    )
    parser.add_argument("--witness", action="append", default=[], metavar="VKEY", help="of a witness; repeatable")
    parser.add_argument("--quorum", type=int, help="how many witnesses must have signed; default: all named")
    parser.add_argument(
        "--as-of", metavar="TIME", help="of the figures of a log without tables; default: its last event"
    )
    parser.add_argument("--misbehaviour", type=Path, metavar="FILE", help="where a proof of contradicting heads goes")
    parser.add_argument("--findings", type=int, default=FINDINGS_MAX, metavar="N", help="of each check, show so many")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
