"""The input: streams of records as files, whole and their beginning."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.measure import expect
from cli.history import Shape, lines
from tests.builders import DATA

# A history has about 1.6 records an order; what is more than wanted is cut off at its end, among the latest refunds.
RECORDS_PER_TWO_ORDERS = 3
ORDERS_PER_MEMBER = 8

PUBLIC = DATA / "public" / "public.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of records: the whole file, and one of its first lines only."""

    name: str
    whole: Path
    beginning: Path


def generated(folder: Path, *, count: int, beginning: int) -> Stream:
    """A seeded history of exactly that many lines: the same on every machine."""
    orders = -(-count * 2 // RECORDS_PER_TWO_ORDERS)
    shape = Shape(orders=orders, members=max(1, orders // ORDERS_PER_MEMBER))
    stream = Stream("generated", folder / "generated.jsonl", folder / "generated-beginning.jsonl")
    _write(stream.whole, islice(lines(shape), count), count)
    _write(stream.beginning, islice(lines(shape), beginning), beginning)
    return stream


def public(folder: Path, *, beginning: int) -> Stream | None:
    """The published year of a shop, where it lies beside the checkout."""
    if not PUBLIC.exists():
        return None
    stream = Stream("public", PUBLIC, folder / "public-beginning.jsonl")
    with gzip.open(PUBLIC) as records:
        _write(stream.beginning, islice(records, beginning), beginning)
    return stream


def _write(path: Path, records: Iterator[bytes], count: int) -> None:
    written = 0
    with path.open("wb") as out:
        for record in records:
            out.write(record)
            written += 1
    expect(f"lines of {path.name}", found=written, wanted=count)
