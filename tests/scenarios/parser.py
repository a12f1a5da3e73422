"""The parser of scenarios: which words make which step."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.scenarios.finance import DECISIONS, EXPECTATIONS
from tests.scenarios.line import (
    RATE,
    Line,
    LineError,
    Reader,
    State,
    lines,
    read_days,
    read_instant,
    read_integer,
    read_minimums,
    read_options,
    read_order_lines,
    read_question,
    read_rate_ppm,
    read_time,
    read_ttl,
    read_word,
)
from tests.scenarios.steps import (
    AMOUNTS,
    LEVEL_OUTCOMES,
    OUTCOMES,
    REASONS_NEEDED,
    REFUSALS,
    AllowNoPlan,
    Decide,
    ExpectBalance,
    ExpectDownline,
    ExpectNoBalance,
    ExpectOutcome,
    ExpectUpline,
    Expire,
    Input,
    ScenarioSyntaxError,
    Step,
)

NOBODY = "nobody"


def parse(path: Path) -> list[Step]:
    """Read a scenario. Raises ScenarioSyntaxError."""
    state = State()
    return [_step(line) for line in lines(path, state)]


def _step(line: Line) -> Step:
    try:
        step = _read(line)
        line.end()
    except LineError as error:
        raise ScenarioSyntaxError(f"{line.where.file}:{line.where.line}: {error}") from None
    return step


def _read(line: Line) -> Step:
    kind = line.take("the first word")
    if kind in _RECORDS:
        record = {"type": _TYPES.get(kind, kind), **_RECORDS[kind](line)}
        return Input(line.where, record, *_decision(line, kind))
    if kind in DECISIONS:
        return _decided(line, kind)
    if kind == "expire":
        return Expire(line.where, read_instant(line))
    if kind == "expect":
        return _expectation(line)
    if kind == "allow" and line.take("what to allow") == "no_plan":
        return AllowNoPlan(line.where)
    words = ", ".join([*_RECORDS, *DECISIONS])
    raise LineError(f"{kind!r} does not start a line: one of {words}, expire, expect, allow no_plan")


def _decided(line: Line, verb: str) -> Decide:
    about, at, more = DECISIONS[verb](line)
    return Decide(line.where, verb, about, at, more, *_decision(line, verb))


def _decision(line: Line, kind: str) -> tuple[str, str | None]:
    if line.peek() != "->":
        return ("bound" if kind == "bind" else "recorded"), None
    _ = line.take("the arrow")
    outcome = line.take_one_of("the outcome", OUTCOMES)
    if outcome not in REASONS_NEEDED:
        return outcome, None
    return outcome, line.take_one_of("the reason", REFUSALS)


_ALWAYS: Mapping[str, tuple[str, Reader]] = {"id": ("id", read_word), "seq": ("seq", read_integer)}
_SEQ: Mapping[str, tuple[str, Reader]] = {"seq": ("seq", read_integer)}
_IN_BINDING = ("policy", "ttl_days", "protection_days", "renewal")
_OF_A_PLAN: Mapping[str, tuple[str, Reader]] = {
    **_ALWAYS,
    "at": ("at", read_time),
    "effective": ("effective_from", read_time),
    "ttl": ("ttl_days", read_ttl),
    "hold": ("hold_days", read_days),
    "policy": ("policy", read_word),
    "protection": ("protection_days", read_days),
    "renewal": ("renewal", read_word),
    "self": ("self_purchase", read_word),
    "rounding": ("rounding", read_word),
    "cap": ("cap_ppm", read_rate_ppm),
    "min": ("min_payout", read_minimums),
    "number": ("plan", read_integer),
}
_OF_AN_INVITE: Mapping[str, tuple[str, Reader]] = {"expires": ("expires_at", read_time), "seq": ("seq", read_integer)}
_OF_A_BIND: Mapping[str, tuple[str, Reader]] = {**_ALWAYS, "invite": ("invite", read_word)}
_OF_AN_ORDER: Mapping[str, tuple[str, Reader]] = {
    "currency": ("currency", read_word),
    "lines": ("lines", read_order_lines),
    "carriage": ("carriage", read_integer),
    "seq": ("seq", read_integer),
}
_OF_A_REFUND: Mapping[str, tuple[str, Reader]] = {
    "currency": ("currency", read_word),
    "line": ("line", read_integer),
    "member": ("member", read_word),
    "seq": ("seq", read_integer),
}
_OF_AN_UNBIND: Mapping[str, tuple[str, Reader]] = {**_ALWAYS, "reason": ("reason", read_word)}


def _id(line: Line, kind: str) -> str:
    line.state.given[kind] += 1
    return f"{kind}-{line.state.given[kind]}"


def _plan(line: Line) -> dict[str, object]:
    rates: list[object] = []
    while RATE.fullmatch(line.peek()):
        rates.append(read_rate_ppm(line))
    said: dict[str, object] = {"at": "2020-01-01T00:00:00Z", **read_options(line, _OF_A_PLAN)}
    if "ttl_days" not in said or "hold_days" not in said:
        raise LineError("a plan says its ttl and its hold")
    number = said.setdefault("plan", line.state.plan + 1)
    line.state.plan = max(line.state.plan, int(str(number)))
    _ = said.setdefault("id", f"plan-{number}")
    binding = {key: said.pop(key) for key in _IN_BINDING if key in said}
    return {**said, "rates_ppm": rates, "binding": binding}


def _invite(line: Line) -> dict[str, object]:
    record: dict[str, object] = {"id": line.take("the id"), "inviter": line.take("the inviter")}
    if line.peek() == "for":
        _ = line.take("for")
        record["invitee"] = line.take("the invitee")
    return {**record, "at": read_time(line), **read_options(line, _OF_AN_INVITE)}


def _bind(line: Line) -> dict[str, object]:
    member, referrer = line.take("the member"), line.take("the referrer")
    record: dict[str, object] = {"id": _id(line, "bind"), "member": member, "inviter": referrer}
    return {**record, "at": read_time(line), **read_options(line, _OF_A_BIND)}


def _order(line: Line) -> dict[str, object]:
    record: dict[str, object] = {"id": line.take("the id"), "member": line.take("the member")}
    record |= {"amount": read_integer(line), "currency": "GBP"}
    return {**record, "at": read_time(line), **read_options(line, _OF_AN_ORDER)}


def _refund(line: Line) -> dict[str, object]:
    record: dict[str, object] = {"id": line.take("the id"), "order": line.take("the order")}
    record |= {"amount": read_integer(line), "currency": "GBP"}
    return {**record, "at": read_time(line), **read_options(line, _OF_A_REFUND)}


def _unbind(line: Line) -> dict[str, object]:
    record: dict[str, object] = {"id": _id(line, "unbind"), "member": line.take("the member"), "reason": "asked"}
    return {**record, "at": read_time(line), **read_options(line, _OF_AN_UNBIND)}


def _reversal(line: Line) -> dict[str, object]:
    record: dict[str, object] = {"id": line.take("the id"), "refund": line.take("the refund")}
    return {**record, "at": read_time(line), **read_options(line, _SEQ)}


def _freeze(line: Line, kind: str) -> dict[str, object]:
    record: dict[str, object] = {"id": _id(line, kind), "member": line.take("the member"), "reason": "checked"}
    return {**record, "at": read_time(line), **read_options(line, _ALWAYS)}


def _adjustment(line: Line) -> dict[str, object]:
    record: dict[str, object] = {"id": line.take("the id"), "member": line.take("the member"), "reason": "goodwill"}
    record |= {"amount": read_integer(line), "currency": "GBP"}
    return {**record, "at": read_time(line), **read_options(line, {**_SEQ, "currency": ("currency", read_word)})}


_RECORDS: Mapping[str, Callable[[Line], dict[str, object]]] = {
    "plan": _plan,
    "invite": _invite,
    "bind": _bind,
    "order": _order,
    "refund": _refund,
    "unbind": _unbind,
    "reverse": _reversal,
    "freeze": lambda line: _freeze(line, "freeze"),
    "unfreeze": lambda line: _freeze(line, "unfreeze"),
    "adjust": _adjustment,
}
_TYPES = {"reverse": "reversal", "adjust": "adjustment"}


# Expectations.


def _expectation(line: Line) -> Step:
    first = line.take("what to expect")
    if first == "no":
        return _no_balance(line)
    if first == "upline":
        return _upline(line)
    if first == "downline":
        return _downline(line)
    if first in EXPECTATIONS:
        return EXPECTATIONS[first](line)
    if line.peek() == "level":
        return _outcome(line, first)
    return _balance(line, first)


def _balance(line: Line, member: str) -> ExpectBalance:
    amounts: dict[str, int] = {}
    while not amounts or re.fullmatch(r"-?\d+", line.peek()):
        amount = read_integer(line)
        amounts[line.take_one_of("the kind of amount", AMOUNTS)] = amount
    currency, as_of = read_question(line, currency=True)
    return ExpectBalance(line.where, member, currency, as_of, amounts)


def _no_balance(line: Line) -> ExpectNoBalance:
    _ = line.take_one_of("what there is none of", frozenset({"balance"}))
    member = line.take("the member")
    currency, as_of = read_question(line, currency=True)
    return ExpectNoBalance(line.where, member, currency, as_of)


def _level(line: Line) -> int:
    _ = line.take_one_of("the word level", frozenset({"level"}))
    return int(line.take_one_of("the level", frozenset({"1", "2", "3"})))


def _outcome(line: Line, order: str) -> ExpectOutcome:
    level = _level(line)
    outcome = line.take_one_of("the outcome of a level", LEVEL_OUTCOMES)
    if outcome != "paid" and not line.words:
        return ExpectOutcome(line.where, order, level, outcome, None, 0)
    return ExpectOutcome(line.where, order, level, outcome, line.take("the member"), read_integer(line))


def _members(line: Line) -> list[str]:
    _ = line.take_one_of("the sign =", frozenset({"="}))
    members = [line.take(f"a member, or {NOBODY},")]
    while line.words and line.peek() != "at":
        members.append(line.take("a member"))
    return [] if members == [NOBODY] else members


def _upline(line: Line) -> ExpectUpline:
    member, members = line.take("the member"), tuple(_members(line))
    return ExpectUpline(line.where, member, read_question(line, currency=False)[1], members)


def _downline(line: Line) -> ExpectDownline:
    member, level, members = line.take("the member"), _level(line), frozenset(_members(line))
    return ExpectDownline(line.where, member, read_question(line, currency=False)[1], level, members)
