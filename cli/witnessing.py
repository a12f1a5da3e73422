"""For witnesses of somebody else's log: heads cosigned that go on from the last one, without the log's database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import click

from cli.heads import key_option, output_option, state_option
from cli.key_files import read_key
from cli.last_heads import LastHead, LastHeadError, holding
from cli.notes import CHECKPOINT, VERIFIER_KEY, Checkpoint, read_limited
from cli.output import emit_note
from cli.terminal import counted, say
from ledger.clock import system_clock
from ledger.errors import IntegrityError, MalformedEvidenceError, UnverifiedError
from ledger.tree.checkpoint import Policy, TreeHead, cosign_head, parse_head, verify_head
from ledger.tree.consistency import PROOF_BYTES_MAX, parse_consistency
from ledger.tree.keys import VerifierKey
from ledger.tree.note import parse_note, verify_note
from ledger.tree.proofs import ProofError
from ledger.tree.signer import ForkedError, ShrunkError, check_follows, nothing_signed

_ADVICE: Mapping[type[IntegrityError], str] = {
    ShrunkError: "ask the log for its latest head",
    ForkedError: "the log shows one thing to some and another to others: keep both heads, together they prove it",
    ProofError: "ask the log for one from the last head cosigned, with `refledger head consistency`",
}


class Asked(NamedTuple):
    """What a witness is given beside the head.

    log_key  of the log, one of which must have signed
    proof    a file: the head goes on from the last one cosigned; None: not given
    first    no head of the log was ever cosigned
    """

    log_key: tuple[VerifierKey, ...]
    proof: str | None
    first: bool


@click.command(short_help="Cosign somebody else's head.")
@click.argument("checkpoint", metavar="CHECKPOINT", type=CHECKPOINT)
@key_option
@click.option(
    "--log-key",
    type=VERIFIER_KEY,
    multiple=True,
    required=True,
    help="The log's public key; may be repeated, as long as it changes keys.",
)
@state_option
@click.option(
    "--proof",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="What `head consistency` printed, from the last head cosigned to CHECKPOINT; - for stdin.",
)
@click.option("--first", is_flag=True, help="No head of this log was ever cosigned.")
@output_option
def witness(*, checkpoint: Checkpoint, key: Path, state: Path | None, output: Path | None, **asked: Any) -> None:
    """Cosign the signed head in CHECKPOINT (- for stdin), if it goes on from the last one cosigned of its log.

    A witness promises to cosign no two heads of which one does not begin with the events of the other. Who trusts it
    then knows that the log showed everybody the same. It needs neither the log's database nor its help: only heads, and
    proofs between them. The head is printed with the cosignature (C2SP tlog-cosignature), which has the time of this
    machine.

    The last head cosigned of each log is kept in --state, KEY.ORIGIN.head beside the key by default, and written before
    the cosignature is released. A head that does not go on from it is refused (status 3). The same head may be
    cosigned again, without a proof.

    \b
    refledger head keygen witness.example/w1 --witness -o w.key
    refledger head witness head --key w.key --log-key VKEY --first -o cosigned
    refledger head consistency w.key.shop.example%2Fledger.head --head head -o growth.json    where the log is
    refledger head witness head --key w.key --log-key VKEY --proof growth.json -o cosigned
    """
    own, given = read_key(key), Asked(**asked)
    origin = given.log_key[0].name
    head = verify_head(checkpoint.raw, Policy(origin, given.log_key)).head
    with holding(state or key.with_name(f"{key.name}.{quote(origin, safe='')}.head")) as last:
        _check(_last_head(last, own.verifier, origin, is_first=given.first), head, given.proof)
        seconds = int(system_clock().timestamp())
        cosigned = bytes(cosign_head(checkpoint.note, own, timestamp_seconds=seconds))
        last.keep(cosigned)
    emit_note(cosigned, output)
    say(f"cosigned: {counted(head.size, 'event')} of {origin}")


def _last_head(last: LastHead, key: VerifierKey, origin: str, *, is_first: bool) -> TreeHead:
    """The last head cosigned, proven to be by this key and of this log."""
    if last.checkpoint is None:
        if not is_first:
            raise LastHeadError(
                f"there is no last head at {last.path}: put the last one cosigned of {origin} there, or name it with "
                "--state; only if none ever was, begin with --first"
            )
        return nothing_signed(origin)
    if is_first:
        raise click.UsageError(f"{last.path} has the last head: leave out --first")
    try:
        note = parse_note(last.checkpoint)
        head = parse_head(verify_note(note, [key]).text)
    except (MalformedEvidenceError, UnverifiedError) as error:
        raise type(error)(f"{last.path} is not a head that {key} cosigned: {error}") from None
    if head.origin != origin:
        raise UnverifiedError(f"{last.path} is a head of {head.origin}, not of {origin}: name another --state")
    return head


def _check(last: TreeHead, head: TreeHead, file: str | None) -> None:
    """The head goes on from the last one."""
    if file is None and 0 < last.size < head.size:
        raise click.UsageError(f"--proof: from the last head cosigned, of {last.size} events, to this of {head.size}")
    try:
        check_follows(last, head, () if file is None else _hashes(file, last, head))
    except (ShrunkError, ForkedError, ProofError) as error:
        raise IntegrityError(f"nothing is cosigned: {error}: {_ADVICE[type(error)]}") from error


def _hashes(file: str, last: TreeHead, head: TreeHead) -> tuple[bytes, ...]:
    """Of the proof in a file, which must be one from the one head to the other."""
    try:
        proof = parse_consistency(read_limited(file, PROOF_BYTES_MAX))
    except MalformedEvidenceError as error:
        raise MalformedEvidenceError(f"{file} is no such proof: {error}") from None
    if (proof.old_size, proof.new_size) != (last.size, head.size):
        sizes = f"from {proof.old_size} to {proof.new_size} events, not from {last.size} to {head.size}"
        raise ProofError(f"the proof is {sizes}")
    return proof.hashes
