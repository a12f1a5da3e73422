"""Random histories, exported by one engine and verified by the rules: no finding, and the digest of a replay.

The exporter's tables come from SQL, the verifier's from the rules that decide: neither knows the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.application import Ledger
from projections.verify.trust import Trust
from tests.adversarial import adversarial
from tests.builders import commands, plan, public_commands, replayed, submit
from tests.evidence import verified
from tests.exports import KEY, exported
from tests.finance import Desk
from tests.payout_histories import HALF_DAY, START
from tests.payout_histories import History as FinanceHistory
from tests.properties.test_generated import history

TRUST = Trust((KEY.verifier,))
QUESTIONS = [datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 6, 5, 12, tzinfo=UTC), None]
# Every so many batches one comes from another source.
BATCH, MALL = 97, 3
STEPS = 250


@pytest.fixture
def sqlite_ledger(sqlite_url: str) -> Iterator[Ledger]:
    """An empty ledger in a file: what is exported does not depend on the store, as other tests prove."""
    with closing(Ledger(sqlite_url, actor="test")) as ledger:
        yield ledger


def feed(ledger: Ledger, records: list[dict[str, Any]]) -> None:
    """Records in several batches, with lapses recorded in between."""
    for start in range(0, len(records), BATCH):
        source = "mall" if start // BATCH % 7 == MALL else "default"
        ledger.submit(commands(records[start : start + BATCH]), source=source, allow_no_plan=True)
        if start // BATCH % 3 == 0:
            ledger.expire()


def assert_verified(ledger: Ledger, folder: Path, **asked: Any) -> None:
    """A bundle without any finding, with the digest and content root of a replay of the log."""
    found_files = exported(ledger.log, folder, **asked)
    found = verified(folder, trust=TRUST)
    assert found.report.findings == []
    assert found.verdict == {"integrity": "ok", "re-performed": "yes"}
    as_of = datetime.fromisoformat(str(found.report.facts["as_of"]))
    expected = replayed(ledger, as_of, asked.get("last"))
    assert found.report.facts["digest"] == expected.digest
    assert found_files


@pytest.mark.parametrize("as_of", QUESTIONS)
@pytest.mark.parametrize("seed", range(1, 4))
def test_generated_history(sqlite_ledger: Ledger, tmp_path: Path, seed: int, as_of: datetime | None) -> None:
    """Half a thousand orders under terms of every kind."""
    feed(sqlite_ledger, history(seed))
    asked = {} if as_of is None else {"as_of": as_of}
    assert_verified(sqlite_ledger, tmp_path / "bundle", **asked)
    assert_verified(sqlite_ledger, tmp_path / "beginning", last=sqlite_ledger.log.head() * 2 // 3, **asked)


@pytest.mark.parametrize("as_of", QUESTIONS)
@pytest.mark.parametrize("seed", range(6))
def test_adversarial_history(sqlite_ledger: Ledger, tmp_path: Path, seed: int, as_of: datetime | None) -> None:
    """Instants tie, bindings lapse and come back, refunds cross the hold."""
    feed(sqlite_ledger, list(adversarial(Random(seed))))  # noqa: S311  # not a secret
    assert_verified(sqlite_ledger, tmp_path / "bundle", **({} if as_of is None else {"as_of": as_of}))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_adversarial_histories(sqlite_ledger: Ledger, tmp_path: Path, seed: int) -> None:
    """The same, a hundred times."""
    feed(sqlite_ledger, list(adversarial(Random(seed))))  # noqa: S311  # not a secret
    assert_verified(sqlite_ledger, tmp_path / "bundle", as_of=datetime(2024, 1, 20 + seed % 30 // 3, tzinfo=UTC))


def assert_finance_verified(desk: Desk, seed: int, folder: Path) -> None:
    """A history of finance, whole and of a beginning of it, at random times."""
    history, log = FinanceHistory(desk, seed), desk.clerk.log
    history.go(STEPS)
    assert_verified(desk.clerk, folder / "whole")
    for number in range(2):
        last, as_of = history.random.randint(1, log.head()), START + history.random.randint(0, 2 * STEPS) * HALF_DAY
        assert_verified(desk.clerk, folder / str(number), last=last, as_of=as_of)


@pytest.mark.parametrize("seed", range(40, 44))
def test_history_of_finance(desk: Desk, tmp_path: Path, seed: int) -> None:
    """Batches, payouts, adjustments, reversals, freezes and closed periods, in any order, on few members."""
    assert_finance_verified(desk, seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 300))
def test_many_histories_of_finance(sqlite_desk: Desk, tmp_path: Path, seed: int) -> None:
    """The same, a hundred times."""
    assert_finance_verified(sqlite_desk, seed, tmp_path)


def test_public_stream(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """A published year of a shop."""
    submit(sqlite_ledger, plan())
    sqlite_ledger.submit(public_commands())
    sqlite_ledger.expire()
    assert_verified(sqlite_ledger, tmp_path / "bundle", as_of=datetime(2010, 12, 1, tzinfo=UTC))
