"""The log read ahead by a process of its own: reading and checking events takes as long as projecting them.

python -m projections.ahead     takes where to read on standard input, answers with one frame per batch
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast, get_args

from ledger.application import Ledger
from ledger.errors import CorruptEventError, IntegrityError
from ledger.garbage import collection_paused
from ledger.store.recorder import read_log
from projections.changes import Change, Changes, OrderChange, read_changes
from projections.child import Child, answer
from projections.payout_changes import PayoutChange

# With less before it, or in smaller batches, a child costs more than it saves.
EVENTS_MIN = 100_000
PIECE_SIZE = 4_000

_KINDS: tuple[type[Change], ...] = (*get_args(OrderChange), *get_args(PayoutChange))
_NUMBERS: dict[type[Change], int] = {kind: number for number, kind in enumerate(_KINDS)}
_MAKE: list[Callable[[Iterable[Any]], Change]] = [kind._make for kind in _KINDS]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events up to a position, read."""

    last: int
    changes: Changes


class ReadingAhead:
    """Batches of a span `(after, upto]` of the log of `url`, as far as its head now, read by a child.

    The child reads pieces of one size, and a batch is as many of them as may be: a worker that changes the size of its
    batches would otherwise begin with a new child each time.
    """

    def __init__(self, url: str, after: int, upto: int, *, head: int, piece: int) -> None:
        """Starts the child."""
        self._after = after
        self._upto = upto
        self._piece_size = piece
        self._child = Child("projections.ahead", (url, after, min(head, upto), piece))

    def take(self, after: int, upto: int, most: int) -> Batch | None:
        """The next batch, if it is the one that is asked for; None: it is not, or the child is through, or gone.

        Raises:
            CorruptEventError, IntegrityError: the log is not one this ledger wrote.
        """
        if (self._after, self._upto) != (after, upto):
            return None
        changes = list[Change]()
        while self._after - after + self._piece_size <= most and (piece := self._piece()) is not None:
            changes += piece.changes
            self._after = piece.last
        return Batch(self._after, changes) if self._after > after else None

    def _piece(self) -> Batch | None:
        if (found := self._child.next()) is None:
            return None
        last, rows, error = cast("tuple[int, list[tuple[int, tuple[Any, ...]]], str | None]", found)
        if error is not None:
            raise CorruptEventError(error)
        return Batch(last, [_MAKE[number](row) for number, row in rows])

    def close(self) -> None:
        """Ends the child."""
        self._child.close()


def _read(
    url: str, after: int, upto: int, most: int
) -> Iterator[tuple[int, list[tuple[int, tuple[Any, ...]]], str | None]]:
    with closing(Ledger(url)) as ledger, collection_paused():
        while after < upto:
            try:
                with ledger.log.reading() as session:
                    rows = read_log(session, after, upto, most)
                changes = read_changes(rows)
            except IntegrityError as error:
                yield after, [], str(error)
                return
            after = rows[-1].position
            yield after, [(_NUMBERS[type(one)], tuple(one)) for one in changes], None


if __name__ == "__main__":
    answer(_read)
