"""A clock that is set back, and input that is delivered again: the log is that of a good clock and of one delivery."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import pytest

from ledger.application import Ledger
from ledger.clock import Clock, to_micros
from ledger.commands import parse_command
from ledger.mapper import decode
from ledger.store.session import Sql
from projections.runner import Runner
from tests.cli_runner import desk
from tests.disturbance import ACTOR, assert_same_end, catch_up, history, undisturbed

NAME = "generated"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JUMP_SECONDS_MAX = 90 * 86_400
RECORDED: LiteralString = "SELECT recorded_at_us FROM event ORDER BY position"

# ---- Clocks


def jumping(chance: random.Random) -> Clock:
    """A clock that is set to some other time at every look: some days ago, or some days on."""
    return lambda: NOON + timedelta(seconds=chance.uniform(-1, 1) * JUMP_SECONDS_MAX)


def running_back() -> Clock:
    """A clock that goes backwards, an hour at every look."""
    times = (NOON - timedelta(hours=hour) for hour in range(1 << 20))
    return lambda: next(times)


@pytest.mark.parametrize("kind", ["jumping", "running back"])
def test_a_clock_set_back_changes_nothing_that_was_put_in(
    new_store: Callable[[], str], chance: random.Random, kind: str
) -> None:
    """Three writers in turn, two with bad clocks, and a lapse job: recorded_at only rises, the content is the same."""
    url = new_store()
    clocks = [lambda: NOON, *(jumping(chance) if kind == "jumping" else running_back() for _ in range(2))]
    ledgers = [Ledger(url, actor=ACTOR, clock=clock) for clock in clocks]
    commands = [parse_command(line) for line in history(NAME)]
    for number, start in enumerate(range(0, len(commands), 50)):
        ledgers[number % 3].submit(commands[start : start + 50])
        if number % 7 == 0:
            ledgers[-number % 3].expire()
    with closing(ledgers[0]):
        Runner(ledgers[0].log).catch_up()
        assert_recorded_at_only_rises(ledgers[0])
    for ledger in ledgers[1:]:
        ledger.close()
    assert_same_end(url, NAME)


def assert_recorded_at_only_rises(ledger: Ledger) -> None:
    """In the table and in the stored bytes."""
    with ledger.log.reading() as session:
        in_table = [row[0] for row in session.rows(Sql("recorded", {"postgres": RECORDED, "sqlite": RECORDED}))]
    assert in_table == [to_micros(decode(row.topic, row.state).recorded_at) for row in ledger.log.read()]
    assert in_table == sorted(in_table)


# ---- Repeats


def each_twice(lines: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """Every line twice in a row."""
    del chance
    return (line for line in lines for _ in range(2))


def all_twice(lines: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """The whole file, and the whole file again."""
    del chance
    return iter([*lines, *lines])


def blocks_again(lines: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """After every block of lines the block before it again, shuffled."""
    block: Sequence[bytes] = []
    start = 0
    while start < len(lines):
        before, size = block, chance.randrange(1, 300)
        block = lines[start : start + size]
        start += size
        yield from block
        yield from chance.sample(before, len(before))
    yield from chance.sample(block, len(block))


@pytest.mark.parametrize("name", ["generated", pytest.param("public", marks=pytest.mark.slow)])
@pytest.mark.parametrize("deliver", [each_twice, all_twice, blocks_again])
def test_every_line_delivered_twice_counts_once(
    new_store: Callable[[], str],
    chance: random.Random,
    tmp_path: Path,
    name: str,
    deliver: Callable[[Sequence[bytes], random.Random], Iterator[bytes]],
) -> None:
    """The second delivery is a repeat, whenever it comes, in whatever batch: the log is that of one delivery."""
    url = new_store()
    tool = desk(url, tmp_path)
    lines = history(name)
    (tool.folder / "twice.jsonl").write_bytes(b"".join(deliver(lines, chance)))
    summary = tool.json("--actor", ACTOR, "ingest", "twice.jsonl", "--batch-size", str(chance.randrange(20, 500)))
    straight = undisturbed(name).summary
    assert summary["read"] == 2 * len(lines)
    assert summary["repeats"] == len(lines) + straight["repeats"]
    assert (summary["appended"], summary["refused"]) == (straight["appended"], straight["refused"])
    catch_up(tool)
    assert_same_end(url, name)
