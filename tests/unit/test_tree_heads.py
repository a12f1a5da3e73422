"""Tree heads as checkpoints: one spelling, signatures of the log, cosignatures of witnesses, and whom to believe."""

from dataclasses import replace
from hashlib import sha256

import pytest

from ledger.errors import IntegrityError, InvalidKeyError, MalformedEvidenceError, UnverifiedError
from ledger.tree.checkpoint import Policy, TreeHead, cosign_head, parse_head, sign_head, verify_head
from ledger.tree.cosignature import cosign, cosigned_at, cosigned_message, is_cosigned
from ledger.tree.ed25519 import sign
from ledger.tree.hashing import EMPTY_ROOT
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import Note, parse_note, sign_note

LOG = SignerKey("shop.example/ledger", Kind.NOTE, sha256(b"log").digest())
WITNESS = SignerKey("w1.example", Kind.COSIGNATURE, sha256(b"w1").digest())
SECOND = SignerKey("w2.example", Kind.COSIGNATURE, sha256(b"w2").digest())
HEAD = TreeHead(LOG.name, 1_000, sha256(b"root").digest())
SEEN_AT = 1_790_000_000

ALONE = Policy(LOG.name, (LOG.verifier,))
WATCHED = Policy(LOG.name, (LOG.verifier,), (WITNESS.verifier, SECOND.verifier), 2)


def watched(head: TreeHead = HEAD) -> Note:
    """Signed by the log, cosigned by both witnesses."""
    once = cosign_head(sign_head(head, LOG), WITNESS, timestamp_seconds=SEEN_AT)
    return cosign_head(once, SECOND, timestamp_seconds=SEEN_AT + 1)


def flipped(raw: bytes) -> list[bytes]:
    """With each of its bits flipped."""
    whole = int.from_bytes(raw)
    return [(whole ^ (1 << bit)).to_bytes(len(raw)) for bit in range(8 * len(raw))]


@pytest.mark.parametrize("extensions", [(), ("more", "and more")])
def test_a_head_comes_back(extensions: tuple[str, ...]) -> None:
    """What was signed is what is believed, with its signers; further lines are kept, since they are signed."""
    head = replace(HEAD, extensions=extensions)
    assert parse_head(head.text) == head
    verified = verify_head(bytes(watched(head)), WATCHED, exact=True)
    assert verified.head == head
    assert verified.note.signers == (LOG.verifier, WITNESS.verifier, SECOND.verifier)
    times = [cosigned_at(line.value) for key, line in verified.note.accepted if key.kind is Kind.COSIGNATURE]
    assert times == [SEEN_AT, SEEN_AT + 1]


def test_every_bit_of_a_signed_head() -> None:
    """No flip of any bit of the log's signed head passes."""
    raw = bytes(sign_head(HEAD, LOG))
    assert verify_head(raw, ALONE).head == HEAD
    for altered in flipped(raw):
        with pytest.raises(IntegrityError):
            verify_head(altered, ALONE)


def test_every_bit_of_a_cosigned_head() -> None:
    """Nor of a cosigned one where all must have signed, the times of the cosignatures included."""
    for altered in flipped(bytes(watched())):
        with pytest.raises(IntegrityError):
            verify_head(altered, WATCHED)


def test_truncated_at_every_byte() -> None:
    """No beginning of a signed head passes, nor of a cosigned one where all must have signed."""
    for note, policy in ((sign_head(HEAD, LOG), ALONE), (watched(), WATCHED)):
        raw = bytes(note)
        for end in range(len(raw)):
            with pytest.raises(IntegrityError):
                verify_head(raw[:end], policy)


def test_cosignatures_the_log_does_not_need() -> None:
    """Who trusts no witness believes the log alone; exactly, he must know every line."""
    raw = bytes(watched())
    assert verify_head(raw, ALONE).note.signers == (LOG.verifier,)
    with pytest.raises(UnverifiedError, match="no known key"):
        verify_head(raw, ALONE, exact=True)


def test_witnesses_without_the_log() -> None:
    """Any number of witnesses does not stand for the log."""
    note = watched()
    with pytest.raises(UnverifiedError, match="only witnesses"):
        verify_head(bytes(replace(note, signatures=note.signatures[1:])), WATCHED)


