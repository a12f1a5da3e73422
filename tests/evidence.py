"""What tests of the verifier share: a small log in which everything happens, and whoever tells it otherwise.

Bundles are written by the naive writer: whatever the events say, its tables follow from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.clock import parse_instant
from ledger.store.recorder import Recorded
from ledger.tree.hashing import root_of
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.spelling import encode_base64
from projections.verify.asked import Asked, Verified
from projections.verify.trust import Trust
from projections.verify.verification import verify
from tests.builders import bind, order, plan, refund, submit
from tests.naive_bundle import NaiveBundle, NaiveKey

ORIGIN = "shop.example/ledger"
KEY, OTHER_KEY = NaiveKey(ORIGIN, bytes(range(32))), NaiveKey(ORIGIN, bytes(range(1, 33)))
VERIFIER = SignerKey(ORIGIN, Kind.NOTE, KEY.seed).verifier
TRUST = Trust((VERIFIER,))
RECORDED_AT = parse_instant("2024-06-01T09:30:00.123456Z")
AS_OF = parse_instant("2024-02-12T00:00:00Z")

Envelope = dict[str, Any]


def invite(record_id: str, inviter: str, at: str, **more: Any) -> dict[str, Any]:
    """An invite record."""
    return {"type": "invite", "id": record_id, "inviter": inviter, "at": at, **more}


def unbind(record_id: str, member: str, at: str) -> dict[str, Any]:
    """An unbind record."""
    return {"type": "unbind", "id": record_id, "member": member, "at": at, "reason": 'moved "away"'}


TERMS: dict[str, Any] = {
    "at": "2024-01-01T00:00:00Z",
    "binding": {"policy": "last_touch", "protection_days": 3, "ttl_days": 20, "renewal": "on_order"},
    "hold_days": 5,
    "min_payout": {"GBP": 2_000},
}
LINES = [
    {"n": 1, "sku": "A", "qty": 1, "amount": 700, "category": "café"},
    {"n": 2, "sku": "B", "qty": 2, "amount": 333},
]
RECORDS: tuple[dict[str, Any], ...] = (
    plan(**TERMS),
    invite("i1", "ann", "2024-01-02T00:00:00Z", invitee="ben", expires_at="2024-01-09T00:00:00Z"),
    bind("b1", "ben", "ann", "2024-01-02T01:00:00Z", invite="i1"),
    bind("b2", "cat", "ben", "2024-01-03T00:00:00Z"),
    bind("b3", "dan", "cat", "2024-01-04T00:00:00Z"),
    bind("b4", "ann", "dan", "2024-01-04T00:00:00Z"),  # would close a loop
    bind("b5", "dan", "ann", "2024-01-05T00:00:00Z"),  # protected
    bind("b6", "eve", "eve", "2024-01-05T00:00:00Z"),  # self referral
    order("o1", "dan", 10_000, "2024-01-06T00:00:00Z"),  # renews b3
    order("o,2", "dan", 1_033, "2024-01-07T00:00:00.000001Z", lines=LINES),
    bind("b7", 'f"g', "zoë", "2024-01-07T00:00:00Z"),
    order("o3", 'f"g', 4_999, "2024-01-08T00:00:00Z", currency="EUR"),
    bind("b8", "dan", "ben", "2024-01-12T00:00:00Z"),  # takes over
    order("o4", "dan", 555, "2024-01-13T00:00:00Z"),
    refund("r1", "o1", 3_333, "2024-01-09T00:00:00Z"),  # on hold
    refund("r2", "o1", 3_333, "2024-01-20T00:00:00Z"),  # available
    refund("r3", "o1", 3_335, "2024-01-20T00:00:00Z"),  # exceeds what was paid
    refund("r4", "o,2", 333, "2024-01-08T00:00:00Z", line=2),
    refund("r5", "o3", 4_999, "2024-01-08T00:00:00Z", currency="GBP"),  # wrong currency
    unbind("u1", "cat", "2024-01-15T00:00:00Z"),
    unbind("u2", "eve", "2024-01-15T00:00:00Z"),  # not bound
    order("o5", "dan", 2_000, "2024-01-16T00:00:00Z"),  # the chain ends early
    order("o6", "eve", 100, "2024-01-17T00:00:00Z"),
)
LATER: tuple[dict[str, Any], ...] = (
    plan(2, **{**TERMS, "at": "2024-02-05T00:00:00Z", "rates_ppm": [70_000, 0, 1], "binding": {"ttl_days": None}}),
    bind("b9", 'f"g', "ann", "2024-02-10T00:00:00Z"),  # after a lapse
    order("o7", 'f"g', 9_999, "2024-02-11T00:00:00Z"),
    order("o8", "ben", 1, "2024-05-01T00:00:00Z"),
)


def make_small_log(store: Path, template: bytes) -> list[bytes]:
    """The stored bytes of a log in which every type of event is, and every decision both ways."""
    store.write_bytes(template)
    with closing(Ledger(f"sqlite:///{store}", actor="shop", clock=lambda: RECORDED_AT)) as ledger:
        submit(ledger, *RECORDS)
        ledger.expire(parse_instant("2024-02-01T00:00:00Z"))
        submit(ledger, *LATER)
        return [row.state for row in ledger.log.read()]


@dataclass(frozen=True)
class Telling:
    """A log as somebody tells it, in a bundle; tables and figures follow from what is told."""

    states: Sequence[bytes]
    key: NaiveKey = KEY
    first: int = 1
    last: int | None = None
    previous_size: int | None = None
    as_of: datetime | None = AS_OF
    shown: frozenset[int] | None = None

    def files(self) -> dict[str, bytes]:
        """Every file, consistent and signed."""
        files = {"README.txt": b"for people\n", **self.naive.files()}
        return files | self.naive.manifest(files)

    @property
    def naive(self) -> NaiveBundle:
        """Who writes it."""
        rows = [_row(position, state) for position, state in enumerate(self.states, start=1)]
        last = len(rows) if self.last is None else self.last
        return NaiveBundle(rows, self.key, self.first, last, self.previous_size, self.as_of, self.shown)

    def at(self, folder: Path) -> Path:
        """The same in a folder."""
        return put(folder, self.files())


def resigned(files: dict[str, bytes], states: Sequence[bytes], key: NaiveKey = KEY, **said: Any) -> dict[str, bytes]:
    """A bundle of a whole log with other events, whatever these are; tables as they were.

    said  what the manifest says besides
    """
    head = {"root": root_of(states).hex(), "size": len(states)}
    signed = f"{key.origin}\n{len(states)}\n{encode_base64(root_of(states))}\n"
    proof: dict[str, object] = {"end": len(states), "left": [], "right": [], "size": len(states), "start": 0}
    told = {
        **files,
        "events.jsonl": b"".join([state + b"\n" for state in states]),
        "checkpoint": key.signed(signed),
        "range.json": canonical(proof) + b"\n",
    }
    return manifested(told, key, to=len(states), **head, **said)


def manifested(files: dict[str, bytes], key: NaiveKey = KEY, /, **said: Any) -> dict[str, bytes]:
    """A bundle with a manifest that says what its files are, and some other things, signed."""
    told = {name: data for name, data in files.items() if name not in {"manifest.json", "manifest.note"}}
    manifest = json.loads(files["manifest.json"]) | said
    manifest["files"] = {
        name: {"bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in sorted(told.items())
    }
    raw = canonical(manifest) + b"\n"
    note = f"refledger.bundle/v1 {key.origin}\n{len(raw)}\n{encode_base64(sha256(raw).digest())}\n"
    return told | {"manifest.json": raw, "manifest.note": key.signed(note)}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    """Files in a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def verified(path: Path, **asked: Any) -> Verified:
    """What the verifier says, with the log's key."""
    return verify(path, replace(Asked(TRUST), **asked))


def edited(states: Iterable[bytes], position: int, change: Callable[[Envelope], None]) -> list[bytes]:
    """The log with one event that says something else, canonical, with the hash of what it says now."""
    told = list(states)
    event = json.loads(told[position - 1])
    change(event)
    told[position - 1] = spelt(event)
    return told


def spelt(event: Envelope) -> bytes:
    """An event as it is stored, with the hash of what was asked."""
    asked = event["data"].get("asked")
    if asked is not None:
        event["content"] = sha256(canonical(asked)).hexdigest()
    return canonical(event)


def position_of(states: Sequence[bytes], stream: str, seq: int = 1) -> int:
    """Where an event is."""
    for position, state in enumerate(states, start=1):
        event = json.loads(state)
        if (event["stream"], event["seq"]) == (stream, seq):
            return position
    raise LookupError(stream)


def _row(position: int, state: bytes) -> Recorded:
    event = json.loads(state)
    return Recorded(position, event["stream"], event["seq"], event["type"], state)
