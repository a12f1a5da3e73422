"""What the verifier says of good evidence of every kind, and that it never says more than it checked."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from ledger.errors import InvalidKeyError
from ledger.tree.checkpoint import cosign_head
from ledger.tree.hashing import leaf_hashes, root_of
from ledger.tree.keys import Kind, SignerKey
from ledger.tree.note import parse_note
from ledger.tree.tile_hashes import TileBuilder
from ledger.tree.tiles import TILE_WIDTH, bundle, tiles_grown
from ledger.tree.tlog_proof import TlogProof
from projections.verify import running
from projections.verify.asked import DISAGREE, USAGE, Asked, Verified
from projections.verify.trust import Trust, trust_in
from projections.verify.verification import verify
from tests.evidence import (
    AS_OF,
    OTHER_KEY,
    TRUST,
    VERIFIER,
    Envelope,
    Telling,
    edited,
    manifested,
    position_of,
    put,
    resigned,
    verified,
)
from tests.naive_tree import path as inclusion

pytestmark = pytest.mark.long_on_postgres

WITNESSES = [SignerKey(f"witness.example/{n}", Kind.COSIGNATURE, bytes([n]) * 32) for n in (7, 8)]


def results(found: Verified) -> dict[str, str]:
    """The result of every check."""
    return {check.name: check.result for check in found.report.checks}


# ---- bundles


def test_whole_log(small_log: list[bytes], tmp_path: Path) -> None:
    """Everything is checked, everything is performed again, and all of it holds."""
    found = verified(Telling(small_log).at(tmp_path))
    assert (found.status, found.verdict) == (0, {"integrity": "ok", "re-performed": "yes"})
    assert set(results(found).values()) == {"ok"}
    expected = {"signature", "manifest", "files", "range", "events", "decisions", "figures"}
    assert results(found).keys() == expected | {"balances", "outcomes", "payouts", "postings", "team"}


# 9, 16: between an order and its renewal, a release and the bind it is for.
@pytest.mark.parametrize("last", [1, 2, 9, 16, 19, 20, 34])
@pytest.mark.parametrize("as_of", [None, AS_OF])
def test_beginning_of_a_log(small_log: list[bytes], tmp_path: Path, last: int, as_of: datetime | None) -> None:
    """A range from 1 on is performed again too, at whatever position it ends."""
    found = verified(Telling(small_log, last=last, as_of=as_of).at(tmp_path))
    assert (found.status, found.verdict["re-performed"]) == (0, "yes"), found.report.findings


@pytest.mark.parametrize(("first", "last"), [(2, 2), (5, 20), (21, 35), (33, 34), (35, 35)])
def test_later_range(small_log: list[bytes], tmp_path: Path, first: int, last: int) -> None:
    """Proven to be exactly these positions; not performed again, and the verdict says so."""
    found = verified(Telling(small_log, first=first, last=last).at(tmp_path))
    assert found.status == 0, found.report.findings
    assert found.verdict["integrity"].startswith("ok, not re-performed: ")
    assert found.verdict["re-performed"].startswith("no: ")
    assert results(found)["decisions"] == results(found)["outcomes"] == "NOT CHECKED"
    assert results(found)["plans"] == results(found)["figures"] == "ok"


def test_later_range_with_a_wrong_plan(small_log: list[bytes], tmp_path: Path) -> None:
    """What promises were in force is known, so an order under another plan is found there too."""
    position = position_of(small_log, "order-o7")
    told = edited(small_log, position, lambda event: event["data"].update(plan=1))
    found = verified(Telling(told, first=33).at(tmp_path))
    assert [(finding.check, finding.position) for finding in found.report.findings] == [("plans", position)]


def test_later_range_with_a_version_left_out(small_log: list[bytes], tmp_path: Path) -> None:
    """Versions of a stream follow each other, as far as they are there."""
    position = position_of(small_log, "bind-b8", 3)
    told = edited(small_log, position, lambda event: event.update(seq=4))
    found = verified(Telling(told, first=10).at(tmp_path))
    assert [(finding.check, finding.position) for finding in found.report.findings] == [("events", position)]


def test_plans_before_a_later_range(small_log: list[bytes], tmp_path: Path) -> None:
    """One left out is missed by its number, one altered by its proof."""
    files = Telling(small_log, first=33).files()
    lines = files["plans.jsonl"].splitlines(keepends=True)
    assert len(lines) == 2
    for told in (lines[1], lines[0] + lines[0], lines[1] + lines[0], b"".join(lines).replace(b"100000", b"200000")):
        found = verified(put(tmp_path, manifested(files | {"plans.jsonl": told})))
        assert {finding.check for finding in found.report.findings} == {"plans"}


def test_digest_of_a_later_range(small_log: list[bytes], tmp_path: Path) -> None:
    """Its tables are as good as the signature; but the digest must be theirs."""
    files = Telling(small_log, first=5).files()
    found = verified(put(tmp_path, manifested(files, digest="0" * 64)))
    assert [finding.check for finding in found.report.findings] == ["figures"]


def test_redacted(small_log: list[bytes], tmp_path: Path) -> None:
    """Hidden events are proven by their hashes; what is shown is what it is."""
    found = verified(Telling(small_log, shown=frozenset({9, 20})).at(tmp_path))
    assert found.status == 0, found.report.findings
    assert found.verdict["integrity"] == "ok, not re-performed: 31 events are hidden"


def test_without_tables(small_log: list[bytes], tmp_path: Path) -> None:
    """Every decision is made again; the verdict says that there were no tables to compare."""
    files = {name: data for name, data in Telling(small_log).files().items() if not name.startswith("tables/")}
    nothing = dict.fromkeys(("digest", "totals", "levels", "outcomes"))
    found = verified(put(tmp_path, manifested(files, **nothing)))
    assert found.status == 0, found.report.findings
    assert "no derived tables" in found.verdict["integrity"]
    told = edited(small_log, position_of(small_log, "order-o7"), lambda event: event["data"].update(plan=1))
    files = {name: data for name, data in Telling(told).files().items() if not name.startswith("tables/")}
    assert verified(put(tmp_path, manifested(files, **nothing))).status == DISAGREE


def test_some_tables_missing(small_log: list[bytes], tmp_path: Path) -> None:
    """A bundle with one table less is not one whose figures were all computed again."""
    files = Telling(small_log).files()
    del files["tables/team.csv"]
    assert "no derived tables" in verified(put(tmp_path, manifested(files))).verdict["integrity"]


def test_what_only_some_bundles_may_say(small_log: list[bytes], tmp_path: Path) -> None:
    """A content root of a part, figures without tables that are wrong, plans before the first event, half a history."""
    part, whole = Telling(small_log, first=5).files(), Telling(small_log).files()
    bare = {name: data for name, data in whole.items() if not name.startswith("tables/")}
    nothing = dict.fromkeys(("digest", "totals", "levels", "outcomes"))
    later = Telling(small_log, first=33).files()["plans.jsonl"]
    told = {
        "manifest": manifested(part, content_root="0" * 64),
        "figures": manifested(bare, **(nothing | {"outcomes": {"paid": 1}})),
        "plans": manifested(whole | {"plans.jsonl": later}),
        "manifest, too": manifested(whole | {"previous": whole["checkpoint"]}),
    }
    for name, files in told.items():
        found = verified(put(tmp_path / name, files))
        assert {finding.check for finding in found.report.findings} == {name.removesuffix(", too")}


# ---- keys


def test_without_a_key_nothing_is_proven(small_log: list[bytes], tmp_path: Path) -> None:
    """Anybody can sign what he made up: it must never look verified."""
    for key in (Telling(small_log).key, OTHER_KEY):
        found = verify(Telling(small_log, key).at(tmp_path / key.seed.hex()), Asked())
        assert found.status == USAGE
        assert found.verdict["integrity"].startswith("NOT PROVEN")
        assert results(found)["signature"] == "NOT CHECKED"


def test_old_and_new_key(small_log: list[bytes], tmp_path: Path) -> None:
    """While a log changes its key, either may have signed."""
    other = SignerKey(VERIFIER.name, Kind.NOTE, OTHER_KEY.seed).verifier
    for keys in ((VERIFIER, other), (other, VERIFIER)):
        assert verified(Telling(small_log).at(tmp_path), trust=Trust(keys)).status == 0
    assert verified(Telling(small_log).at(tmp_path), trust=Trust((other,))).status == DISAGREE


def test_key_of_another_log(small_log: list[bytes], tmp_path: Path) -> None:
    """A key speaks for the log whose name it has."""
    other = SignerKey("other.example/ledger", Kind.NOTE, Telling(small_log).key.seed).verifier
    assert verified(Telling(small_log).at(tmp_path), trust=Trust((other,))).status == DISAGREE
    with pytest.raises(InvalidKeyError):
        Trust((VERIFIER, other))
    with pytest.raises(InvalidKeyError):
        Trust((), (WITNESSES[0].verifier,))


def test_witnesses(small_log: list[bytes], tmp_path: Path) -> None:
    """Of those that are named all must have seen the head, or as many as are asked for; others are only mentioned."""
    files = Telling(small_log).files()
    seen = bytes(cosign_head(parse_note(files["checkpoint"]), WITNESSES[0], timestamp_seconds=1_700_000_000))
    folder = put(tmp_path, manifested(files | {"checkpoint": seen}))
    first, second = (key.verifier for key in WITNESSES)
    assert verified(folder, trust=trust_in([VERIFIER], [first], None)).status == 0
    assert verified(folder, trust=trust_in([VERIFIER], [first, second], 1)).status == 0
    for witnesses in ([second], [first, second]):
        assert verified(folder, trust=trust_in([VERIFIER], witnesses, None)).status == DISAGREE
    found = verified(folder)
    assert found.status == 0
    assert "witness.example/7" in found.report.remarks[0]


# ---- earlier heads


@pytest.mark.parametrize("size", [1, 16, 20, 34, 35])
def test_goes_on_from_an_earlier_head(small_log: list[bytes], tmp_path: Path, size: int) -> None:
    """The auditor's own head, the bundle's, or both; of a later range only by the bundle's proof."""
    raw = Telling(small_log[:size]).files()["checkpoint"]
    assert verified(Telling(small_log).at(tmp_path / "a"), previous=raw).status == 0
    assert verified(Telling(small_log, previous_size=size).at(tmp_path / "b")).status == 0
    assert verified(Telling(small_log, previous_size=size).at(tmp_path / "b"), previous=raw).status == 0
    proven = Telling(small_log, first=30, previous_size=size).at(tmp_path / "c")
    assert verified(proven, previous=raw).status == 0
    alone = verified(Telling(small_log, first=30).at(tmp_path / "d"), previous=raw)
    assert alone.status == (0 if size >= 29 else DISAGREE)


