"""`head show`, `prove` and `consistency` on both stores: what they print holds without the database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.key_files import read_key
from ledger.tree.checkpoint import Policy, TreeHead, cosign_head, sign_head
from ledger.tree.consistency import parse_consistency
from ledger.tree.hashing import RootBuilder, leaf_hash
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import parse_note
from ledger.tree.proofs import ProofError, verify_consistency, verify_inclusion
from ledger.tree.tlog_proof import TlogProof, parse_proof, verify_proof
from tests.cli_runner import Tool, desk
from tests.integration.test_audit import damaged
from tests.signing import Signer, feed_orders, feed_plan, signer

pytestmark = pytest.mark.long_on_postgres

WITNESS = SignerKey("witness.example/w1", Kind.COSIGNATURE, b"w" * 32)
SEEN_AT = 1_790_000_000


@pytest.fixture
def log(store_url: str, tmp_path: Path) -> Signer:
    """A ledger of 300 events with a signed head in the file `head`, of its first 20 in `old`, and 5 events more."""
    tool = desk(store_url, tmp_path)
    feed_plan(tool)
    feed_orders(tool, 0, 19)
    log = signer(tool)
    log.keep("old", "--first")
    feed_orders(tool, 100, 280)
    log.keep("head")
    feed_orders(tool, 1_000, 5)
    return log


def cosigned(log: Signer, name: str = "head") -> str:
    """A head with the witness's line, in a file of its own; the name."""
    note = parse_note((log.tool.folder / name).read_bytes())
    (log.tool.folder / "cosigned").write_bytes(bytes(cosign_head(note, WITNESS, timestamp_seconds=SEEN_AT)))
    return "cosigned"


# ---- show


def test_show_a_head(log: Signer) -> None:
    """Which log, how many events, which root, and who signed: as JSON, as rows, as a table."""
    head = log.verified((log.tool.folder / "head").read_text())
    shown = log.tool.json("head", "show", "head", "--key", log.vkey)
    line = {"name": log.origin, "key_id": log.verifier.key_id.hex(), "verified": True, "cosigned_at": None}
    facts = {"origin": head.origin, "size": 300, "root": head.root.hex()}
    assert shown == {**facts, "extensions": [], "signatures": [line]}
    (row,) = log.tool("head", "show", "head", "--format", "csv").rows("csv")
    assert row == {key: str(value) for key, value in facts.items()} | line | {"verified": "no", "cosigned_at": ""}
    table = log.tool("head", "show", "head", "--format", "table").out
    assert head.root.hex() in table


def test_show_without_a_key_says_so(log: Signer) -> None:
    """Nothing was verified, and nobody should think so."""
    assert "not verified" in log.tool("head", "show", "head").err
    assert "not verified" not in log.tool("head", "show", "head", "--key", log.vkey).err


def test_show_from_standard_input(log: Signer) -> None:
    """As from a file."""
    raw = (log.tool.folder / "head").read_bytes()
    assert log.tool("head", "show", "-", stdin=raw).out == log.tool("head", "show", "head").out


def test_show_a_cosigned_head(log: Signer) -> None:
    """When the witness saw it; every witness that is named must have signed, and the log too."""
    name = cosigned(log)
    shown = log.tool.json("head", "show", name, "--key", log.vkey, "--key", str(WITNESS.verifier))
    seen = datetime.fromtimestamp(SEEN_AT, UTC)
    assert [(line["verified"], line["cosigned_at"]) for line in shown["signatures"]] == [
        (True, None),
        (True, seen.strftime("%Y-%m-%dT%H:%M:%S.000000Z")),
    ]
    shown = log.tool.json("head", "show", name, "--key", log.vkey)
    assert [line["verified"] for line in shown["signatures"]] == [True, False]
    witness = ("--key", str(WITNESS.verifier))
    assert "needed: 1" in log.tool("head", "show", "head", "--key", log.vkey, *witness, status=3).err
    assert "needs a key of kind 0x01" in log.tool("head", "show", name, *witness, status=6).err


def test_show_a_head_that_does_not_hold(log: Signer) -> None:
    """Another key, another tree, no head at all, no file: status and one line."""
    other = signer(log.tool, key="other.key")
    assert "signatures of known keys: 0" in log.tool("head", "show", "head", "--key", other.vkey, status=3).err
    altered = (log.tool.folder / "head").read_text().replace("\n300\n", "\n301\n")
    (log.tool.folder / "altered").write_text(altered)
    assert "is not one of this text" in log.tool("head", "show", "altered", "--key", log.vkey, status=3).err
    (log.tool.folder / "nonsense").write_text("nonsense")
    assert "nonsense is no signed head" in log.tool("head", "show", "nonsense", status=3).err
    assert "cannot be read" in log.tool("head", "show", "nowhere", status=2).err
    assert "head keygen" in log.tool("head", "show", "head", "--key", "nonsense", status=2).err


def test_show_the_tree_as_it_stands(log: Signer) -> None:
    """Without a file: all events, signed by nobody."""
    tree = RootBuilder()
    with log.tool.ledger() as ledger:
        for row in ledger.log.read():
            tree.add(row.state)
    assert log.tool.json("head", "show") == {"size": 305, "root": tree.root().hex()}
    assert "name its file" in log.tool("head", "show", "--key", log.vkey, status=2).err


# ---- prove


def proven(log: Signer, position: int, head: str = "head") -> TlogProof:
    """`head prove`, verified as somebody with the public key alone would."""
    log.tool("head", "prove", str(position), "--head", head, "-o", "proof")
    proof = parse_proof((log.tool.folder / "proof").read_bytes())
    verify_proof(proof, leaf_hash(proof.extra), Policy(log.origin, (log.verifier,)), _is_included)
    return proof


