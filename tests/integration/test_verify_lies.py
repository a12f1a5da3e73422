"""A bundle by somebody who has the log's key and lies: all of it is consistent and signed, and decided wrongly.

What is decided otherwise is told with tables that follow from the lie; so only deciding again finds it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from projections.verify.asked import DISAGREE
from tests.evidence import (
    OTHER_KEY,
    RECORDED_AT,
    Telling,
    edited,
    manifested,
    position_of,
    put,
    resigned,
    verified,
)
from tests.lies import Lie, asking, findings_of, inventing, recorded_as, saying, with_envelope, without

# ---- decisions, told with tables that follow from them


BOUND = {"ends_at": "2024-01-25T00:00:00.000000Z", "plan": 1}
# What is told otherwise, and the stream and version of the event that is found.
DECISIONS: dict[str, tuple[Lie, tuple[str, int]]] = {
    "a loop granted": (
        recorded_as("bind-b4", "MemberBound", ends_at="2024-01-24T00:00:00.000000Z", plan=1),
        ("bind-b4", 1),
    ),
    "a protected member bound": (recorded_as("bind-b5", "MemberBound", **BOUND), ("bind-b5", 1)),
    "a self referral granted": (recorded_as("bind-b6", "MemberBound", **BOUND), ("bind-b6", 1)),
    "another reason": (recorded_as("bind-b6", "BindingRefused", reason="already_bound"), ("bind-b6", 1)),
    "a bind refused": (recorded_as("bind-b9", "BindingRefused", reason="late_binding"), ("bind-b9", 1)),
    "a longer binding": (saying("bind-b2", ends_at="2024-03-23T00:00:00.000000Z"), ("bind-b2", 1)),
    "a binding without end": (saying("bind-b7", ends_at=None), ("bind-b7", 1)),
    "a binding under another plan": (saying("bind-b9", plan=1), ("bind-b9", 1)),
    "a renewal kept back": (without("bind-b8", 3), ("order-o5", 1)),
    "a longer renewal": (saying("bind-b8", 3, ends_at="2024-03-05T00:00:00.000000Z"), ("bind-b8", 3)),
    "a renewal of nothing": (
        inventing(
            "order-o6",
            "BindingRenewed",
            "bind-b1",
            2,
            "2024-01-17T00:00:00.000000Z",
            id="o6",
            data={"bind": "bind-b1", "ends_at": "2024-02-20T00:00:00.000000Z", "member": "ben"},
        ),
        ("bind-b1", 2),
    ),
    "a take-over kept back": (without("bind-b3", 4), ("bind-b8", 1)),
    "an unbind refused": (recorded_as("unbind-u1", "UnbindRefused", reason="not_bound"), ("unbind-u1", 1)),
    "a late unbind": (recorded_as("unbind-u2", "UnbindRefused", reason="late_unbind"), ("unbind-u2", 1)),
    "a lapse kept back": (without("expiry-2024-01-28T00:00:00.000000Z-bind-b7"), ("bind-b9", 1)),
    "a lapse too early": (
        inventing(
            "order-o6",
            "BindingExpired",
            "expiry-2024-01-21T00:00:00.000000Z-bind-b8",
            1,
            "2024-01-21T00:00:00.000000Z",
            id="b8",
            data={"bind": "bind-b8", "member": "dan", "referrer": "ben"},
        ),
        ("expiry-2024-01-21T00:00:00.000000Z-bind-b8", 1),
    ),
    "an order under another plan": (saying("order-o7", plan=1), ("order-o7", 1)),
    "an order under no plan": (saying("order-o4", plan=None), ("order-o4", 1)),
    "other decimal digits": (saying("order-o6", exponent=3), ("order-o6", 1)),
    "a refund above what was paid": (recorded_as("refund-r3", "OrderRefunded"), ("refund-r3", 1)),
    "a refund in another currency": (recorded_as("refund-r5", "OrderRefunded"), ("refund-r5", 1)),
    "a refund refused": (recorded_as("refund-r4", "RefundRefused", reason="exceeds_paid"), ("refund-r4", 1)),
    "a refund refused for another reason": (
        recorded_as("refund-r3", "RefundRefused", reason="before_order"),
        ("refund-r3", 1),
    ),
    "an invite for another": (asking("invite-i1", invitee="zoë"), ("bind-b1", 1)),
    "an invite of later": (asking("invite-i1", expires_at="2024-01-02T00:30:00.000000Z"), ("bind-b1", 1)),
    "shorter bindings promised in retrospect": (
        asking("plan-1", binding={"policy": "last_touch", "protection_days": 3, "renewal": "on_order", "ttl_days": 19}),
        ("bind-b1", 1),
    ),
    "the second plan has the number of the third": (asking("plan-2", plan=3), ("plan-3", 1)),
}


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_wrong_decision(small_log: list[bytes], tmp_path: Path, name: str) -> None:
    """Found at its event; all the figures follow from the lie, so nothing else gives it away."""
    lie, (stream, seq) = DECISIONS[name]
    told = lie(small_log)
    if "number of the third" in name:
        told = edited(told, position_of(told, "plan-2"), lambda event: event.update(stream="plan-3"))
        files = resigned(Telling(small_log).files(), told)
    else:
        files = Telling(told).files()
    found = findings_of(tmp_path, files)
    assert found[0] == ("decisions", position_of(told, stream, seq))


# ---- a log that does not hang together, told with the tables of the true one


def moved(stream: str, to: int) -> Lie:
    """An event at another position."""

    def lie(states: list[bytes]) -> list[bytes]:
        position = position_of(states, stream)
        rest = states[: position - 1] + states[position:]
        return [*rest[: to - 1], states[position - 1], *rest[to - 1 :]]

    return lie


def raw(stream: str, change: Callable[[bytes], bytes]) -> Lie:
    """Other bytes of an event."""

    def lie(states: list[bytes]) -> list[bytes]:
        position = position_of(states, stream)
        return [*states[: position - 1], change(states[position - 1]), *states[position:]]

    return lie


LOGS: dict[str, Lie] = {
    "an event before its time": with_envelope("order-o6", recorded_at="2024-01-16T23:54:59.000000Z"),
    "recorded backwards": with_envelope("order-o5", recorded_at="2024-06-01T09:29:00.000000Z"),
    "in another stream": with_envelope("order-o5", stream="order-o55"),
    "a second version": with_envelope("order-o5", seq=2),
    "another id": with_envelope("order-o5", id="o55"),
    "another time": with_envelope("order-o5", occurred_at="2024-01-16T00:00:01.000000Z"),
    "no name for an actor": with_envelope("order-o5", actor="the shop"),
    "a source that is none": with_envelope("order-o5", source="a/b", stream="order@a/b/o5"),
    "version 2 of its type": with_envelope("order-o5", v=2),
    "an unknown type": with_envelope("order-o5", type="OrderCancelled"),
    "one key more": with_envelope("order-o5", more=1),
    "the same order twice": lambda states: [*states, states[position_of(states, "order-o5") - 1]],
    "a refund before its order": moved("refund-r1", 3),
    "a refund of nothing": asking("refund-r1", order="o99"),
    "a release before another bind": moved("order-o4", 17),
    "an order between a renewal and its order": moved("order-o6", 28),
    "a space": raw("order-o5", lambda state: state.replace(b'"seq":1', b'"seq": 1')),
    "a fraction": raw("order-o5", lambda state: state.replace(b'"seq":1', b'"seq":1.0')),
    "an escape": raw("order-o5", lambda state: state.replace(b'"dan"', b'"\\u0064an"')),
    "another order of keys": raw(
        "order-o5", lambda state: state.replace(b'"seq":1,', b"").replace(b"}}", b'}},"seq":1')
    ),
    "a key twice": raw("order-o5", lambda state: state.replace(b'"seq":1', b'"seq":1,"seq":1')),
    "another hash": raw(
        "order-o5", lambda state: state.replace(b'"content":"', b'"content":"0').replace(b'0","data', b'","data')
    ),
    "not UTF-8": raw("order-o5", lambda state: state.replace(b"dan", b"d\xffn")),
    "nothing": raw("order-o5", lambda _: b""),
    "no JSON": raw("order-o5", lambda _: b"order"),
    "a list": raw("order-o5", lambda _: b"[]"),
    "deep": raw("order-o5", lambda _: b"[" * 30_000),
    "long": raw("order-o5", lambda state: state.replace(b'"dan"', b'"' + b"d" * 66_000 + b'"')),
    "carriage above the amount": asking("order-o5", carriage=2_001),
    "lines that do not sum": asking("order-o,2", amount=1_034),
    "lines of one number": asking("order-o,2", lines=[{"amount": 1_033, "n": 1, "qty": 1, "sku": "A"}] * 2),
    "a negative amount": asking("order-o5", amount=-1),
    "an amount of a text": asking("order-o5", amount="2000"),
    "an amount beyond all bounds": asking("order-o5", amount=1 << 43),
    "true for an amount": asking("order-o5", amount=True),
    "a date that is none": asking("order-o6", at="2024-02-30T00:00:00.000000Z"),
    "a time of another zone": asking("order-o6", at="2024-01-17T00:00:00.000000+00:00"),
    "an id with a space": asking("order-o6", member="e ve"),
    "an id that is not NFC": asking("order-o6", member="e\u0301ve"),
    "a text too long": asking("unbind-u1", reason="x" * 501),
    "a plan above its cap": asking("plan-1", cap_ppm=100_000),
    "a plan of four levels": asking("plan-1", rates_ppm=[1, 1, 1, 1]),
    "a plan before itself": asking("plan-1", effective_from="2023-01-01T00:00:00.000000Z"),
    "a plan that comes too late": asking("plan-2", effective_from="2024-01-01T00:00:00.000000Z"),
    "a plan without a term": asking("plan-1", binding={"policy": "last_touch"}),
    "the end cut off": lambda states: states[:-1],
    "one plan less": without("plan-1"),
}


@pytest.mark.parametrize("name", sorted(LOGS))
def test_broken_log(small_log: list[bytes], tmp_path: Path, name: str) -> None:
    """Proven by a perfect tree with a perfect signature, and yet no log of this ledger."""
    told = LOGS[name](small_log)
    assert told != small_log
    assert findings_of(tmp_path, resigned(Telling(small_log).files(), told))


# ---- figures


def cells(files: dict[str, bytes], name: str) -> Iterator[tuple[str, bytes]]:
    """A table with one cell changed, every cell in turn; and with a row dropped, doubled, or moved to the end."""
    heading, *rows = csv.reader(io.StringIO(files[name].decode(), newline=""))
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            other = str(int(cell) + 1) if cell.isdigit() else f"{cell}x"
            changed = [*rows[:number], [*row[:at], other, *row[at + 1 :]], *rows[number + 1 :]]
            yield f"{heading[at]} of row {number + 1}", written([heading, *changed])
        yield f"row {number + 1} dropped", written([heading, *rows[:number], *rows[number + 1 :]])
        yield f"row {number + 1} doubled", written([heading, *rows[: number + 1], *rows[number:]])
    for at in range(len(heading)):
        yield f"heading {at}", written([[*heading[:at], "x", *heading[at + 1 :]], *rows])


def written(rows: list[list[str]]) -> bytes:
    """Rows as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


