"""`head sign` on both stores: what is signed, what is refused, and that a refusal changes nothing (V-3)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.last_heads import holding
from ledger.tree.checkpoint import TreeHead
from ledger.tree.hashing import RootBuilder
from ledger.tree.tiles import Tile
from projections.checkpoint import put
from projections.tree import NAME
from tests.cli_runner import Tool, desk
from tests.integration.test_audit import damaged
from tests.integration.test_tree_check import tamper
from tests.logins import reader_url
from tests.signing import ORIGIN, Signer, feed_orders, feed_plan, signer

pytestmark = pytest.mark.long_on_postgres


@pytest.fixture
def log(store_url: str, tmp_path: Path) -> Signer:
    """A ledger with a plan, and a key."""
    tool = desk(store_url, tmp_path)
    feed_plan(tool)
    return signer(tool)


def expected_head(tool: Tool, size: int | None = None) -> TreeHead:
    """The head of the log's first events, all of them unless said otherwise, from what is stored."""
    tree = RootBuilder()
    with tool.ledger() as ledger:
        for row in ledger.log.read(upto=size or ledger.log.head()):
            tree.add(row.state)
    return TreeHead(ORIGIN, tree.size, tree.root())


# ---- what is signed


def test_each_head_is_of_all_events_so_far(log: Signer) -> None:
    """The first, and each after it, whatever came in between; nobody need run a worker."""
    assert log.head("--first") == expected_head(log.tool)
    for first, count in ((0, 1), (1, 254), (255, 1), (256, 300)):
        feed_orders(log.tool, first, count)
        assert log.head() == expected_head(log.tool)
    assert expected_head(log.tool).size == 557


def test_without_new_events_it_is_the_same_head(log: Signer) -> None:
    """Word for word, and said so."""
    first = log.sign("--first").out
    again = log.sign()
    assert again.out == first
    assert "no event since: the same head, of 1 event" in again.err


def test_the_head_of_an_empty_log(store_url: str, tmp_path: Path) -> None:
    """May be the first, on the day a ledger is made; from then on a lost state is noticed."""
    log = signer(desk(store_url, tmp_path))
    assert log.head("--first").size == 0
    assert log.head().size == 0
    feed_plan(log.tool)
    assert log.head() == expected_head(log.tool)


def test_into_a_file_and_by_the_environment(log: Signer) -> None:
    """`-o` gets the same bytes as standard output; every option has a variable."""
    log.tool("head", "sign", "--key", log.key, "--first", "-o", "out")
    assert (log.tool.folder / "out").read_bytes() == log.state.read_bytes()
    process = log.tool.start("head", "sign", environment={"REFLEDGER_HEAD_SIGN_KEY": log.key})
    out, _ = process.communicate()
    assert out == log.state.read_bytes()


def test_a_state_elsewhere(log: Signer) -> None:
    """Also by a link: the file it leads to is written."""
    folder = log.tool.folder / "kept"
    folder.mkdir()
    (log.tool.folder / "link").symlink_to(folder / "head")
    out = log.tool("head", "sign", "--key", log.key, "--state", "link", "--first").out
    assert (folder / "head").read_text() == out
    assert (log.tool.folder / "link").is_symlink()
    assert not log.state.exists()


# ---- how it begins


def test_a_lost_state_is_no_beginning(log: Signer) -> None:
    """Without --first nothing is signed where no head is; a copy of the last one puts it right."""
    answer = log.sign(status=6)
    assert "there is no last head at" in answer.err
    assert "only if none was ever signed, begin with --first" in answer.err
    first = log.sign("--first").out
    log.state.unlink()
    feed_orders(log.tool, 0, 3)
    log.sign(status=6)
    log.state.write_text(first)
    assert log.head() == expected_head(log.tool)


def test_first_is_not_said_twice(log: Signer) -> None:
    """A second beginning is a mistake, whatever the log has."""
    log.sign("--first")
    assert "leave out --first" in log.sign("--first", status=2).err


@pytest.mark.parametrize("state", ["", "nonsense\n", "cut", "flipped", "of another key"])
def test_a_state_that_is_not_ours(log: Signer, state: str) -> None:
    """Empty, no head, cut short, altered, by another key: refused, with the file's name."""
    head = log.sign("--first").out
    other = signer(log.tool, key="other.key").sign("--first").out
    states = {"cut": head[:-9], "flipped": head.replace("\n1\n", "\n2\n"), "of another key": other}
    log.state.write_text(states.get(state, state))
    answer = log.sign(status=3)
    assert f"{log.state.resolve()} is not a head that {log.vkey} signed of {ORIGIN}" in answer.err


