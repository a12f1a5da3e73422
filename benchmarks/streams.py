"""The input: streams of records as files, whole and their beginning."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.measure import expect
from cli import history
from cli.history import Shape
from tests.builders import DATA

# A history has about 1.6 records an order; what is more than wanted is cut off at its end, among the latest refunds.
RECORDS_PER_TWO_ORDERS = 3
ORDERS_PER_MEMBER = 8

PUBLIC = DATA / "public" / "public.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of records: the whole file, and one of its first lines only.

    is_larger  there is a smaller one of its kind: what does not depend on the size is measured with that
    is_public  real records, not ours
    """

    name: str
    whole: Path
    beginning: Path
    is_larger: bool = False
    is_public: bool = False


def generated(
    folder: Path, name: str, *, count: int, beginning: int, is_larger: bool = False, members: int | None = None
) -> Stream:
    """A seeded history of exactly that many lines: the same on every machine.

    A file that lies in the folder already is taken as it is, if the same generator wrote it. Members are as many as a
    real shop of that size has, unless told.
    """
    orders = -(-count * 2 // RECORDS_PER_TWO_ORDERS)
    shape = Shape(orders=orders, members=members or max(1, orders // ORDERS_PER_MEMBER))
    prefix = f"generated-{_generator()}-{shape.members}-{count}"
    whole, first = (folder / f"{prefix}-{lines}.jsonl" for lines in (count, beginning))
    for path, wanted in {whole: count, first: beginning}.items():
        if not path.exists():
            _write(path, islice(history.lines(shape), wanted), wanted)
    return Stream(name, whole, first, is_larger)


def of_orders(folder: Path, name: str, *, orders: int) -> Stream:
    """A seeded history of exactly that many orders and all that belongs to them; no beginning of it is written."""
    shape = Shape(orders=orders, members=max(1, orders // ORDERS_PER_MEMBER))
    whole = folder / f"generated-{_generator()}-of-{orders}-orders.jsonl"
    if not whole.exists():
        _write(whole, history.lines(shape))
    return Stream(name, whole, whole)


def public(folder: Path, *, beginning: int) -> Stream | None:
    """The published year of a shop, where it lies beside the checkout."""
    if not PUBLIC.exists():
        return None
    stream = Stream("public", PUBLIC, folder / "public-beginning.jsonl", is_public=True)
    with gzip.open(PUBLIC) as records:
        _write(stream.beginning, islice(records, beginning), beginning)
    return stream


def _generator() -> str:
    """Tells one generator's files from another's."""
    return hashlib.sha256(Path(history.__file__).read_bytes()).hexdigest()[:12]


def _write(path: Path, records: Iterator[bytes], count: int | None = None) -> None:
    """A file that is whole or not there."""
    written, partial = 0, path.with_suffix(".partial")
    with partial.open("wb") as out:
        for record in records:
            out.write(record)
            written += 1
    if count is not None:
        expect(f"lines of {path.name}", found=written, wanted=count)
    partial.replace(path)
