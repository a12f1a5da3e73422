"""A small log in which finance decides everything that it can decide, both ways, for tests of the verifier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.clock import parse_instant
from ledger.payout_commands import PrepareBatch
from ledger.payouts.approving import SignedApproval, approve
from ledger.payouts.preparing import prepare
from ledger.rules.payout import approval_text
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import sign_note
from projections.batches import batch_of, payouts_in
from projections.payable import payable_at_head
from projections.payouts import propose
from tests.builders import adjustment, bind, freeze, order, plan, refund, reversal
from tests.finance import Desk, opened

CHIEF_KEY = SignerKey("chief.example", Kind.NOTE, b"1" * 32)
OTHER_CHIEF_KEY = SignerKey("chief.example", Kind.NOTE, b"2" * 32)
FEBRUARY, MARCH, APRIL, MAY = (datetime(2024, month, 1, tzinfo=UTC) for month in (2, 3, 4, 5))
AS_OF = parse_instant("2024-05-02T00:00:00Z")
HOUR = timedelta(hours=1)

RECORDS = [
    plan(hold_days=7, min_payout={"GBP": 500, "JPY": 10}, binding={"ttl_days": None}),
    bind("b1", "ben", "ann", "2024-01-01T00:00:00Z"),
    bind("b2", "cat", "ben", "2024-01-01T00:00:00Z"),
    bind("b3", "dan", 'e"v,e', "2024-01-01T00:00:00Z"),
    bind("b4", "fay", "gus", "2024-01-01T00:00:00Z"),
    order("o1", "cat", 100_000, "2024-01-03T00:00:00Z"),  # ben 100.00, ann 50.00
    order("o2", "dan", 30_000, "2024-01-04T00:00:00Z"),  # eve 30.00
    order("o3", "fay", 4_000, "2024-01-05T00:00:00Z"),  # gus 4.00: below the minimum
    order("o4", "cat", 9_990, "2024-01-30T00:00:00Z"),  # on hold until 6 February
    order("o5", "cat", 5_000, "2024-01-06T00:00:00Z", currency="JPY"),
    refund("r1", "o1", 20_000, "2024-01-08T00:00:00Z"),  # on hold
    reversal("v1", "r1", "2024-01-09T00:00:00Z"),
    refund("r2", "o1", 10_000, "2024-01-20T00:00:00Z"),
    refund("r3", "o1", 10_000, "2024-01-21T00:00:00Z"),
    reversal("v2", "r2", "2024-01-25T00:00:00Z"),
    reversal("v3", "r2", "2024-01-26T00:00:00Z"),  # reversed already
    reversal("v4", "r3", "2024-01-20T00:00:00Z"),  # before the refund
    refund("r4", "o1", 999_999, "2024-01-22T00:00:00Z"),  # exceeds what was paid
    reversal("v5", "r4", "2024-01-23T00:00:00Z"),  # of a refused one
    adjustment("a1", "hal", 2_500, "2024-01-10T00:00:00Z"),
    adjustment("a2", "ben", -250, "2024-01-10T00:00:00Z"),
    adjustment("a3", "ben", 77_700, "2024-01-10T00:00:00Z"),  # turned down
    adjustment("a4", "ben", 1, "2024-01-10T00:00:00Z"),  # nobody decides
    freeze("f1", "hal", "2024-01-11T00:00:00Z"),
    freeze("u1", "hal", "2024-01-12T00:00:00Z", type="unfreeze"),
    freeze("f2", "gus", "2024-01-12T00:00:00Z"),
]


def make_paid_log(store: Path, template: bytes) -> list[bytes]:
    """The stored bytes of that log."""
    store.write_bytes(template)
    with opened(f"sqlite:///{store}") as desk:
        desk.clock.now = FEBRUARY
        done = [outcome.name for outcome in desk.record(*RECORDS)]
        assert done.count("refused") == 4, done
        expect(desk.post("a1").name, desk.post("a2").name, desk.decline("a3").name)
        _first_batch(desk)
        _other_batches(desk)
        return [row.state for row in desk.clerk.log.read()]


def _first_batch(desk: Desk) -> None:
    """Five lines at first: one no longer covered, one frozen by then; the rest paid, failed, sent back, unknown."""
    prepare_signed(desk, "m,1", FEBRUARY)
    desk.clock.now += HOUR
    desk.record(refund("r5", "o2", 30_000, "2024-02-01T00:30:00Z"), freeze("f3", "hal", "2024-02-01T00:30:00Z"))
    expect(approve_signed(desk, "m,1"))
    desk.clock.now += HOUR
    expect(desk.send("m,1", [1, 2]).name)
    desk.clock.now += HOUR
    ann, ben = amounts_of(desk, "m,1")[:2]
    expect(
        desk.settle("m,1.1", "unknown", (ann, "GBP")).name,
        desk.settle("m,1.1", "failed", (ann, "GBP"), "bank 1").name,
        desk.settle("m,1.2", "paid", (ben, "GBP"), 'bank "2", paid').name,
    )
    desk.clock.now += HOUR
    expect(desk.send("m,1", [1], attempt=2).name)
    desk.clock.now += HOUR
    expect(desk.settle("m,1.1", "paid", (ann, "GBP"), "bank 3").name)
    expect(desk.close_period(FEBRUARY).name)
    desk.clock.now = MARCH
    expect(desk.settle("m,1.1", "returned", (ann, "GBP"), "bank 4").name)


def _other_batches(desk: Desk) -> None:
    """One turned down, one in another currency, one that waits; debts, and a reversal after the payment."""
    desk.record(
        refund("r6", "o1", 90_000, "2024-03-01T00:00:00Z"),
        order("o6", "cat", 70_000, "2024-03-01T00:00:00Z"),
        freeze("u3", "hal", "2024-03-01T00:00:00Z", type="unfreeze"),
    )
    expect(desk.prepare("two", MARCH).name, desk.reject("two").name)
    desk.clock.now = APRIL
    desk.record(reversal("v6", "r6", "2024-03-20T00:00:00Z"))
    expect(desk.close_period(MARCH).name)
    expect(desk.prepare("three", MARCH, "JPY").name, desk.approve("three").name, desk.send("three", [1]).name)
    expect(desk.prepare("four", APRIL).name, desk.approve("four").name)
    desk.clock.now = MAY
    desk.record(order("o7", "dan", 12_345, "2024-04-20T00:00:00Z"))
    expect(desk.close_period(APRIL).name, desk.prepare("five", MAY).name)


def expect(*outcomes: str) -> None:
    """All of it was recorded."""
    assert set(outcomes) == {"recorded"}, outcomes


def prepare_signed(desk: Desk, batch_id: str, cut_off: datetime) -> None:
    """A batch with the details of payees, as far as they are known."""
    desk.project()
    with desk.clerk.log.reading() as session:
        proposal = propose(session, desk.clerk.log, "GBP", cut_off)
    command = PrepareBatch(at=desk.clock.now, currency="GBP", cut_off=cut_off, id=batch_id)
    expect(
        prepare(
            desk.clerk, command, proposal.draft({"ann": "ab" * 32, "ben": "ef" * 32, "hal": "cd" * 32}, "0f" * 16)
        ).name
    )


def approve_signed(desk: Desk, batch_id: str) -> str:
    """The chief signs what was prepared."""
    desk.project()
    with desk.clerk.log.reading() as session:
        batch = batch_of(session, batch_id)
    text = approval_text(
        batch_id, lines=batch.lines_hash, count=batch.lines, total_minor=batch.total_minor, currency="GBP"
    )
    signed = SignedApproval(sign_note(text, CHIEF_KEY), CHIEF_KEY.verifier)
    return approve(desk.chief, batch_id, payable_at_head, signed=signed).outcome.name


def amounts_of(desk: Desk, batch_id: str) -> list[int]:
    """Of its lines, in order."""
    desk.project()
    with desk.clerk.log.reading() as session:
        return [payout.amount_minor for payout in payouts_in(session, batch_of(session, batch_id))]
