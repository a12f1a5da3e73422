"""A log in which finance decides, in a bundle: every decision and every figure comes out again."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.clock import parse_instant
from projections.parquet_check import differences
from projections.verify import running
from projections.verify.asked import DISAGREE
from projections.verify.trust import Trust
from tests.evidence import Envelope, Telling, edited, manifested, position_of, put, verified
from tests.exports import KEY as SHOP_KEY
from tests.exports import exported
from tests.integration.test_verify import tiled_log
from tests.integration.test_verify_lies import cells
from tests.lies import rooted, saying
from tests.paid_log import AS_OF, make_paid_log

MARCH = "period-2024-03-01T00:00:00.000000Z"


def test_true_log(paid_log: list[bytes], tmp_path: Path) -> None:
    """Every decision and every figure comes out again."""
    found = verified(Telling(paid_log, as_of=AS_OF).at(tmp_path))
    assert found.report.findings == []
    assert found.verdict == {"integrity": "ok", "re-performed": "yes"}
    assert b"\npayout-three.1," in (tmp_path / "tables" / "payouts.csv").read_bytes()


def test_every_beginning_of_it(paid_log: list[bytes], tmp_path: Path) -> None:
    """An export may end anywhere, also between a batch and its lines."""
    for last in range(1, len(paid_log)):
        found = verified(Telling(paid_log, last=last, as_of=AS_OF).at(tmp_path / str(last)))
        assert found.report.findings == [], last


@pytest.mark.parametrize("as_of", [AS_OF, parse_instant("2024-02-01T03:30:00Z")])
def test_exported(sqlite_template: bytes, tmp_path: Path, as_of: datetime) -> None:
    """By the other engine: the naive writer's tables, byte for byte, and Parquet files with the same rows."""
    states = make_paid_log(tmp_path / "ledger.db", sqlite_template)
    with closing(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", actor="test")) as ledger:
        files = exported(ledger.log, tmp_path / "bundle", as_of=as_of)
    found = verified(tmp_path / "bundle", trust=Trust((SHOP_KEY.verifier,)), compare_parquet=differences)
    assert found.report.findings == []
    assert found.verdict == {"integrity": "ok", "re-performed": "yes"}
    naive = Telling(states, as_of=as_of).files()
    for name in naive:
        if name.startswith("tables/"):
            assert files[name] == naive[name], name
    assert b'"bank ""2"", paid"' in files["tables/payouts.csv"]


@pytest.mark.parametrize("as_of", ["2024-01-09T12:00:00Z", "2024-02-01T01:30:00Z", "2024-02-01T04:00:00Z"])
def test_as_of_any_time(paid_log: list[bytes], tmp_path: Path, as_of: str) -> None:
    """Only what counts by then is in the tables, whatever is known."""
    found = verified(Telling(paid_log, as_of=parse_instant(as_of)).at(tmp_path))
    assert found.report.findings == []


def test_read_by_another_process(paid_log: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As large logs are: facts of finance come through a pipe."""
    monkeypatch.setattr(running, "CHILD_EVENTS_MIN", 1)
    found = verified(Telling(paid_log, as_of=AS_OF).at(tmp_path / "true"))
    assert (found.report.findings, found.verdict["re-performed"]) == ([], "yes")
    told = Telling(saying(MARCH, root="0" * 64)(paid_log), as_of=AS_OF).at(tmp_path / "lie")
    assert position_of(paid_log, MARCH) in {finding.position for finding in verified(told).report.findings}


def test_of_another_source(paid_log: list[bytes], tmp_path: Path) -> None:
    """Inputs of a mall have streams of their own; plans and periods are those of the whole ledger."""

    def moved(stream: str) -> str:
        kind, _, rest = stream.partition("-")
        return stream if kind in {"plan", "period"} else f"{kind}@mall/{rest}"

    def change(event: Envelope) -> None:
        event |= {"source": "mall", "stream": moved(event["stream"])}
        if "batch" in event["data"]:
            event["data"]["batch"] = moved(event["data"]["batch"])

    told = paid_log
    for position in range(1, len(paid_log) + 1):
        told = edited(told, position, change)
    told = rooted(told, told)
    found = verified(Telling(told, as_of=AS_OF).at(tmp_path))
    assert (found.report.findings, found.verdict["re-performed"]) == ([], "yes")
    assert b"\npayout@mall/three.1,batch@mall/three,1," in (tmp_path / "tables" / "payouts.csv").read_bytes()


def test_tiled(paid_log: list[bytes], tmp_path: Path) -> None:
    """Without tables every decision is made again all the same, and the digest shown."""
    asked = {"as_of": "2024-05-02T00:00:00.000000Z"}
    found = verified(tiled_log(tmp_path / "true", paid_log), **asked)
    assert (found.report.findings, found.verdict["re-performed"]) == ([], "yes")
    bundle = verified(Telling(paid_log, as_of=AS_OF).at(tmp_path / "bundle"))
    assert found.report.facts["digest"] == bundle.report.facts["digest"]
    told = saying("batch-m,1", left_out=7)(paid_log)
    wrong = verified(tiled_log(tmp_path / "lie", told), **asked)
    assert position_of(told, "batch-m,1") in {finding.position for finding in wrong.report.findings}


@pytest.mark.parametrize("table", ["balances", "payouts", "postings"])
def test_altered_table(paid_log: list[bytes], tmp_path: Path, table: str) -> None:
    """Cells of the tables in which finance has a part are computed again; of many, every fifth."""
    files = Telling(paid_log, as_of=AS_OF).files()
    name = f"tables/{table}.csv"
    for what, data in islice(cells(files, name), 0, None, 5 if table == "postings" else 1):
        found = verified(put(tmp_path, manifested(files | {name: data})))
        assert found.status == DISAGREE, what
        assert {finding.check for finding in found.report.findings} == {table}, what
