"""Fixtures of the fault tests: chance, and as many stores as a test asks for."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.postgres_server import Databases

NewStore = Callable[[], str]


@pytest.fixture
def chance() -> random.Random:
    """Chance; a failed test says how to draw the same again ($REFLEDGER_TEST_SEED)."""
    chosen = os.environ.get("REFLEDGER_TEST_SEED") or str(random.SystemRandom().randrange(1 << 32))
    print(f"REFLEDGER_TEST_SEED={chosen}")  # noqa: T201  # pytest shows it where the test fails
    return random.Random(chosen)  # noqa: S311  # not a secret


@pytest.fixture
def new_sqlite(sqlite_template: bytes, tmp_path: Path) -> NewStore:
    """Makes empty SQLite stores."""

    def make() -> str:
        path = tmp_path / f"{uuid4().hex}.db"
        path.write_bytes(sqlite_template)
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def new_postgres(postgres_server: Databases, postgres_template: str) -> Iterator[NewStore]:
    """Makes empty PostgreSQL stores."""
    names: list[str] = []

    def make() -> str:
        names.append(f"test_{uuid4().hex}")
        return postgres_server.create_database(names[-1], template=postgres_template)

    yield make
    for name in names:
        postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request: pytest.FixtureRequest) -> NewStore:
    """Makes empty, migrated stores, on each engine."""
    make: NewStore = request.getfixturevalue(f"new_{request.param}")
    return make
