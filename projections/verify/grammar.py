"""What an event of each type holds: exactly which keys, and what may stand under each (rules G-1, V-2).

Written for the verifier alone, from the rule book: it shares no model with the writer. What finance records is in
`finance_grammar.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ledger.ids import Kind
from ledger.money import DAYS_MAX, PPM
from ledger.plan import LEVELS
from projections.verify.finance_grammar import FINANCE_ASKED, FINANCE_TYPES
from projections.verify.forms import (
    CURRENCY,
    EXPONENT,
    ID,
    INSTANT,
    MINOR,
    NUMBER,
    POSITIVE,
    REASON,
    STREAM,
    TEXT,
    EventType,
    Field,
    check_fields,
    integer,
    one_of,
    or_none,
    pattern_of,
    slow,
    word,
)

_LINE: Mapping[str, Field] = {
    "amount": MINOR,
    "category": or_none(TEXT),
    "n": POSITIVE,
    "qty": MINOR,
    "sku": TEXT,
}


LINE_PATTERN = rf"\{{{pattern_of(_LINE)[1:]}\}}"
_ANY_LINE = LINE_PATTERN.replace("(0", "(?:0").replace("([", "(?:[")


def _check_lines(value: object) -> None:
    if not isinstance(value, list) or not value:
        raise ValueError("is no list of lines")
    numbers = [check_fields(line, _LINE)["n"] for line in cast("list[object]", value)]
    if len(set(numbers)) != len(numbers):
        raise ValueError("has two lines with the same n")


def _check_binding(value: object) -> None:
    check_fields(value, _BINDING)


def _check_rates(value: object) -> None:
    rates = cast("list[object]", value)
    if not isinstance(value, list) or len(rates) > LEVELS:
        raise ValueError(f"is no list of at most {LEVELS} rates")
    for rate in rates:
        integer(0, PPM)(rate)


def _check_minimums(value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError("is no object")  # noqa: TRY004  # of evidence, the value is wrong
    for currency, least in cast("dict[str, object]", value).items():
        CURRENCY.check(currency)
        POSITIVE.check(least)


_BINDING: Mapping[str, Field] = {
    "policy": slow(one_of("first_touch", "last_touch")),
    "protection_days": slow(integer(0, DAYS_MAX)),
    "renewal": slow(one_of("none", "on_order")),
    "ttl_days": slow(lambda value: value is None or integer(1, DAYS_MAX)(value)),
}

# Keys stand in their canonical order.
_ASKED: Mapping[Kind, Mapping[str, Field]] = {
    "invite": {
        "at": INSTANT,
        "channel": or_none(TEXT),
        "expires_at": or_none(INSTANT),
        "id": ID,
        "invitee": or_none(ID),
        "inviter": ID,
        "type": word("invite"),
    },
    "bind": {
        "at": INSTANT,
        "id": ID,
        "invite": or_none(ID),
        "inviter": ID,
        "member": ID,
        "type": word("bind"),
    },
    "unbind": {"at": INSTANT, "id": ID, "member": ID, "reason": TEXT, "type": word("unbind")},
    "order": {
        "amount": MINOR,
        "at": INSTANT,
        "carriage": MINOR,
        "currency": CURRENCY,
        "id": ID,
        "lines": Field(_check_lines, rf"\[({_ANY_LINE}(?:,{_ANY_LINE})*)\]", optional=True),
        "member": ID,
        "type": word("order"),
    },
    "refund": {
        "amount": POSITIVE,
        "at": INSTANT,
        "currency": CURRENCY,
        "id": ID,
        "line": or_none(POSITIVE),
        "member": or_none(ID),
        "order": ID,
        "qty": or_none(MINOR),
        "type": word("refund"),
    },
    "plan": {
        "at": INSTANT,
        "binding": slow(_check_binding),
        "cap_ppm": slow(integer(0, PPM)),
        "effective_from": INSTANT,
        "hold_days": slow(integer(0, DAYS_MAX)),
        "id": ID,
        "min_payout": slow(_check_minimums),
        "plan": NUMBER,
        "rates_ppm": slow(_check_rates),
        "rounding": word("down", "half_up", "half_even"),
        "self_purchase": word("none", "as_level_1"),
        "type": word("plan"),
        "unqualified": word("forfeit"),
    },
    **FINANCE_ASKED,
}


def asked_fields(kind: Kind | None) -> Mapping[str, Field]:
    """What a record of this kind holds; nothing where there is none."""
    return {} if kind is None else _ASKED[kind]


EVENT_TYPES: Mapping[str, EventType] = {
    "PlanPublished": EventType("plan"),
    "MemberInvited": EventType("invite"),
    "MemberBound": EventType("bind", {"ends_at": or_none(INSTANT), "plan": NUMBER}),
    "BindingRefused": EventType("bind", {"reason": REASON}),
    "UnbindRefused": EventType("unbind", {"reason": REASON}),
    "OrderPlaced": EventType("order", {"exponent": EXPONENT, "plan": or_none(NUMBER)}),
    "OrderRefunded": EventType("refund"),
    "RefundRefused": EventType("refund", {"reason": REASON}),
    "BindingRenewed": EventType(None, {"bind": STREAM, "ends_at": INSTANT, "member": ID}),
    "BindingExpired": EventType(None, {"bind": STREAM, "member": ID, "referrer": ID}),
    **FINANCE_TYPES,
}
# Two facts of one name: an unbind's, which holds what was asked, and a take-over's, which follows from a bind.
_ENDED: Mapping[str, Field] = {"bind": STREAM, "cause": word("unbind", "take_over"), "member": ID, "referrer": ID}
RELEASED = "BindingReleased"
UNBOUND, TAKEN_OVER = EventType("unbind", _ENDED), EventType(None, _ENDED)
