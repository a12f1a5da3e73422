"""Python rows as Arrow columns, which DuckDB reads as they are; its own way in takes a statement a row."""

# nanoarrow names its types, but most of its functions do not.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import nanoarrow

STORED_COLUMNS = ("position", "stream", "version", "topic", "state", "recorded_at_us")


def arrow_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> nanoarrow.Array:
    """Rows of integers, texts, bytes and NULLs as one Arrow array, which DuckDB reads without copying.

    Args:
        names: of the columns; of STORED_COLUMNS, which have one type each.
        rows: any number.
    """
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(names)
    return arrow_columns({name: _TYPES[name](column) for name, column in zip(names, columns, strict=True)}, len(rows))


def arrow_columns(columns: dict[str, Any], length: int) -> nanoarrow.Array:
    """Columns of one length as an array of rows."""
    schema = nanoarrow.struct({name: column.schema for name, column in columns.items()})
    return nanoarrow.Array(nanoarrow.c_array_from_buffers(schema, length, [None], children=list(columns.values())))


def integers(values: Sequence[int]) -> Any:  # noqa: ANN401  # nanoarrow has no public type for it
    """A column of 64-bit integers."""
    return nanoarrow.c_array_from_buffers(nanoarrow.int64(), len(values), [None, array("q", values)])


def _texts(values: Sequence[str]) -> Any:  # noqa: ANN401
    return _variable(nanoarrow.string(), [value.encode() for value in values])


def _blobs(values: Sequence[bytes]) -> Any:  # noqa: ANN401
    return _variable(nanoarrow.binary(), values)


def _variable(kind: Any, values: Sequence[bytes]) -> Any:  # noqa: ANN401
    ends = array("i", accumulate(map(len, values), initial=0))
    return nanoarrow.c_array_from_buffers(kind, len(values), [None, ends, b"".join(values)])


_TYPES: dict[str, Callable[[Sequence[Any]], Any]] = {
    "position": integers,
    "stream": _texts,
    "version": integers,
    "topic": _texts,
    "state": _blobs,
    "recorded_at_us": integers,
}
