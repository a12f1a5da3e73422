"""The content root: what was put in, whatever the batches, crashes and workers (rule G-8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from ledger.events import EVENTS
from ledger.store.recorder import READ_CHUNK, Recorded
from ledger.tree.hashing import RootBuilder, leaf_hashes

_DERIVED = frozenset(topic for topic, event in EVENTS.items() if event.IS_DERIVED)

# In canonical JSON only the envelope's own key can look like this: inside a string the quotes are escaped, and no input
# or fact has such a key. It stands near the end.
_KEY = b'"recorded_at":"'
_LENGTH = len(b'"recorded_at":"2026-01-31T12:00:00.000000Z",')


def content_of(state: bytes) -> bytes:
    """Stored bytes without the envelope's recorded_at; without one they stay as they are."""
    start = state.rfind(_KEY)
    return state if start < 0 else state[:start] + state[start + _LENGTH :]


def content_root(rows: Iterable[Recorded], progress: Callable[[int], None]) -> str:
    """The content root of positions 1..P of a log, 64 hex digits; `progress` is told how many rows were taken."""
    content, left = ContentRoot(), iter(rows)
    while part := list(islice(left, READ_CHUNK)):
        content.extend([row.topic for row in part], [row.state for row in part])
        progress(len(part))
    return content.hex()


class ContentRoot:
    """Takes stored events in order and knows the content root of those so far.

    root  the tree of their contents: where it stands, another ContentRoot can go on
    """

    def __init__(self, root: RootBuilder | None = None) -> None:
        self.root = root or RootBuilder()

    def add(self, topic: str, state: bytes) -> None:
        """Counts one event, unless it is a derived fact."""
        if topic not in _DERIVED:
            self.root.add(content_of(state))

    def extend(self, topics: Sequence[str], states: Sequence[bytes]) -> None:
        """Counts many events at less cost than one by one."""
        if not _DERIVED.isdisjoint(topics):
            states = [state for topic, state in zip(topics, states, strict=True) if topic not in _DERIVED]
        starts = [state.rfind(_KEY) for state in states]
        # As content_of, without a call for every event.
        contents = [
            state if start < 0 else state[:start] + state[start + _LENGTH :]
            for state, start in zip(states, starts, strict=True)
        ]
        self.root.extend(leaf_hashes(contents))

    def hex(self) -> str:
        """64 lower-case hex digits."""
        return self.root.root().hex()
