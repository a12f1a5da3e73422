"""From the parts of an event of finance to its fact: what must agree inside one event (G-6, S-2, S-4, X-1 to X-4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ledger.canonical import canonical
from ledger.errors import MalformedEvidenceError
from ledger.ids import split_stream, stream_of
from ledger.rules.payout import PayoutState
from projections.verify import finance_facts as facts
from projections.verify.finance_facts import FinanceFact
from projections.verify.finance_grammar import LINES_MAX
from projections.verify.parts import Parts, expect_stream

_STATES: Mapping[str, PayoutState] = {
    "PayoutSubmitted": "submitted",
    "PayoutPaid": "paid",
    "PayoutFailed": "failed",
    "PayoutReturned": "returned",
    "PayoutUnknown": "unknown",
}
# Nothing is before it.
_FIRST_INSTANT = "0001-01-01T00:00:00.000000Z"


def _reversal(parts: Parts, position: int) -> FinanceFact:
    expect_stream(parts, stream_of("reversal", parts.id, parts.source))
    refund = stream_of("refund", parts.asked["refund"], parts.source)
    reason = parts.decided.get("reason")
    return facts.Reversal(facts.REVERSAL, position, parts.stream, parts.occurred_at, refund, reason)


def _frozen(parts: Parts, position: int) -> FinanceFact:
    is_frozen = parts.topic == "MemberFrozen"
    expect_stream(parts, stream_of("freeze" if is_frozen else "unfreeze", parts.id, parts.source))
    return facts.Frozen(facts.FROZEN, position, parts.asked["member"], is_frozen)


def _proposed(parts: Parts, position: int) -> FinanceFact:
    asked, decided = parts.asked, parts.decided
    expect_stream(parts, stream_of("adjustment", parts.id, parts.source))
    return facts.Proposed(
        facts.PROPOSED,
        position,
        parts.stream,
        parts.occurred_at,
        asked["member"],
        asked["currency"],
        int(asked["amount"]),
        int(decided["exponent"]),
        _name_of(decided["by"]),
    )


def _decided(parts: Parts, position: int) -> FinanceFact:
    _expect_decision(parts, stream_of("adjustment", parts.id, parts.source))
    decided, by = parts.decided, _name_of(parts.decided["by"])
    of = (facts.POSTED, position, parts.stream, parts.seq, by)
    if parts.topic == "AdjustmentRejected":
        return facts.Posted(*of, None, "", 0, "")
    return facts.Posted(*of, decided["member"], decided["currency"], int(decided["amount"]), decided["value_at"])


def _prepared(parts: Parts, position: int) -> FinanceFact:
    asked, decided = parts.asked, parts.decided
    expect_stream(parts, stream_of("batch", parts.id, parts.source))
    return facts.Prepared(
        facts.PREPARED,
        position,
        parts.stream,
        parts.occurred_at,
        asked["currency"],
        asked["cut_off"],
        int(decided["at_position"]),
        _name_of(decided["by"]),
        int(decided["count"]),
        decided["digest"],
        int(decided["exponent"]),
        int(decided["left_out"]),
        decided["lines"],
        int(decided["plan"]),
        decided.get("salt") is not None,
        int(decided["total"]),
    )


def _lined(parts: Parts, position: int) -> FinanceFact:
    _expect_decision(parts, stream_of("batch", parts.id, parts.source))
    lines = tuple([(number, member, minor, details) for number, member, minor, details in parts.decided["lines"]])
    return facts.Lined(facts.LINED, position, parts.stream, parts.seq, lines)


def _dropped(parts: Parts, position: int) -> FinanceFact:
    _expect_decision(parts, stream_of("batch", parts.id, parts.source))
    lines = tuple([(number, reason) for number, reason in parts.decided["lines"]])
    return facts.Dropped(facts.DROPPED, position, parts.stream, parts.seq, lines)


def _approved(parts: Parts, position: int) -> FinanceFact:
    _expect_decision(parts, stream_of("batch", parts.id, parts.source))
    decided, signed = parts.decided, parts.decided.get("signed")
    return facts.Approved(
        facts.APPROVED,
        position,
        parts.stream,
        parts.seq,
        parts.occurred_at,
        _name_of(decided["by"]),
        int(decided["count"]),
        decided["lines"],
        int(decided["total"]),
        None if signed is None else (signed["key"], signed["signature"]),
    )


def _rejected(parts: Parts, position: int) -> FinanceFact:
    _expect_decision(parts, stream_of("batch", parts.id, parts.source))
    return facts.Rejected(facts.REJECTED, position, parts.stream, parts.seq)


def _stepped(parts: Parts, position: int) -> FinanceFact:
    decided, state = parts.decided, _STATES[parts.topic]
    source, batch_id = split_stream(decided["batch"])
    number = parts.id.removeprefix(f"{batch_id}.")
    if decided["batch"] != stream_of("batch", batch_id, parts.source) or source != parts.source:
        raise MalformedEvidenceError(f"is of the batch {decided['batch']!a}, which no batch of its source is")
    if parts.id == number or not number.isascii() or not number.isdigit() or not _is_number(number):
        raise MalformedEvidenceError(f"has an id that is none of a payout of {decided['batch']!a}")
    expect_stream(parts, stream_of("payout", parts.id, parts.source))
    if state == "submitted":
        _expect_now(parts)
    elif parts.seq == 1:
        raise MalformedEvidenceError("follows from a submission, but is the first of its stream")
    return facts.Stepped(
        facts.STEPPED,
        position,
        parts.stream,
        parts.seq,
        parts.occurred_at,
        state,
        decided["batch"],
        decided["member"],
        decided["currency"],
        int(decided["amount"]),
        int(decided["attempt"]),
        decided["file"] if state == "submitted" else decided.get("reference"),
    )


def _closed(parts: Parts, position: int) -> FinanceFact:
    asked, decided = parts.asked, parts.decided
    expect_stream(parts, stream_of("period", asked["end"]))
    if asked["end"] == _FIRST_INSTANT:
        raise MalformedEvidenceError("closes a period of no instant")
    return facts.Closed(
        facts.CLOSED,
        position,
        parts.stream,
        parts.occurred_at,
        asked["end"],
        int(decided["at_position"]),
        decided["digest"],
        decided["root"],
        canonical(decided["trial_balance"]).decode(),
    )


def _name_of(by: Any) -> str:  # noqa: ANN401  # text or parsed
    return (json.loads(by) if isinstance(by, str) else by)["name"]


def _is_number(text: str) -> bool:
    """Of a line, in its one spelling."""
    return text[0] != "0" and len(text) <= len(str(LINES_MAX)) and int(text) <= LINES_MAX


def _expect_decision(parts: Parts, stream: str) -> None:
    """What is decided about an input comes after it in its stream, and happens when it is recorded."""
    expect_stream(parts, stream)
    if parts.seq == 1:
        raise MalformedEvidenceError("follows from an input, but is the first of its stream")
    _expect_now(parts)


def _expect_now(parts: Parts) -> None:
    if parts.occurred_at != parts.recorded_at:
        raise MalformedEvidenceError("is decided at another time than it was recorded at")


FINANCE_MAKE: Mapping[str, Callable[[Parts, int], FinanceFact]] = {
    "RefundReversed": _reversal,
    "ReversalRefused": _reversal,
    "MemberFrozen": _frozen,
    "MemberUnfrozen": _frozen,
    "AdjustmentProposed": _proposed,
    "AdjustmentPosted": _decided,
    "AdjustmentRejected": _decided,
    "PayoutBatchPrepared": _prepared,
    "PayoutBatchLines": _lined,
    "PayoutLinesDropped": _dropped,
    "PayoutBatchApproved": _approved,
    "PayoutBatchRejected": _rejected,
    **dict.fromkeys(_STATES, _stepped),
    "PeriodClosed": _closed,
}
