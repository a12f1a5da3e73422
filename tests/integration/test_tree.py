"""The tree that is kept, on both stores: whatever is appended and integrated when, it is the definition's."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle, pairwise
from pathlib import Path

import psutil
import pytest

from ledger.application import Ledger
from ledger.errors import IntegrityError
from ledger.tree.hashing import RootBuilder, leaf_hash
from ledger.tree.proofs import (
    consistency_proof,
    inclusion_proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from projections import tree as trees
from projections.checkpoint import CheckpointMovedError, put
from projections.duty import GrowTree
from projections.tree import NAME, Integrator, catch_up, hash_reader, hash_reader_of, integrate, tree_size
from tests.builders import order, plan
from tests.cli_runner import desk
from tests.integration.test_audit import damaged
from tests.logins import reader_url
from tests.naive_tree import mth
from tests.trees import append, entry, expected_tiles, kept_tiles, leaves

pytestmark = pytest.mark.long_on_postgres

INTEGRATIONS = 40


@pytest.mark.parametrize("seed", range(3))
def test_random_appends_and_integrations(ledger: Ledger, seed: int) -> None:
    """In random batches: each root is the definition's, each goes on from the one before, each event is proven."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    sizes, head = [0], 0
    for _ in range(INTEGRATIONS):
        if more := chance.choice([0, 1, 2, 40, 255, 256, 300]):
            append(ledger, more)
            head += more
        most = chance.choice([1, 3, 64, 257, 1_000])
        assert integrate(ledger.log, most) == min(most, head - sizes[-1])
        sizes.append(min(head, sizes[-1] + most))
        assert_root_is_right(ledger, sizes[-1])
    for old, new in pairwise(size for size in sizes if size):
        assert_growth_is_proven(ledger, old, new)
    for _ in range(20):
        size = chance.choice(sizes[1:])
        if size:
            assert_event_is_proven(ledger, chance.randrange(size), size)
    catch_up(ledger.log)
    assert kept_tiles(ledger) == expected_tiles(leaves(head))


def assert_root_is_right(ledger: Ledger, size: int) -> None:
    """The tree has this size, and the definition's root."""
    with ledger.log.reading() as session:
        assert tree_size(session) == size
        assert root_hash(hash_reader(session, size), size) == mth(leaves(size))


def assert_growth_is_proven(ledger: Ledger, old: int, new: int) -> None:
    """A proof from what is kept now leads from one earlier tree to another."""
    with ledger.log.reading() as session:
        path = consistency_proof(hash_reader(session, new), old_size=old, new_size=new)
    roots = {"old_root": mth(leaves(old)), "new_root": mth(leaves(new))}
    verify_consistency(path, old_size=old, new_size=new, **roots)


def assert_event_is_proven(ledger: Ledger, index: int, size: int) -> None:
    """A proof from what is kept now leads from an event to the root of an earlier tree; read at once or bit by bit."""
    with ledger.log.reading() as session:
        path = inclusion_proof(hash_reader(session, size), index=index, size=size)
        assert inclusion_proof(hash_reader_of(session, size, index), index=index, size=size) == path
    verify_inclusion(path, leaf=leaf_hash(entry(index + 1)), index=index, size=size, root=mth(leaves(size)))


def test_three_rows(ledger: Ledger) -> None:
    """Past 65,536 events: every tile of every row, and proofs across all of them."""
    count = 65_536 + 300
    append(ledger, count)
    catch_up(ledger.log)
    assert kept_tiles(ledger) == expected_tiles(leaves(count))
    assert_growth_is_proven(ledger, 65_535, count)
    assert_event_is_proven(ledger, 65_536, count)


def test_an_empty_log_has_an_empty_tree(ledger: Ledger) -> None:
    """Nothing is integrated, and nothing kept."""
    assert integrate(ledger.log, 10) == 0
    catch_up(ledger.log)
    assert kept_tiles(ledger) == {}


