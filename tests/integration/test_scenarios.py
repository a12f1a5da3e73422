"""Every scenario, on both stores: answers worked out by hand from the rule book."""

from pathlib import Path

import pytest

from ledger.application import Ledger
from tests.ledger_driver import LedgerDriver
from tests.scenarios.scenario import check

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(ledger: Ledger, path: Path) -> None:
    """Outcomes, balances, levels and teams are those the scenario expects."""
    check(path, LedgerDriver(ledger))
