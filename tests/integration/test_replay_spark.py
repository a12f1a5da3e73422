"""The same SQL on Spark gives what it gives on DuckDB, in one process and on a cluster of two."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from projections.replay.duck import Duck
from projections.replay.engine import Engine
from projections.replay.pipeline import Question
from projections.replay.spark import Spark, session, stop
from tests.random_relations import random_relations
from tests.relations import COLUMNS, DAY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HEAD = 1_000
Answer = list[tuple[object, ...]]


@contextmanager
def _spark(master: str) -> Generator[SparkSession]:
    """Give a session of its own; skip where there is no PySpark or no Java."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java: neither on PATH nor in JAVA_HOME")
    spark = session(master)
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        stop(spark)


def _ask(engine: Engine, *, chunk: int, joined: int) -> tuple[Answer, ...]:
    """All figures of one question; of a few orders every level; every row of the tables."""
    question = Question(engine, as_of_us=40 * DAY, at_position=HEAD, chunk_positions=chunk, facts_joined=joined)
    question.tabulate()
    tables = [engine.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4") for name in TABLES]  # noqa: S608  # our names
    answers = (
        question.balances(),
        question.levels(),
        question.outcomes(),
        question.order_levels([48, 500]),
        question.team(1),
    )
    return tuple([tuple(row) for row in answer] for answer in (*tables, *answers))


TABLES = ("balance", "order_outcome", "posting", "team_row")
CLIMBED = (HEAD // 2, 2)
JOINED = (HEAD, 16)


@pytest.mark.parametrize(
    ("master", "ways"),
    [
        pytest.param("local[2]", [CLIMBED], marks=pytest.mark.slow),
        pytest.param("local-cluster[2,1,1024]", [JOINED, CLIMBED], marks=pytest.mark.slow),
    ],
)
def test_spark_gives_what_duckdb_gives(master: str, ways: list[tuple[int, int]], tmp_path: Path) -> None:
    """Random relations read from Parquet: all figures are equal, joined in one chunk and climbed in two."""
    connection = random_relations(Random(3)).connection()  # noqa: S311  # no secret
    for name in COLUMNS:
        connection.execute(f"COPY {name} TO '{tmp_path}/{name}.parquet'")
    with _spark(master) as spark:
        for chunk, joined in ways:
            engine = Spark(spark, {name: [f"{tmp_path}/{name}.parquet"] for name in COLUMNS})
            found = _ask(engine, chunk=chunk, joined=joined)
            assert found == _ask(Duck(connection), chunk=chunk, joined=joined)
            assert all(found)
            assert len(found[0]) > 10
