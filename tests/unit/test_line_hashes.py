"""Lines hashed here, and by a process beside: what they prove, and what they refuse."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.tree.hashing import root_of
from ledger.tree.proofs import ProofError
from ledger.tree.ranges import RangeProof, range_proof
from projections.content import ContentRoot
from projections.export.line_hashes import HashesBeside, HashesHere, LineHashes

TOPICS = ["OrderPlaced" if n % 3 else "BindingExpired" for n in range(50)]
STATES = [b'{"n":%d,"recorded_at":"2026-01-31T12:00:00.%06dZ","v":1}' % (n, n) for n in range(50)]


def subtree(row: int, index: int) -> bytes:
    """The root over a perfect subtree of the states."""
    return root_of(STATES[index << row : (index + 1) << row])


ROOT = root_of(STATES)
WAYS = pytest.mark.parametrize("way", [HashesHere, HashesBeside])
Way = Callable[..., LineHashes]


def proof(start: int = 0, end: int = 50) -> RangeProof:
    """Of a range of the states."""
    return range_proof(subtree, start=start, end=end, size=len(STATES))


def take(hashes: LineHashes, start: int = 0, end: int = 50) -> None:
    """Gives it lines, seven at a time."""
    for first in range(start, end, 7):
        rows = slice(first, min(first + 7, end))
        topics = "".join(f"{topic}\n" for topic in TOPICS[rows])
        hashes.take(topics.encode(), b"".join(state + b"\n" for state in STATES[rows]))


@WAYS
def test_all_lines_have_the_root_and_a_content_root(way: Way) -> None:
    """The whole log: proven, and the content root is that of the events."""
    expected = ContentRoot()
    expected.extend(TOPICS, STATES)
    with closing(way(proof(), has_content=True)) as hashes:
        take(hashes)
        assert hashes.prove(ROOT) == expected.hex()


@WAYS
def test_range_in_the_middle(way: Way) -> None:
    """It is proven, and has no content root."""
    with closing(way(proof(11, 37), has_content=False)) as hashes:
        take(hashes, 11, 37)
        assert hashes.prove(ROOT) is None


@WAYS
@pytest.mark.parametrize(("start", "end"), [(0, 49), (1, 50), (0, 0)])
def test_other_lines_are_refused(way: Way, start: int, end: int) -> None:
    """One is missing at the end or at the beginning, or all are."""
    with closing(way(proof(), has_content=True)) as hashes:
        take(hashes, start, end)
        with pytest.raises(ProofError):
            hashes.prove(ROOT)


@WAYS
def test_too_many_lines_are_refused(way: Way) -> None:
    """A range that ends before the lines do."""
    with closing(way(proof(0, 30), has_content=False)) as hashes, pytest.raises(ProofError, match="more leaves"):
        take_and_prove(hashes)


@WAYS
def test_line_end_in_an_event_is_found(way: Way) -> None:
    """The file would have a line more: it is not what the head says."""
    altered = [*STATES[:9], STATES[9].replace(b",", b",\n"), *STATES[10:]]
    with closing(way(proof(), has_content=False)) as hashes, pytest.raises(ProofError):
        take_and_prove(hashes, altered)


def take_and_prove(hashes: LineHashes, states: list[bytes] = STATES) -> None:
    """All of them at once."""
    hashes.take("".join(f"{topic}\n" for topic in TOPICS).encode(), b"".join(state + b"\n" for state in states))
    hashes.prove(ROOT)


def test_process_that_ended_proves_nothing() -> None:
    """It was killed, as by a machine without memory: that is said, and no more is taken from it."""
    with closing(HashesBeside(proof(), has_content=True)) as hashes:
        for child in children():
            os.kill(child, signal.SIGKILL)
        take(hashes)
        with pytest.raises(ChildProcessError, match="hashed the lines ended"):
            hashes.prove(ROOT)


def children() -> list[int]:
    """Processes that hash lines for this one."""
    tasks = Path("/proc/self/task").iterdir()
    found = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [child for child in found if b"line_hashes" in Path(f"/proc/{child}/cmdline").read_bytes()]
