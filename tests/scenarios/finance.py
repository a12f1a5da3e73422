"""Lines about finance: what is decided, and what is expected of payouts and periods."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from tests.scenarios.line import (
    Line,
    LineError,
    Reader,
    read_instant,
    read_integer,
    read_options,
    read_question,
    read_word,
)
from tests.scenarios.steps import (
    LEFT_OUT,
    PAYOUT_STATES,
    Expectation,
    ExpectClosed,
    ExpectLeftOut,
    ExpectLines,
    ExpectParts,
    ExpectPayable,
    ExpectPayout,
)

NOBODY = "nobody"
PARTS = frozenset({"accrual", "clawback", "restoration", "adjustment", "reservation", "release", "return"})

# What a line decides: about what, when, and whatever else it says.
Said: TypeAlias = tuple[str, datetime, Mapping[str, object]]

_CURRENCY: Mapping[str, tuple[str, Reader]] = {"currency": ("currency", read_word)}
_OF_A_BATCH: Mapping[str, tuple[str, Reader]] = {
    **_CURRENCY,
    "cut-off": ("cut_off", read_instant),
    "accounts": ("accounts", read_word),
}


def _about(line: Line, options: Mapping[str, tuple[str, Reader]]) -> Said:
    return line.take("the id"), read_instant(line), read_options(line, options)


def _settled(line: Line) -> Said:
    about, amount = line.take("the payout"), read_integer(line)
    at = read_instant(line)
    return about, at, {"amount": amount, **read_options(line, {**_CURRENCY, "ref": ("reference", read_word)})}


def _closed(line: Line) -> Said:
    end = read_instant(line)
    return end.isoformat(), read_instant(line), {}


DECISIONS: Mapping[str, Callable[[Line], Said]] = {
    "post": lambda line: _about(line, {}),
    "decline": lambda line: _about(line, {}),
    "prepare": lambda line: _about(line, _OF_A_BATCH),
    "approve": lambda line: _about(line, {}),
    "reject": lambda line: _about(line, {}),
    "send": lambda line: _about(line, {"attempt": ("attempt", read_integer)}),
    "paid": _settled,
    "failed": _settled,
    "returned": _settled,
    "unknown": _settled,
    "close": _closed,
}


def _payable(line: Line) -> Expectation:
    member, amount = line.take("the member"), read_integer(line)
    currency, as_of = read_question(line, currency=True)
    return ExpectPayable(line.where, member, currency, as_of, amount)


def _batch(line: Line) -> Expectation:
    batch = line.take("the batch")
    if line.take_one_of("what a batch does", frozenset({"pays", "leaves"})) == "leaves":
        return ExpectLeftOut(line.where, batch, line.take("the member"), line.take_one_of("the reason", LEFT_OUT))
    lines: list[tuple[str, int]] = []
    if line.peek() == NOBODY:
        _ = line.take(NOBODY)
        return ExpectLines(line.where, batch, ())
    while line.words:
        lines.append((line.take("a member"), read_integer(line)))
    return ExpectLines(line.where, batch, tuple(lines))


def _payout(line: Line) -> Expectation:
    payout = line.take("the payout")
    if line.peek() != "from":
        return ExpectPayout(line.where, payout, line.take_one_of("the state", PAYOUT_STATES))
    _ = line.take("from")
    carried, parts = 0, list[tuple[str, str, int]]()
    if line.peek() == "carried":
        _ = line.take("carried")
        carried = read_integer(line)
    while line.words:
        kind = line.take_one_of("what it is", PARTS)
        parts.append((kind, line.take("the stream"), read_integer(line)))
    return ExpectParts(line.where, payout, carried, tuple(parts))


def _books(line: Line) -> Expectation:
    end, classes = read_instant(line), dict[str, int]()
    while line.words and not re.fullmatch("[A-Z]{3}", line.peek()):
        name = line.take("a class of accounts")
        classes[name] = read_integer(line)
    currency = line.take("the currency") if line.words else "GBP"
    if not classes:
        raise LineError("no class of accounts is named")
    return ExpectClosed(line.where, end, currency, classes)


EXPECTATIONS: Mapping[str, Callable[[Line], Expectation]] = {
    "payable": _payable,
    "batch": _batch,
    "payout": _payout,
    "closed": _books,
}
