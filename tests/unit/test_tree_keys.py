"""Keys of logs and witnesses: their spelling, what is refused when it is pinned, what errors show."""

import ast
import sys
from hashlib import sha256

import pytest

from ledger.errors import InvalidKeyError
from ledger.tree import ed25519
from ledger.tree.keys import Kind, SignerKey, VerifierKey, parse_signer_key, parse_verifier_key
from ledger.tree.spelling import encode_base64
from tests.builders import ROOT

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
SIGN_BIT = 1 << 255
SEED = sha256(b"a test").digest()

# The y of all points of order 1, 2, 4 and 8. Source: RFC 8032's curve; libsodium refuses the same.
LOW_ORDER_Y = [
    1,
    FIELD - 1,
    0,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
]


def spelt(number: int) -> bytes:
    """32 bytes, little end first."""
    return number.to_bytes(32, "little")


def vkey(public_key: bytes, name: str = "log.example/1") -> str:
    """The spelling of a key, with the right id, whatever the key is."""
    material = bytes([Kind.NOTE]) + public_key
    key_id = sha256(name.encode() + b"\n" + material).hexdigest()[:8]
    return f"{name}+{key_id}+{encode_base64(material)}"


def test_signatures_of_the_standard() -> None:
    """The first vector of RFC 8032, 7.1: public key and signature of the empty message."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    public_key = ed25519.public_key_of(seed)
    assert public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert ed25519.sign(seed, b"") == signature
    assert ed25519.is_signed(public_key, message=b"", signature=signature)


def test_a_signature_has_one_spelling() -> None:
    """Adding the group's order to its second half gives the same number; it is refused, like other lengths."""
    public_key, signature = ed25519.public_key_of(SEED), ed25519.sign(SEED, b"text")
    again = signature[:32] + spelt(int.from_bytes(signature[32:], "little") + ORDER)
    assert ed25519.is_signed(public_key, message=b"text", signature=signature)
    for other in (again, signature[:-1], signature + b"\x00", b""):
        assert not ed25519.is_signed(public_key, message=b"text", signature=other)


def test_keys_of_honest_signers_pass() -> None:
    """Public keys of fifty private keys are what `check_public_key` lets through."""
    for number in range(50):
        ed25519.check_public_key(ed25519.public_key_of(sha256(b"%d" % number).digest()))


@pytest.mark.parametrize("y", LOW_ORDER_Y)
@pytest.mark.parametrize("sign_bit", [0, SIGN_BIT])
def test_keys_of_low_order(y: int, sign_bit: int) -> None:
    """Refused with either sign, and where the y can be spelt a second time, above the field."""
    for number in (y, y + FIELD):
        if number < SIGN_BIT:
            with pytest.raises(InvalidKeyError, match=r"order|spelling"):
                parse_verifier_key(vkey(spelt(number | sign_bit)))


def test_a_key_of_low_order_would_prove_anything() -> None:
    """Why: the library takes one and the same signature of it for every message."""
    signature = spelt(1) + spelt(0)
    for message in (b"all is well", b"all is lost"):
        assert ed25519.is_signed(spelt(1), message=message, signature=signature)


def test_keys_of_mixed_order() -> None:
    """An honest key plus the point of order 2: verifiers would disagree about its signatures."""
    honest = int.from_bytes(ed25519.public_key_of(SEED), "little")
    # The point of order 2 is (0, -1): added to (x, y) it gives (-x, -y).
    mixed = (FIELD - (honest & (SIGN_BIT - 1))) | ((honest & SIGN_BIT) ^ SIGN_BIT)
    with pytest.raises(InvalidKeyError, match="mixed order"):
        parse_verifier_key(vkey(spelt(mixed)))


def test_keys_that_are_no_points() -> None:
    """Numbers without a point on the curve, second spellings of a point, and other lengths are refused."""
    for y in (2, FIELD + 3, FIELD + 4, SIGN_BIT - 1):
        with pytest.raises(InvalidKeyError, match="no point"):
            parse_verifier_key(vkey(spelt(y)))
    for length in (0, 31, 33, 64):
        with pytest.raises(InvalidKeyError):
            parse_verifier_key(vkey(bytes(length)))


@pytest.mark.parametrize("kind", Kind)
def test_keys_are_read_as_they_were_written(kind: Kind) -> None:
    """A private and a public key of each kind, with any name, come back from their text."""
    for name in ("log.example/1", "記録", "a-b_c.d/e:f"):
        key = SignerKey(name, kind, SEED)
        assert parse_signer_key(key.secret_text()) == key
        assert parse_verifier_key(str(key.verifier)) == key.verifier


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\tb", "a\nb", "a\x00b", "a\u00a0b", "a\u2003b", "a\u3000b", "\ud800"]
)
def test_names(name: str) -> None:
    """Empty names, spaces of any kind, plus signs, control characters and lone surrogates are refused."""
    with pytest.raises(InvalidKeyError, match="not a name"):
        SignerKey(name, Kind.NOTE, SEED)
    with pytest.raises(InvalidKeyError, match="not a name"):
        VerifierKey(name, Kind.NOTE, ed25519.public_key_of(SEED))


def test_misspelt_keys() -> None:
    """Other spellings of the same key are refused: capitals in the id, spaces, breaks, padding."""
    text = str(SignerKey("log.example/1", Kind.COSIGNATURE, SEED).verifier)
    name, key_id, material = text.split("+", 2)
    others = [
        text + "\n",
        " " + text,
        text + "=",
        f"{name}+{key_id.upper()}+{material}",
        f"{name}+0x{key_id}+{material}",
        f"{name}+{key_id}+{material[:10]}\n{material[10:]}",
        f"{name}+{key_id}+",
        f"{name}+{key_id}",
        f"{name}+{key_id}+{encode_base64(bytes([2]) + SEED)}",
        f"PRIVATE+KEY+{text}",
    ]
    for other in others:
        with pytest.raises(InvalidKeyError):
            parse_verifier_key(other)


def test_private_keys_stay_private() -> None:
    """Neither its printed form nor any error about a damaged one shows what can sign."""
    key = SignerKey("log.example/1", Kind.NOTE, SEED)
    text = key.secret_text()
    secret = text.rsplit("+", 1)[1]
    assert repr(SEED) not in repr(key)
    for damaged in (text[:-1], text + "=", text.replace("PRIVATE", "Private"), text.replace("log", "lag"), secret):
        with pytest.raises(InvalidKeyError) as refused:
            parse_signer_key(damaged)
        assert secret[:20] not in str(refused.value)


def test_the_tree_stands_alone() -> None:
    """Modules of the tree import the standard library, each other, errors and canonical JSON; one `cryptography`."""
    needing: set[str] = set()
    for folder in ("ledger", "projections", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            names = _imported(ast.parse(file.read_text()))
            if any(name.partition(".")[0] == "cryptography" for name in names):
                needing.add(file.name)
            if file.parent.name == "tree":
                foreign = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
                allowed = ("ledger.tree", "ledger.errors", "ledger.canonical", "cryptography")
                assert all(name.startswith(allowed) for name in foreign), file
    assert needing == {"ed25519.py"}


def _imported(tree: ast.Module) -> set[str]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
