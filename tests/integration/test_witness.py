"""`head witness`: heads of somebody else's log, cosigned only where each goes on from the one before."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.last_heads import holding
from ledger.tree.checkpoint import Policy, TreeHead, sign_head, verify_head
from ledger.tree.consistency import ConsistencyProof
from ledger.tree.cosignature import cosigned_at
from ledger.tree.keys import Kind, SignerKey, parse_verifier_key
from ledger.tree.proofs import consistency_proof
from tests.cli_runner import Answer, Status, Tool
from tests.naive_tree import LEAVES, mth, subtrees

pytestmark = pytest.mark.long_on_postgres

LOG = SignerKey("shop.example/ledger", Kind.NOTE, b"l" * 32)
FORGED = LEAVES[::-1]


@dataclass(frozen=True, slots=True)
class Witness:
    """The command with a witness's key, far from any ledger."""

    tool: Tool
    vkey: str

    @property
    def state(self) -> Path:
        """Where the last head of the log is kept."""
        return self.tool.folder / "w.key.shop.example%2Fledger.head"

    def cosign(self, head: str, *options: str, status: Status = 0) -> Answer:
        """`head witness`; what it did to the state and what it printed must fit."""
        before = self.state.read_bytes() if self.state.exists() else None
        arguments = ("head", "witness", head, "--key", "w.key", "--log-key", str(LOG.verifier))
        answer = self.tool(*arguments, *options, status=status)
        after = self.state.read_bytes() if self.state.exists() else None
        assert (after == answer.out.encode()) if answer.status == 0 else (after, answer.out) == (before, "")
        return answer

    def verified(self, text: str) -> TreeHead:
        """A head that the log signed and this witness cosigned, and nobody else."""
        policy = Policy(LOG.name, (LOG.verifier,), (parse_verifier_key(self.vkey),), 1)
        return verify_head(text.encode(), policy, exact=True).head


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """A witness with a key, and no store."""
    tool = Tool("sqlite:////nowhere/ledger.db", tmp_path)
    return Witness(tool, tool("head", "keygen", "w.example/w1", "--witness", "-o", "w.key").out.strip())


def head(size: int, leaves: list[bytes] = LEAVES, key: SignerKey = LOG) -> TreeHead:
    """Of the log's first events."""
    return TreeHead(key.name, size, mth(leaves[:size]))


def signed(witness: Witness, size: int, leaves: list[bytes] = LEAVES, key: SignerKey = LOG) -> str:
    """A head that the log signed, in a file; its name."""
    name = f"head{size}"
    (witness.tool.folder / name).write_bytes(bytes(sign_head(head(size, leaves, key), key)))
    return name


def proof(witness: Witness, old: int, new: int, leaves: list[bytes] = LEAVES) -> tuple[str, str]:
    """`--proof` from one head to another."""
    path = consistency_proof(subtrees(leaves[:new]), old_size=old, new_size=new)
    (witness.tool.folder / "growth").write_bytes(bytes(ConsistencyProof(old, new, tuple(path))))
    return "--proof", "growth"


def test_growth_is_cosigned(witness: Witness) -> None:
    """The first head, then each with its proof from the last; the time is now."""
    begun = int(time.time())
    assert witness.verified(witness.cosign(signed(witness, 7), "--first").out) == head(7)
    for old, new in ((7, 8), (8, 300)):
        out = witness.cosign(signed(witness, new), *proof(witness, old, new)).out
        assert witness.verified(out) == head(new)
    policy = Policy(LOG.name, (LOG.verifier,), (parse_verifier_key(witness.vkey),), 1)
    accepted = verify_head(witness.state.read_bytes(), policy).note.accepted
    (seconds,) = [cosigned_at(line.value) for key, line in accepted if key.kind is Kind.COSIGNATURE]
    assert begun <= seconds <= time.time()


def test_the_same_head_again(witness: Witness) -> None:
    """Needs no proof, and takes the place of the line before."""
    name = signed(witness, 7)
    out = witness.cosign(name, "--first").out
    (witness.tool.folder / "cosigned").write_text(out)
    assert witness.verified(witness.cosign("cosigned").out) == head(7)


def test_an_empty_log_first(witness: Witness) -> None:
    """What follows needs no proof: there is nothing to prove."""
    witness.cosign(signed(witness, 0), "--first")
    assert witness.verified(witness.cosign(signed(witness, 9)).out) == head(9)


def test_from_standard_input_into_a_file(witness: Witness) -> None:
    """As from a file; `-o` gets the same bytes."""
    raw = (witness.tool.folder / signed(witness, 7)).read_bytes()
    arguments = ("head", "witness", "-", "--key", "w.key", "--log-key", str(LOG.verifier), "--first", "-o", "out")
    witness.tool(*arguments, stdin=raw)
    assert (witness.tool.folder / "out").read_bytes() == witness.state.read_bytes()


