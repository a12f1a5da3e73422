"""For operators: the log sealed into Parquet segments, and the proof that they are as they were sealed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from cli.context import DISAGREE, Settings, opened
from cli.options import format_option
from cli.output import Format, Report, Section, emit, vertical
from cli.terminal import counted, progress, say
from ledger.errors import NotFoundError, NotInitialisedError, PositionError
from projections.archive.checking import Checked, Inspection
from projections.archive.place import Place
from projections.archive.reading import Segment
from projections.archive.sealing import SEGMENT_EVENTS_MAX, sealing

_COLUMNS = ["segment", "events", "bytes"]
_STATUS_COLUMNS = [*_COLUMNS, "result"]


@click.group(short_help="Seal the log into Parquet segments; check them.")
def archive() -> None:
    """Immutable Parquet segments of the log: for replays of any length, and for keeping."""


@archive.command(short_help="Seal what is new into segments.")
@click.argument("address", metavar="DIR")
@click.option("--at-position", type=click.IntRange(min=0), help="Seal up to this position of the log. Default: all.")
@click.option(
    "--segment-events",
    type=click.IntRange(1, SEGMENT_EVENTS_MAX),
    default=SEGMENT_EVENTS_MAX,
    show_default=True,
    help="Events of a segment at most.",
)
@format_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.pass_obj
def seal(
    settings: Settings,
    address: str,
    *,
    at_position: int | None,
    segment_events: int,
    form: Format | None,
    output: Path | None,
) -> None:
    """Seal the log into DIR: from where the archive ends to the log's head, or to --at-position.

    A segment is a folder named after its positions: the stored bytes of its events, typed columns of orders, refunds,
    bindings, requests, plans and members, and segment.json, which says the SHA-256 of each file and the roots of the
    log after its last event. A segment is there whole or not at all, and never changes; the last of a run may be short,
    the next run begins after it. Interrupted at any moment, the same command goes on.

    DIR is a directory or any address that fsspec knows, as s3://bucket/books, where its driver is installed.

    \b
    refledger archive seal books
    refledger archive seal books --at-position 52310
    refledger archive seal s3://bucket/books --segment-events 250000
    """
    made: list[Segment] = []
    with opened(settings) as ledger, sealing(ledger.log, address) as sealer:
        head, end = ledger.log.head(), sealer.archive.end
        upto = head if at_position is None else at_position
        if upto > head:
            raise PositionError(f"the log has positions 1 to {head}, not {upto}")
        with progress("sealing", max(0, upto - end)) as advance:
            made.extend(sealer.seal(upto, segment_events, advance))
    emit(sealed_report(made), form, output)
    if not made:
        say(f"nothing to seal: {address} goes to position {end}" + (f" of {head}" if end < head else ""))
        return
    say(f"{counted(len(made), 'segment')} of positions {end + 1} to {upto} sealed into {address}")


def sealed_report(made: list[Segment]) -> Report:
    """The new segments."""
    rows = [
        {
            "segment": segment.folder,
            "events": segment.manifest.events,
            "bytes": segment.manifest.total_bytes,
        }
        for segment in made
    ]
    return Report([Section(_COLUMNS, rows)], rows)


@archive.command(short_help="Check every segment, and what is not sealed yet.")
@click.argument("address", metavar="DIR")
@click.option("--no-store", is_flag=True, help="Look at the archive alone, not at the store of --db.")
@click.option("--compare-log", is_flag=True, help="Compute the roots of the store's own log too; reads all of it.")
@format_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.pass_obj
def status(
    settings: Settings, address: str, *, no_store: bool, compare_log: bool, form: Format | None, output: Path | None
) -> None:
    """Check the archive in DIR and show all that is found; status 3 if anything is.

    \b
    manifests  every segment follows the one before it; none is missing, torn, doubled or of another archive
    files      size and SHA-256 of each
    roots      of the log and of its content, computed again from the stored bytes
    rows       typed files, derived again from the stored bytes
    store      the archive's last event is the log's; with --compare-log the roots are the log's

    Then it says how far the log is sealed. Where there is no store, or with --no-store, the archive is checked alone.

    \b
    refledger archive status books
    refledger archive status s3://bucket/books --no-store --format json
    """
    place = Place(address)
    if not place.exists():
        raise NotFoundError(f"there is no archive at {address}: make one with `refledger archive seal {address}`")
    with tempfile.TemporaryDirectory(prefix="refledger") as work:
        inspection = Inspection(place)
        if not inspection.folders and any(not name.startswith(".") for name in place.names()):
            raise NotFoundError(f"there is no archive at {address}, but something else: name another folder")
        with progress("proving files", inspection.total_bytes) as advance:
            inspection.check_files(advance)
        with progress("comparing", inspection.end) as advance:
            inspection.check_contents(Path(work), advance)
        head = None if no_store else _compare_store(settings, inspection, Path(work), compare_log=compare_log)
    emit(status_report(inspection, head), form, output)
    if inspection.findings:
        click.echo(
            f"error: {address} is not as it was sealed: {counted(len(inspection.findings), 'finding')}", err=True
        )
        sys.exit(DISAGREE)
    say(f"{counted(len(inspection.segments), 'segment')} checked")


def _compare_store(settings: Settings, inspection: Inspection, work: Path, *, compare_log: bool) -> int | None:
    """Compares the archive with the store's log, and gives that log's head; None: there is no store."""
    try:
        with opened(settings) as ledger:
            inspection.check_end(ledger.log)
            if compare_log:
                with progress("reading the log", inspection.end) as advance:
                    inspection.check_log(ledger.log, work, advance)
            return ledger.log.head()
    except NotInitialisedError as error:
        say(f"the archive was checked alone: {error}")
        return None


def status_report(inspection: Inspection, head: int | None) -> Report:
    """Segments, findings, and how far the log is sealed."""
    segments = [_segment_row(checked) for checked in inspection.folders.values()]
    findings = [{"subject": finding.subject, "finding": finding.message} for finding in inspection.findings]
    last = inspection.segments[-1].manifest if inspection.segments else None
    coverage = {
        "sealed_to": inspection.end,
        "head": head,
        "not_sealed": None if head is None else max(0, head - inspection.end),
        "log_root": last and last.log.root,
        "content_root": last and last.content.root,
    }
    sections = [Section(_STATUS_COLUMNS, segments, title="segments")]
    if findings:
        sections.append(Section(["subject", "finding"], findings, title="findings"))
    sections.append(vertical(coverage, title="coverage"))
    flat = [
        {**_segment_row(checked), "subject": finding and finding.subject, "finding": finding and finding.message}
        for checked in inspection.folders.values()
        for finding in checked.findings or [None]
    ]
    return Report(
        sections,
        {"archive": inspection.place.address, **coverage, "segments": segments, "findings": findings},
        Section([*_STATUS_COLUMNS, "subject", "finding"], flat),
    )


def _segment_row(checked: Checked) -> dict[str, str | int | None]:
    manifest = None if checked.segment is None else checked.segment.manifest
    result = "finding" if checked.findings else "pass" if checked.is_compared else "not compared"
    return {
        "segment": checked.folder,
        "events": manifest and manifest.events,
        "bytes": manifest and manifest.total_bytes,
        "result": result,
    }
