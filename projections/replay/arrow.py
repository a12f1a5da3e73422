"""Python rows as Arrow columns, which DuckDB reads as they are; its own way in takes a statement a row."""

# nanoarrow names its types, but most of its functions do not.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import nanoarrow
from duckdb import DuckDBPyConnection

from ledger.errors import IntegrityError
from ledger.store.recorder import EVENT_TABLE
from ledger.store.session import Table

STORED_COLUMNS = tuple(EVENT_TABLE.columns)

_TYPES = {"int8": nanoarrow.int64(), "text": nanoarrow.string(), "bytea": nanoarrow.binary()}

# Rows of a block: a megabyte or so of events, which a core's cache holds.
BLOCK_ROWS = 2_048


class Block(NamedTuple):
    """Events that follow each other: their topics and their stored bytes, each with a line end."""

    topics: bytes
    lines: bytes


def blocks(duck: DuckDBPyConnection, table: str, first: int) -> Iterator[Block]:
    """The events of a table from a position on, without a Python object for each.

    Args:
        duck: in use until the last block was taken.
        table: of stored events, without gaps.
        first: a position.

    Raises:
        IntegrityError: they do not come in the order of their positions.
    """
    # Their bytes together may be more than 32 bits can count.
    duck.execute("SET arrow_large_buffer_size = true")
    rows = duck.sql(
        f"SELECT position, topic || chr(10) AS topics, state || '\\x0A'::BLOB AS lines"  # noqa: S608  # our own name
        f" FROM {table} WHERE position >= {first:d}"
    )
    last = None
    for chunk in nanoarrow.ArrayStream(rows).iter_chunks():
        positions, topics, lines = chunk.iter_children()
        last = _in_order(memoryview(positions.buffer(1)), last)
        for start in range(0, len(chunk), BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, len(chunk))
            yield Block(_between(topics, start, end), _between(lines, start, end))


def block_of(topics: Sequence[str], states: Sequence[bytes]) -> Block:
    """A block of events that are Python objects."""
    return Block("\n".join([*topics, ""]).encode(), b"\n".join([*states, b""]))


def _in_order(positions: memoryview, last: int | None) -> int:
    """The last of some positions, which go on from the last of those before.

    Raises:
        IntegrityError: they do not.
    """
    begins = positions[0] if last is None else last + 1
    if array("q", positions) != array("q", range(begins, begins + len(positions))):
        raise IntegrityError(f"the events after position {begins - 1} are not in order")
    return positions[-1]


def _between(column: Any, start: int, end: int) -> bytes:  # noqa: ANN401  # nanoarrow has no public type for it
    """The bytes of some values of a column, one after the other."""
    offsets = memoryview(column.buffer(1))
    return bytes(memoryview(column.buffer(2))[offsets[start] : offsets[end]])


def arrow_rows(names: Sequence[str], rows: Sequence[Sequence[Any]], table: Table = EVENT_TABLE) -> nanoarrow.Array:
    """Rows of integers, texts, bytes and NULLs as one Arrow array, which DuckDB reads without copying.

    Args:
        names: of the columns.
        rows: any number.
        table: which has columns of these names.
    """
    kinds: dict[str, str] = {**table.columns}
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(names)
    made = {name: nanoarrow.c_array(column, _TYPES[kinds[name]]) for name, column in zip(names, columns, strict=True)}
    return arrow_columns(made, len(rows))


def arrow_columns(columns: dict[str, Any], length: int) -> nanoarrow.Array:
    """Columns of one length as an array of rows."""
    schema = nanoarrow.struct({name: column.schema for name, column in columns.items()})
    return nanoarrow.Array(nanoarrow.c_array_from_buffers(schema, length, [None], children=list(columns.values())))


def integers(values: Sequence[int]) -> Any:  # noqa: ANN401  # nanoarrow has no public type for it
    """A column of 64-bit integers."""
    return nanoarrow.c_array_from_buffers(nanoarrow.int64(), len(values), [None, array("q", values)])
