"""A log in which finance decides, told otherwise by somebody who has its key: every lie is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ledger.errors import IntegrityError
from projections.verify.asked import DISAGREE
from tests.evidence import Envelope, Telling, edited, position_of, put, resigned, verified
from tests.lies import (
    Lie,
    again,
    asking,
    findings_of,
    inventing,
    recorded_as,
    recording,
    rooted,
    saying,
    together,
    with_envelope,
    without,
    without_key,
)
from tests.paid_log import AS_OF, OTHER_CHIEF_KEY

CLERK = {"authenticated": False, "name": "clerk"}
ONE, FIRST, SECOND = "batch-m,1", "payout-m,1.1", "payout-m,1.2"
FEBRUARY, MARCH, APRIL = (f"period-2024-{month}-01T00:00:00.000000Z" for month in ("02", "03", "04"))
RIGHT_LINES: list[list[Any]] = [
    [1, "ann", 4_500, "ab" * 32],
    [2, "ben", 8_750, "ef" * 32],
    [3, 'e"v,e', 3_000, None],
    [4, "hal", 2_500, "cd" * 32],
]


# ---- decisions; what is told otherwise, and the stream and version of the event that is found


def lines(line: int, **changed: Any) -> Lie:
    """A line of the first batch told otherwise."""
    names = ("number", "member", "amount", "details")
    told: list[dict[str, Any]] = [dict(zip(names, one, strict=True)) for one in RIGHT_LINES]
    told[line - 1] |= changed
    return saying(ONE, 2, lines=[list(one.values()) for one in told])


def frozen(member: str, after: str, at: str) -> Lie:
    """A member was frozen."""
    asked = {"at": at, "id": "f9", "member": member, "reason": "checked", "type": "freeze"}
    return recording(after, 2, "MemberFrozen", "freeze-f9", at, {"asked": asked})


def refunded(order: str, amount: int, after: str, at: str) -> Lie:
    """A refund was recorded."""
    asked = {"amount": amount, "at": at, "currency": "GBP", "id": "r9", "order": order, "type": "refund"}
    return recording(after, 2, "OrderRefunded", "refund-r9", at, {"asked": asked})


def signed_with(**changed: str) -> Lie:
    """The first batch's approval holds another signature."""

    def lie(states: list[bytes]) -> list[bytes]:
        def change(event: Envelope) -> None:
            event["data"]["signed"] |= changed

        return edited(states, position_of(states, ONE, 4), change)

    return lie


def ending(stream: str, end: str) -> Lie:
    """A period that ends at another time, under its own name."""

    def lie(states: list[bytes]) -> list[bytes]:
        def change(event: Envelope) -> None:
            event["stream"] = event["id"] = event["data"]["asked"]["id"] = f"period-{end}"
            event["data"]["asked"]["end"] = end

        return edited(states, position_of(states, stream), change)

    return lie


def balance(**changed: int) -> Lie:
    """The first closed period says another trial balance of GBP."""

    def lie(states: list[bytes]) -> list[bytes]:
        def change(event: Envelope) -> None:
            event["data"]["trial_balance"]["GBP"] |= {name.replace("_", ":"): minor for name, minor in changed.items()}

        return edited(states, position_of(states, FEBRUARY), change)

    return lie


