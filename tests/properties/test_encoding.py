"""What is written is canonical, whatever the texts: the writer's shortcut and the models give the same bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import canonical
from ledger.clock import format_instant, from_micros, parse_instant, to_micros
from ledger.commands import command_from, parse_command
from ledger.events import (
    BindingRefused,
    MemberFrozen,
    MemberInvited,
    OrderPlaced,
    OrderRefunded,
    RefundReversed,
    UnbindRefused,
)
from ledger.ids import check_id
from ledger.inputs import input_of
from ledger.mapper import InputEncoder, decode
from ledger.money import MINOR_MAX
from ledger.payout_events import AdjustmentProposed, By
from ledger.reading import read_input_event
from ledger.store.recorder import Recorded

RECORDED_AT = datetime(2026, 11, 22, 9, 5, 59, 7, tzinfo=UTC)


def is_id(text: str) -> bool:
    """Whether a text may be an id."""
    try:
        check_id(text)
    except ValueError:
        return False
    return True


Records: TypeAlias = st.SearchStrategy[dict[str, Any]]

texts = st.text(max_size=60)
ids = st.text(min_size=1, max_size=30).filter(is_id)
instants = st.integers(0, to_micros(parse_instant("2200-01-01T00:00:00Z"))).map(from_micros).map(format_instant)
minors = st.integers(1, MINOR_MAX)
optional_ids = st.none() | ids
refunds: Records = st.fixed_dictionaries(
    {"type": st.just("refund"), "id": ids, "at": instants, "order": ids, "currency": st.just("GBP"), "amount": minors},
    optional={"line": st.none() | st.integers(1, 99), "member": optional_ids, "qty": st.integers(0, 9)},
)
unbinds: Records = st.fixed_dictionaries(
    {"type": st.just("unbind"), "id": ids, "at": instants, "member": ids, "reason": texts}
)
binds: Records = st.fixed_dictionaries(
    {"type": st.just("bind"), "id": ids, "at": instants, "member": ids, "inviter": ids}, optional={"invite": ids}
)
reversals: Records = st.fixed_dictionaries(
    {"type": st.just("reversal"), "id": ids, "at": instants, "refund": ids}, optional={"reason": st.none() | texts}
)
freezes: Records = st.fixed_dictionaries(
    {"type": st.just("freeze"), "id": ids, "at": instants, "member": ids, "reason": texts}
)
adjustments: Records = st.fixed_dictionaries(
    {
        "type": st.just("adjustment"),
        "id": ids,
        "at": instants,
        "member": ids,
        "currency": st.just("JPY"),
        "amount": minors | minors.map(int.__neg__),
        "reason": texts,
    }
)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60)
invites: Records = st.fixed_dictionaries(
    {"type": st.just("invite"), "id": ids, "at": instants, "inviter": ids},
    optional={"invitee": optional_ids, "channel": st.none() | texts, "expires_at": instants},
)
lines: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        {"n": st.integers(1, 999), "sku": texts, "qty": st.integers(0, 9), "amount": st.integers(0, 99_999)},
        optional={"category": st.none() | texts},
    ),
    min_size=1,
    max_size=4,
    unique_by=itemgetter("n"),
)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """Orders with and without lines."""
    some = draw(st.none() | lines)
    amount = draw(minors) if some is None else sum(line["amount"] for line in some)
    order = {"type": "order", "id": draw(ids), "at": draw(instants), "member": draw(ids), "currency": "JPY"}
    return order | {"amount": amount} | ({} if some is None else {"lines": some})


@given(
    record=st.one_of(orders(), refunds, unbinds, binds, invites, reversals, freezes, adjustments),
    actor=ids,
    plan=st.none() | st.integers(1, 99),
    by=st.builds(By, authenticated=st.booleans(), name=names),
)
def test_an_input_is_stored_canonically(record: dict[str, Any], actor: str, plan: int | None, by: By) -> None:
    """Every recorded input reads back as itself, in bytes that two independent serialisers agree on (V-2)."""
    command = command_from(record)
    encoder = InputEncoder(actor=actor, source="default", recorded_at=RECORDED_AT)
    asked = input_of(command, "default")
    state = {
        "order": lambda: encoder.encode(OrderPlaced, asked, exponent=0, plan=plan),
        "refund": lambda: encoder.encode(OrderRefunded, asked),
        "unbind": lambda: encoder.encode(UnbindRefused, asked, reason="not_bound"),
        "bind": lambda: encoder.encode(BindingRefused, asked, reason="already_bound"),
        "invite": lambda: encoder.encode(MemberInvited, asked),
        "reversal": lambda: encoder.encode(RefundReversed, asked),
        "freeze": lambda: encoder.encode(MemberFrozen, asked),
        "adjustment": lambda: encoder.encode(AdjustmentProposed, asked, by=by, exponent=0),
    }[command.kind]()
    topic = json.loads(state)["type"]
    event = decode(topic, state)
    assert canonical(json.loads(state)) == state
    assert (event.actor, event.stream, event.id) == (actor, asked.stream, command.id)
    assert event.content == command.content_hash()
    assert parse_command(canonical(json.loads(state)["data"]["asked"])) == command
    read = read_input_event(Recorded(1, asked.stream, 1, topic, state))
    assert (read.content, read.asked, read.envelope["id"]) == (asked.content, asked.asked, command.id)
    assert read.decided.get("plan") == (plan if command.kind == "order" else None)
