"""Signed notes: what a signature covers, what it does not, and that a note has one spelling."""

from dataclasses import replace
from hashlib import sha256

import pytest

from ledger.errors import IntegrityError, InvalidKeyError, MalformedEvidenceError, UnverifiedError
from ledger.tree.keys import Kind, SignerKey, VerifierKey
from ledger.tree.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Note,
    Signature,
    parse_note,
    sign_note,
    verify_note,
)

TEXT = "one line\n\nanother one\n"


def signer(name: str, kind: Kind = Kind.NOTE) -> SignerKey:
    """A key whose seed follows from its name."""
    return SignerKey(name, kind, sha256(name.encode()).digest())


ANN, BEN, EVE = signer("ann.example"), signer("ben.example"), signer("eve.example")
TRUSTED = [ANN.verifier, BEN.verifier]


def signed(*keys: SignerKey, text: str = TEXT) -> Note:
    """The text, signed by each."""
    return Note(text, tuple(line for key in keys for line in sign_note(text, key).signatures))


def flipped(raw: bytes) -> list[bytes]:
    """With each of its bits flipped."""
    whole = int.from_bytes(raw)
    return [(whole ^ (1 << bit)).to_bytes(len(raw)) for bit in range(8 * len(raw))]


def test_the_text_is_proven() -> None:
    """A verified note gives its text and its signers; with a text altered under the same lines, nothing."""
    verified = verify_note(signed(ANN, BEN), TRUSTED, quorum=2)
    assert (verified.text, verified.signers, verified.unknown) == (TEXT, tuple(TRUSTED), ())
    with pytest.raises(UnverifiedError, match="not one of this text"):
        verify_note(replace(signed(ANN), text="one line\n\nanother One\n"), TRUSTED)


def test_every_bit_of_a_note_whose_every_line_counts() -> None:
    """One signature, or a quorum of all: no bit can be flipped."""
    for note, quorum in ((signed(ANN), 1), (signed(ANN, BEN), 2)):
        for altered in flipped(bytes(note)):
            with pytest.raises(IntegrityError):
                verify_note(parse_note(altered), TRUSTED, quorum=quorum)


def test_every_bit_of_a_note_with_lines_that_do_not_count() -> None:
    """With an unknown line and a surplus one, flips in them may pass, but the text stays; exactly, nothing passes."""
    note = signed(ANN, EVE, BEN)
    passed = 0
    for altered in flipped(bytes(note)):
        try:
            verified = verify_note(parse_note(altered), TRUSTED)
        except IntegrityError:
            continue
        passed += 1
        assert verified.text == TEXT
        with pytest.raises(IntegrityError):
            verify_note(parse_note(altered), TRUSTED, exact=True)
    assert passed > 100


def test_every_bit_exactly() -> None:
    """A surplus line of a known key cannot become unknown unseen when the bytes matter."""
    raw = bytes(signed(ANN, BEN))
    assert verify_note(parse_note(raw), TRUSTED, exact=True).signers == tuple(TRUSTED)
    for altered in flipped(raw):
        with pytest.raises(IntegrityError):
            verify_note(parse_note(altered), TRUSTED, exact=True)


def test_one_spelling() -> None:
    """Whatever is taken as a note, after any flip, is written again as the same bytes."""
    taken = 0
    for altered in flipped(bytes(signed(ANN, EVE))):
        try:
            note = parse_note(altered)
        except MalformedEvidenceError:
            continue
        taken += 1
        assert bytes(note) == altered
    assert taken > 100


def test_truncated_at_every_byte() -> None:
    """A quorum of all finds every cut; a quorum of one lets pass the cut between two lines and no other."""
    raw = bytes(signed(ANN, BEN))
    passed: list[int] = []
    for end in range(len(raw)):
        with pytest.raises(IntegrityError):
            verify_note(parse_note(raw[:end]), TRUSTED, quorum=2)
        try:
            verify_note(parse_note(raw[:end]), TRUSTED, quorum=1)
        except IntegrityError:
            continue
        passed.append(end)
    assert passed == [len(bytes(signed(ANN)))]