def test_one_signer_at_a_time(log: Signer) -> None:
    """While one holds the state, another ends at once and says why."""
    log.sign("--first")
    with holding(log.state):
        assert "somebody else signs from" in log.sign(status=6).err
    log.sign()


# ---- what is refused


def rewritten(url: str, position: int) -> None:
    """An event becomes a copy of the one before it."""
    source = f"(SELECT state FROM event AS e WHERE e.position = {position - 1})"  # noqa: S608  # our own number
    damaged(url, f"UPDATE event SET state = {source} WHERE position = {position}")  # noqa: S608


def test_a_rewritten_log(log: Signer) -> None:
    """An event changed before the last head, the tiles made to fit: never signed again."""
    feed_orders(log.tool, 0, 20)
    log.sign("--first")
    rewritten(log.tool.url, 9)
    log.tool("worker", "rebuild", "tree")
    for more in (0, 5):
        feed_orders(log.tool, 100, more)
        answer = log.sign(status=3)
        assert "nothing is signed: the first 21 events are not those that were signed" in answer.err
        assert "refledger audit" in answer.err


def test_an_event_changed_before_its_first_head(log: Signer) -> None:
    """It went into the tiles as it was: they and the log disagree, and neither is signed."""
    feed_orders(log.tool, 0, 20)
    log.tool("worker", "run", "--once")
    rewritten(log.tool.url, 9)
    assert "rebuild tree" in log.sign("--first", status=3).err


def test_wrong_tiles(log: Signer) -> None:
    """A hash of an event since the last head, and of one before: refused until the tiles are right again."""
    feed_orders(log.tool, 0, 20)
    log.sign("--first")
    feed_orders(log.tool, 100, 20)
    log.tool("worker", "run", "--once")
    for at in (1, 30):
        with log.tool.ledger() as ledger:
            tamper(ledger, Tile(0, 0), lambda hashes, at=at: hashes[: at * 32] + bytes(32) + hashes[at * 32 + 32 :])
        answer = log.sign(status=3)
        assert "nothing is signed" in answer.err
        assert "refledger worker rebuild tree" in answer.err
        log.tool("worker", "rebuild", "tree")
    assert log.head() == expected_head(log.tool)


def test_a_tile_that_is_gone(log: Signer) -> None:
    """Is named."""
    log.sign("--first")
    feed_orders(log.tool, 0, 5)
    log.tool("worker", "run", "--once")
    with log.tool.ledger() as ledger:
        tamper(ledger, Tile(0, 0), lambda _: b"")
    answer = log.sign(status=3)
    assert "tile/0/000.p/6 has 0 bytes" in answer.err
    assert "refledger worker rebuild tree" in answer.err


def test_a_log_that_lost_its_end(log: Signer) -> None:
    """As after a restore of an older backup: refused, with what to do; also once it has grown past it again."""
    feed_orders(log.tool, 0, 20)
    signed = log.sign("--first").out
    damaged(log.tool.url, "DELETE FROM event WHERE position > 15")
    log.tool("worker", "rebuild", "tree")
    answer = log.sign(status=3)
    assert "the tree has 15 events, but 21 were signed: restore them from a newer backup" in answer.err
    feed_orders(log.tool, 100, 10)
    assert "the first 21 events are not those that were signed" in log.sign(status=3).err
    assert log.state.read_text() == signed


def test_a_tree_that_is_ahead_of_its_log(log: Signer) -> None:
    """The events are gone, the tiles still there: refused."""
    feed_orders(log.tool, 0, 20)
    log.sign("--first")
    damaged(log.tool.url, "DELETE FROM event WHERE position > 15")
    assert "the tree has 21 events, but the log ends at position 15" in log.sign(status=3).err


def test_an_old_backup(sqlite_url: str, tmp_path: Path) -> None:
    """A copy of the file put back, and the same records fed in again: they are not the same events."""
    log = signer(desk(sqlite_url, tmp_path))
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    feed_plan(log.tool)
    shutil.copy(file, tmp_path / "backup")
    feed_orders(log.tool, 0, 5)
    signed = log.sign("--first").out
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup", file)
    assert "the tree has 1 events, but 6 were signed" in log.sign(status=3).err
    feed_orders(log.tool, 0, 5)
    assert "the first 6 events are not those that were signed" in log.sign(status=3).err
    assert log.state.read_text() == signed


def test_another_log(log: Signer, sqlite_template: bytes, tmp_path: Path) -> None:
    """The right key, another --db."""
    feed_orders(log.tool, 0, 3)
    log.sign("--first")
    (tmp_path / "other.db").write_bytes(sqlite_template)
    other = Signer(Tool(f"sqlite:///{tmp_path / 'other.db'}", log.tool.folder), log.vkey)
    assert "the tree has 0 events, but 4 were signed" in other.sign(status=3).err
    feed_plan(other.tool)
    feed_orders(other.tool, 0, 3)
    assert "is it the right --db?" in other.sign(status=3).err


