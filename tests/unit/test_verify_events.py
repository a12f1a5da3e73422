"""One event as the verifier reads it: both ways of reading agree, and say what the ledger's own reader says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import canonical
from ledger.clock import from_micros
from ledger.commands import command_from
from ledger.errors import CorruptEventError, MalformedEvidenceError
from ledger.events import EVENTS, OrderPlaced
from ledger.inputs import input_of
from ledger.mapper import InputEncoder, decode
from projections.verify.canonical_form import read_object
from projections.verify.grammar import EVENT_TYPES, RELEASED
from projections.verify.making import fact_from
from projections.verify.quick import quick_event, quick_orders, quick_parts
from projections.verify.stored import parsed_parts, read_event
from tests.builders import ROOT, order

GOLDEN = [
    state
    for name in ("events.jsonl", "payouts.jsonl")
    for state in (ROOT / "tests" / "golden" / name).read_bytes().splitlines()
]
# Lists and trees of figures, in events of which there are few.
NEVER_QUICK = {"PlanPublished", "PayoutBatchLines", "PayoutLinesDropped", "PeriodClosed"}


def test_every_type_is_known() -> None:
    """The verifier's own list of types is the ledger's."""
    assert {*EVENT_TYPES, RELEASED} == {*EVENTS}
    assert {json.loads(state)["type"] for state in GOLDEN} == {*EVENTS}


def test_both_ways_agree(small_log: list[bytes], paid_log: list[bytes]) -> None:
    """Whatever the quick way knows, the thorough one reads the same; every type of event has a quick way but some."""
    quick: set[str] = set()
    for state in [*GOLDEN, *small_log, *paid_log]:
        event = read_event(state, 7)
        assert event.fact == fact_from(parsed_parts(state), 7)
        parts = quick_parts(state)
        if parts is not None:
            assert fact_from(parts, 7) == event.fact
            quick.add(event.topic)
        stored = quick_event(state, 7)
        if stored is not None:
            assert stored == event
            quick.add(f"{event.topic} at once")
    at_once = {f"{topic} at once" for topic in ("OrderPlaced", "OrderRefunded", "MemberInvited", "MemberBound")}
    assert quick == {*EVENTS, *at_once} - NEVER_QUICK


def changes(state: bytes) -> Iterator[bytes]:
    """Bytes that differ from an event in one place."""
    for at in range(len(state)):
        yield state[:at] + state[at + 1 :]
        for byte in b'0a" {\\':
            if state[at] != byte:
                yield state[:at] + bytes([byte]) + state[at + 1 :]


@pytest.mark.parametrize("number", range(len(GOLDEN)))
def test_what_one_way_takes_the_other_takes(number: int) -> None:
    """Every byte of every golden event dropped or replaced: where the quick way still knows it, it is no less right."""
    for state in changes(GOLDEN[number]):
        try:
            thorough = fact_from(parsed_parts(state), 1)
        except (MalformedEvidenceError, ValueError):
            thorough = None
        parts, at_once = quick_parts(state), quick_event(state, 1)
        if parts is not None and thorough is not None:
            assert fact_from(parts, 1) == thorough
        if parts is not None and thorough is None:
            with pytest.raises(MalformedEvidenceError):
                fact_from(parts, 1)
        assert at_once is None or at_once[-1] == thorough


def test_orders_together_are_read_as_alone(small_log: list[bytes]) -> None:
    """Orders read a column at a time say what each says alone, also where one is changed anywhere."""
    first, changed, last = [state for state in small_log if quick_orders([state], [1]) is not None][:3]
    assert quick_orders([first, changed, last], [5, 8, 9]) == [
        read_event(first, 5),
        read_event(changed, 8),
        read_event(last, 9),
    ]
    for state in changes(changed):
        together, alone = quick_orders([first, state, last], [5, 8, 9]), quick_event(state, 8)
        assert (None if together is None else together[1]) == alone
    assert quick_orders([], []) is None


@pytest.mark.parametrize("number", range(len(GOLDEN)))
def test_takes_no_more_than_the_ledger(number: int) -> None:
    """What the ledger's own reader refuses, the verifier refuses: two independent readings of one format."""
    topic = json.loads(GOLDEN[number])["type"]
    taken = 0
    for state in changes(GOLDEN[number]):
        try:
            read_event(state, 1)
        except (MalformedEvidenceError, ValueError):
            continue
        taken += 1
        decode(topic, state)  # raises CorruptEventError where it would not have been taken
    # A letter in an actor's name, say.
    assert taken > 0


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(sku=TEXTS, category=st.none() | TEXTS, quantity=st.integers(0, 99), amount=st.integers(0, (1 << 43) - 1))
def test_any_texts_of_an_order(sku: str, category: str | None, quantity: int, amount: int) -> None:
    """Whatever stands in free texts, an order the ledger writes is read, and both ways agree."""
    line = {"n": 3, "sku": sku, "qty": quantity, "amount": amount} | (
        {} if category is None else {"category": category}
    )
    command = command_from(order("o1", "ben", amount, "2026-01-01T00:00:00Z", lines=[line]))
    encoder = InputEncoder(actor="test", source="shop", recorded_at=from_micros(1_800_000_000_000_000))
    state = encoder.encode(OrderPlaced, input_of(command, "shop"), exponent=2, plan=None)
    assert read_event(state, 1).fact == fact_from(parsed_parts(state), 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53) + 1, (1 << 53) - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, JSON, max_size=4), st.data())
def test_canonical_form_has_one_spelling(value: dict[str, object], data: st.DataObject) -> None:
    """An object is read from its canonical form, and from nothing that differs in one place, unless that is one too."""
    raw = canonical(value)
    assert read_object(raw) == value
    at = data.draw(st.integers(0, len(raw) - 1))
    other = raw[:at] + data.draw(st.binary(max_size=2)) + raw[at + 1 :]
    try:
        found = read_object(other)
    except MalformedEvidenceError:
        return
    assert canonical(found) == other


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1}\n',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":NaN}',
        b'{"a":"\\u0061"}',
        b'{"a":"\\/"}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'\xef\xbb\xbf{"a":1}',
        "{}".encode("utf-16"),
        b"[]",
        b"1",
        b"",
        b'{"a":' * 20_000,
        b'{"a":' + b"9" * 100_000 + b"}",
    ],
)
def test_other_spellings_are_refused(raw: bytes) -> None:
    """One spelling, or none."""
    with pytest.raises(MalformedEvidenceError):
        read_object(raw)


def test_the_ledger_would_refuse_it_too() -> None:
    """The comparison above can fail: an event that is not the ledger's."""
    state = GOLDEN[0].replace(b'"seq":1', b'"seq":0')
    with pytest.raises(CorruptEventError):
        decode("PlanPublished", state)
