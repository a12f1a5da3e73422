"""Events of finance written into a log as they are, without anybody deciding: right ones, and what audits must find."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from typing import Any

from ledger.application import Ledger
from ledger.canonical import canonical
from ledger.clock import format_instant, parse_instant
from ledger.ids import Kind, stream_of
from ledger.mapper import decode
from ledger.store.owner import owning
from ledger.store.session import Session, Sql
from ledger.tree.hashing import root_of

ZERO = "0" * 64
APPROVALS = ("AdjustmentPosted", "PayoutBatchApproved")
_TRIGGER = Sql(
    "trigger",
    {
        "postgres": "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE tgname = 'event_approved' AND tgrelid = 'event'::regclass",
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'event_approved'",
    },
)
_DROP = Sql("drop", {"postgres": "DROP TRIGGER event_approved ON event", "sqlite": "DROP TRIGGER event_approved"})


class Scribe:
    """Appends to the log of a ledger. Ids are of one source; who does it is `clerk`, who approves is `head`."""

    def __init__(self, ledger: Ledger, source: str = "default") -> None:
        self._ledger = ledger
        self._source = source
        self._seqs: Counter[str] = Counter()
        self._lines: dict[str, dict[int, tuple[str, int]]] = {}
        self._asked: dict[str, dict[str, Any]] = {}
        self._details: Mapping[str, str] = {}

    def write(self, topic: str, stream: str, data: dict[str, Any], *, at: str, record_id: str) -> int:
        """Appends one event; returns its position."""
        self._seqs[stream] += 1
        asked = data.get("asked")
        envelope = {"actor": "test", "data": data, "id": record_id, "occurred_at": _instant(at), "source": self._source}
        envelope |= {"seq": self._seqs[stream], "stream": stream, "type": topic, "v": 1}
        if asked is not None:
            envelope["content"] = sha256(canonical(asked)).hexdigest()
        with self._unguarded(topic), self._ledger.log.appending() as log:
            recorded_at = log.recorded_at(parse_instant(at))
            state = canonical({**envelope, "recorded_at": format_instant(recorded_at)})
            decode(topic, state)
            log.append([(stream, self._seqs[stream], topic, state)], recorded_at)
            return log.head

    @contextmanager
    def _unguarded(self, topic: str) -> Generator[None]:
        """Nobody called `head` ever logs in, and some approve themselves: the store would refuse both."""
        if topic not in APPROVALS:
            yield
            return
        with self._owning() as session:
            kept = session.rows(_TRIGGER)[0][0]
            session.run(_DROP)
        yield
        with self._owning() as session:
            session.run(Sql("guard", {session.dialect: kept}))

    def _owning(self) -> AbstractContextManager[Session]:
        assert self._ledger.log.url is not None
        return owning(self._ledger.log.url)

    def reversal(self, record_id: str, refund: str, at: str) -> int:
        """A reversal that was recorded."""
        asked = {"at": _instant(at), "id": record_id, "refund": refund, "type": "reversal"}
        return self._input("RefundReversed", asked)

    def freeze(self, record_id: str, member: str, at: str, kind: str = "freeze") -> int:
        """A member is frozen, or unfrozen."""
        asked = {"at": _instant(at), "id": record_id, "member": member, "reason": "checked", "type": kind}
        return self._input("MemberFrozen" if kind == "freeze" else "MemberUnfrozen", asked)

    def proposal(self, record_id: str, member: str, amount: int, at: str) -> int:
        """A proposed adjustment."""
        asked = {"amount": amount, "at": _instant(at), "currency": "GBP", "id": record_id, "member": member}
        self._asked[record_id] = asked
        asked = {**asked, "reason": "goodwill", "type": "adjustment"}
        return self._input("AdjustmentProposed", asked, by=_by("clerk"), exponent=2)

    def adjustment(  # an adjustment has that many facts
        self, record_id: str, member: str, amount: int, at: str, posted: Mapping[str, Any] | None = None
    ) -> int:
        """An adjustment in GBP, proposed and posted; `posted`: what the posting says instead of the proposal."""
        self.proposal(record_id, member, amount, at)
        asked = self._asked[record_id]
        data = {"amount": amount, "by": _by("head"), "currency": "GBP", "member": member, "value_at": asked["at"]}
        return self._follow("AdjustmentPosted", "adjustment", record_id, {**data, **(posted or {})}, at)

    def rejected(self, record_id: str, at: str, kind: Kind = "adjustment") -> int:
        """An adjustment or a batch that was turned down."""
        topic = "AdjustmentRejected" if kind == "adjustment" else "PayoutBatchRejected"
        return self._follow(topic, kind, record_id, {"by": _by("head"), "reason": "no"}, at)

    def batch(
        self, record_id: str, lines: Sequence[tuple[str, int]], *, cut_off: str, at: str, **otherwise: Any
    ) -> int:
        """A prepared batch with these lines, members in order; returns the position of its first event.

        Args:
            record_id: of the batch.
            lines: member and amount.
            cut_off: T.
            at: when it was prepared.
            otherwise: what it says instead of what follows from the lines; at_position: P, hash: over the lines;
                details: of payees, by member.
        """
        self._details = otherwise.pop("details", {})
        asked = {"at": _instant(at), "cut_off": _instant(cut_off), "id": record_id, "type": "batch"}
        asked["currency"] = otherwise.pop("currency", "GBP")
        data = {"at_position": self._ledger.log.head(), "by": _by("clerk"), "count": len(lines), "digest": ZERO}
        data |= {
            "exponent": 2,
            "left_out": 0,
            "lines": otherwise.pop("hash", root_over(lines, details=self._details)),
            "plan": 1,
        }
        data |= {"total": sum(amount for _, amount in lines), **otherwise}
        self._asked[record_id] = asked
        self._lines[record_id] = dict(enumerate(lines, start=1))
        first = self._input("PayoutBatchPrepared", asked, **data)
        numbered = [[number, *line, self._details.get(line[0])] for number, line in self._lines[record_id].items()]
        for start in range(0, len(numbered), 250):
            self._follow("PayoutBatchLines", "batch", record_id, {"lines": numbered[start : start + 250]}, at)
        return first

    def approve(self, record_id: str, at: str, dropped: Mapping[int, str] | None = None, **otherwise: Any) -> int:
        """The approval of a batch but for some lines; returns its position."""
        if dropped:
            self._follow("PayoutLinesDropped", "batch", record_id, {"lines": list(map(list, dropped.items()))}, at)
        kept = {number: line for number, line in self._lines[record_id].items() if number not in (dropped or {})}
        data = {"by": _by("head"), "count": len(kept), "lines": root_over([*kept.values()], [*kept], self._details)}
        data["total"] = sum(amount for _, amount in kept.values())
        return self._follow("PayoutBatchApproved", "batch", record_id, {**data, **otherwise}, at)

    def payout(self, topic: str, line: tuple[str, int], at: str, attempt: int = 1, **otherwise: Any) -> int:
        """What became of a line of a batch, given by the batch's id and the number; `topic` without `Payout`."""
        batch, number = line
        member, amount = self._lines[batch][number]
        more = {"Submitted": {"file": ZERO}, "Paid": {"reference": f"ref {batch} {number} {attempt}"}}
        data = {"amount": amount, "attempt": attempt, "batch": stream_of("batch", batch, self._source)}
        data |= {"by": _by("clerk"), "currency": self._asked[batch]["currency"], "member": member}
        data |= more.get(topic, {"reason": "so they say"})
        return self._follow(f"Payout{topic}", "payout", f"{batch}.{number}", {**data, **otherwise}, at)

    def close(self, end: str, at: str, figures: Mapping[str, Any]) -> int:
        """A period is closed with these figures; returns the position of it."""
        asked = {"at": _instant(at), "end": _instant(end), "id": f"period-{_instant(end)}", "type": "period"}
        data = {"asked": asked, "by": _by("clerk"), **figures}
        return self.write("PeriodClosed", f"period-{_instant(end)}", data, at=at, record_id=asked["id"])

    def _input(self, topic: str, asked: dict[str, Any], **more: Any) -> int:
        stream = stream_of(asked["type"], asked["id"], self._source)
        return self.write(topic, stream, {"asked": asked, **more}, at=asked["at"], record_id=asked["id"])

    def _follow(self, topic: str, kind: Kind, record_id: str, data: dict[str, Any], at: str) -> int:
        return self.write(topic, stream_of(kind, record_id, self._source), data, at=at, record_id=record_id)


def root_over(
    lines: Sequence[tuple[str, int]], numbers: Sequence[int] = (), details: Mapping[str, str] | None = None
) -> str:
    """The hash over lines, with the standard library's JSON."""
    rows: list[dict[str, Any]] = [
        {"amount": amount, "member": member, "no": number}
        for number, (member, amount) in zip(numbers or range(1, len(lines) + 1), lines, strict=True)
    ]
    for row in rows:
        if details and row["member"] in details:
            row["details"] = details[row["member"]]
    texts = [json.dumps(row, separators=(",", ":"), ensure_ascii=False, sort_keys=True) for row in rows]
    return root_of(text.encode() for text in texts).hex()


def _by(name: str) -> dict[str, Any]:
    return {"authenticated": False, "name": name}


def _instant(text: str) -> str:
    return format_instant(parse_instant(text))