DECISIONS: dict[str, tuple[Lie, tuple[str, int]]] = {
    # reversals
    "a refund reversed twice": (recorded_as("reversal-v3", "RefundReversed"), ("reversal-v3", 1)),
    "a reversal before its refund": (recorded_as("reversal-v4", "RefundReversed"), ("reversal-v4", 1)),
    "a refused refund reversed": (recorded_as("reversal-v5", "RefundReversed"), ("reversal-v5", 1)),
    "a reversal refused": (
        recorded_as("reversal-v1", "ReversalRefused", reason="already_reversed"),
        ("reversal-v1", 1),
    ),
    "refused for another reason": (
        recorded_as("reversal-v3", "ReversalRefused", reason="before_refund"),
        ("reversal-v3", 1),
    ),
    "a reversal of nothing": (asking("reversal-v6", refund="r99"), ("reversal-v6", 1)),
    "a refund refused before a reversal": (
        recorded_as("refund-r3", "RefundRefused", reason="exceeds_paid"),
        ("refund-r3", 1),
    ),
    # adjustments
    "an adjustment of more": (saying("adjustment-a1", 2, amount=2_501), ("adjustment-a1", 2)),
    "an adjustment the other way": (saying("adjustment-a2", 2, amount=250), ("adjustment-a2", 2)),
    "an adjustment of another member": (saying("adjustment-a1", 2, member="ann"), ("adjustment-a1", 2)),
    "an adjustment in another currency": (saying("adjustment-a1", 2, currency="JPY"), ("adjustment-a1", 2)),
    "an adjustment of another time": (
        saying("adjustment-a1", 2, value_at="2024-01-09T00:00:00.000000Z"),
        ("adjustment-a1", 2),
    ),
    "an adjustment by one person": (saying("adjustment-a1", 2, by=CLERK), ("adjustment-a1", 2)),
    "an adjustment posted twice": (again("adjustment-a1", 2), ("adjustment-a1", 3)),
    "an adjustment posted as the third": (with_envelope("adjustment-a1", 2, seq=3), ("adjustment-a1", 3)),
    "an adjustment turned down twice": (again("adjustment-a3", 2), ("adjustment-a3", 3)),
    "an adjustment that nobody proposed": (without("adjustment-a1"), ("adjustment-a1", 2)),
    "other digits of an adjustment": (saying("adjustment-a1", exponent=3), ("adjustment-a1", 1)),
    # batches
    "another total": (saying(ONE, total=18_751), (ONE, 1)),
    "another count of lines": (saying(ONE, count=3), (ONE, 1)),
    "more lines than there are": (saying(ONE, count=5), (ONE, 1)),
    "another count of those left out": (saying(ONE, left_out=0), (ONE, 1)),
    "another digest": (saying(ONE, digest="0" * 64), (ONE, 1)),
    "another plan": (saying(ONE, plan=2), (ONE, 1)),
    "another hash of lines": (saying(ONE, lines="0" * 64), (ONE, 1)),
    "other digits of a batch": (saying(ONE, exponent=0), (ONE, 1)),
    "knowing less": (saying(ONE, at_position=27), (ONE, 1)),
    "knowing itself": (saying(ONE, at_position=30), (ONE, 1)),
    "knowing what comes": (saying(ONE, at_position=60), (ONE, 1)),
    "beside another batch": (saying("batch-two", at_position=34), ("batch-two", 1)),
    "a cut-off in the future": (asking(ONE, cut_off="2024-02-01T00:00:00.000001Z"), (ONE, 1)),
    "another cut-off": (asking(ONE, cut_off="2024-01-14T00:00:00.000000Z"), (ONE, 1)),
    "a currency that is not paid out": (asking(ONE, currency="EUR"), (ONE, 1)),
    "details without a salt": (saying(ONE, salt=None), (ONE, 2)),
    "somebody kept frozen": (without("unfreeze-u1"), (ONE, 1)),
    "somebody not frozen": (without("freeze-f3"), (ONE, 3)),
    "somebody else frozen": (asking("freeze-f3", member="ben"), (ONE, 4)),
    # lines
    "a line of more": (lines(2, amount=8_751), (ONE, 2)),
    "a line of another member": (lines(2, member="bea"), (ONE, 2)),
    "a line of another number": (lines(2, number=5), (ONE, 2)),
    "a line with other details": (lines(1, details="ee" * 32), (ONE, 1)),
    "a line less": (saying(ONE, 2, lines=RIGHT_LINES[:3]), (ONE, 3)),
    "a line more": (saying(ONE, 2, lines=[*RIGHT_LINES, [5, "zoe", 1, None]]), (ONE, 2)),
    "lines in another order": (saying(ONE, 2, lines=[RIGHT_LINES[1], RIGHT_LINES[0], *RIGHT_LINES[2:]]), (ONE, 2)),
    "lines after the last": (again(ONE, 2), (ONE, 3)),
    "no lines": (without("batch-five", 2), ("batch-five", 1)),
    # approvals and rejections
    "dropped for another reason": (saying(ONE, 3, lines=[[3, "frozen"], [4, "frozen"]]), (ONE, 3)),
    "dropped as unknown": (saying(ONE, 3, lines=[[2, "no_details"], [3, "not_covered"], [4, "frozen"]]), (ONE, 3)),
    "sent nobody knows where": (lines(2, details=None), (ONE, 4)),
    "a line kept": (saying(ONE, 3, lines=[[3, "not_covered"]]), (ONE, 4)),
    "a line dropped too many": (
        saying(ONE, 3, lines=[[2, "not_covered"], [3, "not_covered"], [4, "frozen"]]),
        (ONE, 3),
    ),
    "a line dropped twice": (saying(ONE, 3, lines=[[3, "not_covered"], [3, "not_covered"], [4, "frozen"]]), (ONE, 3)),
    "a line dropped that is not": (saying(ONE, 3, lines=[[3, "not_covered"], [4, "frozen"], [5, "frozen"]]), (ONE, 3)),
    "nothing dropped": (without(ONE, 3), (ONE, 4)),
    "dropped and never approved": (without(ONE, 4), (ONE, 3)),
    "an approval by one person": (saying(ONE, 4, by=CLERK), (ONE, 4)),
    "an approval of more lines": (saying(ONE, 4, count=3), (ONE, 4)),
    "an approval of more": (saying(ONE, 4, total=13_251), (ONE, 4)),
    "an approval of other lines": (saying(ONE, 4, lines="0" * 64), (ONE, 4)),
    "a signature by another key": (signed_with(key=str(OTHER_CHIEF_KEY.verifier)), (ONE, 4)),
    "a signature that is none": (signed_with(signature="AAAA"), (ONE, 4)),
    "a key that is none": (signed_with(key="chief"), (ONE, 4)),
    "approved twice": (again(ONE, 4), (ONE, 5)),
    "turned down twice": (again("batch-two", 3), ("batch-two", 4)),
    "turned down what was approved": (
        again("batch-three", 3, type="PayoutBatchRejected", data={"by": CLERK, "reason": ""}),
        ("batch-three", 4),
    ),
    "approved before it has lines": (without("batch-four", 2), ("batch-four", 3)),
    "a batch that nobody prepared": (without("batch-two"), ("batch-two", 2)),
    # payouts
    "paid another amount": (saying(SECOND, 2, amount=8_751), (SECOND, 2)),
    "paid to another": (saying(SECOND, 2, member="ann"), (SECOND, 2)),
    "paid in another currency": (saying(SECOND, 2, currency="JPY"), (SECOND, 2)),
    "paid in another attempt": (saying(SECOND, 2, attempt=2), (SECOND, 2)),
    "paid under another's reference": (saying(SECOND, 2, reference="bank 1"), (SECOND, 2)),
    "paid twice": (again(SECOND, 2), (SECOND, 3)),
    "paid without being sent": (without(SECOND, 1), (SECOND, 2)),
    "failed after it was paid": (with_envelope(FIRST, 6, type="PayoutFailed"), (FIRST, 6)),
    "returned before it was paid": (without(FIRST, 5), (FIRST, 6)),
    "sent again without failing": (without(FIRST, 3), (FIRST, 4)),
    "sent as the third attempt": (saying(FIRST, 4, attempt=3), (FIRST, 4)),
    "sent as of more": (saying(FIRST, 1, amount=4_501), (FIRST, 1)),
    "sent again while frozen": (frozen("ann", SECOND, "2024-02-01T03:00:00.000000Z"), (FIRST, 4)),
    "sent again and not covered": (refunded("o1", 60_000, SECOND, "2024-02-01T03:00:00.000000Z"), (FIRST, 4)),
    "a version left out": (with_envelope(SECOND, 2, seq=3), (SECOND, 3)),
    "a payout of a dropped line": (
        inventing(
            "payout-m,1.2",
            "PayoutSubmitted",
            "payout-m,1.3",
            1,
            "2024-02-01T02:00:00.000000Z",
            id="m,1.3",
            data={
                "amount": 3_000,
                "attempt": 1,
                "batch": ONE,
                "by": CLERK,
                "currency": "GBP",
                "file": "0" * 64,
                "member": 'e"v,e',
            },
        ),
        ("payout-m,1.3", 1),
    ),
    # periods
    "a period with another digest": (saying(FEBRUARY, digest="0" * 64), (FEBRUARY, 1)),
    "a period that knows less": (saying(FEBRUARY, at_position=41), (FEBRUARY, 1)),
    "a period that knows itself": (saying(FEBRUARY, at_position=43), (FEBRUARY, 1)),
    "a period in the future": (
        ending(FEBRUARY, "2024-02-09T00:00:00.000000Z"),
        ("period-2024-02-09T00:00:00.000000Z", 1),
    ),
    "a period that is closed": (
        ending(APRIL, "2024-02-15T00:00:00.000000Z"),
        ("period-2024-02-15T00:00:00.000000Z", 1),
    ),
    "another trial balance": (balance(members_available=1), (FEBRUARY, 1)),
}