def test_lines_doubled() -> None:
    """A key counts once, also with many lines or under many names; exactly, a doubled line is refused."""
    doubled = signed(ANN, ANN)
    assert verify_note(doubled, TRUSTED).signers == (ANN.verifier,)
    with pytest.raises(UnverifiedError, match="known keys: 1, needed: 2"):
        verify_note(doubled, [*TRUSTED, ANN.verifier], quorum=2)
    with pytest.raises(UnverifiedError, match="twice"):
        verify_note(doubled, TRUSTED, exact=True)
    again = SignerKey("ann.elsewhere", Kind.NOTE, ANN.seed)
    with pytest.raises(UnverifiedError, match="known keys: 1, needed: 2"):
        verify_note(signed(ANN, again), [ANN.verifier, again.verifier], quorum=2)


def test_a_wrong_line_beside_a_right_one() -> None:
    """Every line of a known key must verify, also a second one, before or after the right one."""
    right = signed(ANN).signatures[0]
    wrong = replace(right, value=right.value[:-1] + bytes([right.value[-1] ^ 1]))
    short = replace(right, value=right.value[:-1])
    for lines in ((right, wrong), (wrong, right), (right, short)):
        with pytest.raises(UnverifiedError, match="not one of this text"):
            verify_note(Note(TEXT, lines), TRUSTED)


def test_lines_reordered() -> None:
    """The order of lines is nobody's statement; exactly, it is that of the keys."""
    reordered = signed(BEN, ANN)
    assert set(verify_note(reordered, TRUSTED, quorum=2).signers) == set(TRUSTED)
    with pytest.raises(UnverifiedError, match="another order"):
        verify_note(reordered, TRUSTED, exact=True)


def test_unknown_lines() -> None:
    """They are kept and never count: another key, a known name or a known id alone, any number of them."""
    line = signed(ANN).signatures[0]
    strangers = [
        signed(EVE).signatures[0],
        replace(line, name="eve.example"),
        replace(line, key_id=EVE.verifier.key_id),
        Signature("post-quantum.example", b"\x00\x00\x00\x01", bytes(2420)),
    ]
    with pytest.raises(UnverifiedError, match="known keys: 0, needed: 1"):
        verify_note(Note(TEXT, tuple(strangers)), TRUSTED)
    note = Note(TEXT, (strangers[0], line, *strangers[1:], strangers[0]))
    assert parse_note(bytes(note)) == note
    verified = verify_note(note, TRUSTED)
    assert (verified.signers, verified.unknown) == ((ANN.verifier,), tuple(strangers))
    with pytest.raises(UnverifiedError, match=r"'eve\.example' is by no known key"):
        verify_note(note, TRUSTED, exact=True)


def test_quorum() -> None:
    """More signatures than there are cannot be had, and none at all is no proof."""
    with pytest.raises(UnverifiedError, match="known keys: 2, needed: 3"):
        verify_note(signed(ANN, BEN), TRUSTED, quorum=3)
    with pytest.raises(ValueError, match="proves nothing"):
        verify_note(signed(ANN), TRUSTED, quorum=0)


