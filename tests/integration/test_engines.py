"""Both engines, the live tables and the archive give one answer to one question."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.application import Ledger
from projections.archive.reading import Archive
from projections.archive.sealing import sealing
from projections.balances import balances_at, digest
from projections.replay.session import replaying
from projections.runner import Runner
from tests.builders import LATER, command_from, commands, plan, public_commands
from tests.properties.test_generated import history
from tests.second_engine import assert_same_figures

pytestmark = pytest.mark.long_on_postgres

FIRST = datetime(2010, 12, 1, tzinfo=UTC)
DAYS = 400


def sealed(ledger: Ledger, place: Path, upto: int, segment_events: int) -> Archive:
    """The log up to a position, in an archive."""
    with sealing(ledger.log, str(place)) as sealer:
        for _ in sealer.seal(upto, segment_events):
            pass
    return Archive.open(str(place))


def agree_at_random(ledger: Ledger, archive: Archive, count: int) -> None:
    """At so many random (T, P): both engines, the live tables at P, and the archive with the rest from the store."""
    chosen = random.Random(count)  # noqa: S311  # not a secret
    head = ledger.log.head()
    runner = Runner(ledger.log)
    # The live tables only go forward.
    for position in sorted(chosen.randint(0, head) for _ in range(count)):
        as_of = FIRST + timedelta(seconds=chosen.randint(0, DAYS * 86_400))
        expected = assert_same_figures(ledger, as_of, position)
        runner.catch_up(position)
        with ledger.log.reading() as session:
            assert digest(balances_at(session, as_of)) == expected.digest
        with replaying(ledger.log, position, archive=archive) as second:
            found = second.answer(as_of)
        assert (found.digest, found.content_root) == (expected.digest, expected.content_root)
        assert (found.levels, found.outcomes) == (expected.levels, expected.outcomes)


@pytest.mark.slow
def test_a_published_year_at_random_times_and_positions(ledger: Ledger, tmp_path: Path) -> None:
    """A real shop's year, on either store."""
    ledger.submit([command_from(plan())])
    ledger.submit(public_commands())
    archive = sealed(ledger, tmp_path / "archive", 40_000, 7_000)
    agree_at_random(ledger, archive, 4)


@pytest.mark.slow
def test_a_published_year_at_fifty_times_and_positions(ledger: Ledger, tmp_path: Path) -> None:
    """The same at 50, on either store."""
    ledger.submit([command_from(plan())])
    ledger.submit(public_commands())
    archive = sealed(ledger, tmp_path / "archive", 40_000, 7_000)
    agree_at_random(ledger, archive, 50)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_generated_years_at_random_times_and_positions(ledger: Ledger, tmp_path: Path, seed: int) -> None:
    """Two plans, two currencies, renewals, take-overs, late records; positions between a renewal and its order too."""
    ledger.submit(commands(history(seed)))
    archive = sealed(ledger, tmp_path / "archive", ledger.log.head() * 2 // 3, 100)
    chosen = random.Random(seed)  # noqa: S311  # not a secret
    for _ in range(5):
        position = chosen.randint(0, ledger.log.head())
        as_of = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=chosen.randint(0, 24 * 330))
        expected = assert_same_figures(ledger, as_of, position)
        with replaying(ledger.log, position, archive=archive) as second:
            assert second.answer(as_of).digest == expected.digest
            assert second.decide_again() == []


def test_nothing_is_an_answer_too(ledger: Ledger) -> None:
    """An empty log, and a position before the first order."""
    assert_same_figures(ledger, LATER)
    ledger.submit([command_from(plan())])
    assert_same_figures(ledger, LATER, 0)
    assert_same_figures(ledger, LATER, 1)
