"""Bundles against a second, naive writer of the format, on both stores: every byte of every file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from ledger.application import Ledger
from ledger.clock import from_micros, parse_instant
from projections.heads import TreeDisagreesError
from projections.replay.arrow import Block, blocks
from projections.tree import catch_up
from tests.adversarial import adversarial
from tests.builders import bind, commands, order, plan, refund, submit
from tests.cli_runner import Tool
from tests.exports import (
    KEY,
    NAIVE_KEY,
    assert_is_naive,
    contents,
    exported,
    parquet_rows,
    prepared,
    signed_head,
    whole,
)
from tests.naive_bundle import NaiveBundle, table
from tests.properties.test_generated import history

pytestmark = pytest.mark.long_on_postgres

SEPTEMBER = datetime(2024, 9, 1, tzinfo=UTC)
RECORDED_AT = parse_instant("2026-03-01T09:30:00.123456Z")
# Ids that CSV has to quote, and some that it must not.
AWKWARD = ['a"b', "c,d", "#e", "=f+1", "g\\h", "猫", "'i", "-", "@j", "NULL", "true", "1e5"]
TYPES = {
    "balances": "member VARCHAR, currency VARCHAR, earned BIGINT, clawed_back BIGINT, adjusted BIGINT, pending BIGINT, "
    "available BIGINT, reserved BIGINT, paid BIGINT",
    "outcomes": "order VARCHAR, position BIGINT, occurred_at TIMESTAMP WITH TIME ZONE, member VARCHAR, "
    "currency VARCHAR, amount BIGINT, plan BIGINT, available_at TIMESTAMP WITH TIME ZONE, refunded BIGINT, "
    + ", ".join(
        f"outcome_{n} VARCHAR, beneficiary_{n} VARCHAR, commission_{n} BIGINT, kept_{n} BIGINT" for n in (1, 2, 3)
    ),
    "payouts": "payout VARCHAR, batch VARCHAR, number BIGINT, member VARCHAR, currency VARCHAR, amount BIGINT, "
    "state VARCHAR, attempt BIGINT, reference VARCHAR, reserved_at TIMESTAMP WITH TIME ZONE, "
    "state_at TIMESTAMP WITH TIME ZONE, paid_at TIMESTAMP WITH TIME ZONE",
    "postings": "order VARCHAR, kind VARCHAR, level BIGINT, position BIGINT, value_at TIMESTAMP WITH TIME ZONE, "
    "debit VARCHAR, credit VARCHAR, currency VARCHAR, amount BIGINT",
    "team": "member VARCHAR, bind VARCHAR, bound_at TIMESTAMP WITH TIME ZONE, until TIMESTAMP WITH TIME ZONE, "
    "referrer_1 VARCHAR, referrer_2 VARCHAR, referrer_3 VARCHAR",
}


@pytest.fixture
def sqlite_ledger(sqlite_url: str) -> Iterator[Ledger]:
    """An empty ledger in a file, for what no store has a part in."""
    with closing(Ledger(sqlite_url, actor="test", clock=lambda: RECORDED_AT)) as ledger:
        yield ledger


@pytest.fixture
def fed(ledger: Ledger) -> Ledger:
    """A ledger with half a thousand orders, on each engine."""
    ledger.submit(commands(history(2)))
    ledger.expire()
    return ledger


def awkward() -> list[dict[str, Any]]:
    """A chain of members with awkward ids, an order of each, refunds of some."""
    binds = [bind(f"b,{n}", a, b, "2024-01-01T00:00:00Z") for n, (a, b) in enumerate(pairwise(AWKWARD))]
    orders = [order(f'o"{n}', member, 1_000 + n, "2024-01-05T00:00:00Z") for n, member in enumerate(AWKWARD)]
    return [plan(), *binds, *orders, refund("r,1", 'o"0', 333, "2024-01-06T00:00:00Z")]


# ---- every byte


def test_bundle_is_what_the_naive_writer_makes(fed: Ledger, tmp_path: Path) -> None:
    """All of the log, as of when its last event was recorded."""
    assert_is_naive(exported(fed.log, tmp_path / "out"), whole(fed))


@pytest.mark.parametrize("previous", [1, 256, 300, "equal"])
def test_range_that_begins_later(fed: Ledger, tmp_path: Path, previous: int | str) -> None:
    """A range in the middle, under the head of all: plans of before with proofs, growth from an earlier head."""
    head = fed.log.head()
    old = head if previous == "equal" else int(previous)
    asked = {"first": 300, "last": 500, "as_of": SEPTEMBER}
    found = exported(fed.log, tmp_path / "out", **asked, previous=signed_head(fed.log, old))
    assert_is_naive(found, whole(fed, **asked, previous_size=old))
    assert found["plans.jsonl"].count(b"\n") == 1


def test_head_of_before(fed: Ledger, tmp_path: Path) -> None:
    """A head of a part of the log proves what it covers, and the rest of the log changes nothing of it."""
    head = signed_head(fed.log, 400)
    naive = NaiveBundle(list(fed.log.read(upto=400)), NAIVE_KEY, 1, 400)
    assert_is_naive(exported(fed.log, tmp_path / "out", head=head), naive)


@pytest.mark.parametrize("seed", range(4))
def test_adversarial_histories(sqlite_ledger: Ledger, tmp_path: Path, seed: int) -> None:
    """Ties, late records, lapses, take-overs, renewals, three plans, at random (T, P)."""
    random = Random(seed)  # noqa: S311  # no secret
    sqlite_ledger.submit(commands(adversarial(random)))
    head = sqlite_ledger.log.head()
    instants = [from_micros(change) for change in range(1_704_067_200_000_000, 1_707_500_000_000_000, 86_400_000_000)]
    for number in range(4):
        last = random.randint(1, head)
        asked: dict[str, Any] = {"first": random.randint(1, last), "last": last}
        asked["as_of"] = random.choice(instants) + random.choice([timedelta(0), timedelta(microseconds=-1)])
        found = exported(sqlite_ledger.log, tmp_path / f"out{number}", **asked)
        assert_is_naive(found, whole(sqlite_ledger, **asked))


def test_orders_without_a_plan(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """They have no plan, no time from which anything is available, and nobody on any level."""
    sqlite_ledger.submit(commands([order("o1", "ben", 100, "2024-01-01T00:00:00Z")]), allow_no_plan=True)
    found = exported(sqlite_ledger.log, tmp_path / "out")
    assert_is_naive(found, whole(sqlite_ledger))
    row = b"order-o1,1,2024-01-01T00:00:00.000000Z,ben,GBP,100,,,0,no_plan,,0,0,no_plan,,0,0,no_plan,,0,0\n"
    assert found["tables/outcomes.csv"].splitlines(keepends=True)[1:] == [row]


def test_awkward_ids(fed: Ledger, tmp_path: Path) -> None:
    """Commas and quotes are quoted, and nothing else is; ids stay as they are."""
    submit(fed, *awkward()[1:])
    as_of = datetime(2024, 2, 1, tzinfo=UTC)
    found = exported(fed.log, tmp_path / "out", as_of=as_of)
    assert_is_naive(found, whole(fed, as_of=as_of))
    assert b'\n#e,"bind-b,2",' in found["tables/team.csv"]
    assert b'\n"a""b","bind-b,0",' in found["tables/team.csv"]


def test_parquet_has_the_rows_of_the_csv(fed: Ledger, tmp_path: Path) -> None:
    """The same rows in the same order, typed."""
    submit(fed, *awkward()[1:])
    found = exported(fed.log, tmp_path / "out", as_of=SEPTEMBER)
    for name, columns in TYPES.items():
        types, rows = parquet_rows(tmp_path / "out" / "tables" / f"{name}.parquet")
        assert ", ".join(types) == columns
        header = [column.partition(" ")[0] for column in types]
        assert table([header, *map(list, rows)]) == found[f"tables/{name}.csv"]


# ---- the same bytes, always


def test_lines_hashed_beside_make_the_same_bytes(fed: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own, as for many events, proves them and knows the content root."""
    monkeypatch.setattr("projections.export.line_hashes.EVENTS_MIN", 1)
    assert_is_naive(exported(fed.log, tmp_path / "out"), whole(fed))


