"""One worker leads, others stand by: a dead leader is followed within a second, and nothing is projected twice."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ledger.application import Ledger
from projections.lease import LeaseLostError, PostgresLease, lease_of
from tests.builders import plan, submit
from tests.cli_runner import Tool, desk
from tests.worker_process import assert_books_agree, fill, wait_for_head, wait_until, wait_until_done, working

pytestmark = pytest.mark.long_on_postgres

TAKE_OVER_SECONDS_MAX = 15  # on a busy machine
COMMISSIONS = ("--projections", "commissions")


@pytest.fixture
def tool(store_url: str, tmp_path: Path) -> Tool:
    """The command on an empty store of each engine."""
    return desk(store_url, tmp_path)


def test_a_lease_has_one_holder(store_url: str) -> None:
    """Another gets it once it is released; that of another projection is free; who asks twice still has it."""
    first, second, other = (lease_of(store_url, name) for name in ("commissions", "commissions", "expiry"))
    assert [first.take(), second.take(), other.take(), first.take()] == [True, False, True, True]
    first.check()
    with pytest.raises(LeaseLostError):
        lease_of(store_url, "commissions").check()
    first.release()
    wait_until(second.take, "the lease")
    for lease in (second, other):
        lease.release()


def test_a_lease_is_lost_with_its_connection(postgres_url: str) -> None:
    """Who holds it hears of it at the next check, and may take it again."""
    lease = PostgresLease(postgres_url, "commissions")
    assert lease.take()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'refledger worker' "
            "AND datname = current_database()"
        )
    with pytest.raises(LeaseLostError):
        lease.check()
    wait_until(lease.take, "the lease")
    lease.release()


def test_schemas_have_leases_of_their_own(postgres_url: str) -> None:
    """Two ledgers in one database, each in its schema: both are led."""
    with psycopg.connect(postgres_url) as admin:
        admin.execute("CREATE SCHEMA second")
    leases = [
        PostgresLease(postgres_url, "commissions"),
        PostgresLease(f"{postgres_url}&options=-csearch_path%3Dsecond", "commissions"),
    ]
    assert [lease.take() for lease in leases] == [True, True]
    for lease in leases:
        lease.release()


def test_leases_keep_no_writer_waiting(ledger: Ledger, store_url: str) -> None:
    """Appends go on while every lease is held: theirs is another lock."""
    leases = [lease_of(store_url, name) for name in ("commissions", "expiry")]
    assert all(lease.take() for lease in leases)
    assert submit(ledger, plan())[0].name == "recorded"
    for lease in leases:
        lease.release()


def test_links_to_one_file_are_one_lease(sqlite_url: str, tmp_path: Path) -> None:
    """By its path, by a symbolic link or by SQLite's own address, a store has one leader."""
    (tmp_path / "link.db").symlink_to(sqlite_url.removeprefix("sqlite:///"))
    first = lease_of(sqlite_url, "commissions")
    assert first.take()
    for url in (f"sqlite:///{tmp_path}/link.db", f"sqlite:///file:{tmp_path}/ledger.db?mode=rw"):
        assert not lease_of(url, "commissions").take()
    first.release()


def test_a_stand_by_follows_a_killed_leader(tool: Tool) -> None:
    """SIGKILL while events come in: the stand-by leads soon, and goes on exactly where the dead one was."""
    feeding = threading.Thread(target=fill, args=(tool, 4_000))
    with working(tool, *COMMISSIONS, verbose=True) as leader:
        leader.wait_for("leader")
        with working(tool, *COMMISSIONS) as standby:
            standby.wait_for("standby")
            feeding.start()
            leader.wait_for("batch", count=2)
            leader.kill()
            killed = time.monotonic()
            standby.wait_for("leader")
            seconds = time.monotonic() - killed
            print(f"took over after {seconds:.3f} s")  # noqa: T201  # a figure to read
            assert seconds < TAKE_OVER_SECONDS_MAX
            feeding.join()
            wait_for_head(tool)
            assert standby.stop() == 0
    assert_books_agree(tool)


def test_a_stopped_leader_hands_over(tool: Tool) -> None:
    """SIGTERM: the lease is free at once; the row in the table is the new leader's."""
    with working(tool, *COMMISSIONS) as leader:
        leader.wait_for("leader")
        with working(tool, *COMMISSIONS) as standby:
            standby.wait_for("standby")
            assert leader.stop() == 0
            standby.wait_for("leader")
            (row,) = tool.json("worker", "status", *COMMISSIONS)
            assert row["owner"].endswith(f":{standby.process.pid}")
            assert row["state"] == "running"


def test_two_workers_project_what_one_does(tool: Tool) -> None:
    """Both on both projections while events come in: every event is projected once, every lapse recorded once."""
    with working(tool) as one, working(tool) as two:
        wait_until(lambda: all(len(both.told("leader") + both.told("standby")) >= 2 for both in (one, two)), "both")
        for seed in (1, 2):
            fill(tool, 1_000, seed)
        head = wait_until_done(tool)
        assert (one.stop(), two.stop()) == (0, 0)
        counts = [line["count"] for both in (one, two) for line in both.told("stopped", projection="commissions")]
        lapses = [line["count"] for both in (one, two) for line in both.told("stopped", projection="expiry")]
    assert sum(counts) == head
    with closing(Ledger(tool.url)) as ledger:
        streams = [row.stream for row in ledger.log.read() if row.topic == "BindingExpired"]
        assert ledger.expire() == 0
    assert len(streams) == len(set(streams)) > sum(lapses) > 0
    assert_books_agree(tool)


def test_a_zombie_does_not_write(tool: Tool) -> None:
    """A leader that was frozen while another one led finds that out, and does nothing over again."""
    with working(tool, *COMMISSIONS) as leader:
        leader.wait_for("leader")
        leader.process.send_signal(signal.SIGSTOP)
        fill(tool, 500)
        assert tool("worker", "run", "--once", *COMMISSIONS).status == 0
        leader.process.send_signal(signal.SIGCONT)
        fill(tool, 500, seed=2)
        wait_for_head(tool)
        assert leader.stop() == 0
        (stopped,) = leader.told("stopped")
        assert stopped["count"] < tool.head()
    assert_books_agree(tool)
