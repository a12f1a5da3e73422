"""Whether any stream begins twice, in eight bytes a stream: hashes now, names only where two hashes meet (G-6)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise

# A large set is looked through in so many parts, so that the integers Python makes of one are few.
_PARTS = 256
_LARGE = 1 << 16


class StreamSet:
    """Takes the names of streams as they begin."""

    def __init__(self) -> None:
        self._codes = array("q")

    def extend(self, streams: Iterable[str]) -> None:
        """The next ones."""
        self._codes.extend(map(hash, streams))

    def suspects(self) -> set[int]:
        """Hashes that came more than once: of one stream, or of two that only share it."""
        parts = [self._codes]
        if len(self._codes) > _LARGE:
            parts = [array("q") for _ in range(_PARTS)]
            append = [part.append for part in parts]
            for code in self._codes:
                append[code & _PARTS - 1](code)
        twice = [part for part in parts if len(set(part)) != len(part)]
        return {one for part in twice for one, other in pairwise(sorted(part)) if one == other}


def begun_twice(streams: Iterable[tuple[int, str]], suspects: set[int]) -> Iterator[tuple[int, int, str]]:
    """Among positions and streams: where a stream begins again, where it began, and its name."""
    begun: dict[str, int] = {}
    for position, stream in streams:
        if hash(stream) not in suspects:
            continue
        first = begun.setdefault(stream, position)
        if first != position:
            yield position, first, stream
