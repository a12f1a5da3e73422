"""The live projection and the replay agree at every position; recording lapses changes no digest."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.clock import parse_instant
from projections.balances import balances_at, digest
from projections.runner import Runner
from tests.builders import LATER, commands, replayed

SHAPE = Shape(members=60, orders=400, days=400, ttl_days=30, seed=7, late_share_ppm=50_000)
LAST = SHAPE.start + timedelta(days=500)
QUESTIONS = [SHAPE.start + timedelta(days=days) for days in (45, 200, 390)] + [LATER]


def history() -> list[dict[str, Any]]:
    """A year of lapses, re-binds, take-overs, late records and refunds."""
    return list(records(SHAPE))


def submit_all(ledger: Ledger, batches: Iterator[list[dict[str, Any]]]) -> None:
    """One transaction per batch."""
    for batch in batches:
        ledger.submit(commands(batch))


def cut(items: list[dict[str, Any]], sizes: Iterator[int]) -> Iterator[list[dict[str, Any]]]:
    """Items in lists of these sizes."""
    start = 0
    while start < len(items):
        size = next(sizes)
        yield items[start : start + size]
        start += size


def random_sizes(seed: int, most: int) -> Iterator[int]:
    """Sizes from 1 to most."""
    chosen = random.Random(seed)  # noqa: S311  # not a secret
    while True:
        yield chosen.randint(1, most)


def test_live_projection_equals_replay_at_every_position(ledger: Ledger) -> None:
    """After batches of random sizes, every digest is that of a replay up to the same position."""
    submit_all(ledger, cut(history(), random_sizes(1, 200)))
    chosen = random.Random(2)  # noqa: S311  # not a secret
    position, head = 0, ledger.log.head()
    runner = Runner(ledger.log, batch_size=7)
    while position < head:
        position = min(head, position + chosen.randint(1, 60))
        runner.catch_up(position)
        as_of = chosen.choice(QUESTIONS)
        with ledger.log.reading() as session:
            live = digest(balances_at(session, as_of))
        assert live == replayed(ledger, as_of, position).digest, (position, as_of)


def expire_never(ledger: Ledger, now: datetime) -> None:
    """No worker."""
    del ledger, now


def expire_at_once(ledger: Ledger, now: datetime) -> None:
    """A worker that runs between any two records."""
    ledger.expire(now)


def expire_late(ledger: Ledger, now: datetime) -> None:
    """A worker that is up to a week behind."""
    if now.day % 5 == 0:
        ledger.expire(now - timedelta(days=7))


@pytest.mark.parametrize("renewal", ["none", "on_order"])
def test_expiry_worker_changes_no_digest(tmp_path: Path, sqlite_template: bytes, renewal: str) -> None:
    """No worker, a late one, one between any two records: same content root, same digest at any time (B-4, G-8)."""
    items = history()
    items[0] = items[0] | {"binding": items[0]["binding"] | {"renewal": renewal}}
    found: list[Any] = []
    lapses: list[int] = []
    for index, expire in enumerate((expire_never, expire_at_once, expire_late)):
        path = tmp_path / f"{index}.db"
        path.write_bytes(sqlite_template)
        ledger = Ledger(f"sqlite:///{path}", actor="test")
        for item in items:
            ledger.submit(commands([item]))
            expire(ledger, parse_instant(item["at"]))
        ledger.expire(LAST)
        replays = [replayed(ledger, as_of) for as_of in QUESTIONS]
        found.append([(each.digest, each.content_root, each.outcomes) for each in replays])
        streams = [row.stream for row in ledger.log.read() if row.topic == "BindingExpired"]
        assert len(streams) == len(set(streams))
        lapses.append(len(streams))
        ledger.close()
    assert found[0] == found[1] == found[2]
    assert lapses[0] > 30
