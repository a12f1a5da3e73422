"""`kill -9` of a seal, at any moment, again and again: what is there is whole, and in the end it is as undisturbed."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.commands import parse_command
from projections.archive.manifest import KINDS
from projections.archive.reading import Archive
from tests.archives import contents, seal
from tests.cli_runner import Tool, desk
from tests.disturbance import Running, any_moment, history

SEGMENT_EVENTS = 100
KILLS_OF_AN_ARCHIVE = 6  # about; then it is sealed


@pytest.mark.parametrize("rounds", [4, pytest.param(80, marks=pytest.mark.slow)])
def test_a_killed_seal_is_run_again_until_it_is_through(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """After every kill the archive opens and every file in it is proven; in the end it has the undisturbed bytes."""
    url, kills = new_store(), 0
    with closing(Ledger(url)) as ledger:
        ledger.submit([parse_command(line) for line in history("generated")])
        seal(ledger.log, tmp_path / "undisturbed", segment_events=SEGMENT_EVENTS)
        undisturbed = contents(tmp_path / "undisturbed")
        tool = desk(url, tmp_path)
        for number in range(rounds):
            books = tool.folder / f"books{number}"
            kills += kill_until_through(tool, chance, books, undisturbed, rounds - kills)
            assert contents(books) == undisturbed
            assert {path.name for path in books.iterdir() if path.name.startswith(".")} == {".sealing.lock"}
            Archive.open(str(books)).belongs_to(ledger.log)
            if kills == rounds:
                return


def kill_until_through(
    tool: Tool, chance: random.Random, books: Path, undisturbed: dict[str, str], kills_max: int
) -> int:
    """Seals, each run killed but the last; returns how many were."""
    kills = 0
    segments = len(undisturbed) // (len(KINDS) + 1)
    while True:
        with Running(tool, "archive", "seal", books.name, "--segment-events", str(SEGMENT_EVENTS)) as running:
            if kills < kills_max:
                any_moment(running, chance, lambda: sealed(books), segments // KILLS_OF_AN_ARCHIVE)
                if running.kill():
                    kills += 1
                    assert_is_a_beginning(books, undisturbed)
                    continue
            running.answer()
            return kills


def sealed(books: Path) -> int:
    """How many segments are there."""
    return sum(1 for path in books.iterdir() if path.name[0] != ".") if books.is_dir() else 0


def assert_is_a_beginning(books: Path, undisturbed: dict[str, str]) -> None:
    """Whole segments of the undisturbed archive, from the first on."""
    if books.is_dir():
        Archive.open(str(books)).verify(KINDS)
        found = contents(books)
        assert list(found.items()) == list(undisturbed.items())[: len(found)]
