"""Redacted bundles: what is hidden is nowhere, and the root is proven all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.store.recorder import Recorded
from ledger.tree.hashing import RootBuilder
from projections.export.selection import Selection
from tests.builders import commands
from tests.exports import assert_is_naive, exported, whole
from tests.properties.test_generated import history

REDACTED: dict[str, tuple[dict[str, Any], int]] = {
    "a member": ({"members": ("m-000003",)}, 1),
    "two members": ({"members": ("m-000003", "m-000004")}, 200),
    "an order": ({"orders": ("order-o-000000007",)}, 1),
    "a kind": ({"kinds": ("OrderRefunded", "RefundRefused")}, 1),
    "a member's orders": ({"members": ("m-000003",), "kinds": ("OrderPlaced",)}, 1),
}


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders, on each engine."""
    ledger.submit(commands(history(2)))
    ledger.expire()
    return ledger


@pytest.mark.parametrize("case", REDACTED)
def test_redacted_bundle(fed: Ledger, tmp_path: Path, case: str) -> None:
    """Only what was chosen is shown, the root is proven all the same, and nothing hidden is anywhere in the folder."""
    chosen, first = REDACTED[case]
    rows = list(fed.log.read())
    shown = {row.position for row in rows if is_chosen(row.state, rows, **chosen)}
    found = exported(fed.log, tmp_path / "out", first=first, shown=Selection(**chosen))
    assert_is_naive(found, whole(fed, first=first, shown=shown))
    assert 0 < len(shown) < len(rows) // 2
    visible = {row.position for row in rows if row.position in shown or row.topic == "PlanPublished"}
    secrets = words_of(rows, lambda position: position not in visible) - words_of(rows, visible.__contains__)
    assert len(secrets) > 300
    everything = b"\n".join([*found.values(), *(name.encode() for name in found)])
    assert [secret for secret in secrets if f'"{secret}"'.encode() in everything] == []


def test_redacted_root_is_proven_by_the_lines(fed: Ledger, tmp_path: Path) -> None:
    """Whoever has only the folder computes the head's root: shown lines are hashed, of the others the hash is there."""
    found = exported(fed.log, tmp_path / "out", shown=Selection(kinds=("OrderPlaced",)))
    leaves = [
        bytes.fromhex(json.loads(line)["redacted"])
        if line.startswith(b'{"redacted"')
        else sha256(b"\0" + line).digest()
        for line in found["events.jsonl"].splitlines()
    ]
    tree = RootBuilder()
    tree.extend(leaves)
    assert tree.root().hex() == json.loads(found["manifest.json"])["root"]


def is_chosen(state: bytes, rows: Sequence[Recorded], **chosen: tuple[str, ...]) -> bool:
    """The filters of the README, said again."""
    event = json.loads(state)
    data, asked = event["data"], event["data"].get("asked", {})
    named = [asked.get("member"), asked.get("inviter"), asked.get("invitee"), data.get("member"), data.get("referrer")]
    stream = None
    if event["type"] == "OrderPlaced":
        stream = event["stream"]
    elif event["type"] in {"OrderRefunded", "RefundRefused"}:
        stream = f"order-{asked['order']}"
        named += [json.loads(row.state)["data"]["asked"]["member"] for row in rows if row.stream == stream]
    elif event["type"] == "BindingRenewed":
        stream = f"order-{event['id']}"
    return (
        (not chosen.get("kinds") or event["type"] in chosen["kinds"])
        and (not chosen.get("orders") or stream in chosen["orders"])
        and (not chosen.get("members") or not set(chosen["members"]).isdisjoint(named))
    )


def words_of(rows: Sequence[Recorded], wanted: Callable[[int], bool]) -> set[str]:
    """Every id, stream and hash that events hold."""
    words: set[str] = set()
    for row in rows:
        if wanted(row.position):
            event = json.loads(row.state)
            asked = event["data"].get("asked", {})
            found = [event["id"], event["stream"], event.get("content")]
            found += [asked.get(name) for name in ("member", "inviter", "invitee", "order", "invite")]
            words |= {word for word in found if word}
    return words
