"""Names of accounts that every program takes, and the way back to ours.

    expense:commission        Expenses:Commission
    house:adjustment          Expenses:Adjustment
    house:payout              Assets:Payout
    member:ben:pending        Liabilities:Members:Pending:M-ben
    member:ben:available      Liabilities:Members:Available:M-ben
    member:ben:reserved       Liabilities:Members:Reserved:M-ben

A member's id follows `M-`: letters and digits of ASCII as they are, a dash as two dashes, every other byte of its UTF-8
as a dash and two hexadecimal digits in capitals: `a-b.c` is `M-a--b-2Ec`. No two ids have the same name.
"""

from __future__ import annotations

import re

_HOUSE = {
    "expense:commission": "Expenses:Commission",
    "house:adjustment": "Expenses:Adjustment",
    "house:payout": "Assets:Payout",
}
_OF_HOUSE = {name: account for account, name in _HOUSE.items()}
_CLASSES = {"pending": "Pending", "available": "Available", "reserved": "Reserved"}

_MEMBER = re.compile(r"member:(?P<id>.+):(?P<class>pending|available|reserved)", re.DOTALL)
_NAME = re.compile(
    r"Liabilities:Members:(?P<class>Pending|Available|Reserved):M-(?P<id>(?:[A-Za-z0-9]|--|-[0-9A-F]{2})+)"
)
_ESCAPE = re.compile(rb"--|-([0-9A-F]{2})")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_SPELT = {byte: chr(byte) if byte in _PLAIN else f"-{byte:02X}" for byte in range(256)} | {ord("-"): "--"}


def account_name(account: str) -> str:
    """The name of one of our accounts in a journal.

    Raises:
        ValueError: it is none of S-2.
    """
    if account in _HOUSE:
        return _HOUSE[account]
    match = _MEMBER.fullmatch(account)
    if match is None:
        raise ValueError(f"{account!r} is no account")
    spelt = "".join([_SPELT[byte] for byte in match["id"].encode()])
    return f"Liabilities:Members:{_CLASSES[match['class']]}:M-{spelt}"


def account_of(name: str) -> str:
    """The account that a name in a journal stands for: the other way round than `account_name`.

    Raises:
        ValueError: it stands for none.
    """
    if name in _OF_HOUSE:
        return _OF_HOUSE[name]
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no name of an account")
    member = _ESCAPE.sub(lambda spelt: bytes.fromhex((spelt[1] or b"2D").decode()), match["id"].encode())
    return f"member:{member.decode()}:{match['class'].lower()}"
