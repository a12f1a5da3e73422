"""Short ways to say what a test is about."""

from __future__ import annotations

import gc
import gzip
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.commands import AnyCommand, command_from, parse_command
from ledger.outcomes import Outcome
from projections.balances import Balance, balances_at, digest
from projections.figures import Replay
from projections.replay_python import replay
from projections.runner import Runner

LATER = datetime(2100, 1, 1, tzinfo=UTC)

ROOT = Path(__file__).parents[1]

# Published data lies beside the checkout; it is not the project's to ship.
DATA = Path(os.environ.get("REFLEDGER_TEST_DATA", ROOT.parent / "shared" / "data"))


def data_file(*parts: str) -> Path:
    """A published data file; skips the test where it is not there."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no published data at {path}: set REFLEDGER_TEST_DATA")
    return path


def plan(number: int = 1, **terms: Any) -> dict[str, Any]:
    """A plan record: 10, 5, 2 %, 90 days, 30 days hold, from 2010, unless said otherwise."""
    return {
        "type": "plan",
        "plan": number,
        "at": "2010-01-01T00:00:00Z",
        "rates_ppm": [100_000, 50_000, 20_000],
        **terms,
    }


def bind(record_id: str, member: str, inviter: str, at: str, **more: Any) -> dict[str, Any]:
    """A bind record."""
    return {"type": "bind", "id": record_id, "member": member, "inviter": inviter, "at": at, **more}


def order(record_id: str, member: str, amount: int, at: str, **more: Any) -> dict[str, Any]:
    """An order record, in GBP unless said otherwise."""
    return {"type": "order", "id": record_id, "member": member, "amount": amount, "at": at, "currency": "GBP", **more}


def refund(record_id: str, order_id: str, amount: int, at: str, **more: Any) -> dict[str, Any]:
    """A refund record, in GBP unless said otherwise."""
    return {"type": "refund", "id": record_id, "order": order_id, "amount": amount, "at": at, "currency": "GBP", **more}


def reversal(record_id: str, refund_id: str, at: str, **more: Any) -> dict[str, Any]:
    """A reversal record."""
    return {"type": "reversal", "id": record_id, "refund": refund_id, "at": at, **more}


def freeze(record_id: str, member: str, at: str, **more: Any) -> dict[str, Any]:
    """A freeze record; `type="unfreeze"` makes it the opposite."""
    return {"type": "freeze", "id": record_id, "member": member, "at": at, "reason": "checked", **more}


def adjustment(record_id: str, member: str, amount: int, at: str, **more: Any) -> dict[str, Any]:
    """A proposed adjustment, in GBP unless said otherwise."""
    record = {"type": "adjustment", "id": record_id, "member": member, "amount": amount, "at": at}
    return {**record, "currency": "GBP", "reason": "goodwill", **more}


def commands(records: Iterable[dict[str, Any]]) -> list[AnyCommand]:
    """Records as commands."""
    return [command_from(record) for record in records]


@cache
def public_commands() -> list[AnyCommand]:
    """The published year of a shop; skips the test where it is not there."""
    with gzip.open(data_file("public", "public.jsonl.gz")) as lines:
        parsed = [parse_command(line) for line in lines]
    # A million objects that live as long as the tests: the collector need not look at them again and again.
    gc.freeze()
    return parsed


def submit(ledger: Ledger, *records: dict[str, Any], **options: Any) -> list[Outcome]:
    """Submits records as one batch."""
    return ledger.submit(commands(records), **options)


def live_balances(ledger: Ledger, as_of: datetime = LATER) -> list[Balance]:
    """The live projection's balances, after catching up."""
    Runner(ledger.log).catch_up()
    with ledger.log.reading() as session:
        return balances_at(session, as_of)


def live_digest(ledger: Ledger, as_of: datetime = LATER) -> str:
    """Digest of the live projection's balances, after catching up."""
    return digest(live_balances(ledger, as_of))


def replayed(ledger: Ledger, as_of: datetime = LATER, at_position: int | None = None) -> Replay:
    """The Python replay at (T, P)."""
    upto = ledger.log.head() if at_position is None else at_position
    return replay(ledger.log.read(upto=upto), as_of)