@pytest.mark.parametrize("table", ["balances", "outcomes", "postings", "team"])
def test_altered_table(small_log: list[bytes], tmp_path: Path, table: str) -> None:
    """Every cell of every table is computed again; the manifest is signed by the log's own key each time."""
    files = Telling(small_log).files()
    name, count = f"tables/{table}.csv", 0
    for what, data in cells(files, name):
        told = manifested(files | {name: data})
        found = verified(put(tmp_path, told))
        assert found.status == DISAGREE, what
        assert {finding.check for finding in found.report.findings} == {table}, what
        count += 1
    print(f"{count} changes of {table} signed by the log's key, none passed")  # noqa: T201
    assert count > 10


def test_altered_figures(small_log: list[bytes], tmp_path: Path) -> None:
    """Every figure of the manifest."""
    files = Telling(small_log).files()
    manifest, count = json.loads(files["manifest.json"]), 0
    for path, value in figures(manifest):
        told = json.loads(files["manifest.json"])
        at = told
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value + 1 if isinstance(value, int) else "0" * 64 if len(value) == 64 else f"{value}x"
        found = verified(put(tmp_path, manifested(files, **told)))
        assert found.status == DISAGREE, path
        count += 1
    print(f"{count} figures of the manifest signed by the log's key, none passed")  # noqa: T201
    assert count > 60


