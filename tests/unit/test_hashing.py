"""RFC 6962 roots: published ones, leaves in bulk, trees that go on from a frontier; contents as they are hashed."""

import json
import re

import pytest

from ledger.canonical import canonical
from ledger.tree.hashing import RootBuilder, leaf_hash, leaf_hashes, root_of
from projections.content import ContentRoot, content_of
from tests.builders import ROOT

# The test vectors of Certificate Transparency: entries, and the roots of the first one, two, ... of them.
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = range(70)
LEAVES = leaf_hashes([str(number).encode() for number in range(2 * len(SIZES))])


def one_by_one(count: int) -> RootBuilder:
    """A tree of the first leaves, added singly."""
    tree = RootBuilder()
    for number in range(count):
        tree.add(str(number).encode())
    return tree


def test_published_roots() -> None:
    """One by one, at once, and in bulk every prefix has its published root."""
    entries = [bytes.fromhex(entry) for entry in ENTRIES]
    for count, root in enumerate(ROOTS, start=1):
        bulk = RootBuilder()
        bulk.extend(leaf_hashes(entries[:count]))
        assert root_of(entries[:count]).hex() == bulk.root().hex() == root


@pytest.mark.parametrize("start", SIZES)
def test_leaves_in_bulk_are_leaves_one_by_one(start: int) -> None:
    """Any number of leaves after any number of others: same size, frontier and root."""
    for more in SIZES:
        bulk = RootBuilder(start, one_by_one(start).frontier)
        bulk.extend(LEAVES[start : start + more])
        single = one_by_one(start + more)
        assert (bulk.size, bulk.frontier, bulk.root()) == (single.size, single.frontier, single.root())
        bulk.add(str(start + more).encode())
        assert bulk.root() == one_by_one(start + more + 1).root()


def test_frontier_is_of_its_size() -> None:
    """A size of three bits has three perfect subtrees, no more and no fewer."""
    assert len(one_by_one(11).frontier) == 3
    for size, hashes in ((11, 2), (11, 4), (0, 1), (-1, 64)):
        with pytest.raises(ValueError, match="frontier"):
            RootBuilder(size, [leaf_hash(b"")] * hashes)


def test_builders_share_nothing() -> None:
    """Going on from a frontier leaves the tree it came from as it was."""
    first = one_by_one(5)
    root = first.root()
    RootBuilder(5, first.frontier).extend(LEAVES[:10])
    assert (first.root(), first.size) == (root, 5)


# What is meant: the first key of the envelope that looks like this.
RECORDED_AT = re.compile(rb'"recorded_at":"[^"]{27}",')
AWKWARD = ['"recorded_at":"2026-01-31T12:00:00.000000Z",', '\\"recorded_at\\":\\"', '"', "猫", "recorded_at"]


def states() -> list[tuple[str, bytes]]:
    """Topic and bytes of every kind of event, with texts that look like the key in every place where texts can be."""
    golden = [line for line in (ROOT / "tests/golden/events.jsonl").read_bytes().splitlines() if line]
    found: list[tuple[str, bytes]] = []
    for line in golden:
        envelope = json.loads(line)
        found.append((envelope["type"], line))
        for text in AWKWARD:
            changed = {**envelope, "actor": text, "id": text, "source": text, "stream": text}
            changed["data"] = {**envelope["data"], "asked": {"id": text}}
            found.append((envelope["type"], canonical(changed)))
    return found


def test_content_is_the_bytes_without_recorded_at() -> None:
    """Cut from the right or searched from the left: the same bytes, whatever the texts of the event are."""
    for _, state in states():
        assert content_of(state) == RECORDED_AT.sub(b"", state, count=1)
        assert len(content_of(state)) == len(state) - 44


def test_content_root_in_bulk_is_one_by_one() -> None:
    """Derived facts are left out, also in bulk."""
    given = states()
    single, bulk = ContentRoot(), ContentRoot()
    for topic, state in given:
        single.add(topic, state)
    bulk.extend(*zip(*given, strict=True))
    assert bulk.hex() == single.hex()
    assert 0 < bulk.root.size < len(given)
