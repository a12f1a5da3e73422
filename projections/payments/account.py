"""An account that money can be sent to: an IBAN, or a number with the code of its bank, or a provider's own name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from projections.payments.iban import check_bic, check_iban, is_routing_number

NUMBER_MAX = 254

# Clearing systems whose bank codes are known here, by country: the code in ISO 20022's external list, the form of a
# bank code in it.
CLEARING = {
    "AU": ("AUBSB", re.compile(r"[0-9]{6}")),
    "CA": ("CACPA", re.compile(r"[0-9]{9}")),
    "CN": ("CNAPS", re.compile(r"[0-9]{12}")),
    "GB": ("GBDSC", re.compile(r"[0-9]{6}")),
    "HK": ("HKNCC", re.compile(r"[0-9]{3}")),
    "IN": ("INFSC", re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")),
    "JP": ("JPZGN", re.compile(r"[0-9]{7}")),
    "NZ": ("NZNCC", re.compile(r"[0-9]{6}")),
    "US": ("USABA", re.compile(r"[0-9]{9}")),
    "ZA": ("ZANCC", re.compile(r"[0-9]{6}")),
}

_COUNTRY = re.compile(r"[A-Z]{2}")
# Printable ASCII; not a beginning that a spreadsheet would take for a formula.
_NUMBER = re.compile(rf"(?![=+\-@])[!-~]{{1,{NUMBER_MAX}}}")


@dataclass(frozen=True, slots=True)
class Account:
    """Where money goes; either `iban` or `number` is there.

    number   in the country's own system, or a provider's name for the account, such as an address for mail
    routing  code of the bank in the country's clearing system, without dashes
    country  two letters; an IBAN's own
    """

    iban: str | None = None
    number: str | None = None
    routing: str | None = None
    bic: str | None = None
    country: str | None = None


def system_of(account: Account) -> str | None:
    """The clearing system of an account's routing, in ISO 20022's external list; None where there is no routing."""
    return CLEARING[account.country][0] if account.routing and account.country else None


def account_of(fields: Mapping[str, str]) -> Account:
    """The account in the fields iban, account, routing, bic and country, as far as they are there, in one spelling.

    Raises:
        ValueError: both an IBAN and a number, or neither; one of them is misspelt, or does not fit another.
    """
    bic = check_bic(fields["bic"]) if "bic" in fields else None
    country = _country(fields.get("country"))
    if "iban" in fields:
        return _of_iban(fields, bic, country)
    if "account" not in fields:
        raise ValueError("give an iban, or an account")
    number = fields["account"].replace(" ", "")
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"an account is at most {NUMBER_MAX} printable characters of ASCII")
    routing = _routing(fields["routing"], country) if "routing" in fields else None
    return Account(number=number, routing=routing, bic=bic, country=country)


def _of_iban(fields: Mapping[str, str], bic: str | None, country: str | None) -> Account:
    if "account" in fields or "routing" in fields:
        raise ValueError("give an iban, or an account, not both")
    iban = check_iban(fields["iban"])
    if country not in {None, iban[:2]}:
        raise ValueError(f"the country is {country}, the IBAN is of {iban[:2]}")
    return Account(iban=iban, bic=bic, country=iban[:2])


def _country(text: str | None) -> str | None:
    if text is not None and not _COUNTRY.fullmatch(text):
        raise ValueError("a country is two capital letters, like GB")
    return text


def _routing(text: str, country: str | None) -> str:
    if country not in CLEARING:
        known = ", ".join(sorted(CLEARING))
        raise ValueError(f"with a routing give the country, one of {known}; elsewhere an iban, or an account and a bic")
    routing = text.replace(" ", "").replace("-", "")
    system, form = CLEARING[country]
    if not form.fullmatch(routing) or (country == "US" and not is_routing_number(routing)):
        raise ValueError(f"the routing is no bank code of {country} ({system})")
    return routing