def test_too_few_witnesses() -> None:
    """One of two that are asked for, or one twice, is too few; one beside a wrong one is refused for that."""
    once = cosign_head(sign_head(HEAD, LOG), WITNESS, timestamp_seconds=SEEN_AT)
    line = once.signatures[1]
    for note in (once, replace(once, signatures=(*once.signatures, line))):
        with pytest.raises(UnverifiedError, match="known keys: 1, needed: 2"):
            verify_head(bytes(note), WATCHED)
    wrong = replace(watched(), signatures=(*once.signatures, replace(watched().signatures[2], value=line.value)))
    with pytest.raises(UnverifiedError, match="not one of this text"):
        verify_head(bytes(wrong), WATCHED)


def test_heads_of_another_log() -> None:
    """A key proves heads of its own log only, also where one key serves two logs."""
    other = SignerKey("other.example/ledger", Kind.NOTE, LOG.seed)
    head = replace(HEAD, origin=other.name)
    with pytest.raises(UnverifiedError, match=r"of 'other\.example/ledger', not of 'shop\.example/ledger'"):
        verify_head(bytes(sign_head(head, other)), Policy(LOG.name, (LOG.verifier, other.verifier)))
    with pytest.raises(UnverifiedError, match="known keys: 0"):
        verify_head(bytes(sign_head(head, other)), ALONE)
    with pytest.raises(InvalidKeyError, match="has its name"):
        sign_head(head, LOG)


def test_a_change_of_keys() -> None:
    """While a log changes its key, either is believed, and one signature is enough."""
    new = SignerKey(LOG.name, Kind.NOTE, sha256(b"new").digest())
    policy = Policy(LOG.name, (LOG.verifier, new.verifier))
    for key in (LOG, new):
        assert verify_head(bytes(sign_head(HEAD, key)), policy, exact=True).note.signers == (key.verifier,)


def test_a_witness_cosigns_again() -> None:
    """Its newer line stands in the place of its older one; others stay."""
    note = cosign_head(watched(), WITNESS, timestamp_seconds=SEEN_AT + 60)
    log, second, first = note.signatures
    assert (log.name, second.name, first.name) == (LOG.name, SECOND.name, WITNESS.name)
    assert cosigned_at(first.value) == SEEN_AT + 60
    assert verify_head(bytes(note), WATCHED).head == HEAD


def test_a_witness_cosigns_tree_heads_only() -> None:
    """Not other notes, and not with a key of a log."""
    with pytest.raises(MalformedEvidenceError):
        cosign_head(sign_note("pay everybody\n", LOG), WITNESS, timestamp_seconds=SEEN_AT)
    with pytest.raises(InvalidKeyError, match="kind 0x04"):
        cosign_head(sign_head(HEAD, LOG), LOG, timestamp_seconds=SEEN_AT)


def test_times_of_cosignatures() -> None:
    """From 0 to 2^63 - 1; the signature holds for its own time and for no other."""
    text = HEAD.text.encode()
    public_key = WITNESS.verifier.public_key
    for timestamp_seconds in (0, SEEN_AT, 2**63 - 1):
        made = cosign(WITNESS.seed, text, timestamp_seconds=timestamp_seconds)
        assert (len(made), cosigned_at(made)) == (72, timestamp_seconds)
        assert is_cosigned(public_key, text=text, cosignature=made)
        later = (timestamp_seconds + 1).to_bytes(8) + made[8:]
        assert not is_cosigned(public_key, text=text, cosignature=later)
        assert not is_cosigned(public_key, text=text, cosignature=made[8:])
    for outside in (-1, 2**63):
        with pytest.raises(ValueError, match="seconds"):
            cosign(WITNESS.seed, text, timestamp_seconds=outside)
    late = sign(WITNESS.seed, cosigned_message(text, timestamp_seconds=2**63))
    assert not is_cosigned(public_key, text=text, cosignature=(2**63).to_bytes(8) + late)


