"""Every scenario, on both stores: answers worked out by hand from the rule book."""

from pathlib import Path

import pytest

from tests.desk_driver import DeskDriver
from tests.finance import Desk
from tests.scenarios.scenario import check

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(desk: Desk, path: Path) -> None:
    """Outcomes, balances, levels, teams and payouts are those the scenario expects."""
    check(path, DeskDriver(desk))
