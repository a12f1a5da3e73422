"""Three writers and two workers at once, and VACUUM beside them: the end is that of one after the other."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.application import Ledger
from tests.builders import live_digest, replayed
from tests.cli_runner import Tool
from tests.disturbance import (
    ACTOR,
    ENDED,
    Running,
    assert_same_end,
    desk_of,
    history,
    instants,
    projected,
    start_worker,
    undisturbed,
    wait_until,
    watching,
)

pytestmark = pytest.mark.long_on_postgres

NAME = "generated"
SHOPS = ("north", "south", "west")
SHOP_LINES = 1_200
STALL_SECONDS_MAX = 30


@contextmanager
def two_workers(desk: Tool) -> Generator[None]:
    """Two workers until all is projected; told to stop, both end well."""
    with start_worker(desk, name="one") as one, start_worker(desk, name="two") as two, watching(desk.url) as log:
        yield
        wait_until(lambda: projected(log) == log.head())
        for worker in (one, two):
            worker.stop()
            worker.answer()


def start_writer(desk: Tool, batch_size: int, *options: str) -> Running:
    """An ingest with a batch size of its own."""
    words = ("ingest", "records.jsonl", "--batch-size", str(batch_size), "--format", "json")
    return Running(desk, *words, *options, name="ingest")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["public", "long"])
def test_three_writers_of_one_file_and_two_workers(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path, name: str
) -> None:
    """All feed the same lines in batches of other sizes: each is recorded by one and a repeat for the others."""
    desk = desk_of(new_store(), tmp_path, name)
    with two_workers(desk), ExitStack() as writers:
        sizes = chance.sample(range(20, 400), 3)
        started = [writers.enter_context(start_writer(desk, size)) for size in sizes]
        summaries = [writer.answer(ENDED).document for writer in started]
    straight = undisturbed(name).summary
    assert [summary["read"] for summary in summaries] == [len(history(name))] * 3
    for part in ("appended", "refused"):
        assert sum(summary[part] for summary in summaries) == straight[part]
    assert sum(summary["repeats"] for summary in summaries) == 2 * straight["read"] + straight["repeats"]
    assert_same_end(desk.url, name)


# ---- Different files: three shops whose members have nothing to do with each other


def shops_desk(url: str, folder: Path) -> Tool:
    """A desk with a file of each shop, on a store that has the plans."""
    desk = desk_of(url, folder, NAME)
    records = [json.loads(line) for line in history(NAME)[:SHOP_LINES]]
    records += [json.loads(line) for line in history(NAME)[SHOP_LINES:] if b'"type":"plan"' in line]
    desk.feed(*(record for record in records if record["type"] == "plan"))
    for shop in SHOPS:
        desk.write(f"{shop}.jsonl", (of_members(record, shop) for record in records if record["type"] != "plan"))
    return desk


def of_members(record: dict[str, Any], shop: str) -> dict[str, Any]:
    """The record, of members that are the shop's own."""
    people = {"member", "inviter", "invitee"}
    return {key: f"{shop}-{value}" if key in people else value for key, value in record.items()}


def start_shop(desk: Tool, shop: str) -> Running:
    """An ingest of a shop's file."""
    return Running(desk, *words_for(shop), name="ingest")


def words_for(shop: str) -> tuple[str, ...]:
    """The command that ingests a shop's file."""
    return "ingest", f"{shop}.jsonl", "--source", shop, "--batch-size", "100"


def told_of(ledger: Ledger, shop: str) -> list[dict[str, Any]]:
    """What the log says of a shop, in order, without when it was written."""
    events = (json.loads(row.state) for row in ledger.log.read())
    return [{**event, "recorded_at": None} for event in events if event["source"] == shop]


def test_three_files_of_three_sources_and_two_workers(
    new_store: Callable[[], str], sqlite_url: str, tmp_path: Path
) -> None:
    """Of each shop the log says the same, in the same order, as if one had come after the other; so do balances."""
    together, alone = shops_desk(new_store(), tmp_path), shops_desk(sqlite_url, tmp_path)
    with two_workers(together), ExitStack() as writers:
        for writer in [writers.enter_context(start_shop(together, shop)) for shop in SHOPS]:
            writer.answer(ENDED)
    for shop in SHOPS:
        alone("--actor", ACTOR, *words_for(shop))
    with together.ledger() as one, alone.ledger() as other:
        assert one.log.head() == other.log.head()
        for shop in SHOPS:
            assert told_of(one, shop) == told_of(other, shop)
        for as_of in instants(NAME):
            assert live_digest(one, as_of) == replayed(one, as_of).digest == replayed(other, as_of).digest


# ---- VACUUM


def vacuum_often(url: str, ended: threading.Event) -> int:
    """VACUUM and ANALYZE of all tables again and again; returns how often."""
    times = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while not ended.wait(0.01):
            connection.execute("VACUUM (ANALYZE)")
            times += 1
    return times


@pytest.mark.parametrize("name", ["generated", pytest.param("long", marks=pytest.mark.slow)])
def test_vacuum_beside_appends(new_postgres: Callable[[], str], tmp_path: Path, name: str) -> None:
    """With tables vacuumed all the time appends never stall, and what comes out is the same."""
    desk, ended = desk_of(new_postgres(), tmp_path, name), threading.Event()
    with ThreadPoolExecutor() as pool, two_workers(desk), watching(desk.url) as log:
        vacuums = pool.submit(vacuum_often, desk.url, ended)
        try:
            with start_writer(desk, 50) as writer:
                stall_seconds = longest_stall(writer, log.head)
                writer.answer(ENDED)
        finally:
            ended.set()
        assert vacuums.result() >= 3
    assert stall_seconds < STALL_SECONDS_MAX
    assert_same_end(desk.url, name)


def longest_stall(running: Running, position: Callable[[], int]) -> float:
    """The longest time without progress while a command is at work, seconds; its start counts."""
    seen, since, longest = position(), time.monotonic(), 0.0
    while running.is_at_work():
        time.sleep(0.002)
        now, at = time.monotonic(), position()
        longest = max(longest, now - since)
        if at > seen:
            seen, since = at, now
    return longest
