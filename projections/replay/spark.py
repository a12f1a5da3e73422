"""PySpark under the replay: the same statements, on one machine or a cluster. Needs pyspark 4 and Java 17."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from projections.replay.engine import Row
from projections.replay.statements import statement

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What makes the common SQL mean the same: whole numbers overflow loudly, no instant is shifted, names sort by bytes.
# The rest keeps small questions quick; Spark splits what is large by itself (adaptive execution).
SETTINGS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "8",
    # Spark 4 loses track of a checkpoint's columns when it infers constraints through a union ("key not found").
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.catalogImplementation": "in-memory",
}


def session(master: str) -> SparkSession:
    """Give a session with the settings above, the present one if there is one.

    Args:
        master: local[2], local-cluster[2,1,1024], spark://host:7077, yarn, ...
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415  # optional

    builder = SparkSession.builder.appName("refledger").master(master)
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def stop(spark: SparkSession) -> None:
    """End a session, and the Java process behind it, which would otherwise live as long as this one."""
    from pyspark import SparkContext  # noqa: PLC0415  # optional

    # PySpark keeps one gateway for good and has no way of its own to let it go; without one it starts the next.
    context: Any = SparkContext
    gateway = context._gateway  # noqa: SLF001
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        context._gateway = context._jvm = None  # noqa: SLF001


class Spark:
    """An engine of the pipeline.

    Args:
        spark: made by `session`, or with its settings.
        relations: for each relation the Parquet files or folders it lies in, on any file system that Spark reads; none
            for one of which there was nothing yet.
    """

    def __init__(self, spark: SparkSession, relations: Mapping[str, list[str]]) -> None:
        self._spark = spark
        spark.sql(statement("prelude/spark"))
        for name, paths in relations.items():
            frame = spark.read.parquet(*paths) if paths else spark.sql(statement(f"none/{name}"))
            frame.createOrReplaceTempView(name)

    def declare(self, function: str, value: int) -> None:
        """Let `function()` be this BIGINT in what is defined from now on."""
        self._spark.sql(
            f"CREATE OR REPLACE TEMPORARY FUNCTION {function}() RETURNS BIGINT RETURN CAST({value:d} AS BIGINT)"
        )

    def define(self, name: str, select: str, *, materialised: bool) -> None:
        """Let `name` be the rows of a SELECT, worked out now or when it is read; it may replace what it reads."""
        frame = self._spark.sql(select)
        if materialised:
            # Not a cache: a cached relation keeps the plan it came from, and plans of plans outgrow the memory.
            frame = frame.localCheckpoint(eager=True)
        frame.createOrReplaceTempView(name)

    def rows(self, select: str) -> Iterator[Row]:
        """Rows of a SELECT, in its order."""
        return map(tuple, self._spark.sql(select).toLocalIterator())
