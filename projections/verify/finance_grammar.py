"""What events of finance hold: exactly which keys, and what may stand under each (rules S-2, S-4, X-1 to X-4)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, cast

from ledger.ids import Kind, check_id
from ledger.money import MINOR_MAX
from projections.verify.canonical_form import INTEGER_LIMIT
from projections.verify.forms import (
    CURRENCY,
    EXPONENT,
    HASH,
    ID,
    INSTANT,
    NUMBER,
    REASON,
    STREAM,
    TEXT,
    EventType,
    Field,
    check_fields,
    integer,
    matching,
    one_of,
    or_none,
    slow,
    text_of,
    word,
)

NAME_CHARACTERS_MAX = 200
SIGNED_CHARACTERS_MAX = 500
LINES_MAX = 10_000_000
LINES_PER_EVENT, DROPPED_PER_EVENT = 250, 1_000

_SUM_MAX = INTEGER_LIMIT - 1
_SALT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NAME_PATTERN = r'[^"\\\x00-\x1f\x7f-\x9f]{1,200}'


def _check_name(value: object) -> None:
    text = text_of(value)
    if not 0 < len(text) <= NAME_CHARACTERS_MAX or "Cc" in map(unicodedata.category, text):
        raise ValueError(f"is no name of 1 to {NAME_CHARACTERS_MAX} characters")


def _check_by(value: object) -> None:
    check_fields(value, _BY)


def _check_flag(value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")  # noqa: TRY004  # of evidence, the value is wrong


def _check_signed(value: object) -> None:
    check_fields(value, {"key": _SPELT, "signature": _SPELT})


def _check_spelt(value: object) -> None:
    if not 0 < len(text_of(value)) <= SIGNED_CHARACTERS_MAX:
        raise ValueError(f"is no text of 1 to {SIGNED_CHARACTERS_MAX} characters")


def _check_moved(value: object) -> None:
    integer(-MINOR_MAX, MINOR_MAX)(value)
    if value == 0:
        raise ValueError("is 0, which adjusts nothing")


def _check_batch_id(value: object) -> None:
    """A payout's own id is its batch's and its number, and has to be an id too."""
    check_id(f"{check_id(text_of(value))}.{LINES_MAX}")


def _rows(value: object, most: int, width: int) -> list[list[Any]]:
    rows = cast("list[object]", value)
    if not isinstance(value, list) or not 0 < len(rows) <= most:
        raise ValueError(f"is no list of 1 to {most} lines")
    for row in rows:
        if not isinstance(row, list) or len(cast("list[object]", row)) != width:
            raise ValueError(f"holds a line that is no list of {width}")
    return cast("list[list[Any]]", rows)


def _check_lines(value: object) -> None:
    for number, member, amount, details in _rows(value, LINES_PER_EVENT, 4):
        _LINE_NUMBER.check(number)
        ID.check(member)
        _SUM.check(amount)
        if details is not None:
            HASH.check(details)


def _check_dropped(value: object) -> None:
    for number, reason in _rows(value, DROPPED_PER_EVENT, 2):
        _LINE_NUMBER.check(number)
        one_of("not_covered", "frozen", "no_details")(reason)


def _check_trial_balance(value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError("is no object")  # noqa: TRY004  # of evidence, the value is wrong
    for currency, classes in cast("dict[str, object]", value).items():
        CURRENCY.check(currency)
        check_fields(classes, dict.fromkeys(ACCOUNT_CLASSES, or_none(slow(integer(-_SUM_MAX, _SUM_MAX)))))


# Whose balances a period is closed with.
ACCOUNT_CLASSES = (
    "expense:commission",
    "house:adjustment",
    "house:payout",
    "members:available",
    "members:pending",
    "members:reserved",
)

NAME = Field(_check_name, f'"({_NAME_PATTERN})"')
_BY: Mapping[str, Field] = {"authenticated": slow(_check_flag), "name": NAME}
BY = Field(_check_by, rf'(\{{"authenticated":(?:true|false),"name":"{_NAME_PATTERN}"\}})')
_SPELT = slow(_check_spelt)
_LINE_NUMBER = slow(integer(1, LINES_MAX))
# Fifteen digits are always below 2^53.
_SUM = Field(integer(1, _SUM_MAX), r"([1-9][0-9]{0,14})")
_COUNT = Field(integer(0, _SUM_MAX), r"(0|[1-9][0-9]{0,14})")
_MOVED = Field(_check_moved, r"(-?[1-9][0-9]{0,11})")

# Keys stand in their canonical order.
FINANCE_ASKED: Mapping[Kind, Mapping[str, Field]] = {
    "reversal": {"at": INSTANT, "id": ID, "reason": or_none(TEXT), "refund": ID, "type": word("reversal")},
    "freeze": {"at": INSTANT, "id": ID, "member": ID, "reason": TEXT, "type": word("freeze")},
    "unfreeze": {"at": INSTANT, "id": ID, "member": ID, "reason": TEXT, "type": word("unfreeze")},
    "adjustment": {
        "amount": _MOVED,
        "at": INSTANT,
        "currency": CURRENCY,
        "id": ID,
        "member": ID,
        "reason": TEXT,
        "type": word("adjustment"),
    },
    "batch": {
        "at": INSTANT,
        "currency": CURRENCY,
        "cut_off": INSTANT,
        "id": Field(_check_batch_id, ID.pattern.replace("{1,128}", "{1,119}")),
        "type": word("batch"),
    },
    "period": {"at": INSTANT, "end": INSTANT, "id": ID, "type": word("period")},
}

_PAYOUT: Mapping[str, Field] = {"amount": _SUM, "attempt": NUMBER, "batch": STREAM, "by": BY, "currency": CURRENCY}
_ENDED: Mapping[str, Field] = {**_PAYOUT, "member": ID, "reason": TEXT, "reference": or_none(NAME)}

FINANCE_TYPES: Mapping[str, EventType] = {
    "RefundReversed": EventType("reversal"),
    "ReversalRefused": EventType("reversal", {"reason": REASON}),
    "MemberFrozen": EventType("freeze"),
    "MemberUnfrozen": EventType("unfreeze"),
    "AdjustmentProposed": EventType("adjustment", {"by": BY, "exponent": EXPONENT}),
    "AdjustmentPosted": EventType(
        None, {"amount": _MOVED, "by": BY, "currency": CURRENCY, "member": ID, "value_at": INSTANT}
    ),
    "AdjustmentRejected": EventType(None, {"by": BY, "reason": TEXT}),
    "PayoutBatchPrepared": EventType(
        "batch",
        {
            "at_position": NUMBER,
            "by": BY,
            "count": NUMBER,
            "digest": HASH,
            "exponent": EXPONENT,
            "left_out": _COUNT,
            "lines": HASH,
            "plan": NUMBER,
            "salt": Field(matching(_SALT, "salt of 16 bytes in hex"), r'"([0-9a-f]{32})"', optional=True),
            "total": _SUM,
        },
    ),
    "PayoutBatchLines": EventType(None, {"lines": slow(_check_lines)}),
    "PayoutLinesDropped": EventType(None, {"lines": slow(_check_dropped)}),
    "PayoutBatchApproved": EventType(
        None, {"by": BY, "count": NUMBER, "lines": HASH, "signed": or_none(slow(_check_signed)), "total": _SUM}
    ),
    "PayoutBatchRejected": EventType(None, {"by": BY, "reason": TEXT}),
    "PayoutSubmitted": EventType(None, {**_PAYOUT, "file": HASH, "member": ID}),
    "PayoutPaid": EventType(None, {**_PAYOUT, "member": ID, "reference": NAME}),
    "PayoutFailed": EventType(None, _ENDED),
    "PayoutReturned": EventType(None, _ENDED),
    "PayoutUnknown": EventType(None, {**_PAYOUT, "member": ID, "reason": TEXT}),
    "PeriodClosed": EventType(
        "period",
        {"at_position": NUMBER, "by": BY, "digest": HASH, "root": HASH, "trial_balance": slow(_check_trial_balance)},
    ),
}
