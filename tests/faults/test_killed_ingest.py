"""`kill -9` of an ingest, at any moment, again and again: the same command goes on, and nothing shows in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli_runner import Tool
from tests.disturbance import (
    ENDED,
    any_moment,
    assert_log_is_a_beginning,
    assert_same_end,
    catch_up,
    desk_of,
    history,
    start_ingest,
    through,
    watching,
)

BATCH_SIZES = ("20", "100", "400")
KILLS_OF_A_STORE = 6  # about; then its history is through


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_a_killed_ingest_is_run_again_until_it_is_through(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """After every kill the log is a beginning of the undisturbed one; in the end all is as undisturbed."""
    name, kills = "awkward", 0
    while kills < rounds:
        desk = desk_of(new_store(), tmp_path, name)
        kills += kill_until_through(desk, chance, name, kills_max=rounds - kills)
        catch_up(desk)
        assert_same_end(desk.url, name)


def kill_until_through(desk: Tool, chance: random.Random, name: str, kills_max: int) -> int:
    """Ingests, each run killed but the last; returns how many were."""
    kills = 0
    while True:
        with start_ingest(desk, "--batch-size", chance.choice(BATCH_SIZES)) as ingest, watching(desk.url) as log:
            if kills < kills_max:
                any_moment(ingest, chance, log.head, len(history(name)) // KILLS_OF_A_STORE)
                if ingest.kill():
                    kills += 1
                    assert_log_is_a_beginning(desk.url, name)
                    continue
            through(desk, name, ingest.answer(ENDED))
            return kills
