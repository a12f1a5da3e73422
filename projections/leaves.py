"""Leaf hashes computed ahead of the tree by a process of its own: reading and hashing takes longer than all the rest.

python -m projections.leaves     takes where on standard input, answers with one frame per batch
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from ledger.application import Ledger
from ledger.garbage import collection_paused
from ledger.store.recorder import read_leaf_hashes
from ledger.tree.proofs import HASH_BYTES
from projections.child import Child, answer

# With less before it a child costs more than it saves. So many are taken in without it, while it starts.
EVENTS_MIN = 500_000
STARTING_EVENTS = 160_000

BATCH_SIZE = 16_000


class LeavesAhead:
    """Leaf hashes of the events of `(after, upto]`, in order.

    at    the last position that was taken
    upto  the last there will be
    """

    def __init__(self, url: str, after: int, upto: int) -> None:
        """Starts the child."""
        self.at = after
        self.upto = upto
        self._kept = list[bytes]()
        self._child = Child("projections.leaves", (url, after, upto))

    def take(self, count: int) -> list[bytes]:
        """The next ones; fewer where the child is through, or gone."""
        while len(self._kept) < count and (joined := self._child.next()) is not None:
            self._kept += [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]
        taken, self._kept = self._kept[:count], self._kept[count:]
        self.at += len(taken)
        return taken

    def close(self) -> None:
        """Ends the child."""
        self._child.close()


def _hash(url: str, after: int, upto: int) -> Iterator[bytes]:
    with closing(Ledger(url)) as ledger, collection_paused():
        while after < upto:
            last = min(upto, after + BATCH_SIZE)
            with ledger.log.reading() as session:
                leaves = read_leaf_hashes(session, after, last)
            yield b"".join(leaves)
            after = last


if __name__ == "__main__":
    answer(_hash)
