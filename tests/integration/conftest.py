"""Fixtures of tests on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.decision_check import check_decisions
from tests.payout_desk import Desk, staffed_desk


@pytest.fixture
def people(store_url: str) -> Iterator[Desk]:
    """A clerk and two who may approve; at the end the decision tables are what the log says."""
    with staffed_desk(store_url) as opened:
        yield opened
        assert list(check_decisions(opened.clerk.log, lambda _: None)) == []
