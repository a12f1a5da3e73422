"""For auditors: an export or a proof verified, offline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli.context import DISAGREE
from cli.files import replacing_bytes
from cli.notes import CHECKPOINT, VERIFIER_KEY
from cli.options import INSTANT, format_option, tz_option
from cli.output import Format, Report, Section, emit, vertical
from cli.terminal import counted, printable, progress, say
from ledger.clock import format_instant
from ledger.errors import InvalidKeyError, NotFoundError
from ledger.tree.keys import VerifierKey
from projections.verify.asked import Asked, Verified
from projections.verify.misbehaviour import Misbehaviour
from projections.verify.report import FINDINGS_MAX
from projections.verify.trust import Trust, trust_in
from projections.verify.verification import verify as verified_at


@click.command(short_help="Verify an export or a proof, offline.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--key", "keys", type=VERIFIER_KEY, multiple=True, help="The log's public key; each, while it changes.")
@click.option("--previous", metavar="FILE", type=CHECKPOINT, help="A head you have: is this log the same, grown on?")
@click.option("--witness", "witnesses", type=VERIFIER_KEY, multiple=True, help="A witness's public key; repeatable.")
@click.option("--quorum", type=click.IntRange(min=0), help="How many witnesses must have signed. Default: all named.")
@click.option("--as-of", type=INSTANT, help="Time of the figures of a log without tables. Default: its last event's.")
@tz_option
@click.option(
    "--misbehaviour",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where a proof goes that two heads contradict each other. Default: here, under a name of its own.",
)
@click.option(
    "--findings",
    type=click.IntRange(min=1),
    default=FINDINGS_MAX,
    show_default=True,
    help="How many of each check to show; all are counted.",
)
@format_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def verify(path: Path, *, misbehaviour: Path | None, form: Format | None, output: Path | None, **options: Any) -> None:
    """Verify what is at PATH: a bundle or a tiled log that `export` made, or a proof of one event or of misbehaviour.

    No database is asked and no network. What you need besides is the log's public key, from elsewhere than the bundle:
    anybody can sign a log that he made up.

    \b
    refledger verify january --key shop.example/ledger+c2ee1b4a+AZ...
    refledger verify february --key VKEY --previous january/checkpoint     nothing before was changed
    refledger verify january --key VKEY --witness VKEY                     somebody else saw this head too
    refledger verify 4711.proof --key VKEY                                 one event
    python -m projections.verify january --key VKEY                        the same, with next to nothing installed

    \b
    signature, files    the log's key signed the head and the manifest, and the files are the manifest's
    range, history      the events are exactly these positions of the signed tree, and it goes on from --previous
    events              each is canonical, complete, in its own stream, and has the hash of what was asked
    decisions           every bind, plan, refund, adjustment, batch and payout decided again, by the rules
    the tables, figures every balance, outcome, payout, posting and team computed again, row by row

    The last two need the log from position 1 on, with nothing hidden; otherwise the verdict says so. Status 0 if all
    holds, 3 if anything is found, 2 if nothing is but the key was not given: then nothing is proven. Of two heads that
    contradict each other a file is written that proves it to anybody: verify it like all else.
    """
    asked = Asked(
        trust=_trust(options["keys"], options["witnesses"], options["quorum"]),
        previous=None if options["previous"] is None else options["previous"].raw,
        as_of=None if options["as_of"] is None else format_instant(options["as_of"]),
        compare_parquet=_parquet_differences,
        findings_max=options["findings"],
        progress=progress,
    )
    try:
        if not path.exists():
            raise NotFoundError(f"there is nothing at {path}")
        found = verified_at(path, asked)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    emit(verification_report(found), form, output)
    if found.misbehaviour is not None:
        _keep(found.misbehaviour, misbehaviour)
    _conclude(found)


def _trust(keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey], quorum: int | None) -> Trust:
    try:
        return trust_in(keys, witnesses, quorum)
    except InvalidKeyError as error:
        raise click.UsageError(str(error)) from None


def _parquet_differences(csv: Path, parquet: Path) -> list[str]:
    # Only here, as loading it takes longer than many a verification.
    from projections.parquet_check import differences  # noqa: PLC0415

    return differences(csv, parquet)


def _keep(proof: Misbehaviour, file: Path | None) -> None:
    target = file or Path(proof.file_name)
    try:
        with replacing_bytes(target) as out:
            out.write(bytes(proof))
    except (click.UsageError, OSError) as error:
        why = error.message if isinstance(error, click.UsageError) else f"{target} cannot be written: {error.strerror}"
        # The verdict comes first: it is worse than that.
        click.echo(f"error: two signed heads contradict each other, but {why}: name --misbehaviour FILE", err=True)
        return
    say(f"two signed heads contradict each other: {target} proves it to anybody who has the log's key")


def _conclude(found: Verified) -> None:
    for remark in found.report.remarks:
        say(f"note: {remark}")
    if hidden := found.report.findings_total - len(found.report.findings):
        say(f"note: {counted(hidden, 'finding')} more than are shown: --findings says how many of each check to show")
    verdict = "; ".join(f"{name}: {text}" for name, text in found.verdict.items())
    if found.status:
        kind = "the evidence does not hold" if found.status == DISAGREE else "nothing is proven"
        click.echo(f"error: {kind}: {printable(verdict)}", err=True)
        sys.exit(found.status)
    say(verdict)


def verification_report(found: Verified) -> Report:
    """Every check, every finding that is kept, and the verdict."""
    report = found.report
    checks = [
        {"check": one.name, "result": one.result, "findings": one.findings or None, "detail": printable(one.detail)}
        for one in report.checks
    ]
    findings = [
        {"check": one.check, "position": one.position, "finding": printable(one.message)} for one in report.findings
    ]
    sections = [
        vertical(dict(report.facts), title="the evidence"),
        Section(["check", "result", *(["findings"] if findings else []), "detail"], checks, title="checks"),
    ]
    if findings:
        sections.append(Section(["check", "position", "finding"], findings, title="findings"))
    if found.event:
        shown = [{"event": printable(found.event.decode(errors="replace"))}]
        sections.append(Section(["event"], shown))
    verdict = [{"what": name, "result": text} for name, text in found.verdict.items()]
    sections.append(Section(["what", "result"], verdict, title="verdict"))
    flat = [{"check": one["check"], "result": one["result"], "detail": one["detail"]} for one in checks]
    flat += [{**row, "result": "finding", "detail": row["finding"]} for row in findings]
    flat += [{"check": row["what"], "result": row["result"]} for row in verdict]
    return Report(sections, found.document(), Section(["check", "result", "position", "detail"], flat))