def test_a_fork_is_not_cosigned(witness: Witness) -> None:
    """Another tree of the same size, a larger one with the honest proof or with its own: refused, and evidence."""
    witness.cosign(signed(witness, 7), "--first")
    answer = witness.cosign(signed(witness, 7, FORGED), status=3)
    assert "nothing is cosigned" in answer.err
    assert "keep both heads, together they prove it" in answer.err
    for leaves in (LEAVES, FORGED):
        answer = witness.cosign(signed(witness, 20, FORGED), *proof(witness, 7, 20, leaves), status=3)
        assert "nothing is cosigned" in answer.err
    assert witness.verified(witness.cosign(signed(witness, 20), *proof(witness, 7, 20)).out) == head(20)


def test_a_log_that_shrank_is_not_cosigned(witness: Witness) -> None:
    """An honest head from before, too."""
    witness.cosign(signed(witness, 20), "--first")
    answer = witness.cosign(signed(witness, 7), status=3)
    assert "the head is of 7 events, but 20 were signed: ask the log for its latest head" in answer.err


def test_proofs_that_are_none(witness: Witness) -> None:
    """Missing, between other heads, altered, no proof at all."""
    witness.cosign(signed(witness, 7), "--first")
    name = signed(witness, 20)
    assert "--proof: from the last head cosigned, of 7 events, to this of 20" in witness.cosign(name, status=2).err
    for old, new in ((6, 20), (7, 21), (7, 19)):
        answer = witness.cosign(name, *proof(witness, old, new), status=3)
        assert f"the proof is from {old} to {new} events, not from 7 to 20" in answer.err
    option = proof(witness, 7, 20)
    file = witness.tool.folder / option[1]
    text = file.read_text()
    for altered in ("nonsense", text.replace("new_size", "size"), text[:-1]):
        file.write_text(altered)
        assert "growth is no such proof: a consistency proof" in witness.cosign(name, *option, status=3).err
    witness.cosign(name, "--proof", "nowhere", status=2)


def test_heads_that_the_log_did_not_sign(witness: Witness) -> None:
    """Another key, another log, no head."""
    other = SignerKey(LOG.name, Kind.NOTE, b"o" * 32)
    assert "signatures of known keys: 0" in witness.cosign(signed(witness, 7, key=other), "--first", status=3).err
    elsewhere = SignerKey("other.example/ledger", Kind.NOTE, b"l" * 32)
    name = signed(witness, 7, key=elsewhere)
    answer = witness.tool(
        *("head", "witness", name, "--key", "w.key", "--first"),
        *("--log-key", str(LOG.verifier), "--log-key", str(elsewhere.verifier)),
        status=3,
    )
    assert "a tree head of 'other.example/ledger', not of 'shop.example/ledger'" in answer.err
    (witness.tool.folder / "nonsense").write_text("nonsense")
    assert "is no signed head" in witness.cosign("nonsense", "--first", status=3).err


def test_a_log_that_changes_keys(witness: Witness) -> None:
    """Both keys are believed meanwhile; the last head is the witness's own to believe."""
    new = SignerKey(LOG.name, Kind.NOTE, b"n" * 32)
    witness.cosign(signed(witness, 7), "--first")
    name = signed(witness, 9, key=new)
    option = proof(witness, 7, 9)
    assert "signatures of known keys: 0" in witness.cosign(name, *option, status=3).err
    arguments = ("head", "witness", name, "--key", "w.key", *option, "--log-key", str(new.verifier))
    witness.tool(*arguments)


def test_a_lost_state_is_no_beginning(witness: Witness) -> None:
    """--first must be said, and not twice."""
    name = signed(witness, 7)
    assert "begin with --first" in witness.cosign(name, status=6).err
    witness.cosign(name, "--first")
    assert "leave out --first" in witness.cosign(name, "--first", status=2).err
    with holding(witness.state):
        assert "somebody else signs from" in witness.cosign(name, status=6).err


def test_a_state_that_is_not_ours(witness: Witness) -> None:
    """Altered, without the cosignature, or of another log."""
    name = signed(witness, 7)
    out = witness.cosign(name, "--first").out
    for state in ("", out.replace("\n7\n", "\n8\n"), (witness.tool.folder / name).read_text()):
        witness.state.write_text(state)
        assert f"is not a head that {witness.vkey} cosigned" in witness.cosign(name, status=3).err
    elsewhere = SignerKey("other.example/ledger", Kind.NOTE, b"l" * 32)
    arguments = ("--key", "w.key", "--log-key", str(elsewhere.verifier), "--state", witness.state.name)
    witness.state.write_text(out)
    answer = witness.tool("head", "witness", signed(witness, 7, key=elsewhere), *arguments, status=3)
    assert "is a head of shop.example/ledger, not of other.example/ledger" in answer.err


def test_a_logs_key_cosigns_nothing(witness: Witness) -> None:
    """Kinds of keys are not mixed."""
    witness.tool("head", "keygen", "w.example/w1", "-o", "log.key")
    arguments = ("head", "witness", signed(witness, 7), "--key", "log.key", "--log-key", str(LOG.verifier), "--first")
    assert "one for logs" in witness.tool(*arguments, status=6).err
