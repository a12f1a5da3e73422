"""Numbers that check themselves: IBAN (ISO 13616), BIC (ISO 9362), routing numbers of the United States."""

from __future__ import annotations

import re
from string import ascii_uppercase

# Length of an IBAN by country, as its registry has them. A country that is not listed here may have any length.
_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "AX DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE GG IE IM JE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI BL DJ FR GF GP GR IT MC MF MQ MR NC PF PM RE SM TF WF YT",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTHS = {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# A is 10, B is 11, up to Z.
_AS_DIGITS = {ord(letter): str(number) for number, letter in enumerate(ascii_uppercase, start=10)}
_ROUTING_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)


def check_iban(text: str) -> str:
    """The IBAN in its electronic form; spaces of the printed form are left out, small letters become capitals.

    Raises:
        ValueError: misspelt, of the wrong length for its country, or with check digits that do not fit.

    Source: ISO 13616 and ISO/IEC 7064, MOD 97-10.
    """
    iban = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(iban):
        raise ValueError("an IBAN is two letters, two check digits and up to 30 letters and digits")
    country = iban[:2]
    length = _LENGTHS.get(country, len(iban))
    if len(iban) != length:
        raise ValueError(f"an IBAN of {country} has {length} characters, this one {len(iban)}")
    if check_digits(country, iban[4:]) != iban[2:4]:
        raise ValueError("the check digits of the IBAN do not fit: it was misspelt")
    return iban


def check_digits(country: str, account: str) -> str:
    """The two check digits that make a country and its account number an IBAN."""
    number = int(f"{account}{country}00".translate(_AS_DIGITS))
    return f"{98 - number % 97:02}"


def check_bic(text: str) -> str:
    """The BIC, in capitals.

    Raises:
        ValueError: it has not the form of one.
    """
    bic = text.replace(" ", "").upper()
    if not _BIC.fullmatch(bic):
        raise ValueError("a BIC has 8 or 11 letters and digits, like DEUTDEFF or DEUTDEFF500")
    return bic


def is_routing_number(digits: str) -> bool:
    """Whether nine digits are a routing number of the American Bankers Association: their weighted sum ends in 0."""
    return sum(weight * int(digit) for weight, digit in zip(_ROUTING_WEIGHTS, digits, strict=True)) % 10 == 0
