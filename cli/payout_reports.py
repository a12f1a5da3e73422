"""What `payout` prints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from cli.output import Report, Section, vertical
from projections.batches import BatchFound, PayoutFound
from projections.payouts import NotPaid, Proposal
from projections.reconciliation import Reconciliation
from projections.replay.answers import LeftOut

_PAYOUT = ("payout", "member", "currency", "amount_minor", "state", "attempt", "reference", "since", "note")
_LEFT_OUT = ("member", "currency", "reason", "payable_minor", "pending_minor", "available_minor", "reserved_minor")
_MONEY = frozenset({"payable_minor", "pending_minor", "available_minor", "reserved_minor"})
_BATCH = ("batch", "currency", "state", "cut_off", "lines", "total_minor", "open_minor", "paid_minor", "prepared_by")
_OPEN_STATES = ("reserved", "submitted", "unknown")


def proposal_report(proposal: Proposal) -> Report:
    """What would be prepared."""
    lines = [
        {"member": line.member, "currency": proposal.currency, "amount_minor": line.amount_minor}
        for line in proposal.lines
    ]
    facts = {
        "currency": proposal.currency,
        "cut_off": proposal.cut_off,
        "at_position": proposal.at_position,
        "plan": proposal.plan.plan,
        "minimum_minor": proposal.minimum_minor,
        "payouts": len(lines),
        "total_minor": proposal.total_minor,
        "digest": proposal.digest,
    }
    left_out = [_left_out_row(row, proposal.currency) for row in proposal.left_out]
    money = frozenset({"minimum_minor", "total_minor"})
    sections = [
        vertical(facts, money, title="proposal"),
        Section(["member", "currency", "amount_minor"], lines, frozenset({"amount_minor"}), title="payouts"),
        Section(_LEFT_OUT, left_out, _MONEY, title="left out"),
    ]
    return Report(sections, {**facts, "lines": lines, "left_out": left_out}, sections[1])


def batches_report(batches: Sequence[BatchFound]) -> Report:
    """Every batch, a line each."""
    rows = [_batch_row(batch) for batch in batches]
    money = frozenset({"total_minor", "open_minor", "paid_minor"})
    return Report([Section(_BATCH, rows, money)], [_batch_document(batch) for batch in batches])


def batch_report(
    batch: BatchFound, payouts: Sequence[PayoutFound], left_out: Sequence[LeftOut], changed: Collection[str] = ()
) -> Report:
    """One batch: its facts, its payouts, and whom it leaves out.

    changed  members whose details are not those they were last paid with
    """
    document = _batch_document(batch)
    facts = {key: value for key, value in document.items() if key != "by_state"}
    rows = [_payout_row(payout, changed) for payout in payouts]
    others = [{"member": row.member, "currency": batch.currency, **row._asdict()} for row in left_out]
    lines = Section(_PAYOUT, rows, frozenset({"amount_minor"}), title="payouts")
    money = frozenset({"total_minor", "reserved_minor"})
    sections = [
        vertical(facts, money, title="batch"),
        lines,
        Section(_LEFT_OUT, others, _MONEY, title="left out"),
    ]
    return Report(sections, {**document, "payouts": rows, "left_out_members": others}, lines)


def payouts_report(payouts: Sequence[PayoutFound]) -> Report:
    """Payouts, a line each."""
    rows = [_payout_row(payout) for payout in payouts]
    return Report([Section(_PAYOUT, rows, frozenset({"amount_minor"}))], rows)


def reconciliation_report(found: Reconciliation) -> Report:
    """Each approved batch from three sides; what is open, by age; where sides differ."""
    batches = [
        {
            "batch": row.batch.id,
            "currency": row.batch.currency,
            "approved_minor": row.approved_minor,
            "open_minor": row.open_minor,
            "paid_minor": row.paid_minor,
            "failed_minor": row.failed_minor,
            "returned_minor": row.returned_minor,
            "ledger_reserved_minor": row.posted.reserved_minor,
            "ledger_paid_minor": row.posted.paid_minor,
        }
        for row in found.batches
    ]
    ages = [
        {
            "currency": key.currency,
            "state": key.state,
            "age": "older" if key.days is None else f"up to {key.days} d",
            "payouts": total.payouts,
            "total_minor": total.total_minor,
        }
        for key, total in found.ages.items()
    ]
    still_open = [{**_payout_row(row.payout), "days": row.age.days} for row in found.open]
    findings = [{"subject": finding.subject, "finding": finding.message} for finding in found.findings]
    columns = ["batch", "currency", *(name for name in (batches[0] if batches else {}) if name.endswith("_minor"))]
    sections = [
        Section(columns, batches, frozenset(columns), title="batches"),
        Section(["currency", "state", "age", "payouts", "total_minor"], ages, frozenset({"total_minor"}), title="open"),
    ]
    if findings:
        sections.append(Section(["subject", "finding"], findings, title="findings"))
    return Report(sections, {"batches": batches, "ages": ages, "open": still_open, "findings": findings})


def _batch_row(batch: BatchFound) -> dict[str, Any]:
    open_minor = sum(batch.by_state[state].total_minor for state in _OPEN_STATES if state in batch.by_state)
    paid = batch.by_state.get("paid")
    return {
        "batch": batch.id,
        "currency": batch.currency,
        "state": batch.state,
        "cut_off": batch.cut_off,
        "lines": batch.lines,
        "total_minor": batch.total_minor,
        "open_minor": open_minor,
        "paid_minor": paid.total_minor if paid else 0,
        "prepared_by": batch.prepared_by,
    }


def _batch_document(batch: BatchFound) -> dict[str, Any]:
    facts = {name: getattr(batch, name) for name in BatchFound.__slots__}
    facts["batch"] = facts.pop("id")
    by_state = {state: asdict(total) for state, total in facts.pop("by_state").items()}
    return {"batch": facts.pop("batch"), **facts, "by_state": by_state}


def _payout_row(payout: PayoutFound, changed: Collection[str] = ()) -> dict[str, Any]:
    note = "details changed since the last payment" if payout.member in changed else payout.dropped
    return {
        "payout": payout.id,
        "member": payout.member,
        "currency": payout.currency,
        "amount_minor": payout.amount_minor,
        "state": payout.state,
        "attempt": payout.attempt,
        "reference": payout.reference,
        "since": payout.since,
        "note": note,
    }


def _left_out_row(row: NotPaid, currency: str) -> dict[str, Any]:
    standing = row.standing._asdict()
    standing.pop("is_frozen")
    return {"member": row.member, "currency": currency, "reason": row.reason, **standing}
