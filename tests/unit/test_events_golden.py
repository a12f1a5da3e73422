"""Stored bytes are for ever: one event of every type as it was first written, and how an older version is read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.clock import parse_instant
from ledger.envelope import Upcaster
from ledger.errors import CorruptEventError
from ledger.events import EVENTS, OrderRefunded, RefundData
from ledger.mapper import decode, encode
from tests.builders import bind, order, plan, refund, submit

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDED_AT = parse_instant("2026-03-01T09:30:00.123456Z")

HISTORY: list[dict[str, Any]] = [
    plan(
        binding={"policy": "last_touch", "ttl_days": 30, "protection_days": 1, "renewal": "on_order"},
        min_payout={"GBP": 2000, "EUR": 2500},
    ),
    {"type": "invite", "id": "i1", "at": "2026-01-01T00:00:00Z", "inviter": "ann", "invitee": "ben", "channel": "qr"},
    bind("b1", "ben", "ann", "2026-01-02T00:00:00+01:00", invite="i1"),
    bind("b2", "ben", "cat", "2026-01-02T00:00:00Z"),
    bind("b3", "ben", "cat", "2026-01-05T00:00:00Z"),
    order("o1", "ben", 1999, "2026-01-06T12:00:00.5Z"),
    order(
        "o2",
        "zoë",
        300,
        "2026-01-06T12:00:00Z",
        carriage=50,
        lines=[
            {"n": 1, "sku": 'a "quoted" one', "qty": 2, "amount": 250, "category": "café"},
            {"n": 2, "sku": "POST", "qty": 1, "amount": 50},
        ],
    ),
    refund("r1", "o1", 999, "2026-01-07T00:00:00Z", member="ben", qty=1),
    refund("r2", "o1", 9999, "2026-01-07T00:00:00Z", line=1),
    {"type": "unbind", "id": "u1", "at": "2026-01-20T00:00:00Z", "member": "dan", "reason": "moved"},
    bind("b4", "eve", "cat", "2026-01-05T00:00:00Z"),
    {"type": "unbind", "id": "u2", "at": "2026-01-21T00:00:00Z", "member": "eve", "reason": "moved\taway"},
]


def golden(*names: str) -> list[tuple[str, bytes]]:
    """Type and stored bytes of each golden event, of some files or of all."""
    files = [GOLDEN / f"{name}.jsonl" for name in names or ("events", "payouts")]
    return [(json.loads(line)["type"], line) for file in files for line in file.read_bytes().splitlines()]


def test_a_fixed_history_is_stored_as_it_always_was(store_url: str) -> None:
    """The same records at the same clock give the golden bytes, on both stores."""
    clocked = Ledger(store_url, actor="golden", clock=lambda: RECORDED_AT)
    for record in HISTORY:
        submit(clocked, record)
    clocked.expire(RECORDED_AT)
    stored = [row.state for row in clocked.log.read()]
    clocked.close()
    assert stored == [state for _, state in golden("events")]


def test_golden_events_cover_every_type() -> None:
    """No type of event is left out."""
    assert {topic for topic, _ in golden()} == set(EVENTS)


@pytest.mark.parametrize(("topic", "state"), golden(), ids=lambda value: value if isinstance(value, str) else "")
def test_golden_event_reads_and_writes_to_the_same_bytes(topic: str, state: bytes) -> None:
    """dumps(loads(x)) == x, by our models and by the standard library alike (V-2)."""
    assert encode(decode(topic, state)) == state
    assert canonical(json.loads(state)) == state


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"amount":999', b'"amount":999.0'),
        (b'"amount":999', b'"amount": 999'),
        (b'"amount":999', b'"amount":999,"amount":999'),
        (b'"amount":999,"at":"2026-01-07T00:00:00.000000Z"', b'"at":"2026-01-07T00:00:00.000000Z","amount":999'),
        (b'"amount":999', b'"amount":999,"extra":1'),
        (b'"qty":1', b'"qty":null'),
        (b"2026-01-07T00:00:00.000000Z", b"2026-01-07T00:00:00Z"),
        (b"2026-01-07T00:00:00.000000Z", b"2026-01-07T01:00:00.000000+01:00"),
        (b'"currency":"GBP"', b'"currency":"\\u0047BP"'),
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":0'),
        (b'"v":1}', b'"v":1} '),
        (b'"amount":999', b'"amount":999,"seq":7'),
        (b'"order":"o1"', b'"order":"o 1"'),
    ],
)
def test_bytes_that_are_not_canonical_are_no_event(old: bytes, new: bytes) -> None:
    """A fraction, a space, a repeated or moved key, another spelling: found on reading."""
    state = next(state for topic, state in golden() if topic == "OrderRefunded")
    assert old in state
    with pytest.raises(CorruptEventError):
        decode("OrderRefunded", state.replace(old, new))


class RefundDataV2(RefundData):
    """A made-up next version: the refund says why."""

    why: str


class OrderRefundedV2(OrderRefunded, frozen=True):
    """A made-up next version of OrderRefunded, with its upcaster beside it."""

    VERSION = 2
    UPCASTERS: ClassVar[Mapping[int, Upcaster]] = {1: lambda data: {**data, "why": "not asked"}}
    data: RefundDataV2
    type: Literal["OrderRefunded"] = "OrderRefunded"


def test_an_older_version_is_lifted_on_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of version 1 read as version 2; the stored bytes stay what they are."""
    monkeypatch.setattr("ledger.mapper.EVENTS", {**EVENTS, "OrderRefunded": OrderRefundedV2})
    state = next(state for topic, state in golden() if topic == "OrderRefunded")
    event = decode("OrderRefunded", state)
    assert isinstance(event, OrderRefundedV2)
    assert (event.v, event.data.why, event.data.asked.amount) == (2, "not asked", 999)
    assert decode("OrderRefunded", encode(event)) == event


def test_an_older_version_must_be_canonical_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upcasting is no way round the canonical form."""
    monkeypatch.setattr("ledger.mapper.EVENTS", {**EVENTS, "OrderRefunded": OrderRefundedV2})
    state = next(state for topic, state in golden() if topic == "OrderRefunded")
    with pytest.raises(CorruptEventError):
        decode("OrderRefunded", state.replace(b'"qty":1', b'"qty": 1'))


@pytest.mark.parametrize(("topic", "state"), golden(), ids=lambda value: value if isinstance(value, str) else "")
def test_content_hash_is_that_of_what_was_asked(topic: str, state: bytes) -> None:
    """The hash in the envelope can be checked against the event itself (G-6); a fact that follows has none."""
    envelope: dict[str, Any] = json.loads(state)
    asked = envelope["data"].get("asked")
    expected = None if asked is None else hashlib.sha256(canonical(asked)).hexdigest()
    assert envelope.get("content") == expected, topic
    if asked is not None:
        assert (envelope["id"], envelope["occurred_at"]) == (asked["id"], asked["at"])
