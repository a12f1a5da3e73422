"""A light look ahead through the log: which orders are refunded, and where; which invites are named by binds.

So an order that is never refunded, and an invite that nobody names, need not be remembered. Of a refund 24 bytes and an
entry of a table of hashes are kept: it is read again when its order comes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

from ledger.errors import MalformedEvidenceError
from ledger.rules.binding import Invite
from projections.verify.entries import Entries
from projections.verify.facts import Bind, Refund
from projections.verify.stored import read_event

# What events of these types end with; bytes that only look so are read and then are no refund.
_REFUNDS = (b'"type":"OrderRefunded","v":1}', b'"type":"RefundRefused","v":1}')
_BINDS = (b'"type":"MemberBound","v":1}', b'"type":"BindingRefused","v":1}')
_LOOKED_AT = _REFUNDS + _BINDS
_INVITE = b'"invite":'
_NONE = -1


class LookAhead:
    """What comes later in a log.

    invites  the streams of those that binds name, each still None
    """

    def __init__(self, entries: Entries, progress: Callable[[int], None]) -> None:
        self.invites: dict[str, Invite | None] = {}
        self._entries = entries
        # By the hash of an order's stream, the last of its refunds; of each refund, the one before it of such an order.
        self._last: dict[int, int] = {}
        self._before = array("q")
        self._places = array("q")
        self._positions = array("q")
        self._look(progress)

    def refunds_of(self, order: str) -> list[Refund]:
        """All refunds that name an order's stream, in order of position."""
        if (last := self._last.get(hash(order), _NONE)) == _NONE:
            return []
        found = [refund for refund in self._refunds(last) if refund.order == order]
        return found[::-1]

    def _refunds(self, index: int) -> Iterator[Refund]:
        while index != _NONE:
            fact = read_event(self._entries.at(self._places[index]), self._positions[index]).fact
            if isinstance(fact, Refund):
                yield fact
            index = self._before[index]

    def _look(self, progress: Callable[[int], None]) -> None:
        place = position = 0
        for batch in self._entries.batches():
            for entry in batch:
                position += 1
                if entry.endswith(_LOOKED_AT) and (entry.endswith(_REFUNDS) or _INVITE in entry):
                    self._take(entry, position, place)
                place = self._entries.after(place, entry)
            progress(len(batch))

    def _take(self, entry: bytes, position: int, place: int) -> None:
        try:
            fact = read_event(entry, position).fact
        except (MalformedEvidenceError, ValueError):
            return  # found where all events are read
        if isinstance(fact, Bind) and fact.invite is not None:
            self.invites[fact.invite] = None
        elif isinstance(fact, Refund):
            code = hash(fact.order)
            self._before.append(self._last.get(code, _NONE))
            self._last[code] = len(self._places)
            self._places.append(place)
            self._positions.append(position)
