"""Published vectors of signed notes, checkpoints, cosignatures and proofs, good and bad."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import IntegrityError, InvalidKeyError, MalformedEvidenceError
from ledger.tree.checkpoint import parse_head
from ledger.tree.cosignature import cosigned_at, cosigned_message
from ledger.tree.hashing import leaf_hash
from ledger.tree.keys import Kind, parse_signer_key, parse_verifier_key
from ledger.tree.note import parse_note, sign_note, verify_note
from ledger.tree.tlog_proof import TlogProof, parse_proof
from tests.builders import data_file

ANY_ROOT = base64.b64encode(bytes(32)).decode()


def vectors(name: str) -> dict[str, Any]:
    """One published file; skips the test where it is not there."""
    return json.loads(data_file("vectors", name).read_text())


def test_notes() -> None:
    """Every note of the file is taken or refused as published, with the same lines known and unknown."""
    cases = vectors("signed-note.json")["cases"]
    for case in cases:
        raw = base64.b64decode(case["note_b64"])
        keys = [parse_verifier_key(text) for text in case["vkeys"]]
        if not case["accept"]:
            with pytest.raises(IntegrityError):
                verify_note(parse_note(raw), keys)
            continue
        note = parse_note(raw)
        assert bytes(note) == raw, case["name"]
        verified = verify_note(note, keys)
        assert [key.name for key in verified.signers] == case["verified"], case["name"]
        assert [line.name for line in verified.unknown] == case["unverified"], case["name"]
    assert len(cases) == 14


def test_signing_a_note() -> None:
    """The published private key gives the published note, byte for byte."""
    published = vectors("signed-note.json")
    key = parse_signer_key(published["skey_example"])
    assert key.secret_text() == published["skey_example"]
    assert bytes(sign_note(published["sign"]["text"], key)).decode() == published["sign"]["want"]


def test_keys() -> None:
    """Published bad keys are refused; of a good one every part of it, and it with any byte one higher."""
    published = vectors("signed-note.json")
    good = {text for case in published["cases"] for text in case["vkeys"]}
    assert len(good) == 3
    for text in good:
        assert str(parse_verifier_key(text)) == text
        bad = {text[start:end] for start in range(len(text)) for end in range(start, len(text) + 1)} - {text}
        bad |= {text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))}
        for altered in bad.union(published["bad_vkeys"]):
            with pytest.raises(InvalidKeyError):
                parse_verifier_key(altered)


def test_checkpoints() -> None:
    """Every checkpoint as published; roots of other lengths than 32 bytes are refused for that alone."""
    published = vectors("checkpoint.json")
    for case in published["cases"]:
        if not case["accept"]:
            with pytest.raises(MalformedEvidenceError):
                parse_head(case["body"])
            continue
        with pytest.raises(MalformedEvidenceError, match="root of 32 bytes"):
            parse_head(case["body"])
        root = base64.b64encode(case["root_ascii"].encode()).decode()
        body = case["body"].replace(root, ANY_ROOT)
        head = parse_head(body)
        extensions = "".join(f"{line}\n" for line in head.extensions)
        assert (head.origin, head.size, extensions, head.text) == (case["origin"], case["size"], case["rest"], body)
    assert len(published["cases"]) == 11
    sumdb = published["go_sumdb_tree_format"]
    assert parse_head(sumdb["text"]).root == leaf_hash(sumdb["root_is_leaf_hash_of"].encode())


def test_proofs() -> None:
    """Published proofs are written and read byte for byte; published bad ones are refused."""
    published = vectors("tlog-proof.json")
    for case in published["marshal"]:
        hashes = tuple(base64.b64decode(text) for text in case["hashes"])
        extra = case.get("extra", "").encode()
        proof = TlogProof(case["index"], hashes, case["checkpoint"].encode(), extra)
        assert bytes(proof).decode() == case["want"]
        assert parse_proof(case["want"].encode()) == proof
    for _, text in published["must_reject"]:
        with pytest.raises(MalformedEvidenceError):
            parse_proof(text.encode())
    assert (len(published["marshal"]), len(published["must_reject"])) == (3, 7)


def test_cosignatures() -> None:
    """The published cosigned checkpoint: its bytes, the time in it, and the message that was signed."""
    published = vectors("c2sp-tlog-examples.json")
    raw = published["checkpoint_with_cosignature"].encode()
    note = parse_note(raw)
    assert bytes(note) == raw
    log, witness = note.signatures
    assert (log.name, len(log.value)) == (parse_head(note.text).origin, 64)
    assert (witness.name, witness.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    timestamp_seconds = cosigned_at(witness.value)
    message = cosigned_message(note.text.encode(), timestamp_seconds=timestamp_seconds)
    assert (timestamp_seconds, message.decode()) == (1679315147, published["cosigned_message_ed25519"])
    _, _, asked = published["witness_add_checkpoint_request"].partition("\n\n")
    assert parse_note(asked.encode()).signatures == (log,)


def test_cosigner_keys() -> None:
    """A published key of a witness is taken; one of a log can be made one of a witness, which has another id."""
    of_log, of_witness = (text.split(" ")[0] for text in vectors("c2sp-tlog-examples.json")["cosignature_vkeys_ok"])
    key = parse_verifier_key(of_witness)
    assert (key.kind, str(key)) == (Kind.COSIGNATURE, of_witness)
    converted = replace(parse_verifier_key(of_log), kind=Kind.COSIGNATURE)
    assert parse_verifier_key(str(converted)) == converted
    assert converted.key_id.hex() != of_log.split("+")[1]