def _is_included(leaf: bytes, *, index: int, size: int, hashes: object, root: bytes) -> bool:
    try:
        verify_inclusion(list(hashes), leaf=leaf, index=index, size=size, root=root)  # type: ignore[call-overload]
    except ProofError:
        return False
    return True


@pytest.mark.parametrize("position", [1, 2, 20, 255, 256, 257, 300])
def test_an_event_is_proven(log: Signer, position: int) -> None:
    """By its stored bytes, at its place, under the head that was given, word for word."""
    proof = proven(log, position)
    with log.tool.ledger() as ledger:
        (row,) = ledger.log.read(position - 1, position)
    assert (proof.index, proof.extra) == (position - 1, row.state)
    assert proof.checkpoint == (log.tool.folder / "head").read_bytes()


def test_an_event_is_proven_under_an_older_head(log: Signer) -> None:
    """And under one with cosignatures, which stay in the proof."""
    assert proven(log, 20, "old").index == 19
    assert b"witness.example/w1" in proven(log, 20, cosigned(log, "old")).checkpoint


def test_what_a_head_does_not_have(log: Signer) -> None:
    """A position after it, or none."""
    assert "the head has positions 1 to 20, not 21" in log.tool("head", "prove", "21", "--head", "old", status=4).err
    log.tool("head", "prove", "0", "--head", "old", status=2)
    log.tool("head", "prove", "7", status=2)


def test_a_head_of_another_log(log: Signer) -> None:
    """Its own signature may be right; the events are not these. Nothing is written."""
    note = sign_head(TreeHead(log.origin, 7, b"r" * 32), key_of(log))
    (log.tool.folder / "forged").write_bytes(bytes(note))
    for arguments in (["prove", "3", "--head", "forged"], ["consistency", "forged", "--head", "head"]):
        answer = log.tool("head", *arguments, "-o", "out", status=3)
        assert "head, tiles and events do not belong together, see `refledger audit`" in answer.err
        assert not (log.tool.folder / "out").exists()


def key_of(log: Signer) -> SignerKey:
    """The private key, of somebody who signs whatever he likes."""
    return read_key(log.tool.folder / log.key)


def test_a_changed_event_is_not_proven(log: Signer) -> None:
    """Its bytes are no longer what was signed."""
    damaged(
        log.tool.url, "UPDATE event SET state = (SELECT state FROM event AS e WHERE e.position = 8) WHERE position = 9"
    )
    answer = log.tool("head", "prove", "9", "--head", "head", status=3)
    assert "the proof leads to" in answer.err
    assert answer.out == ""
    proven(log, 8)


def test_a_log_that_lost_its_end(log: Signer) -> None:
    """Nothing is proven under a head of events that are gone."""
    damaged(log.tool.url, "DELETE FROM event WHERE position > 250")
    log.tool("worker", "rebuild", "tree")
    answer = log.tool("head", "prove", "9", "--head", "head", status=3)
    assert "the log ends at position 250, before the 300 events of the head" in answer.err
    proven(log, 9, "old")


# ---- consistency


def grown(log: Signer, *arguments: str) -> tuple[int, int]:
    """`head consistency`, verified with both roots; the sizes."""
    raw = log.tool("head", "consistency", *arguments).out.encode()
    proof = parse_consistency(raw)
    old, new = root_of(log, proof.old_size), root_of(log, proof.new_size)
    verify_consistency(proof.hashes, old_size=proof.old_size, old_root=old, new_size=proof.new_size, new_root=new)
    return proof.old_size, proof.new_size


def root_of(log: Signer, size: int) -> bytes:
    """Of the first events."""
    tree = RootBuilder()
    with log.tool.ledger() as ledger:
        for row in ledger.log.read(upto=size):
            tree.add(row.state)
    return tree.root()


def test_growth_is_proven(log: Signer) -> None:
    """From one head to another, to itself, and to the tree as it stands."""
    assert grown(log, "old", "--head", "head") == (20, 300)
    assert grown(log, "head", "--head", "head") == (300, 300)
    assert grown(log, "old") == (20, 305)


def test_what_is_no_growth(log: Signer, tmp_path: Path) -> None:
    """Backwards, from nothing, between two logs."""
    del tmp_path
    assert "no proof leads" in log.tool("head", "consistency", "head", "--head", "old", status=6).err
    other = signer(log.tool, key="other.key", origin="other.example/ledger")
    other.keep("theirs", "--first")
    assert "heads of two logs" in log.tool("head", "consistency", "old", "--head", "theirs", status=6).err


def test_growth_from_nothing(store_url: str, tmp_path: Path) -> None:
    """An empty tree is followed by everything: there is nothing to prove."""
    log = signer(desk(store_url, tmp_path))
    log.keep("empty", "--first")
    feed_plan(log.tool)
    assert "from a head of 0 events to one of 1" in log.tool("head", "consistency", "empty", status=6).err


def test_proofs_are_whole_or_not_there(log: Signer) -> None:
    """A folder that is not there: said, and nothing is left."""
    assert "cannot be written" in log.tool("head", "prove", "9", "--head", "head", "-o", "no/proof", status=2).err


def test_a_tool_on_no_store(log: Signer) -> None:
    """A head can be shown where no ledger is."""
    nowhere = Tool("sqlite:////nowhere/ledger.db", log.tool.folder)
    assert nowhere.json("head", "show", "head", "--key", log.vkey)["size"] == 300
