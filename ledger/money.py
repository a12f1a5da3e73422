"""Money: integer counts of minor units, ISO 4217 codes, rates in parts per million."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from iso4217 import Currency
from pydantic import AfterValidator, Field, ValidationInfo

MINOR_MAX = (1 << 43) - 1
PPM = 1_000_000
DAYS_MAX = 36_500

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

# Context of validation for what comes out of the log.
STORED = "stored"

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]+))?")

Minor = Annotated[int, Field(ge=0, le=MINOR_MAX)]
PositiveMinor = Annotated[int, Field(gt=0, le=MINOR_MAX)]
RatePpm = Annotated[int, Field(ge=0, le=PPM)]


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


def _check_code(currency: str, info: ValidationInfo) -> str:
    """What was a currency when it was recorded stays readable, whatever the standard's list says by then."""
    if info.context == STORED and _CODE.fullmatch(currency):
        return currency
    return check_currency(currency)


CurrencyCode = Annotated[str, AfterValidator(_check_code)]


def format_minor(amount_minor: int, currency: str) -> str:
    """Minor units with the currency's own exponent: 13912 GBP is `139.12`, 500 JPY is `500`.

    Of a code that nobody knows any more the minor units are said as such.
    """
    try:
        exponent = exponent_of(currency)
    except ValueError:
        return f"{amount_minor} minor"
    return decimal_text(amount_minor, exponent)


def decimal_text(amount_minor: int, exponent: int) -> str:
    """Minor units as a decimal number with all its digits: 13912 with exponent 2 is `139.12`."""
    sign = "-" if amount_minor < 0 else ""
    if exponent == 0:
        return f"{sign}{abs(amount_minor)}"
    whole, rest = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole}.{rest:0{exponent}d}"


def minor_of(text: str, exponent: int) -> int:
    """Minor units of a decimal number that is not negative; the other way round than `decimal_text`.

    Raises:
        ValueError: a sign, a needless zero in front, or not exactly the exponent's digits after the point.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None or len(match[2] or "") != exponent:
        example = decimal_text(13912, exponent)
        raise ValueError(f"must be an amount with {exponent} decimal places, like {example}")
    return int(match[1] + (match[2] or ""))
