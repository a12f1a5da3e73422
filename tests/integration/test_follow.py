"""Following the log: a worker keeps up with appends, is woken on PostgreSQL, and stops between two batches."""

import threading
import time

from ledger.application import Ledger
from projections.checkpoint import checkpoint
from projections.commissions import NAME
from projections.crew import workers_of
from projections.status import Standing
from tests.builders import bind, live_digest, order, plan, replayed, submit

PATIENCE_SECONDS = 30


def test_a_worker_follows_appends_until_it_is_told_to_stop(ledger: Ledger, store_url: str) -> None:
    """What is appended while it runs is projected; after the stop nothing is half done."""
    stopped, standing, other = threading.Event(), Standing(NAME), Ledger(store_url)
    (worker,) = workers_of(other, store_url, [standing], poll_seconds=0.05)
    thread = threading.Thread(target=worker.run, args=(stopped,))
    thread.start()
    submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    for number in range(20):
        submit(ledger, order(f"o{number}", "ben", 1_000, "2026-01-02T00:00:00Z"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _position(ledger) < ledger.log.head() and time.monotonic() < deadline:
        time.sleep(0.02)
    stopped.set()
    thread.join(PATIENCE_SECONDS)
    other.close()
    assert (standing.state, standing.events) == ("stopped", 22)
    assert live_digest(ledger) == replayed(ledger).digest


def _position(ledger: Ledger) -> int:
    with ledger.log.reading() as session:
        return checkpoint(session, NAME)


def test_an_append_wakes_who_waits(postgres_url: str) -> None:
    """NOTIFY ends the wait long before its time is up; without an append it lasts as long as it should."""
    ledger, waiting = Ledger(postgres_url), Ledger(postgres_url)
    started = time.monotonic()
    assert not waiting.log.wait(0.3)
    assert time.monotonic() - started >= 0.3
    appender = threading.Timer(0.2, lambda: submit(ledger, plan()))
    appender.start()
    assert waiting.log.wait(PATIENCE_SECONDS)
    assert time.monotonic() - started < PATIENCE_SECONDS
    appender.join()
    waiting.close()
    ledger.close()
