"""The library's own test cases for recorders, on both of ours."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.application import Ledger
from ledger.store.postgres import PostgresRecorder
from ledger.store.recorder import LogRecorder
from ledger.store.sqlite import SqliteRecorder

# The module of the library's cases also imports its AES cipher, and with it a package that nothing here needs.
with mock.patch.dict(sys.modules, {"eventsourcing.cipher": SimpleNamespace(AESCipher=None)}):
    from eventsourcing.tests import persistence as library

# A single batch of this size, with a second writer, hangs the library's own PostgreSQL recorder.
BATCH = 10_000


@contextmanager
def opened(url: str) -> Generator[LogRecorder]:
    """The recorder of a store."""
    ledger = Ledger(url)
    try:
        yield ledger.log
    finally:
        ledger.close()


class OnOurStore(library.RecorderTestCase):
    """Text ids, and the recorder that a fixture opened."""

    recorder: LogRecorder

    def new_originator_id(self) -> str:
        return f"order-{uuid4()}"

    def create_recorder(self) -> LogRecorder:
        return self.recorder


class OnSqlite(OnOurStore):
    """A store in a file."""

    @pytest.fixture(autouse=True)
    def open_store(self, sqlite_url: str) -> Iterator[None]:
        """Open it for one case."""
        with opened(sqlite_url) as self.recorder:
            assert isinstance(self.recorder, SqliteRecorder)
            yield


class OnPostgres(OnOurStore):
    """A store on the server."""

    @pytest.fixture(autouse=True)
    def open_store(self, postgres_url: str) -> Iterator[None]:
        """Open it for one case."""
        with opened(postgres_url) as self.recorder:
            assert isinstance(self.recorder, PostgresRecorder)
            yield


class TestSqliteRecorder(OnSqlite, library.ApplicationRecorderTestCase[LogRecorder]):
    """Streams, notifications, conflicts, ten writers beside two readers; ids without gaps."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = True


class TestPostgresRecorder(OnPostgres, library.ApplicationRecorderTestCase[LogRecorder]):
    """The same, and subscriptions."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = True

    def test_insert_subscribe(self) -> None:
        """A subscription starts anywhere, sees what is appended meanwhile, filters topics and can be stopped."""
        self.optional_test_insert_subscribe()


class TestSqliteBatches(OnSqlite, library.NonInterleavingNotificationIDsBaseCase):
    """Two large batches at once: each has its positions in one run."""

    insert_num = BATCH


class TestPostgresBatches(OnPostgres, library.NonInterleavingNotificationIDsBaseCase):
    """Two large batches at once: each has its positions in one run."""

    insert_num = BATCH


def test_a_stream_is_read_from_version_0_on(ledger: Ledger) -> None:
    """The table takes version 0, so a stream read from its beginning has it too."""
    events = [StoredEvent("order-1", version, "topic", b"{}") for version in (0, 1, 2)]
    ledger.log.insert_events(events)
    assert ledger.log.select_events("order-1") == events
    assert ledger.log.select_events("order-1", gt=0) == events[1:]
