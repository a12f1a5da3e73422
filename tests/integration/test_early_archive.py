"""Archives sealed before there were reversals, adjustments and payouts: read as they are, and gone on from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ledger.application import Ledger
from ledger.clock import from_micros
from projections.archive.checking import Inspection
from projections.archive.errors import ArchiveError
from projections.archive.manifest import KINDS
from projections.archive.place import Place
from projections.archive.reading import Archive
from projections.replay.answers import Payable
from projections.replay.session import replaying
from tests.archives import contents, copied, forge, rewrite, seal, segments
from tests.scribe import Scribe

pytestmark = pytest.mark.long_on_postgres

# Sealed by refledger 0.1.0 as of its first archive format: eight events in two segments, both with a plan.
GOLDEN = Path(__file__).parents[1] / "golden" / "archive-1"
EVENTS = 8
JANUARY, MARCH = datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def early(tmp_path: Path) -> Path:
    """A copy to go on from."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "early"))


@pytest.fixture
def grown(ledger: Ledger) -> Ledger:
    """The log of that archive, and finance after it."""
    paths = [str(path / "events.parquet") for path in segments(GOLDEN)]
    stored = "SELECT stream, version, topic, state, recorded_at_us FROM read_parquet($paths) ORDER BY position"
    with duckdb.connect() as duck, ledger.log.appending() as log:
        rows = duck.execute(stored, {"paths": paths}).fetchall()
        for *event, recorded_at_us in rows:
            log.append([tuple(event)], from_micros(recorded_at_us))
    scribe = Scribe(ledger)
    scribe.adjustment("a1", "ann", 300, "2026-03-02T00:00:00Z")
    scribe.batch("b1", [("ann", 4_300)], cut_off="2026-03-02T00:00:00Z", at="2026-03-02T01:00:00Z")
    scribe.reversal("v1", "r1", "2026-03-03T00:00:00Z")
    scribe.approve("b1", "2026-03-03T00:00:00Z")
    scribe.payout("Submitted", ("b1", 1), "2026-03-04T00:00:00Z")
    scribe.payout("Paid", ("b1", 1), "2026-03-05T00:00:00Z")
    return ledger


def payable(archive: Archive, as_of: datetime, currency: str, upto: int = EVENTS) -> Payable:
    """What the archive alone says is payable."""
    with replaying(None, upto, archive=archive) as replay:
        return replay.payable(as_of, currency)


def test_an_early_archive_is_read_alone() -> None:
    """Its files are all proven; least payouts, which it has no file of, come from its plans' events."""
    archive = Archive.open(str(GOLDEN))
    archive.verify(KINDS)
    assert (archive.paths("payouts"), archive.size(["payouts"])) == ([], 0)
    # An order of 1000.00 by cat less 200.00, ben 10 % and ann 5 %; one of 500.00 USD by ben, ann 10 %.
    found = payable(archive, JANUARY, "GBP")
    assert (found.plan, found.minimum_minor) == (1, 2_000)
    assert found.lines == [("ann", 4_000), ("ben", 8_000)]
    assert payable(archive, JANUARY, "USD").lines == [("ann", 5_000)]
    found = payable(archive, MARCH, "GBP")
    assert (found.plan, found.minimum_minor) == (2, 2_500)
    assert payable(archive, MARCH, "USD") == Payable(2, None, [], [])
    # Before the second plan was recorded the first is still in force.
    assert payable(archive, MARCH, "USD", 6).minimum_minor == 1_500


@pytest.mark.parametrize("upto", [4, EVENTS, EVENTS + 3, EVENTS + 8])
def test_an_early_archive_and_the_rest_of_the_log(grown: Ledger, early: Path, upto: int) -> None:
    """What came after it is taken from the store; figures and payable are those of the store alone."""
    archive = Archive.open(str(early))
    later = datetime(2026, 4, 1, tzinfo=UTC)
    with replaying(grown.log, upto) as alone, replaying(grown.log, upto, archive=archive) as both:
        for as_of in (JANUARY, MARCH, later):
            expected = alone.answer(as_of)
            assert replace(both.answer(as_of), seconds=expected.seconds) == expected
            assert both.payable(as_of, "GBP") == alone.payable(as_of, "GBP")


def test_an_early_archive_grows(grown: Ledger, early: Path) -> None:
    """Segments that are there stay as they are; new ones have all files, and nothing is wrong with any."""
    before = contents(early)
    seal(grown.log, early)
    assert before.items() <= contents(early).items()
    archive = Archive.open(str(early))
    assert [segment.manifest.version for segment in archive.segments] == [1, 1, 2]
    assert wrong_with(early) == {}
    later, head = datetime(2026, 4, 1, tzinfo=UTC), grown.log.head()
    with replaying(grown.log, head) as alone, replaying(None, head, archive=archive) as sealed:
        expected = alone.answer(later)
        assert replace(sealed.answer(later), seconds=expected.seconds) == expected
        assert (expected.totals["GBP"].paid, expected.totals["GBP"].adjusted) == (4_300, 300)
        assert sealed.payable(later, "GBP") == alone.payable(later, "GBP")


def test_events_of_an_early_archive_are_proven_before_plans_are_read(early: Path) -> None:
    """Altered events of a segment with a plan: no least payout is taken from them."""
    path = segments(early)[0] / "events.parquet"
    state = bytearray(path.read_bytes())
    state[100] ^= 1
    path.write_bytes(state)
    with pytest.raises(ArchiveError, match=r"events\.parquet was altered"):
        payable(Archive.open(str(early)), JANUARY, "GBP")


@pytest.fixture
def sealed(grown: Ledger, tmp_path: Path) -> Iterator[Path]:
    """The whole log in segments of today."""
    seal(grown.log, tmp_path / "whole")
    with closing(grown):
        yield tmp_path / "whole"


def test_a_segment_made_to_look_early_is_found(sealed: Path, tmp_path: Path) -> None:
    """Whoever hides payouts by calling a segment one of before there were any cannot hide the events."""
    archive = copied(sealed, tmp_path / "copied")

    def hide(document: dict[str, Any]) -> None:
        document["version"] = 1
        document["files"] = {kind: facts for kind, facts in document["files"].items() if kind in KINDS[:7]}

    rewrite(segments(archive)[0], hide)
    forge(archive)
    found = wrong_with(archive)
    assert set(found) == {f"{kind}.parquet" for kind in ("reversals", "adjustments", "batches", "lines", "payouts")}
    assert "is not there, and the stored events give 2 rows of it" in found["payouts.parquet"]


def test_a_segment_of_today_without_a_file_is_none(sealed: Path) -> None:
    """Only early ones may be without."""

    def leave_out(document: dict[str, Any]) -> None:
        del document["files"]["payouts"]

    rewrite(segments(sealed)[0], leave_out)
    with pytest.raises(ArchiveError, match="files or rows are missing"):
        Archive.open(str(sealed))


def wrong_with(archive: Path) -> dict[str, str]:
    """What a full check finds, by file."""
    inspection = Inspection(Place(str(archive)))
    inspection.check_files(lambda _: None)
    inspection.check_contents(archive.parent, lambda _: None)
    return {finding.subject.rpartition("/")[2]: finding.message for finding in inspection.findings}