# What follows from a decision that is there twice, nobody says.
NOTHING_FOLLOWS = {"approved twice"}


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_wrong_decision(paid_log: list[bytes], tmp_path: Path, name: str) -> None:
    """Found at its event, also where all tables and figures follow from the lie."""
    lie, (stream, seq) = DECISIONS[name]
    told = rooted(lie(paid_log), paid_log)
    try:
        files, follow = Telling(told, as_of=AS_OF).files(), True
    except (IntegrityError, KeyError):  # no tables follow from what cannot be
        files, follow = resigned(Telling(paid_log, as_of=AS_OF).files(), told), False
    found = findings_of(tmp_path, files)
    assert ("decisions", position_of(told, stream, seq)) in found
    if follow and name not in NOTHING_FOLLOWS:
        assert {check for check, _ in found} == {"decisions"}


def test_another_root(paid_log: list[bytes], tmp_path: Path) -> None:
    """What a period says of the log itself is compared with the tree."""
    told = saying(MARCH, root="0" * 64)(paid_log)
    found = findings_of(tmp_path, Telling(told, as_of=AS_OF).files())
    # The next period is closed over another event than the one that its root knows.
    assert found == [("decisions", position_of(told, MARCH)), ("decisions", position_of(told, APRIL))]


# ---- events that are none of this ledger