def test_keys_that_cannot_be_told_apart() -> None:
    """Two keys of one name and id: nobody could say which of them a line must verify under."""

    class SameId(VerifierKey):
        """A key with the id of Ann's, as somebody could compute one."""

        @property
        def key_id(self) -> bytes:
            return ANN.verifier.key_id

    twin = SameId(ANN.name, Kind.NOTE, EVE.verifier.public_key)
    with pytest.raises(InvalidKeyError, match="two keys share"):
        verify_note(signed(ANN), [ANN.verifier, twin])


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b"=\n", b"= \n"),
        (b"=\n", b"=\r\n"),
        (b"=\n", b"\n"),
        (b"=\n", b"==\n"),
        (b"=\n", b"=\n\n"),
        (b"=\n", b"=\n "),
        (b"=\n", b"="),
        (b"ann.example ", b"ann.example  "),
        (b"ann.example ", b"ann.example\xc2\xa0"),
        (b"ann.example ", b""),
        (b"ann.example", b"ann example"),
        (b"ann.example", b"ann+example"),
        (b"\xe2\x80\x94 ", b"\xe2\x80\x94"),
        (b"\xe2\x80\x94 ", b"- "),
        (b"\xe2\x80\x94 ", b" \xe2\x80\x94 "),
        (b"one line", b"one\tline"),
        (b"one line", b"one\x00line"),
        (b"one line", b"one\xffline"),
        (b"one line", b"one\xed\xa0\x80line"),
        (b"another one\n\n", b"another one\n"),
    ],
)
def test_other_spellings(found: bytes, put: bytes) -> None:
    """Trailing spaces, other breaks, padding and marks, control characters and bytes that are no UTF-8 are refused."""
    raw = bytes(signed(ANN))
    assert raw.count(found) == 1
    with pytest.raises(MalformedEvidenceError):
        parse_note(raw.replace(found, put))


def test_base64_with_spare_bits() -> None:
    """The two bits that nothing reads before the padding must be 0, also in lines that nobody knows."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    raw = bytes(signed(EVE)).decode()
    last = letters.index(raw[-3])
    for spare in (1, 2, 3):
        altered = raw[:-3] + letters[last + spare] + raw[-2:]
        with pytest.raises(MalformedEvidenceError, match="not canonical base64"):
            parse_note(altered.encode())


def test_lines_without_a_signature() -> None:
    """Four bytes are a key's id and no signature, three are not even that."""
    for material in ("AAAAAA==", "AAAA", ""):
        with pytest.raises(MalformedEvidenceError, match="not a signature"):
            parse_note(f"{TEXT}\n— ann.example {material}\n".encode())


def test_limits() -> None:
    """A hundred signatures and a million bytes are read; one more of either is neither read nor written."""
    line = signed(EVE).signatures[0]
    full = Note(TEXT, (line,) * SIGNATURES_MAX)
    assert parse_note(bytes(full)) == full
    with pytest.raises(MalformedEvidenceError, match="1 to 100 signatures"):
        parse_note(bytes(full) + str(line).encode())
    text = "x" * (NOTE_BYTES_MAX - len(str(line).encode()) - 2) + "\n"
    longest = bytes(Note(text, (line,)))
    assert (len(longest), bytes(parse_note(longest))) == (NOTE_BYTES_MAX, longest)
    with pytest.raises(MalformedEvidenceError, match="at most"):
        parse_note(b"x" + longest)
    with pytest.raises(MalformedEvidenceError, match="at most"):
        parse_note(bytes(NOTE_BYTES_MAX + 1))
    with pytest.raises(MalformedEvidenceError, match="at most"):
        sign_note("x" + text, EVE)


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "\ud800\n"])
def test_texts_that_are_not_signed(text: str) -> None:
    """What could not be read again is not signed."""
    with pytest.raises(MalformedEvidenceError):
        sign_note(text, ANN)


@pytest.mark.parametrize("text", ["\n", "\n\n", "a\n\n", "\n\na\n", "— ann.example AAAAAAA=\n", "\u2028\n"])
def test_texts_that_look_like_something_else(text: str) -> None:
    """Empty lines anywhere, and texts that look like signatures, come back as they were."""
    note = signed(ANN, text=text)
    assert verify_note(parse_note(bytes(note)), TRUSTED).text == text


def test_a_witness_signs_no_plain_note() -> None:
    """Its key is for cosignatures only."""
    with pytest.raises(InvalidKeyError, match="kind 0x01"):
        sign_note(TEXT, signer("w.example", Kind.COSIGNATURE))
