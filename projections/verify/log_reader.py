"""The log as it was exported, read once: every byte is the tree's, every event well formed (V-1, V-2, V-4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import le
from pathlib import Path
from typing import Any

from ledger.errors import MalformedEvidenceError
from ledger.tree.hashing import RootBuilder, leaf_hash, leaf_hashes
from ledger.tree.ranges import RangeProof, RangeVerifier
from projections.verify.ahead import LookAhead
from projections.verify.entries import Bundles, Entries, Lines
from projections.verify.facts import Fact, Invited, Placed, Refund, Stored
from projections.verify.finance_facts import ASKED, Asked, Closed, Reversal
from projections.verify.quick import ORDER_END, quick_orders
from projections.verify.report import FINDINGS_MAX, Report
from projections.verify.stored import EVENT_BYTES_MAX, read_event
from projections.verify.streams import StreamSet, begun_twice
from projections.verify.tile_files import TileFiles

EVENTS, RANGE, DECISIONS = "events", "range", "decisions"
DECIDED = "every plan, binding, order, refund, adjustment, batch, payout and period, decided again"

REDACTED = re.compile(rb'\{"redacted":"([0-9a-f]{64})"\}')

# In canonical JSON only the envelope's own key can look like this, near the end: inside a string quotes are escaped.
_RECORDED_AT = b'"recorded_at":"'
_RECORDED_AT_BYTES = len(b'"recorded_at":"2026-01-31T12:00:00.000000Z",')
_DERIVED = b'"type":"BindingExpired","v":1}'


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be read.

    path         a file of lines, or the folder of a tiled log
    is_tiled     which of them
    proof        of exactly these entries
    root         32 bytes, of the tree
    old_sizes    of earlier trees whose roots are asked for
    is_redacted  lines may hold a leaf hash instead of an event
    is_performed facts are wanted as whoever performs them again needs them: orders with their refunds, invites only
                 if a bind names them
    findings_max of one check, that are shown
    """

    path: str
    is_tiled: bool
    proof: RangeProof
    root: bytes
    old_sizes: tuple[int, ...] = ()
    is_redacted: bool = False
    is_performed: bool = False
    findings_max: int = FINDINGS_MAX

    def entries(self, *, is_hashed: bool = False) -> Entries:
        """Where they lie."""
        path = Path(self.path)
        return Bundles(path, self.proof.size) if self.is_tiled else Lines(path, is_hashed=is_hashed)

    @property
    def is_from_start(self) -> bool:
        """Whether the first entry is the log's first."""
        return self.proof.start == 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What was read.

    events, redacted   how many of each
    by_type            of the events
    last_recorded_at   of the last event; empty: there was none
    content_root       rule G-8; empty where not all of the log was read
    old_roots          by size, of the trees asked for that end within what was read
    sha256, size_bytes of the file of lines
    """

    events: int
    redacted: int
    by_type: dict[str, int]
    last_recorded_at: str
    content_root: str
    old_roots: dict[int, bytes]
    sha256: str
    size_bytes: int


class LogReader:
    """Reads entries in batches; once through, it knows the rest.

    report  what it finds
    """

    def __init__(self, task: Task) -> None:
        self.report = Report(findings_max=task.findings_max)
        self._task = task
        self._position = task.proof.start
        self._entries = task.entries(is_hashed=True)
        self._leaves = _Leaves(task, self.report)
        self._content = RootBuilder() if task.is_from_start and not task.is_redacted else None
        self._streams = StreamSet()
        self._ahead: LookAhead | None = None
        # Refunds that went with their orders and have not come yet, by position: the hash of their bytes, and what
        # those say, so that the same bytes need not be read again where they come.
        self._attached: dict[int, tuple[int, Stored]] = {}
        self._by_type: Counter[str] = Counter()
        self._redacted = 0
        self._last_recorded_at = ""

    def batches(self) -> Iterator[list[Fact]]:
        """The facts of all well-formed events, in order, and then what only the whole shows."""
        self.report.begin(EVENTS)
        with self.report.checking(EVENTS):
            if self._task.is_performed:
                self._ahead = LookAhead(self._task.entries())
                if self._ahead.questions:
                    self._leaves.ask(self._ahead.sizes)
                    yield [Asked(ASKED, self._position, tuple(map(tuple, self._ahead.questions)))]
            for batch in self._entries.batches():
                self._leaves.extend(batch)
                yield self._facts(batch)
        with self.report.checking(EVENTS):
            self._leaves.end()
            if suspects := self._streams.suspects():
                for position, first, stream in begun_twice(self._begun(), suspects):
                    self.report.find(EVENTS, f"the stream {stream!a} began already at position {first} (G-6)", position)

    def summary(self) -> Summary:
        """What was read, once all batches were taken."""
        lines = self._entries if isinstance(self._entries, Lines) else None
        return Summary(
            events=self._position - self._task.proof.start - self._redacted,
            redacted=self._redacted,
            by_type=dict(sorted(self._by_type.items())),
            last_recorded_at=self._last_recorded_at,
            content_root="" if self._content is None else self._content.root().hex(),
            old_roots=self._leaves.old_roots,
            sha256=lines.sha256 if lines else "",
            size_bytes=lines.size_bytes if lines else 0,
        )

    def _facts(self, batch: list[bytes]) -> list[Fact]:
        events, kept, position = list[Stored](), list[bytes](), self._position
        for raw, known in zip(batch, self._known(batch), strict=True):
            position += 1
            try:
                event = read_event(raw, position) if known is None else known
            except (MalformedEvidenceError, ValueError) as error:
                if self._task.is_redacted and REDACTED.fullmatch(raw):
                    self._redacted += 1
                else:
                    self.report.find(EVENTS, str(error), position)
                continue
            events.append(event)
            kept.append(raw)
        self._position = position
        if self._content is not None:
            self._content.extend(leaf_hashes(_contents(kept)))
        self._place(events)
        facts = [event.fact for event in events]
        return facts if self._ahead is None else list(self._prepared(facts, self._ahead))

    def _known(self, batch: list[bytes]) -> list[Stored | None]:
        """Of each entry, the event, unless it must be read alone: orders together, refunds with their orders."""
        known: list[Stored | None] = [None] * len(batch)
        first, attached = self._position + 1, self._attached
        places = [at for at, raw in enumerate(batch) if raw.endswith(ORDER_END) and len(raw) <= EVENT_BYTES_MAX]
        orders = quick_orders([batch[at] for at in places], [first + at for at in places])
        for at, order in zip(places, orders or (), strict=False):
            known[at] = order
        for at in range(len(batch)) if attached else ():
            if first + at in attached and attached[first + at][0] == hash(batch[at]):
                known[at] = attached[first + at][1]
        return known

    def _prepared(self, facts: list[Fact], ahead: LookAhead) -> Iterator[Fact]:
        """Facts as they are performed: a refund goes with its order, which it must come after (R-1)."""
        for fact in facts:
            if isinstance(fact, Placed):
                yield self._with_refunds(fact, ahead) if ahead.may_be_refunded(fact.stream) else fact
            elif isinstance(fact, Refund | Reversal):
                # That it was there and the same when its order came is proven here, where the tree has its bytes.
                _, was = self._attached.pop(fact.position, (0, None))
                if was is None or was.fact != fact:
                    self._find_stray(fact)
            elif not isinstance(fact, Invited) or fact.stream in ahead.invites:
                if isinstance(fact, Closed):
                    self._expect_root(fact)
                yield fact

    def _with_refunds(self, order: Placed, ahead: LookAhead) -> Placed:
        """An order with all refunds that come later, which are expected as they were found now."""
        refunds: list[tuple[Any, ...]] = []
        for raw, event in ahead.refunds_of(order.stream):
            if event.fact.position > order.position:
                self._attached[event.fact.position] = hash(raw), event
                refunds.append(tuple(event.fact))
        return order._replace(refunds=tuple(refunds)) if refunds else order

    def _find_stray(self, fact: Refund | Reversal) -> None:
        is_refund = isinstance(fact, Refund)
        does, rule = (f"refunds {fact.order}", "R-1") if is_refund else (f"reverses {fact.refund}", "R-4")
        self.report.find(DECISIONS, f"{fact.stream} {does}, which is not before it ({rule})", fact.position)

    def _expect_root(self, fact: Closed) -> None:
        """Where there is none, something else was found already."""
        root = self._leaves.old_roots.get(fact.at_position)
        if root is not None and root.hex() != fact.root:
            message = (
                f"{fact.stream} says the root {fact.root}; that of {fact.at_position} events is {root.hex()} (V-1)"
            )
            self.report.find(DECISIONS, message, fact.position)

    def _place(self, events: list[Stored]) -> None:
        """What ties events to those before them."""
        self._by_type.update([event.topic for event in events])
        self._streams.extend([event.stream for event in events if event.seq == 1])
        times = [self._last_recorded_at, *[event.recorded_at for event in events]]
        self._last_recorded_at = times[-1]
        if all(map(le, times, times[1:])):
            return
        for (before, recorded_at), event in zip(pairwise(times), events, strict=True):
            if recorded_at < before:
                message = f"was recorded at {recorded_at}, before the event before it (G-2)"
                self.report.find(EVENTS, message, event.fact.position)

    def _begun(self) -> Iterator[tuple[int, str]]:
        """All of it read again, for the names of streams."""
        position = self._task.proof.start
        for batch in self._entries.batches():
            for raw in batch:
                position += 1
                try:
                    event = read_event(raw, position)
                except (MalformedEvidenceError, ValueError):
                    continue
                if event.seq == 1:
                    yield position, event.stream


def _contents(entries: list[bytes]) -> list[bytes]:
    """The entries that content is made of, without when they were recorded (G-8)."""
    return [
        entry[: (start := entry.rfind(_RECORDED_AT))] + entry[start + _RECORDED_AT_BYTES :]
        for entry in entries
        if not entry.endswith(_DERIVED)
    ]


class _Leaves:
    """The tree over the entries: does it lead to the root, and what were the roots of earlier trees?"""

    def __init__(self, task: Task, report: Report) -> None:
        self.old_roots: dict[int, bytes] = {}
        self._task, self._report = task, report
        self._size = task.proof.start
        self._sizes = sorted(size for size in set(task.old_sizes) if size >= self._size)
        self._tree: RangeVerifier | None = None
        self._tiles = TileFiles(Path(task.path), report) if task.is_tiled else None
        with report.checking(RANGE):
            self._tree = RangeVerifier(task.proof)
            self._note_old_roots(self._tree)

    def ask(self, sizes: set[int]) -> None:
        """The roots of trees of these sizes are wanted too; before the first entry."""
        self._sizes = sorted({*self._sizes, *sizes})

    def extend(self, batch: list[bytes]) -> None:
        """The next entries."""
        leaves = [self._leaf(entry) for entry in batch] if self._task.is_redacted else leaf_hashes(batch)
        if self._tiles is not None:
            self._tiles.extend(leaves)
        tree, self._tree = self._tree, None
        if tree is None:
            return
        # A tree that a leaf does not fit takes no more: that is found once.
        with self._report.checking(RANGE):
            while self._sizes and self._sizes[0] <= self._size + len(leaves):
                upto = self._sizes[0] - self._size
                self._take(tree, leaves[:upto])
                leaves = leaves[upto:]
                self._note_old_roots(tree)
            self._take(tree, leaves)
            self._tree = tree

    def end(self) -> None:
        """There are no more."""
        if self._tiles is not None:
            self._tiles.end()
        if self._tree is not None:
            with self._report.checking(RANGE):
                self._tree.verify(self._task.root)

    def _take(self, tree: RangeVerifier, leaves: Sequence[bytes]) -> None:
        tree.extend(leaves)
        self._size += len(leaves)

    def _note_old_roots(self, tree: RangeVerifier) -> None:
        while self._sizes and self._sizes[0] == self._size:
            self.old_roots[self._sizes.pop(0)] = tree.root_so_far()

    def _leaf(self, entry: bytes) -> bytes:
        hidden = REDACTED.fullmatch(entry)
        return bytes.fromhex(hidden[1].decode()) if hidden else leaf_hash(entry)
