"""What finance decides is stored for ever: a history with every such event, as it was first written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.clock import parse_instant
from ledger.identity import identity_of
from ledger.payout_commands import ClosePeriod, PrepareBatch, SettlePayout
from ledger.payout_events import By
from ledger.payouts.adjustments import approve_adjustments, reject_adjustments
from ledger.payouts.approving import SignedApproval, approve, reject
from ledger.payouts.periods import PeriodFigures, close_period
from ledger.payouts.preparing import Draft, prepare
from ledger.payouts.sending import PaymentFile, send
from ledger.payouts.settling import settle_payouts
from ledger.rules.payout import Line, approval_text, lines_hash
from ledger.store.session import Session
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import sign_note
from tests.builders import adjustment, freeze, order, plan, refund, reversal, submit
from tests.payout_desk import Desk, desk, payable

GOLDEN = Path(__file__).parents[1] / "golden" / "payouts.jsonl"
RECORDED_AT = parse_instant("2026-03-01T09:30:00.123456Z")
CUT_OFF = parse_instant("2026-03-01T00:00:00Z")
AT = "2026-02-01T00:00:00Z"
KEY = SignerKey("chief.example", Kind.NOTE, bytes(range(32)))


def figures(session: Session, end: datetime, at_position: int, /) -> PeriodFigures:
    """What a period ends with."""
    assert session
    classes = {"members:pending": 0, "expense:commission": -250, "members:available": 250}
    return PeriodFigures("ab" * 32, f"{at_position:064x}", {"JPY": {}, "GBP": classes if end == CUT_OFF else {}})


def record(people: Desk) -> None:
    """A history with every event that finance knows."""
    submit(
        people.clerk,
        plan(min_payout={"GBP": 100, "JPY": 100}),
        order("o1", "ben", 1_000, AT),
        refund("r1", "o1", 10, AT),
        reversal("v1", "r1", AT, reason="cancelled"),
        reversal("v2", "r1", AT),
        freeze("f1", "ben", AT),
        freeze("f2", "ben", AT, type="unfreeze"),
        adjustment("a1", "ben", 2_000, AT),
        adjustment("a2", "zoë", 3_000, AT),
        adjustment("a3", "ben", 700, AT, currency="JPY"),
        adjustment("a4", "ben", -250, AT),
        adjustment("a5", "ben", 1, AT),
    )
    approve_adjustments(people.chief, ["a1", "a2", "a3"])
    reject_adjustments(people.chief, ["a5"], "no receipt")
    batches(people)
    payouts(people.clerk)
    command = ClosePeriod.model_validate({"at": RECORDED_AT, "end": CUT_OFF})
    close_period(people.clerk, command, figures)


def batches(people: Desk) -> None:
    """One of two lines, of which one is dropped, signed; one that is turned down."""
    clerk, head = people.clerk, people.clerk.log.head()
    command = PrepareBatch(at=RECORDED_AT, currency="GBP", cut_off=CUT_OFF, id="2026-02")
    payments = [("zoë", 3_000, "12" * 32), ("ben", 2_000, None)]
    drafted = Draft(payments=payments, left_out=1, at_position=head, digest="cd" * 32, salt="0f" * 16)
    prepare(clerk, command, drafted)
    approve_adjustments(people.chief, ["a4"])
    lines = lines_hash([Line(1, "ben", 2_000), Line(2, "zoë", 3_000, "12" * 32)])
    text = approval_text("2026-02", lines=lines, count=2, total_minor=5_000, currency="GBP")
    signed = SignedApproval(sign_note(text, KEY), KEY.verifier)
    approve(people.chief, "2026-02", payable, signed=signed)
    command = PrepareBatch(at=RECORDED_AT, currency="JPY", cut_off=CUT_OFF, id="b2")
    prepare(clerk, command, Draft(payments=[("ben", 700, None)], left_out=0, at_position=head, digest="ef" * 32))
    reject(people.chief, "b2", "too early")


def payouts(clerk: Ledger) -> None:
    """One that failed after nobody knew, went out again, was paid, and came back."""
    send(clerk, "2026-02", PaymentFile(1, "34" * 32, [2]), payable)
    row = {"batch": "2026-02", "no": 2, "amount": 3_000, "currency": "GBP"}
    for outcome in (
        {"outcome": "unknown", "reason": "no answer", "at": "2026-03-01T09:20:00Z"},
        {"outcome": "failed", "reason": "account closed", "at": "2026-03-01T09:21:00Z"},
    ):
        settle_payouts(clerk, [SettlePayout.model_validate({**row, **outcome})])
    send(clerk, "2026-02", PaymentFile(2, "56" * 32, [2]), payable)
    for outcome in (
        {"outcome": "paid", "reference": "PSP 77", "at": "2026-03-01T09:22:00Z"},
        {"outcome": "returned", "reference": "PSP 78", "reason": "recalled", "at": "2026-03-01T09:23:00Z"},
    ):
        settle_payouts(clerk, [SettlePayout.model_validate({**row, **outcome})])


def test_a_fixed_history_of_payouts_is_stored_as_it_always_was(store_url: str) -> None:
    """The same commands at the same clock give the golden bytes; on PostgreSQL but for who the database says it was."""
    with desk(store_url, RECORDED_AT) as people:
        record(people)
        stored = b"".join(row.state + b"\n" for row in people.clerk.log.read())
        for role, ledger in (("clerk", people.clerk), ("chief", people.chief)):
            with ledger.log.reading() as session:
                by = identity_of(session, ledger.actor).by
            said, label = (canonical(one.model_dump()) for one in (by, By(authenticated=False, name=role)))
            stored = stored.replace(said, label)
    if not store_url.startswith("sqlite"):
        # Both have one label there.
        golden = GOLDEN.read_bytes().replace(b'"actor":"clerk"', b'"actor":"finance"')
        assert stored == golden.replace(b'"actor":"chief"', b'"actor":"finance"')
    else:
        assert stored == GOLDEN.read_bytes()
