"""Fixtures shared by all tests."""

import contextlib
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from ledger.application import Ledger
from ledger.store.migrate import migrate
from projections.view import PACKAGES
from tests import postgres_server as server_for_tests
from tests.evidence import make_small_log
from tests.finance import Desk, opened
from tests.paid_log import make_paid_log
from tests.postgres_server import Databases

# ---- PostgreSQL: one server per run, one database per test.
#
# Without workers the server starts when the first test asks for it. With pytest-xdist the controller starts it and
# hands its address to the workers. $REFLEDGER_TEST_POSTGRES names a server to use instead (a URL of a database whose
# user may create databases). A test that stops or kills a server starts its own: `with postgres_server() as server`.

ADDRESS = pytest.StashKey[str]()

# A shell starts what runs in its background with Ctrl-C ignored, and so would be every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before `-m` is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of which one store is enough among the quick ones are long ones on PostgreSQL."""
    for item in items:
        if item.get_closest_marker("long_on_postgres") and "[postgres" in item.nodeid:
            item.add_marker(pytest.mark.slow)


class Worker(Protocol):
    """A worker of pytest-xdist as its controller sees it."""

    config: pytest.Config
    workerinput: dict[str, object]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Worker) -> None:
    """Give a worker the address of the run's server; the first call starts it."""
    stash = node.config.stash
    if ADDRESS not in stash:
        resources = contextlib.ExitStack()
        node.config.add_cleanup(resources.close)
        stash[ADDRESS] = resources.enter_context(server_address())
    node.workerinput["postgres_address"] = stash[ADDRESS]


@contextlib.contextmanager
def server_address() -> Generator[str]:
    """Address of the server named in the environment, or of one of our own."""
    if named := os.environ.get("REFLEDGER_TEST_POSTGRES"):
        yield named
        return
    with server_for_tests.postgres_server() as server:
        yield server.url()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Give the databases of the run's PostgreSQL server."""
    handed: dict[str, str] = getattr(request.config, "workerinput", {})
    with contextlib.ExitStack() as resources:
        yield Databases(handed.get("postgres_address") or resources.enter_context(server_address()))


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Databases) -> Iterator[str]:
    """Make the database that every test's own is a copy of; what all tests need goes into it once."""
    name = f"template_{uuid4().hex}"
    url = postgres_server.create_database(name)
    migrate(url, PACKAGES)
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: Databases, postgres_template: str) -> Iterator[str]:
    """Give a test the URL of a database of its own."""
    name = f"test_{uuid4().hex}"
    yield postgres_server.create_database(name, template=postgres_template)
    postgres_server.drop_database(name)


# ---- Stores: every test that takes `store_url` or `ledger` runs on both engines.


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty, migrated SQLite store."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    migrate(f"sqlite:///{path}", PACKAGES)
    return path.read_bytes()


@pytest.fixture
def sqlite_url(sqlite_template: bytes, tmp_path: Path) -> str:
    """URL of an empty SQLite store of the test's own."""
    path = tmp_path / "ledger.db"
    path.write_bytes(sqlite_template)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated store of the test's own, on each engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    """An empty ledger, on each engine."""
    opened = Ledger(store_url, actor="test")
    yield opened
    opened.close()


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    """Finance at an empty ledger, on each engine."""
    with opened(store_url) as desk:
        yield desk


@pytest.fixture
def sqlite_desk(sqlite_url: str) -> Iterator[Desk]:
    """Finance at an empty ledger in a file."""
    with opened(sqlite_url) as desk:
        yield desk


@pytest.fixture(scope="session")
def small_log(sqlite_template: bytes, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The stored bytes of a log in which every type of event is, and every decision both ways."""
    return make_small_log(tmp_path_factory.mktemp("small") / "ledger.db", sqlite_template)


@pytest.fixture(scope="session")
def paid_log(sqlite_template: bytes, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The stored bytes of a log in which finance decides everything that it can, both ways."""
    return make_paid_log(tmp_path_factory.mktemp("paid") / "ledger.db", sqlite_template)