def test_lines_hashed_beside_are_proven(fed: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that gives other bytes than it hashed is found out, and there is no bundle."""
    monkeypatch.setattr("projections.export.line_hashes.EVENTS_MIN", 1)
    head = signed_head(fed.log)
    catch_up(fed.log)
    monkeypatch.setattr("projections.export.event_lines.blocks", altered)
    with pytest.raises(TreeDisagreesError):
        exported(fed.log, tmp_path / "out", head=head)
    assert not any(tmp_path.glob("*out*"))


def altered(duck: DuckDBPyConnection, table: str, first: int) -> Iterator[Block]:
    """Blocks in which one amount is another."""
    for block in blocks(duck, table, first):
        yield block._replace(lines=block.lines.replace(b'"amount":', b'"amount":1', 1))


def test_stores_and_machines_make_the_same_bytes(
    sqlite_url: str, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite and PostgreSQL, again, in another time zone, with other shares of the work: Parquet included."""
    found: list[dict[str, bytes]] = []
    for url in (sqlite_url, postgres_url):
        with closing(Ledger(url, actor="test", clock=lambda: RECORDED_AT)) as ledger:
            items = [item for item in history(3) if not item["at"].startswith("2026-11")]
            for start in range(0, len(items), 97):
                ledger.submit(commands(items[start : start + 97]))
            # One event is in no whole range of those read at a time.
            for number, range_events in enumerate((100_000, 100)):
                monkeypatch.setattr("projections.export.bundle.RANGE_EVENTS", range_events)
                found.append(exported(ledger.log, tmp_path / f"{url[:6]}{number}", first=20))
            head = signed_head(ledger.log).raw
    (tmp_path / "log.key").touch(0o600)
    (tmp_path / "log.key").write_text(KEY.secret_text())
    (tmp_path / "log.key.head").write_bytes(head)
    words = ["export", "bundle", "--from", "20", "--key", "log.key", "-o"]
    Tool(sqlite_url, tmp_path).process(*words, "elsewhere", TZ="Asia/Tokyo", LC_ALL="C")
    found.append(contents(tmp_path / "elsewhere"))
    for other in found[1:]:
        assert other == found[0]


def test_another_memory_limit_makes_the_same_bytes(fed: Ledger, store_url: str, tmp_path: Path) -> None:
    """Tables that went to disk on the way are the same."""
    tool = prepared(fed, store_url, tmp_path)
    for name, more in {"one": (), "two": ("--memory-limit", "100MB", "--temp-dir", ".")}.items():
        tool("export", "bundle", "-o", name, "--key", "log.key", *more)
    assert contents(tool.folder / "one") == contents(tool.folder / "two")
