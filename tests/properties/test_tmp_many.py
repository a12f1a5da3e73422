"""tmp."""
import pytest
from tests.properties import test_payout_books as t
import importlib
@pytest.mark.parametrize("seed", range(100, 160))
def test_many(desk, store_url, seed):
    """x."""
    t.test_everything_agrees_at_random_positions(desk, store_url, seed)
