"""Details of a payee: whose account it is; their one spelling, and the hash that a batch keeps of it."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from ledger.canonical import canonical
from ledger.currencies import check_currency
from ledger.ids import check_id
from projections.payments.account import Account, account_of

NAME_MAX = 140
FIELDS = ("member", "name", "iban", "account", "routing", "bic", "country", "currency")

# Control characters, line ends of all kinds, and what XML cannot hold.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid for a member, and where.

    name      of the account's holder, NFC
    currency  the only one that the account takes; None: whatever is paid
    """

    member: str
    name: str
    account: Account
    currency: str | None = None

    def canonical(self) -> bytes:
        """Canonical JSON of all that is known, in the fields of `FIELDS`: one spelling of the same details."""
        parts = {
            "account": self.account.number,
            "bic": self.account.bic,
            "country": self.account.country,
            "currency": self.currency,
            "iban": self.account.iban,
            "member": self.member,
            "name": self.name,
            "routing": self.account.routing,
        }
        return canonical({field: text for field, text in parts.items() if text is not None})

    def salted_hash(self, salt: bytes) -> str:
        """What a batch keeps of the details: HMAC-SHA256 of `canonical()` under the batch's salt, 64 hex digits (X-1).

        The salt is the batch's own, so that hashes of two batches tell nothing about who kept their account.
        """
        return hmac.new(salt, self.canonical(), sha256).hexdigest()


def payee_of(fields: Mapping[str, str]) -> Payee:
    """The details in these fields, of which empty ones are left out.

    Raises:
        ValueError: a field is missing or cannot be; says which.
    """
    for field in ("member", "name"):
        if field not in fields:
            raise ValueError(f"{field} is missing")
    return Payee(
        member=_checked(fields, "member", check_id),
        name=check_name(fields["name"]),
        account=account_of(fields),
        currency=_checked(fields, "currency", check_currency) if "currency" in fields else None,
    )


def check_name(text: str) -> str:
    """A holder's name, NFC and without spaces around it.

    Raises:
        ValueError: nothing, too long for a payment, with control characters, or what a spreadsheet takes for a formula.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= NAME_MAX or UNPRINTABLE.search(name):
        raise ValueError(f"a name has 1 to {NAME_MAX} characters and no control characters")
    if name.startswith(_FORMULA):
        raise ValueError("a name does not begin with =, +, - or @")
    return name


def _checked(fields: Mapping[str, str], field: str, check: Callable[[str], str]) -> str:
    """A field that was checked; the error names it."""
    try:
        return check(fields[field])
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None
