"""For operators: the log sealed into Parquet segments, and the proof that they are as they were sealed."""

from __future__ import annotations

from pathlib import Path

import click

from cli.context import Settings, opened
from cli.options import format_option
from cli.output import Format, Report, Section, emit
from cli.terminal import counted, progress, say
from ledger.errors import PositionError
from projections.archive.reading import Segment
from projections.archive.sealing import SEGMENT_EVENTS_MAX, sealing

_COLUMNS = ["segment", "events", "bytes"]


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
            "bytes": sum(file.bytes for file in segment.manifest.files.values()),
        }
        for segment in made
    ]
    return Report([Section(_COLUMNS, rows)], rows)