def test_consistency_that_proves_something_else(small_log: list[bytes], tmp_path: Path) -> None:
    """A proof for other sizes, other hashes, or a previous head of another log."""
    files = Telling(small_log, previous_size=20).files()
    proof = json.loads(files["consistency.json"])
    told = [proof | {"old_size": 19}, proof | {"hashes": proof["hashes"][:-1]}, proof | {"more": 1}]
    for document in told:
        data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        found = verified(put(tmp_path, manifested(files | {"consistency.json": data})))
        assert {finding.check for finding in found.report.findings} == {"history"}
    other = Telling(small_log[:20], OTHER_KEY).files()["checkpoint"]
    assert verified(put(tmp_path, manifested(files | {"previous": other}))).status == DISAGREE


# ---- other kinds


def tiled_log(folder: Path, states: list[bytes]) -> Path:
    """A log as tlog-tiles lays it out, by their definition."""
    put(folder, {"checkpoint": Telling(states).files()["checkpoint"]})
    builder = TileBuilder()
    tiles = dict(builder.extend(leaf_hashes(states)))
    for tile in tiles_grown(0, len(states)):
        put(folder, {tile.path: tiles[tile]})
        if tile.row == 0:
            start = tile.index * TILE_WIDTH
            put(folder, {tile.bundle_path: bundle(states[start : start + tile.width])})
    return folder


