"""For operators and auditors: signed tree heads of the log, and proofs under them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from cli.context import Settings, opened
from cli.elsewhere import GroupWithMore
from cli.key_files import read_key, write_key
from cli.last_heads import LastHead, LastHeadError, holding
from cli.notes import CHECKPOINT, VERIFIER_KEY, Checkpoint
from cli.output import emit_note
from cli.terminal import counted, progress, say
from ledger.application import Ledger
from ledger.errors import MalformedEvidenceError, UnverifiedError
from ledger.store.recorder import LogRecorder, head_of
from ledger.tree.checkpoint import Policy, TreeHead, sign_head, verify_head
from ledger.tree.ed25519 import SEED_BYTES
from ledger.tree.keys import Kind, SignerKey, VerifierKey
from ledger.tree.signer import ForkedError, NotSignedError, ShrunkError, TilesError, nothing_signed
from projections.heads import head_to_sign
from projections.tree import catch_up, tree_size

_ADVICE: Mapping[type[NotSignedError], str] = {
    ShrunkError: (
        "restore them from a newer backup, a replica or an archive; fed in again they would not be the same. If they "
        "are lost for good, say so to whoever holds a head, and go on under another ORIGIN"
    ),
    ForkedError: (
        "is it the right --db? `refledger audit` says whether events or tiles were changed: tiles come back by "
        "`refledger worker rebuild tree`, events only from a backup"
    ),
    TilesError: "`refledger worker rebuild tree` makes the tiles what the log says; then sign again",
}

PROOFS = {
    "consistency": "cli.head_proofs:consistency",
    "prove": "cli.head_proofs:prove",
    "show": "cli.head_proofs:show",
    "witness": "cli.witnessing:witness",
}

key_option = click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The private key."
)
state_option = click.option(
    "--state", metavar="FILE", type=click.Path(path_type=Path), help="The last head signed. Default: beside the key."
)
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."
)


@click.group(cls=GroupWithMore, elsewhere=PROOFS, short_help="Sign the log's tree heads; prove events and growth.")
def head() -> None:
    """Signed tree heads: one short text fixes every event of the log, and each can be proven against it.

    \b
    refledger head keygen shop.example/ledger -o log.key     once; prints the public key: publish it
    refledger head sign --key log.key --first -o head        the first time; later without --first, from cron
    refledger head show head --key VKEY                      who signed, which tree
    refledger head prove 4711 --head head -o 4711.proof      one event, complete in itself
    refledger head consistency old --head head               nothing before was changed
    refledger head witness head --key w.key --log-key VKEY   somebody else's promise to have seen it

    A head is a C2SP checkpoint (c2sp.org/tlog-checkpoint): ORIGIN, number of events and root, each on its line, and
    signatures. Whoever keeps one can later prove that nothing before it was changed, dropped or added.
    """


@head.command(short_help="Make a key.")
@click.argument("origin")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Write the key to this file."
)
@click.option("--witness", is_flag=True, help="A key to cosign heads of others with, not to sign those of a log.")
def keygen(*, origin: str, output: Path, witness: bool) -> None:
    """Make a key for the log of this ORIGIN, or with --witness for a witness of this name; print the public key.

    ORIGIN names the log for ever, as shop.example/ledger does: a domain that is yours and a path, without spaces. The
    private key goes into a new file that nobody else may read (mode 0600). It is in no database, option or variable,
    and nothing shows it. Publish the public key: heads are verified with it.

    \b
    refledger head keygen shop.example/ledger -o log.key
    refledger head keygen witness.example/w1 --witness -o witness.key
    """
    kind = Kind.COSIGNATURE if witness else Kind.NOTE
    key = SignerKey(origin, kind, secrets.token_bytes(SEED_BYTES))
    write_key(output, key)
    click.echo(str(key.verifier))
    say(f"the private key is in {output}, for you alone: keep a copy offline; the line above is public")


class Begin(NamedTuple):
    """How a signer begins that has no last head yet.

    first         no head of the log was ever signed
    previous      it goes on from this one, by an earlier key of the log
    previous_key  that key
    """

    first: bool
    previous: Checkpoint | None
    previous_key: VerifierKey | None


@head.command(short_help="Sign the log as it stands.")
@key_option
@state_option
@click.option("--first", is_flag=True, help="No head of this log was ever signed.")
@click.option("--previous", metavar="FILE", type=CHECKPOINT, help="After a change of keys: the old key's last head.")
@click.option("--previous-key", type=VERIFIER_KEY, help="The old public key.")
@output_option
@click.pass_obj
def sign(settings: Settings, *, key: Path, state: Path | None, output: Path | None, **begin: Any) -> None:
    """Sign the tree of the log as it stands, if it goes on from the head signed before, and print that head.

    The last head is kept in --state, word for word, and written there before the new one is released. The new root is
    computed from it and the stored events since; tiles that say otherwise are not signed. Only events that are on disk
    are signed, on PostgreSQL those of the primary. A log that shrank, or that does not begin with what was signed, is
    refused (status 3): the message says what to do, and --state stays.

    With one key sign from one --state only, on one machine: two that do not know of each other could contradict each
    other. A --state that was lost comes back from any copy of the last head that was released. --first is for a log of
    which no head was ever signed; nothing else tells a lost file from a beginning.

    To change keys, make a new one for the same ORIGIN and begin with the old one's last head, from which the log must
    go on as ever. Publish the new public key beside the old one, which earlier heads are still verified with. If the
    old key was stolen, take its last head from your own --state and from nobody else.

    \b
    refledger head sign --key log.key --first -o head
    refledger head sign --key log.key -o head                 from cron
    refledger head keygen shop.example/ledger -o new.key
    refledger head sign --key new.key --previous log.key.head --previous-key OLDVKEY -o head
    """
    own = read_key(key)
    with holding(state or key.with_name(f"{key.name}.head")) as last, opened(settings) as ledger:
        before = _last_head(last, own, Begin(**begin))
        # First of all: a replica is no place to sign at, whatever it has.
        ledger.log.settle()
        grow(ledger.log)
        checkpoint = _next(ledger, last, own, before)
    emit_note(checkpoint, output)


def grow(log: LogRecorder) -> None:
    """Brings the tree to the head of the log."""
    with log.reading() as session:
        behind = head_of(session) - tree_size(session)
    with progress("growing the tree", behind) as advance:
        catch_up(log, advance)


def _last_head(last: LastHead, key: SignerKey, begin: Begin) -> TreeHead:
    """What the signer goes on from, proven to be what it or the key before it signed."""
    if (begin.previous is None) != (begin.previous_key is None):
        raise click.UsageError("--previous and --previous-key belong together: the old key's last head, and that key")
    if begin.first and begin.previous is not None:
        raise click.UsageError("--previous says that a head was signed before, --first that none was: leave one out")
    is_beginning = begin.first or begin.previous is not None
    if last.checkpoint is not None:
        if is_beginning:
            raise click.UsageError(f"{last.path} has the last head: leave out --first and --previous")
        return _verified(str(last.path), last.checkpoint, key, key.verifier)
    if begin.previous is not None and begin.previous_key is not None:
        return _verified("--previous", begin.previous.raw, key, begin.previous_key)
    if not begin.first:
        raise LastHeadError(
            f"there is no last head at {last.path}: put the last one that was released there, or name it with --state; "
            "only if none was ever signed, begin with --first"
        )
    return nothing_signed(key.name)


def _verified(name: str, checkpoint: bytes, key: SignerKey, signer: VerifierKey) -> TreeHead:
    try:
        return verify_head(checkpoint, Policy(key.name, (signer,))).head
    except (MalformedEvidenceError, UnverifiedError) as error:
        raise type(error)(f"{name} is not a head that {signer} signed of {key.name}: {error}") from None


def _next(ledger: Ledger, last: LastHead, key: SignerKey, before: TreeHead) -> bytes:
    """The next checkpoint, written down and on disk together with its events."""
    with progress("hashing", ledger.log.head() - before.size) as advance:
        try:
            head = head_to_sign(ledger.log, before, advance)
        except NotSignedError as error:
            raise type(error)(error.last, error.size, f"nothing is signed: {error}: {_ADVICE[type(error)]}") from error
    if last.checkpoint is not None and head == before:
        say(f"no event since: the same head, of {counted(head.size, 'event')}")
        return last.checkpoint
    checkpoint = bytes(sign_head(head, key))
    ledger.log.settle()
    last.keep(checkpoint)
    say(f"signed: {counted(head.size, 'event')}, {head.size - before.size} more than before")
    return checkpoint