def test_a_signature_of_one_kind_is_none_of_the_other() -> None:
    """The same private key as log and as witness: what it signed as one does not count as the other."""
    both = SignerKey(LOG.name, Kind.COSIGNATURE, LOG.seed)
    line = sign_head(HEAD, LOG).signatures[0]
    as_witness = replace(line, key_id=both.verifier.key_id, value=bytes(8) + line.value)
    assert not both.verifier.has_signed(HEAD.text.encode(), as_witness.value)
    assert not both.verifier.has_signed(HEAD.text.encode(), line.value)
    cosigned = cosign_head(sign_head(HEAD, LOG), both, timestamp_seconds=SEEN_AT).signatures[1]
    assert not LOG.verifier.has_signed(HEAD.text.encode(), cosigned.value[8:])


@pytest.mark.parametrize(
    "text",
    [
        "o\n01000\nROOT\n",
        "o\n+1\nROOT\n",
        "o\n-0\nROOT\n",
        "o\n1_000\nROOT\n",
        "o\n 1\nROOT\n",
        "o\n1 \nROOT\n",
        "o\n1e3\nROOT\n",
        "o\n0x1\nROOT\n",
        "o\n١\nROOT\n",  # noqa: RUF001  # a one, but an Arabic one
        "o\n\nROOT\n",
        "o\n9223372036854775808\nROOT\n",
        "o\n0\nROOT\n",
        "o\n1\nROOT \n",
        "o\n1\n ROOT\n",
        "o\n1\nROOT\n\n",
        "o\n1\nROOT\n\nx\n",
        "\n1\nROOT\n",
        "o\n1\nROOT",
        "o\n1\n\n",
        "o\n1\n",
        "o\n",
        "\n",
        "",
        "o\r\n1\r\nROOT\r\n",
    ],
)
def test_other_spellings(text: str) -> None:
    """Sizes that are no plain decimals, empty or missing lines, a root of nothing that is another, are refused."""
    root = HEAD.text.split("\n")[2]
    assert parse_head(f"o\n1\n{root}\n").size == 1
    with pytest.raises(MalformedEvidenceError):
        parse_head(text.replace("ROOT", root))


def test_other_spellings_of_a_root() -> None:
    """No padding, spare bits, the other alphabet, 31 or 33 bytes."""
    whole = "//////////////////////////////////////////8="
    assert parse_head(f"o\n1\n{whole}\n").root == b"\xff" * 32
    for root in (whole[:-1], whole[:-2] + "9=", whole.replace("/", "_"), whole[4:], "////" + whole, "/w=="):
        with pytest.raises(MalformedEvidenceError):
            parse_head(f"o\n1\n{root}\n")


def test_heads_that_could_not_be_read_again() -> None:
    """Lines within lines, empty ones, control characters, and figures outside of their limits are not written."""
    for wrong in (
        {"origin": "o\n7"},
        {"origin": ""},
        {"origin": "o\t"},
        {"extensions": ("a\nb",)},
        {"extensions": ("",)},
        {"size": -1},
        {"size": 2**63},
        {"root": bytes(31)},
    ):
        with pytest.raises(MalformedEvidenceError):
            replace(HEAD, **wrong)


def test_the_empty_tree() -> None:
    """Has the root of nothing, and its head can be signed."""
    head = TreeHead(LOG.name, 0, EMPTY_ROOT)
    assert verify_head(bytes(sign_head(head, LOG)), ALONE).head == head


def test_policies_that_make_no_sense() -> None:
    """No log key, keys of the wrong kind, more witnesses than there are, a log that watches itself."""
    itself = replace(LOG.verifier, kind=Kind.COSIGNATURE)
    renamed = replace(WITNESS.verifier, name="w3.example")
    plain = replace(WITNESS.verifier, kind=Kind.NOTE)
    for log_keys, witnesses, quorum in (
        ((), (), 0),
        ((WITNESS.verifier,), (), 0),
        ((LOG.verifier,), (plain,), 0),
        ((LOG.verifier,), (WITNESS.verifier,), 2),
        ((LOG.verifier,), (WITNESS.verifier, renamed), 2),
        ((LOG.verifier,), (WITNESS.verifier,), -1),
        ((LOG.verifier,), (itself,), 1),
    ):
        with pytest.raises(InvalidKeyError):
            Policy(LOG.name, log_keys, witnesses, quorum)


def test_signing_is_repeatable() -> None:
    """The same head gives the same bytes, which an export relies on."""
    assert bytes(watched()) == bytes(watched())
    assert parse_note(bytes(watched())) == watched()
