"""Base64 and decimals in signed texts: one spelling each."""

import pytest

from ledger.errors import MalformedEvidenceError
from ledger.tree.spelling import COUNT_MAX, decode_base64, decode_count, encode_base64


def test_base64_comes_back() -> None:
    """Bytes of every length modulo three."""
    for length in range(10):
        raw = bytes(range(250, 250 - length, -1))
        assert decode_base64(encode_base64(raw)) == raw


@pytest.mark.parametrize(
    "text", ["A", "AA", "AA=", "AB==", "AAB=", "AA===", "AA==\n", " AA==", "A A=", "__8=", "é", "="]
)
def test_base64_otherwise_spelt(text: str) -> None:
    """Missing or excess padding, spare bits, spaces, the other alphabet."""
    with pytest.raises(MalformedEvidenceError, match="not canonical base64"):
        decode_base64(text)


def test_counts() -> None:
    """From 0 to 2^63 - 1, plain."""
    for count in (0, 1, 10, COUNT_MAX):
        assert decode_count(str(count)) == count
    for text in ("", "00", "01", "+1", "-1", "1 ", "1\n", "1_0", "٣", str(COUNT_MAX + 1), "9" * 5000):
        with pytest.raises(MalformedEvidenceError, match="not a plain decimal"):
            decode_count(text)
