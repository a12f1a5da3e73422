"""Reserved payouts go out in payment files: which may, and that they did (rule X-4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ledger.application import Ledger
from ledger.errors import NotFoundError
from ledger.ids import DEFAULT_SOURCE, check_source, stream_of
from ledger.outcomes import RECORDED, REPEAT, Outcome
from ledger.payout_commands import payout_stream
from ledger.payout_events import PayoutSubmitted, SubmittedData
from ledger.payouts.answers import answered, refused
from ledger.payouts.books import OpenBooks, Place, open_books
from ledger.payouts.payable import Payable, Question
from ledger.payouts.state import Batch, frozen_of, read_batch, read_payouts
from ledger.rules.payout import Conflict, Line, Payout, Refused, Verdict, submit
from ledger.store.recorder import head_of
from ledger.store.session import Session

# Reasons that concern a line which could otherwise go out; the rest is in a state where it cannot.
_HELD_BACK = frozenset({"not_covered", "frozen"})


class ToSend(NamedTuple):
    """The lines of a batch for one attempt, in order of their numbers.

    lines      may go into a file now
    held_back  may not, each with why
    sent       went out in that attempt already, each with the hash of its file
    """

    lines: Sequence[Line]
    held_back: Sequence[tuple[Line, str]]
    sent: Sequence[tuple[Line, str]]


class PaymentFile(NamedTuple):
    """What is sent.

    attempt  1 for lines never sent, 2 for those that failed once, and so on
    sha256   of the file, hex
    numbers  of the lines in it
    """

    attempt: int
    sha256: str
    numbers: Sequence[int]


class Sent(NamedTuple):
    """What became of a payment file; against: the lines that stopped it, each with why. One stops all."""

    outcome: Outcome
    against: Sequence[tuple[int, str]] = ()


def to_send(ledger: Ledger, batch_id: str, attempt: int, payable: Payable, *, source: str = DEFAULT_SOURCE) -> ToSend:
    """What a payment file may hold; nothing is recorded, so `send` may still refuse it.

    Raises:
        NotFoundError: no such approved batch.
    """
    with ledger.log.reading() as session:
        batch = _approved_batch(session, batch_id, check_source(source))
        found = _Lines(session, batch, batch.reserved, source)
        found.ask(attempt, payable, head_of(session))
        verdicts = [(payout, found.verdict(payout, attempt, file="")) for payout in found.payouts.values()]
    return ToSend(
        [payout.line for payout, verdict in verdicts if verdict is None],
        [(payout.line, v.reason) for payout, v in verdicts if isinstance(v, Refused) and v.reason in _HELD_BACK],
        [(payout.line, _file_of(payout, attempt)) for payout, v in verdicts if isinstance(v, Conflict)],
    )


def send(ledger: Ledger, batch_id: str, file: PaymentFile, payable: Payable, *, source: str = DEFAULT_SOURCE) -> Sent:
    """Records that lines of a batch went out in a file: all of them or, if one may not, none.

    The same file for the same attempt is a repeat. Do this before the file leaves the house.

    Raises:
        NotFoundError: no such approved batch.
    """
    with open_books(ledger, source) as books:
        batch = _approved_batch(books.session, batch_id, source)
        wanted = set(file.numbers)
        lines = [line for line in batch.reserved if line.number in wanted]
        if not wanted or len(lines) != len(file.numbers):
            unknown = sorted(wanted - {line.number for line in lines})
            return Sent(refused("unknown_payout"), [(number, "unknown_payout") for number in unknown])
        found = _Lines(books.session, batch, lines, source)
        found.ask(file.attempt, payable, books.head)
        verdicts = [(payout, found.verdict(payout, file.attempt, file.sha256)) for payout in found.payouts.values()]
        against = [(payout.line.number, v) for payout, v in verdicts if isinstance(v, Refused | Conflict)]
        if against:
            worst = next((v for _, v in against if isinstance(v, Conflict)), against[0][1])
            return Sent(answered(worst), [(number, verdict.reason) for number, verdict in against])
        new = [payout for payout, verdict in verdicts if verdict is None]
        for payout in new:
            _record(books, batch, payout, file)
        return Sent(RECORDED if new else REPEAT)


class _Lines:
    """Some reserved lines of a batch, with what happened to them and what a new attempt needs to know."""

    def __init__(self, session: Session, batch: Batch, lines: Iterable[Line], source: str) -> None:
        streams = {payout_stream(batch.id, line.number, source): line for line in lines}
        sent = read_payouts(session, list(streams))
        self.payouts: Mapping[str, Payout] = {
            # A payout's own stream says nothing of its details.
            stream: Payout(line, batch.currency, sent[stream].facts if stream in sent else ())
            for stream, line in streams.items()
        }
        self._session = session
        self._batch = batch
        self._payable_minor: Mapping[str, int] = {}
        self._frozen: set[str] = set()

    def ask(self, attempt: int, payable: Payable, head: int) -> None:
        """Reads payable(cut-off, head) of those who failed before: their money is no longer reserved."""
        members = [payout.line.member for payout in self.payouts.values() if payout.state == "failed"]
        if attempt == 1 or not members:
            return
        question = Question(self._batch.currency, self._batch.prepared.asked.cut_off, head, members)
        self._payable_minor = payable(self._session, question)
        self._frozen = frozen_of(self._session, members)

    def verdict(self, payout: Payout, attempt: int, file: str) -> Verdict:
        """Whether it may go out."""
        member = payout.line.member
        return submit(payout, attempt, file, self._payable_minor.get(member, 0), is_frozen=member in self._frozen)


def _approved_batch(session: Session, batch_id: str, source: str) -> Batch:
    batch = read_batch(session, stream_of("batch", batch_id, source))
    if batch is None or batch.state != "approved":
        raise NotFoundError(f"no batch {batch_id!r} is approved" if batch is None else f"{batch_id!r} is {batch.state}")
    return batch


def _file_of(payout: Payout, attempt: int) -> str:
    files: Iterator[str] = (
        fact.reference or "" for fact in payout.facts if (fact.state, fact.attempt) == ("submitted", attempt)
    )
    return next(files)


def _record(books: OpenBooks, batch: Batch, payout: Payout, file: PaymentFile) -> None:
    line = payout.line
    data = SubmittedData(
        amount=line.amount_minor,
        attempt=file.attempt,
        batch=batch.stream,
        by=books.identity.by,
        currency=batch.currency,
        file=file.sha256,
        member=line.member,
    )
    stream = payout_stream(batch.id, line.number, books.source)
    books.record(PayoutSubmitted, data, Place(stream, len(payout.facts) + 1, f"{batch.id}.{line.number}"))