def test_tiled_log(small_log: list[bytes], tmp_path: Path) -> None:
    """Every tile and bundle; performed again, and the digest is the bundle's as of the same time."""
    folder = tiled_log(tmp_path / "tiles", small_log)
    found = verified(folder, as_of="2024-02-12T00:00:00.000000Z")
    assert (found.status, found.verdict) == (0, {"integrity": "ok", "re-performed": "yes"}), found.report.findings
    manifest = json.loads(Telling(small_log).files()["manifest.json"])
    assert (found.report.facts["digest"], found.report.facts["content_root"]) == (
        manifest["digest"],
        manifest["content_root"],
    )
    assert verified(folder).report.facts["as_of"] == "2024-06-01T09:30:00.123456Z"
    assert verified(folder, previous=Telling(small_log[:20]).files()["checkpoint"]).status == 0


def test_tampered_tiled_log(small_log: list[bytes], tmp_path: Path) -> None:
    """Bits of all files, files missing, files more."""
    folder = tiled_log(tmp_path / "tiles", small_log)
    count = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        raw = file.read_bytes()
        for bit in range(0, len(raw) * 8, 997):
            data = bytearray(raw)
            data[bit // 8] ^= 1 << bit % 8
            file.write_bytes(bytes(data))
            assert verified(folder).status == DISAGREE, (file, bit)
            count += 1
        file.write_bytes(raw + b"\n")
        assert verified(folder).status == DISAGREE, file
        file.unlink()
        assert verified(folder).status == DISAGREE, file
        file.write_bytes(raw)
    (folder / "tile" / "0" / "001").write_bytes(b"")
    assert [finding.check for finding in verified(folder).report.findings] == ["files"]
    assert count > 100


def test_tiled_log_of_what_makes_a_reader_wait(small_log: list[bytes], tmp_path: Path) -> None:
    """Pipes and links in place of tiles and bundles of entries: none is read, all are found."""
    size = len(small_log)
    for name in (f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
        for is_pipe in (True, False):
            folder = tiled_log(tmp_path / "tiles", small_log)
            (folder / name).unlink()
            os.mkfifo(folder / name) if is_pipe else (folder / name).symlink_to("/dev/zero")
            found = verified(folder)
            assert found.status == DISAGREE
            assert {finding.check for finding in found.report.findings} >= {"files"}
            shutil.rmtree(folder)


def test_tiled_log_of_a_lie(small_log: list[bytes], tmp_path: Path) -> None:
    """Decisions are made again there too; and a contradiction is proven."""
    told = edited(small_log, position_of(small_log, "order-o7"), lambda event: event["data"].update(plan=1))
    folder = tiled_log(tmp_path / "tiles", told)
    assert [finding.check for finding in verified(folder).report.findings] == ["decisions"]
    found = verified(folder, previous=Telling(small_log).files()["checkpoint"])
    assert found.misbehaviour is not None


def test_proof_of_one_event(small_log: list[bytes], tmp_path: Path) -> None:
    """The event is shown; no bit of the proof can be another."""
    leaves = leaf_hashes(small_log)
    checkpoint = Telling(small_log).files()["checkpoint"]
    proof = TlogProof(8, tuple(inclusion(8, leaves)), checkpoint, small_log[8])
    file = tmp_path / "9.tlog-proof"
    file.write_bytes(bytes(proof))
    found = verified(file)
    assert (found.status, found.event) == (0, small_log[8])
    assert found.report.facts["position"] == 9
    assert verify(file, Asked()).status == USAGE
    raw, count = bytes(proof), 0
    for bit in range(0, len(raw) * 8, 11):
        data = bytearray(raw)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(bytes(data))
        assert verified(file).status == DISAGREE, bit
        count += 1
    file.write_bytes(bytes(TlogProof(8, proof.hashes, checkpoint)))
    assert verified(file).status == DISAGREE  # of which event?
    other = edited(small_log, 1, lambda event: event.update(actor="nobody"))
    file.write_bytes(raw)
    assert verified(file, previous=Telling(other).files()["checkpoint"]).misbehaviour is not None
    assert count > 500


# ---- large logs, strange folders


def test_in_two_processes(small_log: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large log is read by a process of its own: the same findings, and the same roots of earlier trees."""
    told = edited(small_log, position_of(small_log, "order-o7"), lambda event: event["data"].update(plan=1))
    told[3] = told[3].replace(b'"seq":1', b'"seq":2')
    before = Telling(small_log[:20]).files()["checkpoint"]
    folder = Telling(small_log).at(tmp_path)
    (folder / "events.jsonl").write_bytes(b"".join(state + b"\n" for state in told))
    here = verified(folder, previous=before)
    monkeypatch.setattr(running, "CHILD_EVENTS_MIN", 1)
    there = verified(folder, previous=before)
    assert there.report.findings == here.report.findings
    assert there.report.checks == here.report.checks
    assert there.report.findings_total > 3


def test_nothing_of_a_bundle(tmp_path: Path) -> None:
    """An empty folder, and one of something else."""
    (tmp_path / "some.txt").write_text("some")
    assert verified(tmp_path).status == DISAGREE
    (tmp_path / "some.txt").unlink()
    assert verified(tmp_path).status == DISAGREE


def test_broken_parts_hide_no_others(small_log: list[bytes], tmp_path: Path) -> None:
    """Without one of its files, whatever can still be said of the others is said."""
    files = Telling(small_log, previous_size=20).files()
    for name in files:
        folder = put(tmp_path / name.replace("/", "-"), files)
        (folder / name).unlink()
        (folder / "tables" / "postings.csv").write_bytes(b"other\n")
        found = verified(folder)
        checks = {finding.check for finding in found.report.findings}
        assert found.status == DISAGREE
        if name not in {"manifest.json", "events.jsonl", "range.json"}:
            assert "postings" in checks, name
        if name != "manifest.json":
            assert "files" in checks, name
        shutil.rmtree(folder)


def test_hostile_numbers(small_log: list[bytes], tmp_path: Path) -> None:
    """Times at the end of all times, sizes beyond all trees: found, and no error of ours."""
    files = Telling(small_log).files()
    for said in ({"size": 1 << 62}, {"to": 1 << 62}, {"from": 0}, {"from": "1"}, {"redacted": -1}, {"previous": 7}):
        assert verified(put(tmp_path, manifested(files, **said))).status == DISAGREE, said
    far = {"at": "9999-12-31T23:59:59.999999Z"}

    def in_the_last_year(event: Envelope) -> None:
        event["data"]["asked"].update(far)
        event.update(occurred_at=far["at"], recorded_at=far["at"])

    told = edited(small_log, position_of(small_log, "order-o7"), in_the_last_year)
    told[-1] = told[-1].replace(b"2024-06-01T09:30:00.123456Z", far["at"].encode())
    whole = Telling(small_log).files()
    assert root_of(told) != root_of(small_log)
    assert verified(put(tmp_path / "far", resigned(whole, told)), trust=TRUST).status == DISAGREE