# ---- a change of keys


def test_a_new_key_goes_on_from_the_old_ones_head(log: Signer) -> None:
    """Its first head is proven to go on from the old key's last; afterwards it goes on from its own."""
    old = log.keep("old", "--first")
    feed_orders(log.tool, 0, 3)
    new = signer(log.tool, key="new.key")
    rotation = ("--previous", old, "--previous-key", log.vkey)
    assert new.head(*rotation) == expected_head(log.tool)
    assert "leave out --first and --previous" in new.sign(*rotation, status=2).err
    feed_orders(log.tool, 10, 3)
    assert new.head() == expected_head(log.tool)


def test_a_new_key_without_new_events(log: Signer) -> None:
    """The same tree under another signature."""
    old = log.keep("old", "--first")
    new = signer(log.tool, key="new.key")
    assert new.head("--previous", old, "--previous-key", log.vkey) == log.verified((log.tool.folder / old).read_text())


def test_a_new_key_does_not_forget(log: Signer) -> None:
    """What the old key's head contradicts is not signed by the new one either."""
    feed_orders(log.tool, 0, 20)
    old = log.keep("old", "--first")
    rewritten(log.tool.url, 9)
    log.tool("worker", "rebuild", "tree")
    new = signer(log.tool, key="new.key")
    answer = new.sign("--previous", old, "--previous-key", log.vkey, status=3)
    assert "the first 21 events are not those that were signed" in answer.err


def test_a_change_of_keys_that_is_none(log: Signer) -> None:
    """Another key's head, a head of another log, half of the options: refused, and nothing is begun."""
    old = log.keep("old", "--first")
    new, stranger = signer(log.tool, key="new.key"), signer(log.tool, key="stranger.key")
    elsewhere = signer(log.tool, key="elsewhere.key", origin="other.example/ledger")
    for vkey in (stranger.vkey, new.vkey, elsewhere.vkey):
        answer = new.sign("--previous", old, "--previous-key", vkey, status=3)
        assert f"--previous is not a head that {vkey} signed of {ORIGIN}" in answer.err
    answer = elsewhere.sign("--previous", old, "--previous-key", log.vkey, status=3)
    assert "is not a head that" in answer.err
    for half in (["--previous", old], ["--previous-key", log.vkey]):
        assert "belong together" in new.sign(*half, status=2).err
    assert "leave one out" in new.sign("--first", "--previous", old, "--previous-key", log.vkey, status=2).err


# ---- who signs


def test_a_witness_key_signs_no_log(log: Signer) -> None:
    """Kinds of keys are not mixed."""
    log.tool("head", "keygen", ORIGIN, "--witness", "-o", "witness.key")
    answer = log.tool("head", "sign", "--key", "witness.key", "--first", status=6)
    assert "one for cosignatures" in answer.err
    assert not (log.tool.folder / "witness.key.head").exists()


def test_who_may_only_read_may_sign(postgres_url: str, tmp_path: Path) -> None:
    """A signer needs no right to change anything, if a worker grows the tree; without one it waits."""
    log = signer(desk(postgres_url, tmp_path))
    feed_plan(log.tool)
    with reader_url(postgres_url) as url:
        reader = Signer(Tool(url, log.tool.folder), log.vkey)
        log.tool("worker", "run", "--once")
        assert reader.head("--first") == expected_head(log.tool)
        feed_orders(log.tool, 0, 3)
        assert reader.head().size == 1
        assert log.head().size == 4
        with log.tool.ledger() as ledger, ledger.log.writing() as session:
            put(session, NAME, 2)
        answer = reader.sign(status=7)
        assert "the tree has 2 of 4 events: bring it on with `refledger worker run --once`" in answer.err


def test_the_log_and_the_signer_at_once(log: Signer) -> None:
    """Heads signed while somebody appends: each is of a beginning of the log."""
    log.sign("--first")
    process = log.tool.start("ingest", log.tool.write("more.jsonl", _orders(3_000)), "--batch-size", "100")
    heads = [log.head()]
    while process.poll() is None:
        heads.append(log.head())
    process.communicate()
    heads.append(log.head())
    assert heads[-1].size == 3_001
    assert heads == [expected_head(log.tool, head.size) for head in heads]


def _orders(count: int) -> list[dict[str, object]]:
    return [
        {"type": "order", "id": f"m{n}", "at": "2026-01-02T00:00:00Z", "member": "ben", "currency": "GBP", "amount": 9}
        for n in range(count)
    ]
