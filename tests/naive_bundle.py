"""A second, naive writer of bundles: projections/export/README.md word for word, all in memory, as slow as it comes.

It shares with the real one the stored bytes, the rules that decide (the real one's tables come from the other engine)
and nothing of how files, proofs and signatures are made.
"""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ledger.rules.team import in_force
from ledger.store.recorder import Recorded
from projections.changes import read_changes
from projections.fold import Clawback, Fact, Fold, OrderOutcome
from projections.payout_changes import Posted
from projections.payout_fold import Movement, Reservation, Step, movement_of
from projections.replay_python import replay
from tests.naive_tree import mth, outside, path, subproof

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND = b"\x01"


@dataclass(frozen=True)
class NaiveKey:
    """A log's key: its origin and 32 bytes."""

    origin: str
    seed: bytes

    def signed(self, text: str) -> bytes:
        """A C2SP signed note."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key_id = sha256(self.origin.encode() + b"\n" + KIND + public).digest()[:4]
        return f"{text}\n\N{EM DASH} {self.origin} {b64(key_id + key.sign(text.encode()))}\n".encode()


@dataclass(frozen=True)
class NaiveBundle:
    """What was asked, and the whole log under the head.

    shown  positions that are shown; None: all, and tables
    """

    rows: Sequence[Recorded]
    key: NaiveKey
    first: int
    last: int
    previous_size: int | None = None
    as_of: datetime | None = None
    shown: Container[int] | None = None

    def files(self) -> dict[str, bytes]:
        """Every file but manifest, Parquet and the one for people."""
        files = {
            "checkpoint": self._checkpoint(len(self.rows)),
            "events.jsonl": b"".join(self._line(row) + b"\n" for row in self._range),
            "plans.jsonl": b"".join(self._plan(row) for row in self.rows[: self.first - 1] if _is_plan(row)),
            "range.json": self._range_proof(),
        }
        if self.previous_size is not None:
            old, new = self.previous_size, len(self.rows)
            hashes = [] if old == new else subproof(old, self._leaves)
            files["previous"] = self._checkpoint(old)
            files["consistency.json"] = text({"hashes": [b64(one) for one in hashes], "new_size": new, "old_size": old})
        if self.shown is None:
            tables = {"balances": self._balances, "outcomes": self._outcomes, "payouts": self._payouts}
            tables |= {"postings": self._postings, "team": self._team}
            files |= {f"tables/{name}.csv": table(make()) for name, make in tables.items()}
        return files

    def manifest(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """manifest.json and manifest.note over all other files of the folder."""
        has_tables, is_whole = self.shown is None, self.first == 1
        visible = [row for row in self._range if self._is_shown(row)]
        previous = self.previous_size
        figures = self._figures
        levels = {
            currency: {str(level): asdict(row) for level, row in rows.items()}
            for currency, rows in figures.levels.items()
        }
        raw = text(
            {
                "as_of": instant(self._as_of),
                "content_root": figures.content_root if has_tables and is_whole else None,
                "digest": figures.digest if has_tables else None,
                "events": {"by_type": Counter(row.topic for row in visible), "count": len(visible)},
                "files": {
                    name: {"bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in files.items()
                },
                "format": "refledger-bundle-1",
                "from": self.first,
                "levels": levels if has_tables else None,
                "origin": self.key.origin,
                "outcomes": figures.outcomes if has_tables else None,
                "previous": previous and {"root": mth(self._leaves[:previous]).hex(), "size": previous},
                "redacted": len(self._range) - len(visible),
                "root": mth(self._leaves).hex(),
                "size": len(self.rows),
                "to": self.last,
                "totals": {currency: asdict(row) for currency, row in figures.totals.items()} if has_tables else None,
            }
        )
        note = f"refledger.bundle/v1 {self.key.origin}\n{len(raw)}\n{b64(sha256(raw).digest())}\n"
        return {"manifest.json": raw, "manifest.note": self.key.signed(note)}

    @property
    def _range(self) -> Sequence[Recorded]:
        return self.rows[self.first - 1 : self.last]

    @cached_property
    def _leaves(self) -> list[bytes]:
        return [sha256(b"\0" + row.state).digest() for row in self.rows]

    @property
    def _as_of(self) -> datetime:
        last = [row for row in self._range if self._is_shown(row)][-1]
        return self.as_of or datetime.fromisoformat(json.loads(last.state)["recorded_at"])

    def _is_shown(self, row: Recorded) -> bool:
        return self.shown is None or row.position in self.shown or _is_plan(row)

    def _checkpoint(self, size: int) -> bytes:
        return self.key.signed(f"{self.key.origin}\n{size}\n{b64(mth(self._leaves[:size]))}\n")

    def _line(self, row: Recorded) -> bytes:
        if self._is_shown(row):
            return row.state
        return json.dumps({"redacted": self._leaves[row.position - 1].hex()}, separators=(",", ":")).encode()

    def _plan(self, row: Recorded) -> bytes:
        hashes = [b64(one) for one in path(row.position - 1, self._leaves)]
        return text({"event": row.state.decode(), "hashes": hashes, "position": row.position})

    def _range_proof(self) -> bytes:
        start, end = self.first - 1, self.last
        around = outside(start, end, self._leaves)
        left = [b64(one) for at, one in around if at < start]
        # From the range up: the nearest first.
        right = [b64(one) for at, one in around if at >= end]
        return text({"end": end, "left": left, "right": right, "size": len(self.rows), "start": start})

    # ---- Tables

    @cached_property
    def _figures(self) -> Any:  # noqa: ANN401  # a Replay
        return replay(self.rows[: self.last], self._as_of)

    @cached_property
    def _folded(self) -> tuple[Fold, list[Fact | None]]:
        fold = Fold()
        return fold, [fold.apply(change) for change in read_changes(self.rows[: self.last])]

    @cached_property
    def _fold(self) -> tuple[Fold, list[OrderOutcome], list[Clawback]]:
        """Orders and clawbacks that count at (T, P)."""
        (fold, facts), at = self._folded, micros(self._as_of)
        orders = [fact for fact in facts if isinstance(fact, OrderOutcome) and fact.occurred_at_us <= at]
        clawbacks = [fact for fact in facts if isinstance(fact, Clawback) and fact.value_at_us <= at]
        return fold, orders, clawbacks

    def _balances(self) -> list[list[Any]]:
        names = ["member", "currency", "earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid"]
        return [names, *([getattr(balance, name) for name in names] for balance in self._figures.balances)]

    def _outcomes(self) -> list[list[Any]]:
        _, orders, clawbacks = self._fold
        names = ["order", "position", "occurred_at", "member", "currency", "amount", "plan", "available_at", "refunded"]
        for level in (1, 2, 3):
            names += [f"outcome_{level}", f"beneficiary_{level}", f"commission_{level}", f"kept_{level}"]
        rows: list[list[Any]] = [names]
        for order in orders:
            taken = [clawback for clawback in clawbacks if clawback.order is order]
            row = [order.order, order.position, instant(order.occurred_at), order.member, order.currency]
            row += [order.amount_minor, order.plan, None if order.plan is None else instant(order.available_at)]
            row.append(sum(clawback.amount_minor for clawback in taken))
            for level, outcome in enumerate(order.levels):
                lost = sum(clawback.clawed_back_minor[level] for clawback in taken)
                minor = outcome.commission_minor
                row += [outcome.reason, outcome.beneficiary, minor, minor - lost]
            rows.append(row)
        return rows

    def _postings(self) -> list[list[Any]]:
        _, orders, clawbacks = self._fold
        names = ["order", "kind", "level", "position", "value_at", "debit", "credit", "currency", "amount"]
        placed: list[tuple[int, list[list[Any]]]] = []
        for order in orders:
            taken = [clawback for clawback in clawbacks if clawback.order is order]
            lost = [clawback for clawback in taken if clawback.reverses is None]
            back = [clawback for clawback in taken if clawback.reverses is not None]
            rows = self._accruals(order) + self._clawbacks(order, lost) + self._maturities(order, taken)
            placed.append((order.position, [*rows, *map(restored, self._clawbacks(order, back))]))
        placed += [(movement.position, [moved(stream, movement)]) for stream, movement in self._movements]
        # Lines of one approval are in order already.
        placed.sort(key=lambda one: one[0])
        return [names, *(row for _, rows in placed for row in rows if row[-1])]

    @property
    def _movements(self) -> list[tuple[str, Movement]]:
        """What adjustments and payouts move by T, each with its stream."""
        found: list[tuple[str, Movement]] = []
        for fact in self._folded[1]:
            if isinstance(fact, Posted):
                found.append((fact.stream, movement_of(fact)))
            elif isinstance(fact, Reservation):
                streams = [f"payout{fact.batch.stream.removeprefix('batch')}.{number}" for number in fact.batch.lines]
                found += zip(streams, fact.movements(), strict=True)
            elif isinstance(fact, Step) and fact.movement is not None:
                found.append((f"payout{fact.batch.stream.removeprefix('batch')}.{fact.change.number}", fact.movement))
        return [(stream, movement) for stream, movement in found if movement.value_at_us <= micros(self._as_of)]

    def _payouts(self) -> list[list[Any]]:
        names = "payout batch number member currency amount state attempt reference reserved_at state_at paid_at"
        rows: dict[str, list[Any]] = {}
        latest: dict[str, int] = {}
        at_us = micros(self._as_of)
        for fact in self._folded[1]:
            if isinstance(fact, Reservation):
                when = fact.change.at_us
                for number, (member, minor) in fact.batch.lines.items():
                    stream = f"payout{fact.batch.stream.removeprefix('batch')}.{number}"
                    money = [member, fact.batch.currency, minor]
                    times = [instant_of(when), instant_of(when), None]
                    latest[stream] = when
                    if when <= at_us:
                        rows[stream] = [stream, fact.batch.stream, number, *money, "reserved", 0, None, *times]
            elif isinstance(fact, Step):
                stream = f"payout{fact.batch.stream.removeprefix('batch')}.{fact.change.number}"
                when = max(fact.change.at_us, latest[stream])
                if fact.movement is not None:
                    latest[stream] = when
                if when <= at_us:
                    row = rows[stream]
                    row[6:8] = fact.change.kind, fact.change.attempt
                    row[8] = fact.change.reference if fact.change.reference is not None else row[8]
                    row[10] = instant_of(when)
                    row[11] = instant_of(when) if fact.change.kind == "paid" else row[11]
        return [names.split(), *rows.values()]

    def _accruals(self, order: OrderOutcome) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for level, outcome in enumerate(order.levels, start=1):
            row = [order.order, "accrual", level, order.position, instant(order.occurred_at), "expense:commission"]
            rows.append([*row, f"member:{outcome.beneficiary}:pending", order.currency, outcome.commission_minor])
        return rows

    def _clawbacks(self, order: OrderOutcome, taken: list[Clawback]) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for clawback in taken:
            account = "pending" if clawback.value_at_us < order.available_at_us else "available"
            value_at = instant(EPOCH + timedelta(microseconds=clawback.value_at_us))
            for level, (outcome, minor) in enumerate(
                zip(order.levels, clawback.clawed_back_minor, strict=True), start=1
            ):
                debit = f"member:{outcome.beneficiary}:{account}"
                rows.append([order.order, "clawback", level, clawback.position, value_at, debit, "expense:commission"])
                rows[-1] += [order.currency, minor]
        return rows

    def _maturities(self, order: OrderOutcome, taken: list[Clawback]) -> list[list[Any]]:
        if order.available_at_us > micros(self._as_of):
            return []
        rows: list[list[Any]] = []
        for level, outcome in enumerate(order.levels):
            early = [clawback for clawback in taken if clawback.value_at_us < order.available_at_us]
            minor = outcome.commission_minor - sum(clawback.clawed_back_minor[level] for clawback in early)
            row: list[Any] = [order.order, "maturity", level + 1, order.position, instant(order.available_at)]
            accounts = [f"member:{outcome.beneficiary}:{account}" for account in ("pending", "available")]
            rows.append([*row, *accounts, order.currency, minor])
        return rows

    def _team(self) -> list[list[Any]]:
        fold, at = self._fold[0], self._as_of
        bound = {member: in_force(fold.history_of(member), at) for member in fold.bindings}
        names = ["member", "bind", "bound_at", "until", "referrer_1", "referrer_2", "referrer_3"]
        rows: list[list[Any]] = [names]
        for member in sorted(bound, key=str.encode):
            if binding := bound[member]:
                until, upline, above = binding.until(), list[str | None](), bound[member]
                for _ in range(3):
                    upline.append(above.referrer if above else None)
                    above = bound.get(above.referrer) if above else None
                ends = None if until is None else instant(until)
                rows.append([member, binding.bind, instant(binding.bound_at), ends, *upline])
        return rows


def restored(row: list[Any]) -> list[Any]:
    """A clawback of less than nothing the other way round."""
    order, _, level, position, value_at, debit, credit, currency, minor = row
    return [order, "restoration", level, position, value_at, credit, debit, currency, -minor]


def moved(stream: str, movement: Movement) -> list[Any]:
    """The posting of an adjustment or a payout."""
    available, reserved = (f"member:{movement.member}:{account}" for account in ("available", "reserved"))
    adjusted = movement.adjusted_minor
    debit, credit = {
        "adjustment": ("house:adjustment", available) if adjusted > 0 else (available, "house:adjustment"),
        "reservation": (available, reserved),
        "payment": (reserved, "house:payout"),
        "release": (reserved, available),
        "return": ("house:payout", available),
    }[movement.kind]
    minor = abs(adjusted or movement.reserved_minor or movement.paid_minor)
    at = [movement.kind, None, movement.position, instant_of(movement.value_at_us)]
    return [stream, *at, debit, credit, movement.currency, minor]


def text(facts: Mapping[str, Any]) -> bytes:
    """One JSON object and a line end."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def table(rows: list[list[Any]]) -> bytes:
    """CSV as Python writes it, with line feeds."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def instant(at: datetime) -> str:
    """Canonical text."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_of(at_us: int) -> str:
    """Canonical text of microseconds since 1970."""
    return instant(EPOCH + timedelta(microseconds=at_us))


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def b64(raw: bytes) -> str:
    """Standard base64."""
    return b64encode(raw).decode()


def _is_plan(row: Recorded) -> bool:
    return row.topic == "PlanPublished"
