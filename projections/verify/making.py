"""From the parts of an event to its fact: what must agree inside one event, and what computing needs of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ledger.canonical import canonical
from ledger.errors import MalformedEvidenceError
from ledger.ids import split_stream, stream_of
from projections.verify import facts
from projections.verify.facts import Fact
from projections.verify.finance_making import FINANCE_MAKE
from projections.verify.grammar import LINE_PATTERN
from projections.verify.parts import Parts, expect_stream

_LINE = re.compile(LINE_PATTERN, re.ASCII)


def fact_from(parts: Parts, position: int) -> Fact:
    """The fact of an event.

    Raises:
        MalformedEvidenceError: the event contradicts itself.
    """
    if parts.asked_text is not None:
        if parts.asked["id"] != parts.id or parts.asked["at"] != parts.occurred_at:
            raise MalformedEvidenceError("id or occurred_at is not that of what was asked")
        if parts.seq != 1:
            raise MalformedEvidenceError(f"records an input, but is version {parts.seq} of its stream")
    return _MAKE[parts.topic](parts, position)


def _published(parts: Parts, position: int) -> Fact:
    asked = parts.asked
    expect_stream(parts, stream_of("plan", str(asked["plan"])))
    if sum(asked["rates_ppm"]) > asked["cap_ppm"]:
        raise MalformedEvidenceError(f"rates of {sum(asked['rates_ppm'])} ppm, above the plan's own cap (P-2)")
    if asked["effective_from"] < asked["at"]:
        raise MalformedEvidenceError("takes effect before its own time (P-1)")
    return facts.Published(facts.PUBLISHED, position, asked["plan"], parts.source, canonical(asked).decode())


def _invited(parts: Parts, position: int) -> Fact:
    asked = parts.asked
    expect_stream(parts, stream_of("invite", parts.id, parts.source))
    return facts.Invited(
        facts.INVITED,
        position,
        parts.stream,
        parts.occurred_at,
        asked["inviter"],
        asked.get("invitee"),
        asked.get("expires_at"),
    )


def _bind(parts: Parts, position: int) -> Fact:
    asked, decided = parts.asked, parts.decided
    expect_stream(parts, stream_of("bind", parts.id, parts.source))
    invite, plan = asked.get("invite"), decided.get("plan")
    return facts.Bind(
        facts.BIND,
        position,
        parts.stream,
        parts.occurred_at,
        asked["member"],
        asked["inviter"],
        None if invite is None else stream_of("invite", invite, parts.source),
        decided.get("reason"),
        decided.get("ends_at"),
        None if plan is None else int(plan),
    )


def _unbind_refused(parts: Parts, position: int) -> Fact:
    expect_stream(parts, stream_of("unbind", parts.id, parts.source))
    member, reason = parts.asked["member"], parts.decided["reason"]
    return facts.Unbind(facts.UNBIND, position, parts.stream, parts.occurred_at, member, reason, None, None)


def _released(parts: Parts, position: int) -> Fact:
    decided = parts.decided
    if parts.asked_text is None:
        cause = _following(parts, "take_over")
        return facts.TakenOver(facts.TAKEN_OVER, position, *cause, decided["member"], decided["referrer"])
    expect_stream(parts, stream_of("unbind", parts.id, parts.source))
    if decided["cause"] != "unbind" or decided["member"] != parts.asked["member"]:
        raise MalformedEvidenceError("releases another member than was asked, or for another cause")
    return facts.Unbind(
        facts.UNBIND,
        position,
        parts.stream,
        parts.occurred_at,
        decided["member"],
        None,
        decided["bind"],
        decided["referrer"],
    )


def _renewed(parts: Parts, position: int) -> Fact:
    cause = _following(parts, None)
    return facts.Renewed(facts.RENEWED, position, *cause, parts.decided["member"], parts.decided["ends_at"])


def _following(parts: Parts, cause: str | None) -> tuple[str, int, str, str, str]:
    """Stream, version, time, the stream of the input it follows from, the binding: of a fact in a binding's stream."""
    bind = parts.decided["bind"]
    expect_stream(parts, bind)
    if parts.seq == 1:
        raise MalformedEvidenceError("follows from a binding, but is the first of its stream")
    if parts.decided.get("cause") != cause:
        raise MalformedEvidenceError(f"has the cause {parts.decided.get('cause')!r}, not {cause!r}")
    kind = "order" if cause is None else "bind"
    return parts.stream, parts.seq, parts.occurred_at, stream_of(kind, parts.id, parts.source), bind


def _expired(parts: Parts, position: int) -> Fact:
    bind = parts.decided["bind"]
    expect_stream(parts, f"expiry-{parts.occurred_at}-{bind}")
    if parts.seq != 1 or split_stream(bind) != (parts.source, parts.id):
        raise MalformedEvidenceError("the lapse of a binding has the source and id of its bind")
    return facts.Expired(
        facts.EXPIRED, position, parts.occurred_at, bind, parts.decided["member"], parts.decided["referrer"]
    )


def _placed(parts: Parts, position: int) -> Fact:
    asked, decided = parts.asked, parts.decided
    expect_stream(parts, stream_of("order", parts.id, parts.source))
    amount, lines, plan = int(asked["amount"]), _lines(asked.get("lines")), decided.get("plan")
    if int(asked["carriage"]) > amount:
        raise MalformedEvidenceError("carriage is more than the amount it is part of")
    if lines is not None and sum([paid for _, paid in lines]) != amount:
        raise MalformedEvidenceError("its lines do not sum to its amount")
    return facts.Placed(
        facts.PLACED,
        position,
        parts.stream,
        parts.occurred_at,
        asked["member"],
        asked["currency"],
        amount,
        int(decided["exponent"]),
        None if plan is None else int(plan),
        lines,
    )


def _lines(given: Any) -> tuple[tuple[int, int], ...] | None:  # noqa: ANN401  # text or parsed
    """Number and amount of each line."""
    if given is None:
        return None
    if isinstance(given, str):
        lines = tuple([(int(number), int(amount)) for amount, _, number, _, _ in _LINE.findall(given)])
    else:
        lines = tuple([(line["n"], line["amount"]) for line in given])
    if len(lines) > 1 and len({number for number, _ in lines}) != len(lines):
        raise MalformedEvidenceError("two of its lines have the same n")
    return lines


def _refund(parts: Parts, position: int) -> Fact:
    asked = parts.asked
    expect_stream(parts, stream_of("refund", parts.id, parts.source))
    line = asked.get("line")
    return facts.Refund(
        facts.REFUND,
        position,
        parts.stream,
        parts.occurred_at,
        stream_of("order", asked["order"], parts.source),
        int(asked["amount"]),
        asked["currency"],
        None if line is None else int(line),
        asked.get("member"),
        parts.decided.get("reason"),
    )


_MAKE: Mapping[str, Callable[[Parts, int], Fact]] = {
    "PlanPublished": _published,
    "MemberInvited": _invited,
    "MemberBound": _bind,
    "BindingRefused": _bind,
    "BindingReleased": _released,
    "UnbindRefused": _unbind_refused,
    "BindingRenewed": _renewed,
    "BindingExpired": _expired,
    "OrderPlaced": _placed,
    "OrderRefunded": _refund,
    "RefundRefused": _refund,
    **FINANCE_MAKE,
}