def figures(found: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every number and text of a manifest, but the files, which are what they are, and T, which may be any."""
    if isinstance(found, dict):
        for key, value in cast("dict[str, Any]", found).items():
            if path or key not in {"files", "as_of"}:
                yield from figures(value, (*path, key))
    elif found is not None:
        yield path, found


def test_rates_changed_in_retrospect(small_log: list[bytes], tmp_path: Path) -> None:
    """With the tables as they were they do not fit; with tables that follow only an earlier head tells."""
    told = asking("plan-1", rates_ppm=[100_000, 50_000, 30_000])(small_log)
    found = findings_of(tmp_path / "old tables", resigned(Telling(small_log).files(), told))
    assert {"balances", "outcomes", "postings", "figures"} == {check for check, _ in found}
    before = Telling(small_log[:20]).files()["checkpoint"]
    again = Telling(told).at(tmp_path / "new tables")
    assert verified(again).status == 0
    assert [finding.check for finding in verified(again, previous=before).report.findings] == ["history"]


@pytest.mark.parametrize("size", [1, 16, 20, 33, 35])
@pytest.mark.parametrize("last", [None, 33])
def test_contradiction_of_an_earlier_head_is_proven(
    small_log: list[bytes], tmp_path: Path, size: int, last: int | None
) -> None:
    """The same key, another past: whoever kept any earlier head finds it, and can prove it to anybody."""
    before = Telling(small_log[:size]).files()["checkpoint"]
    told = edited(small_log, 1, lambda event: event.update(actor="nobody"))
    if size > (last or len(told)) and size != len(told):
        pytest.skip("the export ends before that head")
    found = verified(Telling(told, last=last).at(tmp_path / "told"), previous=before)
    assert [finding.check for finding in found.report.findings] == ["history"]
    proof = found.misbehaviour
    assert proof is not None
    (tmp_path / proof.file_name).write_bytes(bytes(proof))
    checked = verified(tmp_path / proof.file_name)
    assert (checked.status, checked.verdict["misbehaviour"][:6]) == (0, "PROVEN")


def test_proof_of_misbehaviour_is_proof(small_log: list[bytes], tmp_path: Path) -> None:
    """No bit of it can be another, and two heads that agree make none; without the key it says nothing."""
    told = edited(small_log, 1, lambda event: event.update(actor="nobody"))
    before = Telling(small_log[:20]).files()["checkpoint"]
    found = verified(Telling(told).at(tmp_path / "told"), previous=before)
    assert found.misbehaviour is not None
    raw, path = bytes(found.misbehaviour), tmp_path / "proof.json"
    for bit in range(0, len(raw) * 8, 37):
        data = bytearray(raw)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(data))
        assert verified(path).status == DISAGREE, bit
    honest = json.loads(raw) | {"new": Telling(small_log).files()["checkpoint"].decode()}
    path.write_bytes(json.dumps(honest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    assert verified(path).status == DISAGREE


def test_head_larger_than_the_export(small_log: list[bytes], tmp_path: Path) -> None:
    """The end was cut off, or the export is old: not what an auditor who knows more may believe."""
    known = Telling(small_log).files()["checkpoint"]
    found = verified(Telling(small_log[:-1]).at(tmp_path / "cut"), previous=known)
    assert [finding.check for finding in found.report.findings] == ["history"]
    assert found.misbehaviour is None


def test_contradiction_by_another_key_proves_nothing(small_log: list[bytes], tmp_path: Path) -> None:
    """A head that somebody else signed is no head of this log."""
    forged = Telling(edited(small_log, 1, lambda event: event.update(actor="nobody")), OTHER_KEY).files()["checkpoint"]
    found = verified(Telling(small_log).at(tmp_path / "true"), previous=forged)
    assert found.status == DISAGREE
    assert found.misbehaviour is None
    assert RECORDED_AT.year == 2024
