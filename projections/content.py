"""The content root: what was put in, whatever the batches, crashes and workers (rule G-8)."""

from __future__ import annotations

import re

from ledger.events import EVENTS
from ledger.tree.hashing import RootBuilder

_DERIVED = frozenset(topic for topic, event in EVENTS.items() if event.IS_DERIVED)

# In canonical JSON only the envelope's own key can look like this: inside a string the quotes are escaped.
_RECORDED_AT = re.compile(rb'"recorded_at":"[^"]{27}",')


class ContentRoot:
    """Takes stored events in order and knows the content root of those so far."""

    def __init__(self) -> None:
        self._root = RootBuilder()

    def add(self, topic: str, state: bytes) -> None:
        """Counts one event, unless it is a derived fact."""
        if topic not in _DERIVED:
            self._root.add(_RECORDED_AT.sub(b"", state, count=1))

    def hex(self) -> str:
        """64 lower-case hex digits."""
        return self._root.root().hex()
