"""Far behind, a process of its own reads the log ahead: the same tables, the same errors, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.errors import IntegrityError
from projections import runner as runners
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.runner import Runner
from tests.builders import commands, live_balances, replayed
from tests.forger import Forger
from tests.integration.test_tampering import CHANGES

pytestmark = pytest.mark.long_on_postgres

BATCH, PIECE = 100, 25


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Also a short log is read ahead, in small batches."""
    monkeypatch.setattr(runners, "EVENTS_MIN", 1)
    monkeypatch.setattr(runners, "PIECE_SIZE", PIECE)
    yield
    assert _readers() == []


def _readers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "projections.ahead" in child.cmdline()]


def fill(ledger: Ledger) -> int:
    """A history, and the head."""
    ledger.submit(commands(records(Shape(members=60, orders=500))))
    return ledger.log.head()


def position(ledger: Ledger) -> int:
    """How far the projection is."""
    with ledger.log.reading() as session:
        return checkpoint(session, NAME)


@pytest.mark.usefixtures("ahead")
def test_what_was_read_ahead_is_projected_alike(ledger: Ledger) -> None:
    """Every batch but the first comes from the child; the balances are those of the replay."""
    head = fill(ledger)
    runner = Runner(ledger.log, batch_size=BATCH)
    assert runner.step() == BATCH
    assert len(_readers()) == 1
    assert runner.catch_up() == head - BATCH
    assert _readers() == []
    assert live_balances(ledger) == replayed(ledger).balances


@pytest.mark.usefixtures("ahead")
def test_a_reader_that_is_killed_is_done_without(ledger: Ledger) -> None:
    """The runner reads by itself where the child stopped."""
    head = fill(ledger)
    runner = Runner(ledger.log, batch_size=BATCH)
    runner.step()
    for reader in _readers():
        reader.kill()
        reader.wait()
    assert runner.catch_up() == head - BATCH
    assert live_balances(ledger) == replayed(ledger).balances


@pytest.mark.usefixtures("ahead")
def test_other_batches_than_those_read_ahead(ledger: Ledger) -> None:
    """Who asks for another size or another end gets that, and nothing twice."""
    head = fill(ledger)
    runner = Runner(ledger.log, batch_size=BATCH)
    sizes = [runner.step(), runner.step(most=7), runner.step(), runner.step(upto=sum([BATCH, 7, BATCH, 3]))]
    assert sizes == [BATCH, 7, BATCH, 3]
    assert runner.catch_up() == head - sum(sizes)
    assert live_balances(ledger) == replayed(ledger).balances


@pytest.mark.usefixtures("ahead")
def test_batches_of_several_sizes_come_from_one_reader(ledger: Ledger) -> None:
    """A worker's batches grow and shrink; each is as many of the reader's pieces as it may be."""
    head = fill(ledger)
    runner = Runner(ledger.log, batch_size=BATCH)
    runner.step()
    readers = _readers()
    assert [runner.step(most=most) for most in (2 * PIECE, 4 * PIECE, 3 * PIECE - 1)] == [
        2 * PIECE,
        4 * PIECE,
        2 * PIECE,
    ]
    assert _readers() == readers
    assert runner.catch_up() == head - BATCH - 8 * PIECE
    assert live_balances(ledger) == replayed(ledger).balances


@pytest.mark.usefixtures("ahead")
def test_another_runner_in_between(ledger: Ledger) -> None:
    """What was read ahead is of no use once somebody else has projected it."""
    head = fill(ledger)
    one, two = Runner(ledger.log, batch_size=BATCH), Runner(ledger.log, batch_size=BATCH)
    one.step()
    two.catch_up(2 * BATCH + 5)
    with pytest.raises(runners.CheckpointMovedError):
        one.step()
    one.catch_up()
    assert position(ledger) == head
    assert live_balances(ledger) == replayed(ledger).balances


@pytest.mark.usefixtures("ahead")
@pytest.mark.parametrize("change", [change for change in CHANGES if "= 3" in CHANGES[change]])
def test_a_changed_row_is_found_ahead(ledger: Ledger, store_url: str, change: str) -> None:
    """The child's finding stops the runner where its own would; what came before is projected."""
    fill(ledger)
    place = next(row.position for row in ledger.log.read(3 * BATCH) if row.topic == "OrderPlaced")
    statement = CHANGES[change].replace("position = 3", f"position = {place}")
    Forger(store_url).run(statement)
    with pytest.raises(IntegrityError):
        Runner(ledger.log, batch_size=BATCH).catch_up()
    assert 3 * BATCH <= position(ledger) < place
