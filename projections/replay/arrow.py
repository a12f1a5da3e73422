"""Python rows as Arrow columns, which DuckDB reads as they are; its own way in takes a statement a row."""

# nanoarrow names its types, but most of its functions do not.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import nanoarrow

from ledger.store.recorder import EVENT_TABLE
from ledger.store.session import Table

STORED_COLUMNS = tuple(EVENT_TABLE.columns)

_TYPES = {"int8": nanoarrow.int64(), "text": nanoarrow.string(), "bytea": nanoarrow.binary()}


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
