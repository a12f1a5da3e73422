"""Signed notes on the command line: keys that somebody trusts, checkpoints in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click

from ledger.errors import InvalidKeyError, MalformedEvidenceError
from ledger.tree.checkpoint import TreeHead, parse_head
from ledger.tree.keys import VerifierKey, parse_verifier_key
from ledger.tree.note import NOTE_BYTES_MAX, Note, parse_note


class VerifierKeyParam(click.ParamType[VerifierKey]):
    """A public key, as `head keygen` prints it."""

    name = "vkey"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> VerifierKey:  # noqa: ANN401  # click's signature
        """Parses it."""
        if isinstance(value, VerifierKey):
            return value
        try:
            return parse_verifier_key(str(value))
        except InvalidKeyError as error:
            self.fail(f"{error}: give the line that `head keygen` printed", param, ctx)


class Checkpoint(NamedTuple):
    """A signed tree head, not verified.

    raw  word for word
    """

    raw: bytes
    note: Note
    head: TreeHead


class CheckpointParam(click.ParamType[Checkpoint]):
    """A checkpoint in a file, or `-` for standard input."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Checkpoint:  # noqa: ANN401  # click's signature
        """Reads and parses it.

        Raises:
            MalformedEvidenceError: it is none.
        """
        if isinstance(value, Checkpoint):
            return value
        raw = read_limited(str(value), NOTE_BYTES_MAX, param, ctx)
        try:
            note = parse_note(raw)
            return Checkpoint(raw, note, parse_head(note.text))
        except MalformedEvidenceError as error:
            raise MalformedEvidenceError(f"{value} is no signed head: {error}") from None


def read_limited(
    file: str, bytes_max: int, param: click.Parameter | None = None, ctx: click.Context | None = None
) -> bytes:
    """A file's bytes, or standard input's, as far as anybody will look at them.

    Raises:
        click.BadParameter: it cannot be read.
    """
    try:
        with click.open_file(file, "rb") if file == "-" else Path(file).open("rb") as opened:
            return opened.read(bytes_max + 1)
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}", ctx, param) from None


VERIFIER_KEY = VerifierKeyParam()
CHECKPOINT = CheckpointParam()
