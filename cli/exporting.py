"""For auditors: the log carried out of the store, as evidence or to be looked at."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import click

from cli.context import DONE, Settings, opened
from cli.elsewhere import GroupWithMore
from cli.files import replacing_bytes
from cli.heads import grow, key_option
from cli.key_files import read_key
from cli.notes import CHECKPOINT, VERIFIER_KEY, Checkpoint
from cli.options import ID, INSTANT, TEMP_DIR, CheckedParam, NameablePath, as_options, tz_option
from cli.replays import SIZE
from cli.terminal import counted, progress, say
from ledger.clock import format_instant
from ledger.errors import NotFoundError, PositionError
from ledger.events import EVENTS
from ledger.ids import DEFAULT_SOURCE, check_source, stream_of
from ledger.tree.keys import VerifierKey, is_key_name
from projections.export.asked import Asked, SignedHead
from projections.export.bundle import export_bundle
from projections.export.events import FORMS, Form, Look, write_events
from projections.export.selection import Selection
from projections.export.tiled import export_tiles
from projections.replay.session import Setup

Layout = Literal["bundle", "tlog-tiles"]
LAYOUTS: tuple[Layout, ...] = ("bundle", "tlog-tiles")
BOOKED = {"journal": "cli.booked:journal", "postings": "cli.booked:postings"}
STANDARD_OUTPUT = Path("-")


_ENDINGS: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".cloudevents": "cloudevents",
}


def _origin(text: str) -> str:
    if not is_key_name(text):
        message = "names no log: no spaces, no plus"
        raise ValueError(message)
    return text


ORIGIN = CheckedParam("name", _origin)

ranging = as_options(
    click.option("--from", "first", type=click.IntRange(min=1), default=1, show_default=True, help="First position."),
    click.option("--to", "last", type=click.IntRange(min=1), help="Last position. Default: all there are."),
)
choosing = as_options(
    click.option(
        "--member",
        "members",
        multiple=True,
        type=ID,
        help="Events that name this member in any role, and refunds of its orders; repeatable.",
    ),
    click.option(
        "--order",
        "orders",
        multiple=True,
        type=ID,
        help="This order, its refunds, and renewals that followed from it; repeatable.",
    ),
    click.option(
        "--source",
        type=CheckedParam("name", check_source),
        help=f"Where the orders of --order came from. Default: {DEFAULT_SOURCE}.",
    ),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="TYPE",
        type=click.Choice([*EVENTS], case_sensitive=False),
        help=f"Events of this type; repeatable: {', '.join(EVENTS)}.",
    ),
)


@click.group(cls=GroupWithMore, elsewhere=BOOKED, short_help="Carry the log out of the store.")
def export() -> None:
    """The log outside the store: as evidence that anybody can check, or to be looked at."""


@export.command(short_help="A range of the log that proves itself, with the tables that follow from it.")
@click.option("-o", "--output", required=True, type=NameablePath(path_type=Path), help="The folder to make.")
@key_option
@click.option(
    "--head", "checkpoint", metavar="FILE", type=CHECKPOINT, help="A signed head. Default: the last one of the key."
)
@ranging
@click.option("--previous", metavar="FILE", type=CHECKPOINT, help="An earlier signed head: prove that the log grew on.")
@click.option("--previous-key", type=VERIFIER_KEY, help="The public key that signed --previous, if another.")
@click.option("--as-of", type=INSTANT, help="Time of the tables. Default: when the last event was recorded.")
@tz_option
@click.option("--redact", is_flag=True, help="Show only what is chosen below, and plans; of all else the hash.")
@choosing
@click.option("--format", "layout", type=click.Choice(LAYOUTS), default="bundle", show_default=True, help="The layout.")
@click.option("--memory-limit", type=SIZE, help="The most that the tables may take, as 2GB; more goes to disk. [3GB]")
@click.option(
    "--temp-dir",
    type=TEMP_DIR,
    help="Where what goes to disk is put.",
)
@click.pass_obj
def bundle(settings: Settings, *, output: Path, layout: Layout, key: Path, **options: Any) -> None:
    """Export a range of the log as a folder that proves itself, offline, to anybody who has the log's public key.

    It holds the exact events, the proof that they are exactly those of their positions under a signed head, the
    balances, order outcomes, payouts, postings and teams that follow from the log up to --to, as CSV and Parquet, and a
    manifest that the log's key signs. Sign a head first: `refledger head sign`. The folder is there once all of it is
    written and proven, or not at all.

    --redact hides what is not chosen: such a line is the event's hash, so the root of the log can still be proven. An
    event of which little is unknown can be guessed from its hash.

    --format tlog-tiles writes all events that the head covers in the layout of C2SP tlog-tiles, and nothing else.

    \b
    refledger export bundle -o january --key log.key --to 52310
    refledger export bundle -o february --key log.key --from 52311 --previous january/checkpoint
    refledger export bundle -o for-ann --key log.key --redact --member ann
    """
    if output == STANDARD_OUTPUT:
        raise click.UsageError("a bundle is a folder, which standard output is not: name one")
    _refuse_nonsense(layout, options)
    signer = read_key(key)
    head = SignedHead.verified(_last_head(key, options["checkpoint"]), signer.verifier)
    asked = _asked(head, signer.verifier, options)
    with opened(settings) as ledger:
        grow(ledger.log)
        if layout == "tlog-tiles":
            export_tiles(ledger.log, head, output, progress)
            say(f"{counted(asked.last, 'event')} in tiles are in {output}")
            return
        facts = export_bundle(ledger.log, asked, signer, output, setup=_setup(options), bars=progress)
    hidden = f", {facts['redacted']} more as hashes" if facts["redacted"] else ""
    shown = counted(facts["events"]["count"], "event")
    say(f"{shown} of positions {asked.first} to {asked.last}{hidden} are in {output}")


@export.command(short_help="Events to look at, without proofs.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file; - is standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Default: by the file's ending; jsonl for standard output.",
)
@ranging
@choosing
@click.option("--since", type=INSTANT, help="Events that occurred at this time or later: a time, or a date with --tz.")
@click.option("--until", type=INSTANT, help="Events that occurred before this time.")
@tz_option
@click.option(
    "--origin",
    type=ORIGIN,
    default="refledger",
    show_default=True,
    help="cloudevents: the source, as the log's name.",
)
@click.pass_obj
def events(settings: Settings, *, output: Path, form: Form | None, origin: str, **options: Any) -> None:
    """Export events to look at, without proofs: those that meet every condition given, in the order of the log.

    \b
    jsonl        the exact stored bytes, one event a line
    csv, parquet a row each: position, stream, type, times, member, referrer, order, amount, reason and more
    cloudevents  CloudEvents 1.0, one a line; `data` is the stored event, `sequence` its position

    \b
    refledger export events -o orders.csv --kind OrderPlaced --since 2026-01-01T00:00:00Z
    refledger export events -o - --order 17 | jq .
    refledger export events -o log.parquet
    """
    form = form or _form_of(output)
    if form == "parquet" and output == STANDARD_OUTPUT and sys.stdout.isatty():
        raise click.UsageError("Parquet is nothing for a terminal: name a file")
    with opened(settings) as ledger:
        head = ledger.log.head()
        first, last = options["first"], head if options["last"] is None else options["last"]
        # Of an empty log nothing is all there is.
        if last > head or first > max(last, 1):
            raise PositionError(f"the log has positions 1 to {head}, not {first} to {last}")
        with output_at(output) as out:
            count = write_events(ledger.log, Look(first, last, _chosen(options), form, origin), out, progress)
    say(counted(count, "event") + ("" if output == STANDARD_OUTPUT else f" in {output}"))


@contextmanager
def output_at(output: Path) -> Generator[IO[bytes]]:
    """The file, whole or not there; or standard output, until its reader has had enough."""
    if output != STANDARD_OUTPUT:
        with replacing_bytes(output) as file:
            yield file
        return
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Nothing more can be written, not even by the interpreter at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(DONE) from None


def _refuse_nonsense(layout: Layout, options: dict[str, Any]) -> None:
    """Options that do not go together."""
    is_chosen, is_redacted = _chosen(options) != Selection(), options["redact"]
    if layout == "tlog-tiles":
        some = (options["last"], options["previous"], options["as_of"])
        if is_chosen or is_redacted or options["first"] > 1 or some != (None, None, None):
            raise click.UsageError("--format tlog-tiles is all that the head covers: leave out what chooses some of it")
    elif is_chosen != is_redacted:
        raise click.UsageError("--redact goes with --member, --order or --kind: they say what is shown")
    elif is_redacted and options["as_of"] is not None:
        raise click.UsageError("--as-of is for the tables, and a redacted bundle has none")
    if options["previous_key"] is not None and options["previous"] is None:
        raise click.UsageError("--previous-key is for --previous")


def _asked(head: SignedHead, key: VerifierKey, options: dict[str, Any]) -> Asked:
    first, size = options["first"], head.head.size
    last = size if options["last"] is None else options["last"]
    if size == 0:
        raise PositionError("the head is of an empty log: there is nothing to export yet")
    if not first <= last <= size:
        raise PositionError(f"the head covers positions 1 to {size}, not {first} to {last}")
    previous = options["previous"]
    return Asked(
        head,
        first,
        last,
        previous=previous and SignedHead.verified(previous.raw, options["previous_key"] or key),
        as_of=options["as_of"],
        shown=_chosen(options) if options["redact"] else None,
    )


def _chosen(options: dict[str, Any]) -> Selection:
    since, until = (None if at is None else format_instant(at) for at in (options.get("since"), options.get("until")))
    source = options["source"]
    if source is not None and not options["orders"]:
        raise click.UsageError("--source is for --order: it says where these orders came from")
    orders = tuple(stream_of("order", order, source or DEFAULT_SOURCE) for order in options["orders"])
    return Selection(options["members"], orders, options["kinds"], since, until)


def _setup(options: dict[str, Any]) -> Setup:
    limit, folder = options["memory_limit"], options["temp_dir"]
    return Setup(spill_folder=folder) if limit is None else Setup(limit, folder)


def _last_head(key: Path, given: Checkpoint | None) -> bytes:
    """The head that was named, or the last one that the key signed."""
    if given is not None:
        return given.raw
    state = key.with_name(f"{key.name}.head")
    try:
        return state.read_bytes()
    except OSError:
        raise NotFoundError(
            f"there is no signed head at {state}: name one with --head, or sign one with "
            f"`refledger head sign --key {key}`"
        ) from None


def _form_of(output: Path) -> Form:
    form = "jsonl" if output == STANDARD_OUTPUT else _ENDINGS.get(output.suffix)
    if form is None:
        raise click.UsageError(f"{output} does not say by its ending what it is to be: give --format")
    return form
