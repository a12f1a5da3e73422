"""For auditors: what a signed head says, and proofs of events and of growth under it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.context import Settings, opened
from cli.heads import grow, output_option
from cli.notes import CHECKPOINT, VERIFIER_KEY, Checkpoint
from cli.options import format_option
from cli.output import Cell, Format, Report, Section, emit, emit_note, vertical
from cli.terminal import counted, say
from ledger.tree.checkpoint import Policy, TreeHead, verify_head
from ledger.tree.cosignature import cosigned_at
from ledger.tree.keys import Kind, VerifierKey
from ledger.tree.note import Signature
from projections.heads import prove_consistency, prove_event, tree_now

_COLUMNS = ["name", "key_id", "verified", "cosigned_at"]
# From here on a date has five digits for the year.
_SECONDS_MAX = 253_402_300_800


@click.command(short_help="Show a signed head, or the tree as it stands.")
@click.argument("checkpoint", metavar="[FILE]", type=CHECKPOINT, required=False)
@click.option(
    "--key",
    type=VERIFIER_KEY,
    multiple=True,
    help="Verify with this public key, of the log or a witness; may be repeated: every witness named must have signed.",
)
@format_option
@output_option
@click.pass_obj
def show(
    settings: Settings,
    *,
    checkpoint: Checkpoint | None,
    key: tuple[VerifierKey, ...],
    form: Format | None,
    output: Path | None,
) -> None:
    """Show the signed head in FILE (- for stdin): of which log, how many events, which root, and who signed it.

    With --key it is verified, and refused with status 3 if it does not hold. Without FILE: the tree of the store as it
    stands, which nobody signed.

    \b
    refledger head show head --key shop.example/ledger+c2ee1b4a+AZ...
    refledger head show --format json
    """
    if checkpoint is not None:
        emit(_report(checkpoint, _verified(checkpoint, key)), form, output)
        if not key:
            say("not verified: give the public keys you trust with --key")
        return
    if key:
        raise click.UsageError("--key verifies a signed head: name its file, or - for standard input")
    with opened(settings) as ledger:
        grow(ledger.log)
        size, root = tree_now(ledger.log)
    facts: dict[str, Cell] = {"size": size, "root": root.hex()}
    emit(Report([vertical(facts)], facts, Section([*facts], [facts])), form, output)


def _verified(checkpoint: Checkpoint, keys: tuple[VerifierKey, ...]) -> Mapping[Signature, VerifierKey]:
    """Who signed, of those that are trusted: then the head holds. Without keys nobody is."""
    if not keys:
        return {}
    log_keys = tuple(key for key in keys if key.kind is Kind.NOTE)
    witnesses = tuple(key for key in keys if key.kind is Kind.COSIGNATURE)
    origin = log_keys[0].name if log_keys else checkpoint.head.origin
    policy = Policy(origin, log_keys, witnesses, len({key.public_key for key in witnesses}))
    return {line: key for key, line in verify_head(checkpoint.raw, policy).note.accepted}


def _report(checkpoint: Checkpoint, verified: Mapping[Signature, VerifierKey]) -> Report:
    head = checkpoint.head
    facts: dict[str, Cell] = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
    signatures = [_signature_row(line, verified.get(line)) for line in checkpoint.note.signatures]
    lines = [
        vertical(facts | {f"extension {number}": line for number, line in enumerate(head.extensions, 1)}),
        Section(_COLUMNS, signatures, title="signatures"),
    ]
    document = {**facts, "extensions": list(head.extensions), "signatures": signatures}
    return Report(lines, document, Section([*facts, *_COLUMNS], [facts | row for row in signatures]))


def _signature_row(line: Signature, key: VerifierKey | None) -> dict[str, Cell]:
    seconds = cosigned_at(line.value) if key is not None and key.kind is Kind.COSIGNATURE else _SECONDS_MAX
    return {
        "name": line.name,
        "key_id": line.key_id.hex(),
        "verified": "no" if key is None else "yes",
        "cosigned_at": datetime.fromtimestamp(seconds, UTC) if seconds < _SECONDS_MAX else None,
    }


@click.command(short_help="Prove one event under a signed head.")
@click.argument("position", type=click.IntRange(min=1))
@click.option("--head", metavar="FILE", type=CHECKPOINT, required=True, help="A signed head; - for stdin.")
@output_option
@click.pass_obj
def prove(settings: Settings, *, position: int, head: Checkpoint, output: Path | None) -> None:
    """Prove that the event at POSITION is in the log of a signed head: a C2SP tlog-proof (c2sp.org/tlog-proof).

    The proof has the event's stored bytes as its extra data and the head word for word: whoever has the log's public
    key needs nothing else. The leaf is SHA-256(0x00 || those bytes), its index POSITION - 1.

    \b
    refledger head prove 4711 --head head -o 4711.tlog-proof
    """
    with opened(settings) as ledger:
        grow(ledger.log)
        proof = prove_event(ledger.log, position, head.head, head.raw)
    emit_note(bytes(proof), output)


@click.command(short_help="Prove that the log goes on from an earlier head.")
@click.argument("old", metavar="OLD", type=CHECKPOINT)
@click.option("--head", metavar="FILE", type=CHECKPOINT, help="The later head. Default: the tree as it stands.")
@output_option
@click.pass_obj
def consistency(settings: Settings, *, old: Checkpoint, head: Checkpoint | None, output: Path | None) -> None:
    """Prove that the log begins with the events of the signed head in OLD, none changed, dropped or added.

    Prints one line of JSON: both sizes, and the hashes of RFC 6962, 2.1.2, in base64. It is verified with both heads
    and nothing else, by `head witness` or any other program for such logs.

    \b
    refledger head consistency old --head head -o growth.json
    {"hashes":["<base64>",...],"new_size":n,"old_size":m}
    """
    with opened(settings) as ledger:
        grow(ledger.log)
        new = TreeHead(old.head.origin, *tree_now(ledger.log)) if head is None else head.head
        proof = prove_consistency(ledger.log, old.head, new)
    emit_note(bytes(proof), output)
    say(f"the first {counted(old.head.size, 'event')} of {new.size} are those of the old head", at=1)
