"""Redacted bundles: what is hidden is nowhere, and the root is proven all the same."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.application import Ledger
from ledger.store.recorder import Recorded
from ledger.tree.hashing import RootBuilder
from projections.export.selection import Selection
from tests.builders import commands
from tests.exports import assert_is_naive, exported, is_chosen, whole
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

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


def test_redacted_bundles(fed: Ledger, tmp_path: Path) -> None:
    """Only what was chosen is shown, the root is proven all the same, and nothing hidden is anywhere in the folder."""
    rows = list(fed.log.read())
    for case, (chosen, first) in REDACTED.items():
        shown = {row.position for row in rows if is_chosen(row.state, rows, **chosen)}
        found = exported(fed.log, tmp_path / case, first=first, shown=Selection(**chosen))
        assert_is_naive(found, whole(fed, first=first, shown=shown))
        assert 0 < len(shown) < len(rows) // 2
        visible = {row.position for row in rows if row.position in shown or row.topic == "PlanPublished"}
        secrets = words_of(rows, set(range(len(rows) + 1)) - visible) - words_of(rows, visible)
        assert len(secrets) > 300
        everything = b"\n".join([*found.values(), *(name.encode() for name in found)])
        assert [secret for secret in secrets if f'"{secret}"'.encode() in everything] == [], case


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


def words_of(rows: Sequence[Recorded], positions: Container[int]) -> set[str]:
    """Every id, stream and hash that the events at these positions hold."""
    words: set[str] = set()
    for row in rows:
        if row.position in positions:
            event = json.loads(row.state)
            asked = event["data"].get("asked", {})
            found = [event["id"], event["stream"], event.get("content")]
            found += [asked.get(name) for name in ("member", "inviter", "invitee", "order", "invite")]
            words |= {word for word in found if word}
    return words
