"""A light look ahead through the log: which orders are refunded, which invites named, which figures claimed, and where.

So an order that is never refunded, and an invite that nobody names, need not be remembered, and figures of the past can
be computed as the log goes by. Of a refund 24 bytes and an entry of a table of hashes are kept: it is read again when
its order comes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress

from ledger.errors import MalformedEvidenceError
from ledger.ids import Kind, stream_of
from projections.verify.entries import Entries
from projections.verify.facts import Bind, Fact, Refund, Stored
from projections.verify.finance_facts import Closed, Prepared, Question, Reversal
from projections.verify.periods import books_question
from projections.verify.stored import read_event

# What events of these types end with; bytes that only look so are read and then are no refund.
_ORDER = b'"type":"OrderPlaced","v":1}'
_REFUNDS = (b'"type":"OrderRefunded","v":1}', b'"type":"RefundRefused","v":1}')
_BINDS = (b'"type":"MemberBound","v":1}', b'"type":"BindingRefused","v":1}')
_FINANCE = (
    b'"type":"RefundReversed","v":1}',
    b'"type":"ReversalRefused","v":1}',
    b'"type":"PayoutBatchPrepared","v":1}',
    b'"type":"PeriodClosed","v":1}',
)
_INVITE, _REFUNDED, _SOURCE = b'"invite":"', b'"order":"', b'"source":"'
_NONE = -1


class LookAhead:
    """What comes later in a log.

    invites    the streams of those that binds name
    questions  figures that batches and periods claim, in order of the positions they are of
    sizes      of the trees whose roots periods claim
    """

    def __init__(self, entries: Entries) -> None:
        self.invites: set[str] = set()
        self.questions: list[Question] = []
        self.sizes: set[int] = set()
        # By the stream of a refund, where its reversals are: place and position of each.
        self._reversals: dict[str, list[tuple[int, int]]] = {}
        self._entries = entries
        # By the hash of an order's stream, the last of its refunds; of each refund, the one before it of such an order.
        self._last: dict[int, int] = {}
        self._before = array("q")
        self._places = array("q")
        self._positions = array("q")
        with suppress(MalformedEvidenceError, OSError):  # found where all events are read
            self._look()
        self.questions.sort()

    def may_be_refunded(self, order: str) -> bool:
        """Whether refunds may name an order's stream; no is certain."""
        return hash(order) in self._last

    def refunds_of(self, order: str) -> list[tuple[bytes, Stored]]:
        """All refunds that name an order's stream, and reversals of these: bytes and event, in order of position."""
        found = list(self._refunds(order, self._last.get(hash(order), _NONE)))
        if self._reversals:
            found += [reversal for _, refund in found for reversal in self._reversals_of(refund)]
            return sorted(found, key=_position_of)
        return found[::-1]

    def _reversals_of(self, refund: Stored) -> Iterator[tuple[bytes, Stored]]:
        for place, position in self._reversals.get(refund.stream, ()):
            raw = self._entries.at(place)
            event = read_event(raw, position)
            if isinstance(event.fact, Reversal) and position > refund.fact.position:
                yield raw, event

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
                    elif entry.endswith(_FINANCE):
                        at = position + index + 1
                        self._take_of_finance(_fact_of(entry, at), at, places[index])
            place = places[-1]
            position += len(batch)

    def _take_refund(self, order: str | None, position: int, place: int) -> None:
        if order is not None:
            code = hash(order)
            self._before.append(self._last.get(code, _NONE))
            self._last[code] = len(self._places)
            self._places.append(place)
            self._positions.append(position)

    def _take_of_finance(self, fact: Fact | None, position: int, place: int) -> None:
        """What a question is about comes before whoever asks it; all else is found there."""
        match fact:
            case Reversal():
                self._reversals.setdefault(fact.refund, []).append((place, position))
            case Prepared() if fact.at_position < position:
                self.questions.append(Question(fact.at_position, fact.cut_off, fact.currency, position))
            case Closed() if fact.at_position < position:
                self.questions.append(books_question(fact))
                self.sizes.add(fact.at_position)
            case _:
                pass


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


def _position_of(found: tuple[bytes, Stored]) -> int:
    return found[1].fact.position


def _fact_of(entry: bytes, position: int = 1) -> Fact | None:
    """What an entry is; None: nothing good, which is found where all events are read."""
    try:
        return read_event(entry, position).fact
    except (MalformedEvidenceError, ValueError):
        return None
