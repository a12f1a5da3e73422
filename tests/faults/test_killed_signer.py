"""`kill -9` of the integrator and of signers while the log grows, and of the server under them.

Whoever was killed when, no head that was released is ever lost or contradicted: the state has it or one that goes on
from it, and it is of the events that are in the log at the end.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.store.migrate import migrate
from ledger.tree.checkpoint import TreeHead
from ledger.tree.hashing import RootBuilder, leaf_hash
from ledger.tree.proofs import consistency_proof, root_hash, verify_consistency
from projections.tree import catch_up, hash_reader, tree_size
from projections.view import PACKAGES
from tests.builders import order, plan, submit
from tests.cli_runner import Tool
from tests.disturbance import (
    ENDED,
    Running,
    any_moment,
    assert_accounted,
    desk_of,
    history,
    wait_until,
    watching,
)
from tests.faults.test_killed_worker import feeding
from tests.faults.test_lost_server import new_store_of
from tests.postgres_server import PostgresServer, postgres_server
from tests.signing import Signer, signer

KILLS_OF_A_STORE = 25
SIGN_SECONDS_MAX = 1.5  # of a command, from its process to its end, about
# Commits wait for nothing, and nothing goes to disk by itself for as long as a test takes.
LAZY = {"synchronous_commit": "off", "wal_writer_delay": "10s"}


@pytest.fixture(scope="module")
def durable_server() -> Iterator[PostgresServer]:
    """A server on which each commit waits for the disk."""
    with postgres_server(durable=True) as server:
        yield server


@pytest.fixture(scope="module")
def lazy_server() -> Iterator[PostgresServer]:
    """A server on which no commit does, and a killed one forgets the last of them."""
    with postgres_server(durable=True, settings=LAZY) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def new_durable_store(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes empty stores in which a commit is on disk."""
    if request.param == "sqlite":
        make: Callable[[], str] = request.getfixturevalue("new_sqlite")
        return make
    server: PostgresServer = request.getfixturevalue("durable_server")
    return lambda: new_store_of(server)


# ---- the integrator


