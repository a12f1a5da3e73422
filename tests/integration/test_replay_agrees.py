"""The SQL replay against the Python replay, each seen from outside: the same figures at any (T, P)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import astuple
from random import Random
from typing import Any, TypedDict, Unpack

import duckdb
import pytest

from cli.history import Shape, records
from ledger.application import Ledger
from ledger.clock import from_micros
from ledger.commands import AnyCommand, parse_command
from projections.replay.duck import Duck
from projections.replay.load import Loading
from projections.replay.pipeline import Question
from projections.replay.source import source_of
from projections.replay_python import replay
from tests.adversarial import adversarial
from tests.builders import command_from, commands, data_file, plan

pytestmark = pytest.mark.long_on_postgres

BATCH = 5_000


@pytest.fixture
def sqlite_ledger(sqlite_url: str) -> Iterator[Ledger]:
    """Give an empty ledger in a file."""
    with closing(Ledger(sqlite_url, actor="test")) as ledger:
        yield ledger


def _loaded(ledger: Ledger, given: Sequence[AnyCommand]) -> duckdb.DuckDBPyConnection:
    """Record commands; the relations of the whole log."""
    for start in range(0, len(given), BATCH):
        ledger.submit(given[start : start + BATCH])
    duck = duckdb.connect()
    loading = Loading(duck)
    with source_of(ledger.log) as source:
        loading.take(source, 0, ledger.log.head())
    loading.finish(None)
    return duck


class Ways(TypedDict, total=False):
    """How a question is worked out."""

    chunk_positions: int
    facts_joined: int


def _agree(ledger: Ledger, duck: duckdb.DuckDBPyConnection, question: tuple[int, int], **ways: Unpack[Ways]) -> None:
    """Ask both the same."""
    as_of_us, at_position = question
    expected = replay(ledger.log.read(upto=at_position), from_micros(as_of_us))
    found = Question(Duck(duck), as_of_us=as_of_us, at_position=at_position, **ways)
    assert dict(found.outcomes()) == dict(expected.outcomes), question
    assert {tuple(row) for row in found.levels()} == {
        (currency, number, *astuple(row))
        for currency, by_number in expected.levels.items()
        for number, row in by_number.items()
    }, question
    assert list(map(tuple, found.balances())) == list(map(astuple, expected.balances)), question


def _questions(duck: duckdb.DuckDBPyConnection, head: int, random: Random, count: int) -> Iterator[tuple[int, int]]:
    """Random (T, P) of a log, some at the very instant of an order, the last one after everything."""
    instants = [at for (at,) in duck.execute("SELECT DISTINCT at_us FROM order_fact ORDER BY at_us").fetchall()]
    for _ in range(count - 1):
        yield random.choice(instants) + random.choice((0, 0, -1, 86_400_000_000)), random.randint(1, head)
    yield instants[-1] + 10**15, head


@pytest.mark.parametrize("seed", range(8))
def test_adversarial_histories_agree(sqlite_ledger: Ledger, seed: int) -> None:
    """Ties, late records, lapses, take-overs, renewals, three plans: equal at random (T, P), joined or climbed."""
    random = Random(seed)  # noqa: S311  # no secret
    duck = _loaded(sqlite_ledger, commands(adversarial(random)))
    for question in _questions(duck, sqlite_ledger.log.head(), random, 10):
        _agree(sqlite_ledger, duck, question, facts_joined=random.choice((0, 2, 16)))


def test_a_generated_shop_agrees(sqlite_ledger: Ledger) -> None:
    """A shop of two currencies with a tenth of the records late, in one chunk or in several."""
    shape = Shape(members=300, orders=3000, currencies=("GBP", "USD"), late_share_ppm=100_000, retry_share_ppm=0)
    duck = _loaded(sqlite_ledger, [command_from(record) for record in records(shape)])
    random = Random(1)  # noqa: S311  # no secret
    for question in _questions(duck, sqlite_ledger.log.head(), random, 6):
        _agree(sqlite_ledger, duck, question, chunk_positions=random.choice((2_000, 100_000)))


@pytest.mark.slow
@pytest.mark.parametrize("terms", [{"ttl_days": 90}, {"ttl_days": 30, "renewal": "on_order"}])
def test_the_public_stream_agrees(sqlite_ledger: Ledger, terms: dict[str, Any]) -> None:
    """A real year of a shop, at random (T, P)."""
    with gzip.open(data_file("public", "public.jsonl.gz")) as lines:
        given = [command_from(plan(binding=terms)), *map(parse_command, lines)]
    duck = _loaded(sqlite_ledger, given)
    for question in _questions(duck, sqlite_ledger.log.head(), Random(2), 4):  # noqa: S311  # no secret
        _agree(sqlite_ledger, duck, question)
