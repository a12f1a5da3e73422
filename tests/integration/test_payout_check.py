"""The control `payouts`: nothing is found where everything was decided right, and each wrong decision is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.clock import system_clock
from ledger.rules.payout import approval_text
from ledger.tree.hashing import root_of
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import sign_note
from ledger.tree.spelling import encode_base64
from projections.books import opened_books
from projections.payout_check import check_payouts
from projections.replay.session import replaying
from tests.builders import bind, commands, order, plan, refund
from tests.scribe import Scribe, root_over

pytestmark = pytest.mark.long_on_postgres

KEY = SignerKey("chief.example", Kind.NOTE, b"1" * 32)
CUT_OFF, PREPARED, APPROVED = "2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"
LATER = "2026-02-{:02}T00:00:00Z".format
AMOUNTS = ("adjusted", "available", "clawed_back", "earned", "paid", "pending", "reserved")

RECORDS: list[dict[str, Any]] = [
    plan(hold_days=7, min_payout={"GBP": 2_000}),
    bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"),
    bind("b2", "cat", "ben", "2026-01-01T00:00:00Z"),
    bind("b3", "dan", "eve", "2026-01-01T00:00:00Z"),
    # ben 100.00 and ann 50.00, from 10 January on; a fifth is taken back.
    order("o1", "cat", 100_000, "2026-01-03T00:00:00Z"),
    refund("r1", "o1", 20_000, "2026-01-20T00:00:00Z"),
    # On hold at the cut-off: ben 30.00, ann 15.00.
    order("o2", "cat", 30_000, "2026-01-28T00:00:00Z"),
    # eve 1.00: less than the minimum.
    order("o3", "dan", 1_000, "2026-01-03T00:00:00Z"),
]
Lines = list[tuple[str, int]]
LINES: Lines = [("ann", 4_000), ("ben", 8_000)]


def balance(member: str, *amounts: int) -> bytes:
    """A line of the digest, its amounts in the order of AMOUNTS."""
    return canonical({"member": member, "currency": "GBP", **dict(zip(AMOUNTS, amounts, strict=True))})


DIGEST = root_of(
    [
        balance("ann", 0, 4_000, 1_000, 6_500, 0, 1_500, 0),
        balance("ben", 0, 8_000, 2_000, 13_000, 0, 3_000, 0),
        balance("eve", 0, 100, 0, 100, 0, 0, 0),
        balance("fay", -300, -300, 0, 0, 0, 0, 0),
        balance("gus", 5_000, 5_000, 0, 0, 0, 0, 0),
    ]
).hex()
# Whom a batch leaves out: eve below the minimum, fay in debt, gus frozen.
RIGHT: dict[str, Any] = {"digest": DIGEST, "left_out": 3}


@pytest.fixture
def scribe(ledger: Ledger) -> Scribe:
    """Writes into a ledger in which two members can be paid."""
    ledger.submit(commands(RECORDS))
    scribe = Scribe(ledger)
    scribe.adjustment("a1", "fay", -300, "2026-01-05T00:00:00Z")
    scribe.adjustment("a2", "gus", 5_000, "2026-01-05T00:00:00Z")
    scribe.freeze("f1", "gus", "2026-01-06T00:00:00Z")
    return scribe


def prepare(
    scribe: Scribe, record_id: str = "b1", rows: Lines | None = None, at: str = PREPARED, **otherwise: Any
) -> None:
    """The batch as the rules give it, or otherwise."""
    scribe.batch(record_id, rows or LINES, cut_off=CUT_OFF, at=at, **{**RIGHT, **otherwise})


def findings(ledger: Ledger) -> list[str]:
    """What the control finds, in words."""
    with opened_books(ledger.log, system_clock()) as books:
        return [f"{found.subject}: {found.message}" for found in check_payouts(books, lambda _: None)]


def test_right_decisions_are_found_right(ledger: Ledger, scribe: Scribe) -> None:
    """Prepared, approved but for a line that a refund uncovered and one frozen, paid, failed and tried again."""
    assert findings(ledger) == []
    prepare(scribe)
    assert findings(ledger) == []
    # Takes 6.00 of ben's 80.00 and 3.00 of ann's 40.00, dated after the cut-off; then ann is given 3.00 before it.
    ledger.submit(commands([refund("r2", "o1", 6_000, LATER(1))]))
    scribe.adjustment("a3", "ann", 300, "2026-01-30T00:00:00Z")
    scribe.approve("b1", APPROVED, {2: "not_covered"})
    scribe.payout("Submitted", ("b1", 1), LATER(3))
    scribe.payout("Unknown", ("b1", 1), LATER(4))
    scribe.payout("Failed", ("b1", 1), LATER(4))
    scribe.payout("Submitted", ("b1", 1), LATER(5), 2)
    scribe.payout("Paid", ("b1", 1), LATER(6), 2)
    scribe.payout("Returned", ("b1", 1), LATER(7), 2)
    assert findings(ledger) == []


def test_a_batch_is_worked_out_again(ledger: Ledger, scribe: Scribe) -> None:
    """Its lines, its hash and all its figures, at its own cut-off and position, whatever came later."""
    prepare(scribe, salt="0f" * 16)
    scribe.approve("b1", APPROVED)
    ledger.submit(commands([refund("r2", "o1", 60_000, LATER(1))]))
    with replaying(ledger.log, ledger.log.head()) as replay:
        (batch,) = replay.batches()
        found = replay.replay_batch(batch)
    assert [tuple(line) for line in found.payable.lines] == LINES
    assert (found.digest, found.lines_hash) == (DIGEST, batch.lines_hash)
    assert (found.payable.plan, found.payable.minimum_minor) == (1, 2_000)
    assert [tuple(row) for row in found.payable.left_out] == [
        ("eve", "below_minimum", 100, 0, 100, 0),
        ("fay", "debt", -300, 0, -300, 0),
        ("gus", "frozen", 5_000, 0, 5_000, 0),
    ]


@pytest.mark.parametrize(("total", "is_right"), [(12_000, True), (12_001, False)])
def test_the_signature_of_an_approval_is_verified(ledger: Ledger, scribe: Scribe, total: int, is_right: bool) -> None:
    """By the key beside it, over what was prepared."""
    prepare(scribe)
    text = approval_text("b1", lines=root_over(LINES), count=2, total_minor=total, currency="GBP")
    (line,) = sign_note(text, KEY).signatures
    signature = encode_base64(line.key_id + line.value)
    scribe.approve("b1", APPROVED, signed={"key": str(KEY.verifier), "signature": signature})
    wrong = "batch-b1: its approval holds a signature that is not one by its key over what was prepared"
    assert findings(ledger) == ([] if is_right else [wrong])


Write = Callable[[Scribe], object]


def _reject_twice(scribe: Scribe) -> None:
    scribe.rejected("b1", APPROVED, "batch")
    scribe.rejected("b1", APPROVED, "batch")


def _approved(scribe: Scribe) -> None:
    prepare(scribe)
    scribe.approve("b1", APPROVED)


WRONG_BATCHES: dict[str, tuple[dict[str, Any], str]] = {
    "amount": (
        {"rows": [("ann", 4_000), ("ben", 8_001)]},
        "the line of ben was recorded as 8001; the events give 8000",
    ),
    "nobody": ({"rows": [("ann", 4_000)]}, "the line of ben was recorded as None; the events give 8000"),
    "minimum": ({"rows": [*LINES, ("eve", 100)]}, "the line of eve was recorded as 100; the events give None"),
    "digest": ({"digest": "0" * 64}, f"its digest was recorded as {'0' * 64}; the events give {DIGEST}"),
    "left_out": ({"left_out": 2}, "its count of those left out was recorded as 2; the events give 3"),
    "total": ({"total": 12_001}, "its total was recorded as 12001; the events give 12000"),
    "plan": ({"plan": 2}, "its plan was recorded as 2; the events give 1"),
    "hash": ({"hash": "1" * 64}, "its lines are not those that its hash is over"),
    "order": ({"rows": LINES[::-1]}, "its hash of the lines was recorded as"),
    "future": ({"at": "2026-01-30T00:00:00Z"}, "has a cut-off after its own time"),
    "itself": ({"at_position": 1_000}, "says that it was computed at its own position or later"),
    "early": ({"at_position": 5}, "its digest was recorded as"),
}


@pytest.mark.parametrize("name", WRONG_BATCHES)
def test_a_wrong_batch_is_found(ledger: Ledger, scribe: Scribe, name: str) -> None:
    """What it says is not what the events give."""
    otherwise, message = WRONG_BATCHES[name]
    prepare(scribe, **otherwise)
    assert any(found.startswith(f"batch-b1: {message}") for found in findings(ledger)), findings(ledger)


WRONG_EVENTS: dict[str, tuple[list[Write], str]] = {
    "beside another": (
        [prepare, lambda scribe: prepare(scribe, "b2", at_position=12)],
        "batch-b2: was prepared beside another batch event of its currency, recorded after its P",
    ),
    "its own approval": (
        [prepare, lambda scribe: scribe.approve("b1", APPROVED, by={"authenticated": False, "name": "clerk"})],
        "batch-b1: was approved by the one who prepared it",
    ),
    "rejected twice": ([prepare, _reject_twice], "batch-b1: cannot follow what was recorded of the batch before"),
    "dropped for nothing": (
        [prepare, lambda scribe: scribe.approve("b1", APPROVED, {1: "not_covered"})],
        "batch-b1: line 1 of ann, 4000, was dropped as not_covered: 4000 was payable then",
    ),
    "not frozen": (
        [prepare, lambda scribe: scribe.approve("b1", APPROVED, {1: "frozen"})],
        "batch-b1: line 1 of ann, 4000, was dropped as frozen: 4000 was payable then",
    ),
    "frozen": (
        [prepare, lambda scribe: scribe.freeze("f2", "ann", LATER(1)), lambda scribe: scribe.approve("b1", APPROVED)],
        "batch-b1: line 1 of ann, 4000, was reserved: 4000 was payable then, and the member was frozen",
    ),
    "not covered": (
        [
            prepare,
            lambda scribe: scribe.adjustment("a3", "ben", -1, LATER(20)),
            lambda scribe: scribe.approve("b1", APPROVED),
        ],
        "batch-b1: line 2 of ben, 8000, was reserved: 7999 was payable then",
    ),
    "covered twice": (
        [
            prepare,
            lambda scribe: scribe.batch("b2", LINES, cut_off=CUT_OFF, at=PREPARED, **RIGHT),
            lambda scribe: scribe.approve("b1", APPROVED),
            lambda scribe: scribe.approve("b2", APPROVED),
        ],
        "batch-b2: line 1 of ann, 4000, was reserved: 0 was payable then",
    ),
    "never to be sent": (
        [
            lambda scribe: prepare(scribe, salt="0f" * 16, details={"ben": "ab" * 32}),
            lambda scribe: scribe.approve("b1", APPROVED),
        ],
        "batch-b1: line 1 of ann, 4000, was reserved: 4000 was payable then, and nobody had said where",
    ),
    "sent all the same": (
        [prepare, lambda scribe: scribe.approve("b1", APPROVED, {1: "no_details"})],
        "batch-b1: line 1 of ann, 4000, was dropped as no_details: 4000 was payable then",
    ),
    "dropped for the second reason": (
        [
            prepare,
            lambda scribe: scribe.freeze("f2", "ben", LATER(1)),
            lambda scribe: scribe.adjustment("a3", "ben", -1, LATER(1)),
            lambda scribe: scribe.approve("b1", APPROVED, {2: "frozen"}),
        ],
        "batch-b1: line 2 of ben, 8000, was dropped as frozen: 7999 was payable then, and the member was frozen",
    ),
    "dropped for the third reason": (
        [
            lambda scribe: prepare(scribe, salt="0f" * 16, details={"ben": "ab" * 32}),
            lambda scribe: scribe.freeze("f2", "ann", LATER(1)),
            lambda scribe: scribe.approve("b1", APPROVED, {1: "no_details"}),
        ],
        (
            "batch-b1: line 1 of ann, 4000, was dropped as no_details: 4000 was payable then, and the member was frozen"
            ", and nobody had said where"
        ),
    ),
    "an adjustment by one person": (
        [lambda scribe: scribe.adjustment("a3", "ben", 1, LATER(1), {"by": {"authenticated": False, "name": "clerk"}})],
        "adjustment-a3: was approved by the one who proposed it",
    ),
    "other figures": (
        [prepare, lambda scribe: scribe.approve("b1", APPROVED, total=11_999)],
        "batch-b1: count, total or hash of its approval are not those of the lines that were not dropped",
    ),
    "a line that is none": (
        [prepare, lambda scribe: scribe.approve("b1", APPROVED, {3: "frozen"})],
        "batch-b1: line 3 is dropped, which there is not, or not to be approved",
    ),
    "never reserved": (
        [prepare, lambda scribe: scribe.payout("Submitted", ("b1", 1), APPROVED)],
        "payout-b1.1: is recorded as submitted, but no line of an approved batch stands for it",
    ),
    "never submitted": (
        [_approved, lambda scribe: scribe.payout("Paid", ("b1", 1), LATER(3))],
        "payout-b1.1: is recorded as paid, but it was reserved",
    ),
    "paid twice": (
        [
            _approved,
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Paid", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Paid", ("b1", 1), LATER(4), reference="again"),
        ],
        "payout-b1.1: is recorded as paid, but it was paid",
    ),
    "tried again while nobody knows": (
        [
            _approved,
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Unknown", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(4), 2),
        ],
        "payout-b1.1: is recorded as submitted, but it was unknown",
    ),
    "after it came back": (
        [
            _approved,
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Paid", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Returned", ("b1", 1), LATER(4)),
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(5), 2),
        ],
        "payout-b1.1: is recorded as submitted, but it was returned",
    ),
    "another amount": (
        [_approved, lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3), amount=4_001)],
        "payout-b1.1: is recorded as submitted, but member, currency or amount are not those of the line",
    ),
    "another attempt": (
        [
            _approved,
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Paid", ("b1", 1), LATER(3), 2),
        ],
        "payout-b1.1: is recorded as paid, but attempt 2 is not the one that is due",
    ),
    "one reference for two": (
        [
            _approved,
            *[lambda scribe, n=n: scribe.payout("Submitted", ("b1", n), LATER(3)) for n in (1, 2)],
            *[lambda scribe, n=n: scribe.payout("Paid", ("b1", n), LATER(3), reference="77") for n in (1, 2)],
        ],
        "payouts: the provider's reference 77 stands for more than one payout",
    ),
    "tried again while frozen": (
        [
            _approved,
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Failed", ("b1", 1), LATER(3)),
            lambda scribe: scribe.freeze("f2", "ann", LATER(4)),
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(5), 2),
        ],
        "payout-b1.1: was tried again while ann was frozen",
    ),
    "tried again uncovered": (
        [
            _approved,
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(3)),
            lambda scribe: scribe.payout("Failed", ("b1", 1), LATER(3)),
            lambda scribe: scribe.adjustment("a3", "ann", -1, LATER(20)),
            lambda scribe: scribe.payout("Submitted", ("b1", 1), LATER(5), 2),
        ],
        "payout-b1.1: was tried again with 4000, when 3999 was payable",
    ),
    "another adjustment": (
        [lambda scribe: scribe.adjustment("a3", "ann", 5, LATER(1), {"amount": 6})],
        "adjustment-a3: was not proposed so, or decided before",
    ),
    "an adjustment turned down": (
        [
            lambda scribe: scribe.adjustment("a3", "ann", 5, LATER(1)),
            lambda scribe: scribe.rejected("a3", LATER(2)),
        ],
        "adjustment-a3: was not proposed so, or decided before",
    ),
}


@pytest.mark.parametrize("name", WRONG_EVENTS)
def test_a_wrong_event_is_found(ledger: Ledger, scribe: Scribe, name: str) -> None:
    """One decision that the rules do not make."""
    writes, message = WRONG_EVENTS[name]
    for write in writes:
        write(scribe)
    assert message in findings(ledger)
