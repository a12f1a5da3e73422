"""A light look ahead through the log: which orders are refunded, and where; which invites are named by binds.

So an order that is never refunded, and an invite that nobody names, need not be remembered. Of a refund 24 bytes and an
entry of a table of hashes are kept: it is read again when its order comes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress

from ledger.errors import MalformedEvidenceError
from ledger.ids import Kind, stream_of
from projections.verify.entries import Entries
from projections.verify.facts import Bind, Fact, Refund, Stored
from projections.verify.stored import read_event

# What events of these types end with; bytes that only look so are read and then are no refund.
_ORDER = b'"type":"OrderPlaced","v":1}'
_REFUNDS = (b'"type":"OrderRefunded","v":1}', b'"type":"RefundRefused","v":1}')
_BINDS = (b'"type":"MemberBound","v":1}', b'"type":"BindingRefused","v":1}')
_INVITE, _REFUNDED, _SOURCE = b'"invite":"', b'"order":"', b'"source":"'
_NONE = -1


class LookAhead:
    """What comes later in a log. invites: the streams of those that binds name."""

    def __init__(self, entries: Entries) -> None:
        self.invites: set[str] = set()
        self._entries = entries
        # By the hash of an order's stream, the last of its refunds; of each refund, the one before it of such an order.
        self._last: dict[int, int] = {}
        self._before = array("q")
        self._places = array("q")
        self._positions = array("q")
        with suppress(MalformedEvidenceError, OSError):  # found where all events are read
            self._look()

    def may_be_refunded(self, order: str) -> bool:
        """Whether refunds may name an order's stream; no is certain."""
        return hash(order) in self._last

    def refunds_of(self, order: str) -> list[tuple[bytes, Stored]]:
        """All refunds that name an order's stream, in order of position, each as bytes and as what they say."""
        found = list(self._refunds(order, self._last.get(hash(order), _NONE)))
        return found[::-1]

    def _refunds(self, order: str, index: int) -> Iterator[tuple[bytes, Stored]]:
        while index != _NONE:
            raw = self._entries.at(self._places[index])
            event = read_event(raw, self._positions[index])
            if isinstance(event.fact, Refund) and event.fact.order == order:
                yield raw, event
            index = self._before[index]

    def _look(self) -> None:
        place = position = 0
        for batch in self._entries.batches():
            places = self._entries.places(place, batch)
            for index, entry in enumerate(batch):
                if not entry.endswith(_ORDER):
                    if entry.endswith(_REFUNDS):
                        order = _quick_stream("order", _REFUNDED, entry) or _order_of(entry)
                        self._take_refund(order, position + index + 1, places[index])
                    elif _INVITE in entry and entry.endswith(_BINDS):
                        invite = _quick_stream("invite", _INVITE, entry) or _invite_of(entry)
                        if invite is not None:
                            self.invites.add(invite)
            place = places[-1]
            position += len(batch)

    def _take_refund(self, order: str | None, position: int, place: int) -> None:
        if order is not None:
            code = hash(order)
            self._before.append(self._last.get(code, _NONE))
            self._last[code] = len(self._places)
            self._places.append(place)
            self._positions.append(position)


def _quick_stream(kind: Kind, key: bytes, entry: bytes) -> str | None:
    """The stream that a record of a simple spelling names; what it says is read thoroughly when it is needed."""
    if b"\\" in entry:
        return None
    record_id, source = _between(entry, key), _between(entry, _SOURCE)
    return stream_of(kind, record_id, source)


def _between(entry: bytes, start: bytes) -> str:
    at = entry.find(start) + len(start)
    return entry[at : entry.find(b'"', at)].decode(errors="replace")


def _order_of(entry: bytes) -> str | None:
    fact = _fact_of(entry)
    return fact.order if isinstance(fact, Refund) else None


def _invite_of(entry: bytes) -> str | None:
    fact = _fact_of(entry)
    return fact.invite if isinstance(fact, Bind) else None


def _fact_of(entry: bytes) -> Fact | None:
    """What an entry is; None: nothing good, which is found where all events are read."""
    try:
        return read_event(entry, 1).fact
    except (MalformedEvidenceError, ValueError):
        return None
