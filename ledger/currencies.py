"""Currencies: the exponent of each, how an amount is said, which codes may come in."""

from __future__ import annotations

from functools import cache

from iso4217 import Currency

from ledger.decimals import decimal_text

# Withdrawn since 2007, with their exponents: shops have orders of those years (list three of the standard).
WITHDRAWN = {
    **dict.fromkeys(
        [
            "ANG",
            "BGN",
            "CUC",
            "CYP",
            "EEK",
            "GHC",
            "HRK",
            "LTL",
            "LVL",
            "MRO",
            "MTL",
            "SIT",
            "SKK",
            "SLL",
            "STD",
            "VEF",
            "ZMK",
            "ZWL",
        ],
        2,
    ),
    "BYR": 0,
}


@cache
def exponent_of(currency: str) -> int:
    """Decimal digits of a currency's minor unit: GBP 2, JPY 0, KWD 3.

    Raises:
        ValueError: not an ISO 4217 code of a currency with minor units.
    """
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        exponent = WITHDRAWN.get(currency)
    if exponent is None:
        message = "must be the ISO 4217 code of a currency, like GBP"
        raise ValueError(message)
    return exponent


def check_currency(currency: str) -> str:
    """The code itself if it is a currency's; ValueError otherwise."""
    exponent_of(currency)
    return currency


def format_minor(amount_minor: int, currency: str) -> str:
    """Minor units with the currency's own exponent: 13912 GBP is `139.12`, 500 JPY is `500`.

    Of a code that nobody knows any more the minor units are said as such.
    """
    try:
        exponent = exponent_of(currency)
    except ValueError:
        return f"{amount_minor} minor"
    return decimal_text(amount_minor, exponent)
