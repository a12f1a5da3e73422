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
from cli.files import replacing_bytes
from cli.options import ID, INSTANT, CheckedParam, as_options, tz_option
from cli.replays import SIZE
from cli.terminal import counted, progress, say
from ledger.clock import format_instant
from ledger.errors import NotFoundError, PositionError, RefusedError
from ledger.events import EVENTS
from ledger.ids import DEFAULT_SOURCE, check_source, stream_of
from ledger.tree.keys import SignerKey, parse_signer_key
from projections.export.asked import Asked, SignedHead
from projections.export.bundle import export_bundle
from projections.export.events import FORMS, Form, Look, write_events
from projections.export.selection import Selection
from projections.export.tiled import export_tiles
from projections.replay.session import Setup

Layout = Literal["bundle", "tlog-tiles"]
LAYOUTS: tuple[Layout, ...] = ("bundle", "tlog-tiles")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STANDARD_OUTPUT = Path("-")

_ENDINGS: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".cloudevents": "cloudevents",
}

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
        default=DEFAULT_SOURCE,
        show_default=True,
        help="Where the orders of --order came from.",
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
ranging = as_options(
    click.option("--from", "first", type=click.IntRange(min=1), default=1, show_default=True, help="First position."),
    click.option("--to", "last", type=click.IntRange(min=1), help="Last position. Default: all there are."),
)


@click.group(short_help="Carry the log out of the store: as evidence, or to look at.")
def export() -> None:
    """The log outside the store: as evidence that anybody can check, or to be looked at."""


@export.command(short_help="A range of the log that proves itself, with the tables that follow from it.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@click.option("--key", "key_file", required=True, type=FILE, help="The log's private key: it signs the manifest.")
@click.option("--head", "head_file", type=FILE, help="The signed head to prove against. Default: <key file>.head")
@ranging
@click.option(
    "--previous", "previous_file", type=FILE, help="An earlier signed head: prove that the log goes on from it."
)
@click.option("--as-of", type=INSTANT, help="Time of the tables. Default: when the last event was recorded.")
@tz_option
@click.option("--redact", is_flag=True, help="Show only events chosen below and plans, of others the hash; no tables.")
@choosing
@click.option("--format", "layout", type=click.Choice(LAYOUTS), default="bundle", show_default=True, help="The layout.")
@click.option("--memory-limit", type=SIZE, help="The most that the tables may take, as 2GB; more goes to disk. [3GB]")
@click.option(
    "--temp-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where what goes to disk is put.",
)
@click.pass_obj
def bundle(  # how and where to; what is in `options`
    settings: Settings,
    *,
    output: Path,
    layout: Layout,
    memory_limit: str | None,
    temp_dir: Path | None,
    **options: Any,
) -> None:
    """Export a range of the log as a folder that proves itself, offline, to anybody who has the log's public key.

    It holds the exact events, the proof that they are exactly those of their positions under a signed head, the
    balances, order outcomes, postings and teams that follow from the log up to --to, as CSV and Parquet, and a manifest
    that the log's key signs. The head is one that `refledger head sign` has signed. The folder appears once all of it
    is written and proven, or not at all.

    --redact hides what is not chosen: such a line is the event's hash, so the root of the log can still be proven. An
    event of which little is unknown can be guessed from its hash.

    --format tlog-tiles writes all events that the head covers, in the layout of C2SP tlog-tiles, and nothing else.

    \b
    refledger export bundle -o january --key log.key --to 52310
    refledger export bundle -o february --key log.key --from 52311 --previous january/checkpoint
    refledger export bundle -o for-ann --key log.key --redact --member ann
    """
    _refuse_nonsense(layout, options)
    key = _key_in(options["key_file"])
    head = SignedHead.verified(_head_in(options), key)
    if layout == "tlog-tiles":
        with opened(settings) as ledger:
            export_tiles(ledger.log, head, output, progress)
        say(f"{counted(head.head.size, 'event')} in tiles are in {output}")
        return
    setup = Setup(spill_folder=temp_dir) if memory_limit is None else Setup(memory_limit, temp_dir)
    asked = _asked(head, key, options)
    with opened(settings) as ledger:
        facts = export_bundle(ledger.log, asked, key, output, setup=setup, bars=progress)
    shown, hidden = facts["events"]["count"], facts["redacted"]
    rest = f", {hidden} more as hashes" if hidden else ""
    say(f"{counted(shown, 'event')} of positions {asked.first} to {asked.last}{rest} are in {output}")


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
@click.option("--origin", default="refledger", show_default=True, help="cloudevents: the source, as the log's name.")
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
        head, last = ledger.log.head(), options["last"]
        last = head if last is None else last
        if last > head or options["first"] > max(last, 1):
            raise PositionError(f"the log has positions 1 to {head}, not {options['first']} to {last}")
        look = Look(options["first"], last, _chosen(options), form, origin)
        with _opened(output) as out:
            count = write_events(ledger.log, look, out, progress)
    say(f"{counted(count, 'event')}" + ("" if output == STANDARD_OUTPUT else f" in {output}"))


def _refuse_nonsense(layout: Layout, options: dict[str, Any]) -> None:
    """Options that do not go together."""
    is_chosen = _chosen(options) != Selection()
    if layout == "tlog-tiles":
        others = (options["last"], options["previous_file"], options["as_of"], options["redact"] or None)
        if is_chosen or options["first"] != 1 or any(option is not None for option in others):
            raise click.UsageError("--format tlog-tiles is all that the head covers: leave out what chooses some of it")
    elif is_chosen != options["redact"]:
        raise click.UsageError("--redact goes with --member, --order or --kind: they say what is shown")
    elif options["redact"] and options["as_of"] is not None:
        raise click.UsageError("--as-of is for the tables, a redacted bundle has none")


def _asked(head: SignedHead, key: SignerKey, options: dict[str, Any]) -> Asked:
    first, last, previous = options["first"], options["last"], options["previous_file"]
    last = head.head.size if last is None else last
    if not first <= last <= head.head.size:
        raise PositionError(f"the head covers positions 1 to {head.head.size}, not {first} to {last}")
    return Asked(
        head,
        first,
        last,
        previous=None if previous is None else SignedHead.verified(previous.read_bytes(), key),
        as_of=options["as_of"],
        shown=_chosen(options) if options["redact"] else None,
    )


def _chosen(options: dict[str, Any]) -> Selection:
    since, until = (None if at is None else format_instant(at) for at in (options.get("since"), options.get("until")))
    orders = tuple(stream_of("order", order, options["source"]) for order in options["orders"])
    return Selection(options["members"], orders, options["kinds"], since, until)


def _key_in(file: Path) -> SignerKey:
    if file.stat().st_mode & 0o077:
        raise RefusedError(f"others can read the private key in {file}: type chmod 600 {file}")
    return parse_signer_key(file.read_text().rstrip("\n"))


def _head_in(options: dict[str, Any]) -> bytes:
    key_file: Path = options["key_file"]
    file: Path = options["head_file"] or key_file.with_name(f"{key_file.name}.head")
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no signed head at {file}: sign one with `refledger head sign`") from None


def _form_of(output: Path) -> Form:
    form = "jsonl" if output == STANDARD_OUTPUT else _ENDINGS.get(output.suffix)
    if form is None:
        raise click.UsageError(f"{output} does not say by its ending what it is: give --format {'|'.join(FORMS)}")
    return form


@contextmanager
def _opened(output: Path) -> Generator[IO[bytes]]:
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
