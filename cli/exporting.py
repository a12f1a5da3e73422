"""For auditors: the log carried out of the store, as evidence or to be looked at."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli.context import Settings, opened
from cli.options import ID, INSTANT, as_options, tz_option
from cli.terminal import counted, progress, say
from ledger.errors import PositionError, RefusedError
from ledger.events import EVENTS
from ledger.ids import DEFAULT_SOURCE, stream_of
from ledger.tree.keys import SignerKey, parse_signer_key
from projections.export.asked import Asked, SignedHead
from projections.export.bundle import export_bundle
from projections.export.selection import Selection
from projections.replay.session import Setup

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(short_help="Carry the log out of the store.")
def export() -> None:
    """The log outside the store: as evidence that anybody can check, or to be looked at."""


choosing = as_options(
    click.option("--member", "members", multiple=True, type=ID, help="Events that name this member; repeatable."),
    click.option("--order", "orders", multiple=True, type=ID, help="This order and its refunds; repeatable."),
    click.option("--kind", "kinds", multiple=True, type=click.Choice([*EVENTS]), help="Events of a type; repeatable."),
)


@export.command(short_help="A range of the log that proves itself, with the tables that follow from it.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@click.option("--key", "key_file", required=True, type=FILE, help="The log's private key: signs the manifest.")
@click.option("--head", "head_file", type=FILE, help="The signed head to prove against. Default: <key file>.head")
@click.option("--from", "first", type=click.IntRange(min=1), default=1, show_default=True, help="First position.")
@click.option("--to", "last", type=click.IntRange(min=1), help="Last position. Default: the head's size.")
@click.option("--previous", "previous_file", type=FILE, help="An earlier signed head that this one goes on from.")
@click.option("--as-of", type=INSTANT, help="Time of the tables. Default: when the last event was recorded.")
@tz_option
@click.option("--redact", is_flag=True, help="Show only what is chosen below, of all else the hash; no tables.")
@choosing
@click.pass_obj
def bundle(  # noqa: PLR0913  # one parameter an option
    settings: Settings,
    *,
    output: Path,
    key_file: Path,
    head_file: Path | None,
    first: int,
    last: int | None,
    previous_file: Path | None,
    as_of: datetime | None,
    redact: bool,
    **chosen: Any,
) -> None:
    """Export a range of the log as a folder that proves itself offline.

    \b
    refledger export bundle -o january --key log.key
    """
    shown = _selection(chosen)
    if redact != bool(shown != Selection()):
        raise click.UsageError("--redact goes with --member, --order or --kind: they say what is shown")
    if redact and as_of is not None:
        raise click.UsageError("--as-of is for the tables, and a redacted bundle has none")
    key = _key_in(key_file)
    head = SignedHead.verified(_read(head_file or key_file.with_name(f"{key_file.name}.head")), key)
    previous = None if previous_file is None else SignedHead.verified(_read(previous_file), key)
    last = head.head.size if last is None else last
    if not first <= last <= head.head.size:
        raise PositionError(f"the head has positions 1 to {head.head.size}, not {first} to {last}")
    asked = Asked(head, first, last, previous, as_of, shown if redact else None)
    with opened(settings) as ledger:
        facts: Any = export_bundle(ledger.log, asked, key, output, setup=Setup(), bars=progress)
    say(f"{counted(facts['events']['count'], 'event')} of positions {first} to {last} are in {output}")


def _selection(chosen: dict[str, Any]) -> Selection:
    orders = tuple(stream_of("order", order, DEFAULT_SOURCE) for order in chosen["orders"])
    return Selection(members=chosen["members"], orders=orders, kinds=chosen["kinds"])


def _key_in(file: Path) -> SignerKey:
    if file.stat().st_mode & 0o077:
        raise RefusedError(f"others can read {file}: chmod 600 {file}")
    return parse_signer_key(file.read_text().rstrip("\n"))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RefusedError(f"there is no signed head at {file}: {error.strerror}") from None
