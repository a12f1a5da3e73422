"""Fixtures of tests on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.decision_check import check_decisions
from tests.cli_runner import desk as command_desk
from tests.finance_tools import Person
from tests.payout_desk import Desk, staffed_desk
from tests.payout_stages import make_stages, write_files


@pytest.fixture
def people(store_url: str) -> Iterator[Desk]:
    """A clerk and two who may approve; at the end the decision tables are what the log says."""
    with staffed_desk(store_url) as opened:
        yield opened
        assert list(check_decisions(opened.clerk.log, lambda _: None)) == []


@pytest.fixture(scope="session")
def payout_stages(sqlite_template: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A payout batch as far as each step brings it, as SQLite stores."""
    return make_stages(tmp_path_factory.mktemp("stages"), sqlite_template)


@pytest.fixture
def stage(payout_stages: dict[str, bytes], tmp_path: Path) -> Callable[[str], tuple[Person, Person]]:
    """A clerk and a chief on SQLite, with a batch as far as one says."""

    def brought(name: str) -> tuple[Person, Person]:
        path = tmp_path / "ledger.db"
        path.write_bytes(payout_stages[name])
        tool = command_desk(f"sqlite:///{path}", tmp_path)
        write_files(tool)
        return Person(tool, "clerk"), Person(tool, "chief")

    return brought