def test_up_to_a_position(ledger: Ledger) -> None:
    """No further, also when it is behind the tree already."""
    append(ledger, 20)
    assert [integrate(ledger.log, 8, 11) for _ in range(3)] == [8, 3, 0]
    assert integrate(ledger.log, 8, 5) == 0
    assert_root_is_right(ledger, 11)


def test_progress_adds_up(ledger: Ledger) -> None:
    """What is told is what was done."""
    append(ledger, 16_500)
    told: list[int] = []
    catch_up(ledger.log, told.append)
    assert sum(told) == 16_500
    assert len(told) > 1


def test_integrators_at_once(ledger: Ledger, store_url: str) -> None:
    """Four, beside one that appends: one batch each time, nothing twice, and the tree is the definition's."""
    done, errors = threading.Event(), list[Exception]()

    def integrating() -> None:
        with closing(Ledger(store_url)) as own:
            while not done.is_set():
                try:
                    integrate(own.log, 37)
                except CheckpointMovedError:
                    continue
                except Exception as error:  # noqa: BLE001  # for the test's own thread
                    errors.append(error)
                    return

    threads = [threading.Thread(target=integrating) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        append(ledger, 41)
    catch_up(ledger.log)
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert kept_tiles(ledger) == expected_tiles(leaves(30 * 41))


def test_a_log_that_lost_its_end(ledger: Ledger) -> None:
    """The tree does not go on from a log that is shorter than itself."""
    append(ledger, 10)
    with ledger.log.writing() as session:
        put(session, NAME, 11)
    for attempt in (lambda: integrate(ledger.log, 5), lambda: catch_up(ledger.log)):
        with pytest.raises(IntegrityError, match="the tree has 11 events, but the log ends at position 10"):
            attempt()


def test_a_tile_that_is_gone(ledger: Ledger) -> None:
    """Is not taken for an empty one."""
    append(ledger, 10)
    with ledger.log.writing() as session:
        put(session, NAME, 5)
    with pytest.raises(IntegrityError, match=r"tile/0/000\.p/5 has 0 bytes"):
        integrate(ledger.log, 5)
    assert integrated(ledger) == 5


def test_who_may_only_read_leaves_the_tree_as_it_is(postgres_url: str) -> None:
    """Catching up does nothing, and is no error."""
    with (
        closing(Ledger(postgres_url)) as ledger,
        reader_url(postgres_url) as url,
        closing(Ledger(url)) as reader,
    ):
        append(ledger, 10)
        integrate(ledger.log, 4)
        catch_up(reader.log)
        assert_root_is_right(reader, 4)


# ---- as a duty of the worker


def test_the_worker_grows_the_tree(store_url: str, tmp_path: Path) -> None:
    """Once, by its own name: as many events as there are; then none."""
    tool = desk(store_url, tmp_path)
    tool.feed(plan(), *(order(f"o{number}", "ben", 100, "2026-01-02T00:00:00Z") for number in range(9)))
    assert tool.json("worker", "status", "--projections", "tree")[0]["lag_events"] == 10
    for count in (10, 0):
        answer = tool("worker", "run", "--once", "--projections", "tree")
        assert answer.err == f"{count} events in the tree\n"
    (row,) = tool.json("worker", "status", "--projections", "tree")
    assert (row["position"], row["head"], row["state"]) == (10, 10, "stopped")


def test_a_worker_says_what_stops_the_tree(ledger: Ledger, store_url: str, tmp_path: Path) -> None:
    """A tile that is gone stops it, loudly, where it is."""
    append(ledger, 10)
    with ledger.log.writing() as session:
        put(session, NAME, 5)
    tool = desk(store_url, tmp_path)
    said = tool("worker", "run", "--once", "--projections", "tree", status=3).err
    assert "tree failed at position 6 (n-6): tile/0/000.p/5 has 0 bytes where 160 are needed" in said
    (row,) = tool.json("worker", "status", "--projections", "tree", status=3)
    assert (row["state"], row["failed_position"], row["position"]) == ("failed", 6, 5)


def test_the_duty_names_its_places(ledger: Ledger) -> None:
    """The last event it took, and the next."""
    append(ledger, 10)
    duty = GrowTree(ledger)
    assert duty.step(4) == 4
    with ledger.log.reading() as session:
        last, following = duty.last(session), duty.next(session)
    assert ((last.position, last.stream), (following.position, following.stream)) == ((4, "n-4"), (5, "n-5"))
    assert duty.wait(0.01) is False
    duty.close()


# ---- far behind, a process of its own hashes ahead


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Also a short log is hashed ahead, from soon on, in any batches."""
    monkeypatch.setattr(trees, "EVENTS_MIN", 1)
    monkeypatch.setattr(trees, "STARTING_EVENTS", 50)
    monkeypatch.setattr(trees, "BATCH_SIZE", 1)
    yield
    assert hashing() == []


def hashing() -> list[psutil.Process]:
    """The children that hash ahead."""
    return [child for child in psutil.Process().children() if "projections.leaves" in child.cmdline()]


@pytest.mark.usefixtures("ahead")
@pytest.mark.parametrize("sizes", [[100], [30, 300, 7]])
def test_what_was_hashed_ahead_is_the_same(ledger: Ledger, sizes: list[int]) -> None:
    """Whatever the batches, before and after the child's beginning and beyond its end."""
    append(ledger, 20_000)
    with closing(Integrator(ledger.log)) as integrator:
        assert integrator.step(sizes[0]) == sizes[0]
        assert len(hashing()) == 1
        for most in cycle(sizes):
            if not integrator.step(most):
                break
        assert hashing() == []
        append(ledger, 500)
        while integrator.step(sizes[0]):
            pass
    with ledger.log.reading() as session:
        assert tree_size(session) == 20_500
        root = root_hash(hash_reader(session, 20_500), 20_500)
    tree = RootBuilder()
    tree.extend(leaves(20_500))
    assert root == tree.root()


def integrated(ledger: Ledger) -> int:
    """Where the checkpoint is."""
    with ledger.log.reading() as session:
        return tree_size(session)


@pytest.mark.usefixtures("ahead")
def test_a_child_that_dies_is_done_without(ledger: Ledger) -> None:
    """Killed at its work, its parent hashes by itself."""
    append(ledger, 40_000)
    with closing(Integrator(ledger.log)) as integrator:
        integrator.step(10)
        (child,) = hashing()
        child.kill()
        while integrator.step(5_000):
            pass
    assert kept_tiles(ledger)[0, 156] == expected_tiles(leaves(40_000))[0, 156]


@pytest.mark.usefixtures("ahead")
def test_who_is_overtaken_begins_anew(ledger: Ledger) -> None:
    """Another integrator has come past what was hashed ahead: nothing of that is used."""
    append(ledger, 3_000)
    with closing(Integrator(ledger.log)) as integrator, closing(Integrator(ledger.log)) as other:
        integrator.step(10)
        assert integrator.step(100) == 100
        while integrated(ledger) < 2_000:
            other.step(700)
        while integrator.step(100):
            pass
    assert kept_tiles(ledger) == expected_tiles(leaves(3_000))


@pytest.mark.usefixtures("ahead")
def test_a_gap_is_found_by_the_parent(ledger: Ledger, store_url: str) -> None:
    """The child ends without a word where the log cannot be followed; what was taken before stays."""
    append(ledger, 3_000)
    damaged(store_url, "DELETE FROM event WHERE position = 2000")
    with closing(Integrator(ledger.log)) as integrator:
        while integrated(ledger) < 1_500:
            assert integrator.step(500) == 500
        with pytest.raises(IntegrityError, match=r"the log has \d+ of the \d+ events after position 15\d\d"):
            integrator.step(500)
    assert_root_is_right(ledger, 1_500)
