"""The disk is full: commands say so and leave nothing half done; once there is room the same command goes on."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from ledger.store.migrate import migrate
from projections.view import PACKAGES
from tests.cli_runner import Tool
from tests.disturbance import (
    ENDED,
    INGEST,
    Running,
    any_moment,
    assert_log_is_a_beginning,
    assert_projection_is_the_logs,
    assert_same_end,
    assert_went_away,
    catch_up,
    desk_of,
    start_ingest,
    start_worker,
    through,
    watching,
)
from tests.postgres_server import PostgresServer, postgres_server

NAME = "awkward"
KIB = 1 << 10


class SmallDisk:
    """A file system of its own in memory, and a ballast file that takes what room is to be missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def leave(self, kib: int) -> None:
        """Leaves so much room, or as little as there is."""
        self._ballast.unlink(missing_ok=True)
        room = os.statvfs(self.folder)
        size = room.f_bavail * room.f_frsize - kib * KIB
        if size > 0:
            with self._ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)

    def clear(self) -> None:
        """Gives all its room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(mebibytes: int) -> Generator[SmallDisk]:
    """Mounts one; skips the test where that is not allowed."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = Path(tempfile.mkdtemp(prefix="refledger-disk-", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no small file system may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_sqlite_on_a_disk_that_fills_up(
    sqlite_template: bytes, chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """Whatever room is left, and however often there is none: the log is a beginning; with room all comes in."""
    failures = 0
    with small_disk(16) as disk:
        while failures < rounds:
            store = disk.folder / f"{failures}.db"
            store.write_bytes(sqlite_template)
            desk = desk_of(f"sqlite:///{store}", tmp_path, NAME)
            while failures < rounds:
                disk.leave(chance.choice((0, 40, 300, 1_000)) + chance.randrange(200))
                with start_ingest(desk, "--batch-size", chance.choice(("50", "400"))) as ingest:
                    if came_through(ingest):
                        break
                failures += 1
                project_onto_a_full_disk(desk)
                disk.clear()
                assert_nothing_half_done(desk)
            disk.clear()
            finish(desk)
            store.unlink()


def test_sqlite_without_room_even_to_open(sqlite_template: bytes, tmp_path: Path) -> None:
    """SQLite needs a little room beside the file only to read it: without that too the answer is one clear line."""
    with small_disk(4) as disk:
        store = disk.folder / "ledger.db"
        store.write_bytes(sqlite_template)
        disk.leave(0)
        answer = desk_of(f"sqlite:///{store}", tmp_path, NAME)(*INGEST, status=8)
    assert_went_away(answer)
    assert "its disk may be full" in answer.err


@pytest.mark.slow
def test_postgres_on_a_disk_that_fills_up(chance: random.Random, tmp_path: Path) -> None:
    """No room for tables, or none for the next file of the write-ahead log, which ends the server: all comes in."""
    failures, rounds = 0, 10
    with small_disk(200) as disk, postgres_server(durable=True, folder=disk.folder) as server:
        while failures < rounds:
            url = server.create_database(f"ledger_{failures}")
            migrate(url, PACKAGES)
            desk = desk_of(url, tmp_path, NAME)
            while failures < rounds:
                disk.leave(chance.randrange(1_000))
                with start_ingest(desk, "--batch-size", "50") as ingest:
                    if failures % 2:
                        use_up_the_log(server, desk, ingest, chance)
                    if came_through(ingest):
                        break
                failures += 1
                project_onto_a_full_disk(desk)
                make_room(disk, server)
                assert_nothing_half_done(desk)
            make_room(disk, server)
            finish(desk)


def use_up_the_log(server: PostgresServer, desk: Tool, ingest: Running, chance: random.Random) -> None:
    """Makes the server need the next files of its write-ahead log at random moments."""
    with watching(desk.url) as log, suppress(psycopg.OperationalError, OperationalError):
        for _ in range(4):  # some files of the log are made beforehand
            any_moment(ingest, chance, log.head, 200)
            with psycopg.connect(server.url()) as connection:
                connection.execute("SELECT pg_switch_wal()")


def make_room(disk: SmallDisk, server: PostgresServer) -> None:
    """As an operator does: room first, and then the server again, which may have ended."""
    disk.clear()
    server.stop("immediate")
    server.start()


def came_through(ingest: Running) -> bool:
    """Whether an ingest came to its end after all; otherwise it says clearly that it could not."""
    answer = ingest.answer((*ENDED, 8))
    if answer.status not in ENDED:
        assert_went_away(answer)
    return answer.status in ENDED


def project_onto_a_full_disk(desk: Tool) -> None:
    """A worker comes through, or says clearly that it could not."""
    with start_worker(desk, "--once") as worker:
        answer = worker.answer((0, 8))
    if answer.status:
        assert_went_away(answer)


def assert_nothing_half_done(desk: Tool) -> None:
    """Batches are in or not, whole."""
    assert_log_is_a_beginning(desk.url, NAME)
    assert_projection_is_the_logs(desk.url, NAME)


def finish(desk: Tool) -> None:
    """The same command comes to its end, as does the worker."""
    with start_ingest(desk) as ingest:
        through(desk, NAME, ingest.answer(ENDED))
    catch_up(desk)
    assert_same_end(desk.url, NAME)