@pytest.mark.long_on_postgres
@pytest.mark.parametrize(("name", "rounds"), [("generated", 5), pytest.param("long", 100, marks=pytest.mark.slow)])
def test_an_integrator_killed_at_any_moment(
    new_durable_store: Callable[[], str], chance: random.Random, tmp_path: Path, name: str, rounds: int
) -> None:
    """After every kill the tree is that of the first events, as many as its checkpoint says; in the end of all."""
    kills = 0
    while kills < rounds:
        desk = desk_of(new_durable_store(), tmp_path, name)
        kills_max = min(KILLS_OF_A_STORE, rounds - kills)
        with feeding(desk, history(name), seconds=0.7 * kills_max) as ingest:
            for _ in range(kills_max):
                kills += kill_an_integrator(desk, chance, len(history(name)) // 50)
            assert_accounted(ingest.answer(ENDED).document, name)
        with closing(Ledger(desk.url)) as ledger:
            catch_up(ledger.log)
            assert assert_tree_is_the_logs(ledger) == ledger.log.head()


def kill_an_integrator(desk: Tool, chance: random.Random, ahead_max: int) -> bool:
    """Starts one, kills it some time later, and looks at what it left; whether it was still at work."""
    command = ("worker", "run", "--poll-seconds", "0.02", "--projections", "tree")
    with watching(desk.url) as log, Running(desk, *command, name="worker") as worker:

        def integrated() -> int:
            with log.reading() as session:
                return tree_size(session)

        any_moment(worker, chance, integrated, ahead_max)
        is_killed = worker.kill()
    with closing(Ledger(desk.url)) as ledger:
        assert_tree_is_the_logs(ledger)
    return is_killed


def assert_tree_is_the_logs(ledger: Ledger) -> int:
    """Its root is that of the stored events; returns how many it has."""
    with ledger.log.reading() as session:
        size = tree_size(session)
        root = root_hash(hash_reader(session, size), size)
    assert root == roots(ledger, [size])[size]
    return size


def roots(ledger: Ledger, sizes: Sequence[int]) -> dict[int, bytes]:
    """Roots of the first events, from what is stored."""
    tree = RootBuilder()
    found = {0: tree.root()}
    for row in ledger.log.read(upto=max(sizes)):
        tree.extend([leaf_hash(row.state)])
        if tree.size in sizes:
            found[tree.size] = tree.root()
    return found


# ---- signers


@dataclass(slots=True)
class Released:
    """Heads that signers printed, in the order in which they did."""

    log: Signer
    heads: list[TreeHead] = field(default_factory=list[TreeHead])

    def take(self, text: str) -> None:
        """What a signer said in all: nothing, or one whole head, which is in the state or followed by what is."""
        if text:
            self.heads.append(self.log.verified(text))
        kept = self.kept()
        assert kept.size >= max((head.size for head in self.heads), default=0)

    def kept(self) -> TreeHead:
        """The head in the state."""
        return self.log.verified(self.log.state.read_text())

    def assert_all_hold(self) -> None:
        """Each is of the log's first events, and leads to every later one and to the log's end."""
        heads = [*self.heads, self.kept()]
        sizes = [head.size for head in heads]
        assert sizes == sorted(sizes)
        with self.log.tool.ledger() as ledger:
            catch_up(ledger.log)
            found = roots(ledger, [*sizes, ledger.log.head()])
            assert [head.root for head in heads] == [found[size] for size in sizes]
            end = TreeHead(self.log.origin, ledger.log.head(), found[ledger.log.head()])
            distinct = list({head.size: head for head in [*heads, end] if head.size}.values())
            with ledger.log.reading() as session:
                subtree = hash_reader(session, end.size)
                for number, old in enumerate(distinct):
                    for new in distinct[number:]:
                        path = consistency_proof(subtree, old_size=old.size, new_size=new.size)
                        between = {"old_size": old.size, "new_size": new.size}
                        verify_consistency(path, **between, old_root=old.root, new_root=new.root)


@pytest.mark.long_on_postgres
@pytest.mark.parametrize(("name", "rounds"), [("generated", 5), pytest.param("long", 100, marks=pytest.mark.slow)])
def test_a_signer_killed_at_any_moment(
    new_durable_store: Callable[[], str], chance: random.Random, tmp_path: Path, name: str, rounds: int
) -> None:
    """Beside an ingest, now and then two at once: what was printed is in the state, and all of it holds in the end."""
    kills = signed = 0
    while kills < rounds:
        log = signer(desk_of(new_durable_store(), tmp_path, name))
        released = Released(log)
        log.sign("--first")
        kills_max = min(KILLS_OF_A_STORE, rounds - kills)
        with feeding(log.tool, history(name), seconds=1.5 * kills_max) as ingest:
            for _ in range(kills_max):
                kills += kill_a_signer(released, chance)
            assert_accounted(ingest.answer(ENDED).document, name)
        released.take(log.sign().out)
        released.assert_all_hold()
        signed += len(released.heads)
    assert signed > 1


def kill_a_signer(released: Released, chance: random.Random) -> bool:
    """Starts one or two signers, kills one some time later, and takes what they printed; whether it was at work."""
    log = released.log
    command = ("head", "sign", "--key", log.key)
    with (
        Running(log.tool, *command) as one,
        Running(log.tool, *(command if chance.random() < 1 / 3 else ["-h"])) as two,
    ):
        a_moment_of_signing(one, log.state, chance)
        is_killed = one.kill()
        two.process.wait()
        outputs = [one.said()[0], two.said()[0]]
    heads = sorted((text for text in outputs if text and not text.startswith("Usage")), key=_size_of)
    for text in heads or [""]:
        released.take(text)
    return is_killed


def _size_of(text: str) -> int:
    return int(text.split("\n")[1])


def a_moment_of_signing(running: Running, state: Path, chance: random.Random) -> None:
    """Waits for a random moment: of time, or about when the state is written."""
    if chance.random() < 1 / 3:
        time.sleep(chance.random() * SIGN_SECONDS_MAX)
        return
    before = state.stat().st_ino
    partial = state.with_name(f"{state.name}.partial")
    wait_until(lambda: partial.exists() or state.stat().st_ino != before or not running.is_at_work())
    time.sleep(chance.choice([0, 0, chance.random() / 50]))


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_server_that_forgets_commits(
    lazy_server: PostgresServer, chance: random.Random, tmp_path: Path, rounds: int
) -> None:
    """Killed while somebody signs or after: what it forgets was never signed, and the next head goes on."""
    url = lazy_server.create_database(f"lazy_{chance.randrange(1 << 32)}")
    migrate(url, PACKAGES)
    log = signer(Tool(url, tmp_path))
    released, forgotten, number = Released(log), 0, 0
    with log.tool.ledger() as ledger:
        submit(ledger, plan())
    log.sign("--first")
    for _ in range(rounds):
        with Running(log.tool, "head", "sign", "--key", log.key) as running:
            while running.is_at_work() and chance.random() < 0.95:
                number += 1
                head = append_an_order(log, number)
            if chance.random() < 1 / 2:
                running.process.wait()
            number += 1
            head = append_an_order(log, number)  # the signer waited for what it signed; nobody waits for this one
            lazy_server.kill()
            running.process.wait()
            released.take(running.said()[0])
        lazy_server.start()
        with log.tool.ledger() as ledger:
            forgotten += head - ledger.log.head()
        released.take(log.sign().out)
    released.assert_all_hold()
    assert forgotten > 0


def append_an_order(log: Signer, number: int) -> int:
    """The log's head with it."""
    with log.tool.ledger() as ledger:
        submit(ledger, order(f"o{number}", "ben", 100, "2026-01-02T00:00:00Z"))
        return ledger.log.head()
