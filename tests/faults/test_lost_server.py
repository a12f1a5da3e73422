"""PostgreSQL goes away under an ingest and a worker: killed and recovered, or only their connections cut."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from ledger.store.migrate import migrate
from projections.view import PACKAGES
from tests.cli_runner import Tool
from tests.disturbance import (
    ENDED,
    Running,
    any_moment,
    assert_log_is_a_beginning,
    assert_projection_is_the_logs,
    assert_same_end,
    assert_went_away,
    catch_up,
    desk_of,
    history,
    projected,
    start_ingest,
    start_worker,
    through,
    undisturbed,
    wait_until,
    watching,
)
from tests.postgres_server import PostgresServer, postgres_server

NAME = "awkward"
BATCH_SIZES = ("20", "100", "400")
LOSSES_OF_A_STORE = 6  # about; then its history is through


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of our own that waits for the disk."""
    with postgres_server(durable=True) as started:
        yield started


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_server_killed_at_any_moment_and_started_again(
    server: PostgresServer, chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """Ingest ends with one clear line, what was seen committed is there after the recovery, and the end is the same."""

    def lose(desk: Tool, ingest: Running) -> None:
        with watching(desk.url) as log:
            seen = any_moment(ingest, chance, log.head, len(history(NAME)) // LOSSES_OF_A_STORE)
            server.kill()
        server.start()
        assert_ended(ingest)
        with watching(desk.url) as log:
            assert log.head() >= seen

    lose_until_through(partial(new_store_of, server), lose, chance, tmp_path, rounds)


@pytest.mark.slow
def test_an_ingest_says_at_once_that_its_server_is_gone(server: PostgresServer, tmp_path: Path) -> None:
    """It ends within seconds, with what the server or the driver said last, and with a summary of what it did."""
    desk = desk_of(new_store_of(server), tmp_path, NAME)
    try:
        with start_ingest(desk, "--batch-size", "20") as ingest:
            with watching(desk.url) as log:
                wait_until(lambda: log.head() > 500)
                server.kill()
            wait_until(lambda: not ingest.is_at_work(), seconds=8)
            answer = ingest.answer(8)
    finally:
        server.start()
    assert_went_away(answer)
    assert "couldn't get a connection" not in answer.err
    assert answer.document["read"] > 0
    assert answer.document["head"] is None


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_connections_cut_at_any_moment(
    new_postgres: Callable[[], str], chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """As an administrator does it, now to the one and now to the other or both: nothing is lost, nothing twice."""

    def lose(desk: Tool, ingest: Running) -> None:
        with watching(desk.url) as log, psycopg.connect(desk.url, autocommit=True) as administrator:
            for victims in (["worker"], ["ingest"], ["ingest", "worker"]):
                position = log.head if "ingest" in victims else lambda: projected(log)
                any_moment(ingest, chance, position, len(history(NAME)) // LOSSES_OF_A_STORE // 3)
                administrator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = ANY(%s)",
                    [victims],
                )
        assert_ended(ingest)

    lose_until_through(new_postgres, lose, chance, tmp_path, rounds)


def new_store_of(server: PostgresServer) -> str:
    """An empty, migrated store on our own server."""
    url = server.create_database(f"ledger_{uuid4().hex}")
    migrate(url, PACKAGES)
    return url


def assert_ended(ingest: Running) -> None:
    """The ingest found its database gone, unless it was through just before."""
    answer = ingest.answer((*ENDED, 8))
    if answer.status not in ENDED:
        assert_went_away(answer)


def is_whole(desk: Tool) -> bool:
    """Whether all of the history is in the log."""
    return assert_log_is_a_beginning(desk.url, NAME) == len(undisturbed(NAME).books.roots) - 1


def lose_until_through(
    new_store: Callable[[], str],
    lose: Callable[[Tool, Running], None],
    chance: random.Random,
    folder: Path,
    rounds: int,
) -> None:
    """Ingests histories beside a worker, with so many losses; whoever ends is started again."""
    losses = 0
    while losses < rounds:
        desk = desk_of(new_store(), folder, NAME)
        worker = start_worker(desk)
        try:
            while losses < rounds:
                with start_ingest(desk, "--batch-size", chance.choice(BATCH_SIZES)) as ingest:
                    lose(desk, ingest)
                    losses += 1
                if not worker.is_at_work():
                    assert_went_away(worker.answer(8))
                    worker = start_worker(desk)
                assert_projection_is_the_logs(desk.url, NAME)
                if is_whole(desk):
                    break
        finally:
            worker.kill()
        with start_ingest(desk) as ingest:
            through(desk, NAME, ingest.answer(ENDED))
        catch_up(desk)
        assert_same_end(desk.url, NAME)
