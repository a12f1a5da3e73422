"""The two formulations of the rules of finance on random histories: figures, postings, payable, and batches again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger.clock import to_micros
from ledger.store.recorder import LogRecorder
from ledger.store.session import Session
from projections.archive.reading import Archive
from projections.books import opened_books
from projections.export.statements import statement
from projections.payout_check import check_payouts
from projections.payouts import NotPaidOutError, propose
from projections.period_check import check_periods
from projections.postings import postings
from projections.replay.answers import Payable
from projections.replay.batches import otherwise
from projections.replay.duck import Duck
from projections.replay.payable import line_of
from projections.replay.pipeline import Question
from projections.replay.relations import from_store
from projections.replay.roots import root_of_lines
from projections.replay.session import Setup, connected, replaying
from projections.view import view_at
from tests.archives import seal
from tests.finance import Desk
from tests.payout_histories import HALF_DAY, START, History, seeds
from tests.second_engine import assert_same_figures

pytestmark = pytest.mark.long_on_postgres

STEPS = 250
CODES = ("EUR", "GBP")


def asked(history: History) -> tuple[datetime, int]:
    """A random (T, P): a half day of the history or a microsecond before it, a position."""
    before = timedelta(microseconds=history.random.choice((0, 0, 1)))
    as_of = START + history.random.randint(0, 2 * STEPS) * HALF_DAY / 2 - before
    return as_of, history.random.randint(1, history.desk.clerk.log.head())


def gone(desk: Desk, seed: int) -> History:
    """A history, as far as it goes."""
    history = History(desk, seed)
    history.go(STEPS)
    desk.project()
    return history


@pytest.mark.parametrize("seed", seeds(20, 24))
def test_figures_agree(desk: Desk, seed: int, tmp_path: Path) -> None:
    """Digest, balances, levels, totals and outcomes at random (T, P); from an archive and the rest too."""
    history, log = gone(desk, seed), desk.clerk.log
    seal(log, tmp_path / "books", log.head() * 2 // 3, 60)
    archive = Archive.open(str(tmp_path / "books"))
    for _ in range(6):
        as_of, position = asked(history)
        expected = assert_same_figures(desk.clerk, as_of, position)
        with replaying(log, position, archive=archive) as replay:
            found = replay.answer(as_of)
        assert (found.digest, found.content_root) == (expected.digest, expected.content_root)
        assert (found.levels, found.totals) == (expected.levels, expected.totals)


@pytest.mark.parametrize("seed", range(24, 28))
def test_payable_agrees(sqlite_desk: Desk, seed: int) -> None:
    """Lines, left out, plan and minimum at random (T, P): the live tables brought there against the events alone."""
    history, log = gone(sqlite_desk, seed), sqlite_desk.clerk.log
    with replaying(log, log.head()) as replay:
        replay.decide_again()
        for _ in range(8):
            cut_off, position = asked(history)
            with view_at(log, position) as (view, _):
                for currency in CODES:
                    found = replay.payable(cut_off, currency, position)
                    assert told(found) == proposed(view, log, currency, cut_off), (cut_off, position)


def told(found: Payable) -> tuple[object, ...]:
    """A batch as the events give it; None: the currency is not paid out."""
    if found.minimum_minor is None:
        return ()
    left_out = [(row.member, row.reason) for row in found.left_out]
    return found.plan, found.minimum_minor, [tuple(line) for line in found.lines], left_out


def proposed(view: Session, log: LogRecorder, currency: str, cut_off: datetime) -> tuple[object, ...]:
    """The same batch as it would be prepared."""
    try:
        found = propose(view, log, currency, cut_off)
    except NotPaidOutError:
        return ()
    lines = [(line.member, line.amount_minor) for line in found.lines]
    return found.plan.plan, found.minimum_minor, lines, [(row.member, row.reason) for row in found.left_out]


@pytest.mark.parametrize("seed", range(28, 31))
def test_postings_agree(sqlite_desk: Desk, seed: int) -> None:
    """Every posting by T of positions up to P, in the order of a bundle."""
    history, log = gone(sqlite_desk, seed), sqlite_desk.clerk.log
    rows = list(log.read())
    for _ in range(6):
        as_of, position = asked(history)
        with connected(Setup()) as duck:
            from_store(duck, log, position)
            question = Question(Duck(duck), as_of_us=to_micros(as_of), at_position=position)
            question.tabulate()
            micros = "SELECT * REPLACE (epoch_us(value_at) AS value_at)"
            found = duck.execute(f"{micros} FROM ({statement('postings')})").fetchall()
        expected = [(*one[:3], *one[4:]) for one in postings(rows[:position], as_of)]
        assert found == expected


@pytest.mark.parametrize("seed", seeds(31, 35))
def test_recorded_batches_are_found_right(desk: Desk, seed: int) -> None:
    """What the desk decided is what the other formulation decides; each batch comes out again (X-5)."""
    gone(desk, seed)
    log = desk.clerk.log
    with opened_books(log, desk.clock.now) as books:
        assert list(check_payouts(books, lambda _: None)) == []
        assert list(check_periods(books, lambda _: None)) == []
    with replaying(log, log.head()) as replay:
        for batch in replay.batches():
            recorded = replay.lines_of(batch.stream)
            assert list(otherwise(batch, recorded, replay.replay_batch(batch))) == []
            assert root_of_lines(line_of(*line) for line in recorded) == batch.lines_hash