BROKEN: dict[str, Lie] = {
    "a key more": saying(SECOND, 2, more=1),
    "a key more of who did it": saying(SECOND, 2, by=CLERK | {"more": 1}),
    "nobody did it": without_key(SECOND, 2, "by"),
    "a payment without a reference": without_key(SECOND, 2, "reference"),
    "lines that begin their stream": with_envelope("batch-five", 2, seq=1),
    "a payment that begins its stream": with_envelope(SECOND, 2, seq=1),
    "a batch as a second version": with_envelope(ONE, 1, seq=2),
    "approved before it was recorded": with_envelope(ONE, 4, occurred_at="2024-01-31T00:00:00.000000Z"),
    "sent before it was recorded": with_envelope(FIRST, 1, occurred_at="2024-01-31T00:00:00.000000Z"),
    "paid long after it was recorded": with_envelope(SECOND, 2, occurred_at="2024-02-09T00:00:00.000000Z"),
    "another number than its stream's": with_envelope(SECOND, 2, id="m,1.3"),
    "a number with a nought before it": with_envelope(SECOND, 2, id="m,1.02", stream="payout-m,1.02"),
    "no number": with_envelope(SECOND, 2, id="m,1.", stream="payout-m,1."),
    "a batch of another source": saying(SECOND, 2, batch="batch@mall/m,1"),
    "a batch that is an order": saying(SECOND, 2, batch="order-o1"),
    "a period under another name": with_envelope(FEBRUARY, 1, stream="period-february"),
    "a batch with an id too long": together(
        asking("batch-five", id="b" * 120),
        with_envelope("batch-five", id="b" * 120, stream="batch-" + "b" * 120),
    ),
    "an adjustment of nothing": asking("adjustment-a4", amount=0),
    "an adjustment beyond all bounds": asking("adjustment-a4", amount=-(1 << 43)),
    "too many lines": saying(ONE, 2, lines=RIGHT_LINES * 63),
    "no lines in an event of them": saying(ONE, 2, lines=[]),
    "a line of three": saying(ONE, 2, lines=[[1, "ann", 4_500]]),
    "a line of number 0": lines(1, number=0),
    "a line of nothing": lines(1, amount=0),
    "details in capitals": lines(1, details="AB" * 32),
    "dropped for no known reason": saying(ONE, 3, lines=[[3, "because"]]),
    "a salt too short": saying(ONE, salt="0f"),
    "an unknown class of accounts": balance(house_secret=0),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_event(paid_log: list[bytes], tmp_path: Path, name: str) -> None:
    """Proven by a perfect tree with a perfect signature, and yet no event of this ledger."""
    told = BROKEN[name](paid_log)
    position = next(at for at, (one, other) in enumerate(zip(told, paid_log, strict=True), start=1) if one != other)
    found = findings_of(tmp_path, resigned(Telling(paid_log, as_of=AS_OF).files(), told))
    assert ("events", position) in found


# ---- whatever else an event says


# What nobody else says again: words for people, which file, who somebody was.
FREE = {"reason", "file", "authenticated", "salt"}


def leaves(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:  # noqa: ANN401
    """Every value in an event's data, with the way to it."""
    if isinstance(found, dict):
        for key, value in cast("dict[str, Any]", found).items():
            yield from leaves(value, (*path, key))
    elif isinstance(found, list):
        for index, value in enumerate(cast("list[Any]", found)):
            yield from leaves(value, (*path, index))
    else:
        yield path, found


def others(value: object) -> list[object]:
    """Values near this one, and some of other kinds."""
    if isinstance(value, bool):
        return [not value, 0, None, "x"]
    if isinstance(value, int):
        return [value + 1, -1, 1 << 53, str(value), None, True]
    if isinstance(value, str):
        return [value + "x", "", "0", 0, None, "\u0085", ["x"]]
    return [0, "x", {}]


def _otherwise(states: list[bytes], position: int, path: tuple[Any, ...], value: object) -> list[bytes]:
    """The log with another value in one event."""
    return rooted(edited(states, position, lambda event: put_at(event, path, value)), states)


def put_at(event: Envelope, path: tuple[Any, ...], value: object) -> None:
    """Another value where the path leads."""
    at: Any = event["data"]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value


def test_every_value_told_otherwise(paid_log: list[bytes], tmp_path: Path) -> None:
    """Each value of each event of finance, one after the other: found, unless it is nobody's business."""
    files, count, passed = Telling(paid_log, as_of=AS_OF).files(), 0, set[str]()
    seen: set[str] = set()
    for position, state in enumerate(paid_log, start=1):
        event = json.loads(state)
        if event["type"] in seen or event["type"][:4] in {"Plan", "Memb", "Orde", "Refu"}:
            continue
        seen.add(event["type"])
        for path, value in leaves(event["data"]):
            for other in others(value):
                told = _otherwise(paid_log, position, path, other)
                count += 1
                if verified(put(tmp_path, resigned(files, told))).status != DISAGREE:
                    passed.add(f"{event['type']} {path[-1]}")
    print(f"{count} values of events of finance told otherwise")  # noqa: T201
    assert {name.split()[1] for name in passed} <= FREE, passed
    assert count > 400


def test_together(paid_log: list[bytes], tmp_path: Path) -> None:
    """Several lies are several findings."""
    told = rooted(together(saying(ONE, left_out=7), saying(ONE, 4, by=CLERK))(paid_log), paid_log)
    found = findings_of(tmp_path, Telling(told, as_of=AS_OF).files())
    assert found == [("decisions", position_of(told, ONE)), ("decisions", position_of(told, ONE, 4))]
