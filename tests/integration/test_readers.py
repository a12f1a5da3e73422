"""Reading takes no more than reading takes."""

from contextlib import closing

import psycopg
from psycopg import sql

from ledger.application import Ledger
from ledger.store.migrate import migrate
from projections.balances import balances_at
from projections.runner import Runner
from projections.view import PACKAGES, view_at
from tests.builders import LATER, bind, live_digest, order, plan, replayed, submit
from tests.logins import reader_url
from tests.postgres_server import Databases


def fill(url: str) -> Ledger:
    """A ledger of one commission, projected."""
    ledger = Ledger(url, actor="test")
    submit(ledger, plan(), bind("b1", "ben", "ann", "2026-01-01T00:00:00Z"))
    submit(ledger, order("o1", "ben", 1_000, "2026-01-02T00:00:00Z"))
    Runner(ledger.log).catch_up()
    return ledger


def test_a_reader_needs_no_lock(sqlite_url: str) -> None:
    """While somebody holds the write lock, what is projected already can be read."""
    ledger, reader = fill(sqlite_url), Ledger(sqlite_url)
    with ledger.rehearsing(), view_at(reader.log, None) as (session, position):
        assert (position, [row.earned for row in balances_at(session, LATER)]) == (3, [100])
    reader.close()
    ledger.close()


def test_an_auditor_may_only_read(postgres_url: str) -> None:
    """A login with SELECT alone sees the head, also where nobody has projected it yet."""
    ledger = fill(postgres_url)
    submit(ledger, order("o2", "ben", 1_000, "2026-01-03T00:00:00Z"))
    with (
        reader_url(postgres_url) as url,
        closing(Ledger(url)) as reader,
        view_at(reader.log, None) as (session, position),
    ):
        assert (position, [row.earned for row in balances_at(session, LATER)]) == (4, [200])
    ledger.close()


def test_a_ledger_in_a_schema_of_its_own(postgres_server: Databases, postgres_url: str) -> None:
    """The search path of the URL says where; another default isolation of the server changes nothing."""
    del postgres_server
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA books")
        name = owner.info.dbname
        owner.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'").format(
                sql.Identifier(name)
            )
        )
    url = f"{postgres_url}&options=-csearch_path%3Dbooks"
    assert len(migrate(url, PACKAGES)) > 0
    ledger = fill(url)
    assert live_digest(ledger) == replayed(ledger).digest
    ledger.close()
    empty = Ledger(postgres_url)
    assert empty.log.head() == 0
    empty.close()
