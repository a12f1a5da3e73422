"""Currencies: what may come in, what stays readable, how it is said."""

import pytest

from ledger import currencies
from ledger.clock import parse_instant
from ledger.commands import command_from
from ledger.currencies import exponent_of, format_minor
from ledger.decimals import decimal_text, minor_of
from ledger.errors import InvalidRecordError
from ledger.events import OrderPlaced
from ledger.inputs import input_of
from ledger.mapper import InputEncoder, decode
from tests.builders import order


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(13_912, "GBP", "139.12"), (-5, "GBP", "-0.05"), (500, "JPY", "500"), (1_234, "KWD", "1.234"), (7, "BYR", "7")],
)
def test_amounts_carry_their_currencys_exponent(minor: int, currency: str, text: str) -> None:
    """Two digits, none, three; codes that were withdrawn too."""
    assert format_minor(minor, currency) == text


@pytest.mark.parametrize("exponent", range(5))
def test_decimals_are_read_as_they_were_written(exponent: int) -> None:
    """Every digit of the exponent, no more and no less; nothing but that one spelling."""
    for minor in (0, 1, 9, 10, 99, 100, 12_345, 2**43 - 1):
        assert minor_of(decimal_text(minor, exponent), exponent) == minor
    good = decimal_text(12_345, exponent)
    longer = f"{good}0" if exponent else f"{good}.0"
    others = ["", "-1", f"+{good}", f" {good}", f"0{good}", longer, f"{good}.", f".{good}", "1e3", "1_000", "\uff11"]
    for text in others:
        with pytest.raises(ValueError, match=f"with {exponent} decimal places"):
            minor_of(text, exponent)


def test_withdrawn_currencies_may_still_come_in() -> None:
    """A shop has orders of the years before its country changed money; what never was one is refused."""
    assert command_from(order("o1", "ben", 100, "2012-01-01T00:00:00Z", currency="HRK"))
    with pytest.raises(InvalidRecordError, match="currency"):
        command_from(order("o1", "ben", 100, "2012-01-01T00:00:00Z", currency="XQX"))


def test_a_stored_order_stays_readable_when_its_currency_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log does not depend on what list of currencies is installed when it is read."""
    command = command_from(order("o1", "ben", 100, "2026-01-01T00:00:00Z", currency="SEK"))
    at = parse_instant("2026-01-02T00:00:00Z")
    encoder = InputEncoder(actor="test", source="default", recorded_at=at)
    state = encoder.encode(OrderPlaced, input_of(command, "default"), exponent=2, plan=1)

    def gone(code: str) -> None:
        raise ValueError(code)

    monkeypatch.setattr(currencies, "Currency", gone)
    exponent_of.cache_clear()
    try:
        assert decode("OrderPlaced", state).id == "o1"
        assert format_minor(100, "SEK") == "100 minor"
    finally:
        exponent_of.cache_clear()
