"""How fast a worker goes: the size of its next batch, the pause after an error, the search for a bad event."""

from __future__ import annotations

from dataclasses import dataclass

# A batch is one transaction: others wait for its rows, and a stop waits for its end.
BATCH_SECONDS = 1.0
BATCH_SIZE_MIN = 500
BATCH_SIZE_MAX = 16_000

PAUSE_SECONDS_MIN = 0.1
PAUSE_SECONDS_MAX = 10.0
_DOUBLINGS_MAX = 10


def next_batch_size(size: int, *, events: int, seconds: float) -> int:
    """The size of the batch after one that was asked for `size` events and had `events`, in `seconds`.

    Far behind, twice as many as before while that fits into `BATCH_SECONDS`, half as many once it no longer does; at
    the head few. In steps of two, so that a batch read ahead is mostly of the size that is asked for next.
    """
    if events < size:
        return BATCH_SIZE_MIN
    if seconds > BATCH_SECONDS:
        return max(BATCH_SIZE_MIN, size // 2)
    return min(BATCH_SIZE_MAX, 2 * size) if 2 * seconds <= BATCH_SECONDS else size


def pause_seconds(errors: int, chance: float) -> float:
    """How long to wait after so many errors in a row (1, 2, …): doubling, at most `PAUSE_SECONDS_MAX`.

    chance  0 to 1, random: workers that failed together do not come back together
    """
    longest = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN * 2 ** min(errors, _DOUBLINGS_MAX))
    return longest * (0.5 + chance / 2)


@dataclass(slots=True)
class Search:
    """Narrows a batch that fails down to the first event that makes it fail, by halving.

    suspects  how many next events have the bad one among them; 0: no search is on
    """

    suspects: int = 0

    def most(self, size: int) -> int:
        """How many events to try next, where it would be `size` without a search."""
        return max(1, self.suspects // 2) if self.suspects else size

    def failed(self, tried: int) -> bool:
        """So many events failed. Whether the first of them is the bad one."""
        self.suspects = tried
        return tried == 1

    def passed(self, events: int) -> None:
        """So many events went through after all; 0: there are no more."""
        self.suspects = max(0, self.suspects - events) if events else 0
