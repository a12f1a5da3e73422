"""Lines of CSV and JSON Lines files as people and providers make them: strictly, by number, in constant memory."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple, cast

from ledger.commands import LINE_BYTES_MAX, parse_object
from ledger.errors import InvalidRecordError
from projections.payments.errors import BadFileError, Fault

_BOM = "\ufeff"


class Text(NamedTuple):
    """One line as text, by its number from 1, without its end."""

    line: int
    text: str


class Row(NamedTuple):
    """The cells of one line of CSV."""

    line: int
    cells: Sequence[str]


class Fields(NamedTuple):
    """What one line says, by field; empty ones are left out."""

    line: int
    fields: Mapping[str, str]


def read_fields(file: BinaryIO, known: Sequence[str]) -> Iterator[Fields | Fault]:
    """The lines of a file of ours, CSV with a header or JSON Lines; its first character tells which.

    Args:
        file: UTF-8.
        known: fields there may be.

    Raises:
        BadFileError: the header names a field that is not known, or one twice.
    """
    texts = read_texts(file)
    first = next(texts, None)
    if first is None:
        return
    lines = chain([first], texts)
    if isinstance(first, Text) and first.text.lstrip().startswith("{"):
        yield from (line if isinstance(line, Fault) else _from_json(line, known) for line in lines)
        return
    rows = read_rows(lines, ",")
    columns = header_of(rows)
    if unknown := [column for column in columns if column not in known]:
        raise BadFileError(f"there is no field {unknown[0]!r}; known are {', '.join(known)}")
    for row in rows:
        yield row if isinstance(row, Fault) else _from_csv(row, columns)


def read_texts(file: BinaryIO) -> Iterator[Text | Fault]:
    """Every line that is not blank; a line ends where the file says, also within quotes."""
    number = 0
    while raw := file.readline(LINE_BYTES_MAX):
        number += 1
        if not raw.endswith(b"\n") and len(raw) == LINE_BYTES_MAX:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(LINE_BYTES_MAX)
            yield Fault(number, f"is longer than {LINE_BYTES_MAX} bytes")
            continue
        try:
            text = raw.decode()
        except UnicodeDecodeError as bad:
            yield Fault(number, f"byte {bad.start + 1} is not UTF-8")
            continue
        text = (text.removeprefix(_BOM) if number == 1 else text).rstrip("\r\n")
        if text.strip():
            yield Text(number, text)


def read_rows(lines: Iterable[Text | Fault], delimiter: str) -> Iterator[Row | Fault]:
    """Lines of CSV as cells."""
    for line in lines:
        if isinstance(line, Fault):
            yield line
            continue
        try:
            yield Row(line.line, next(csv.reader([line.text], delimiter=delimiter, strict=True)))
        except csv.Error as error:
            is_open = "end of data" in str(error)
            yield Fault(line.line, "a quote is not closed on its line" if is_open else f"is no CSV: {error}")


def header_of(rows: Iterator[Row | Fault]) -> Sequence[str]:
    """The columns that the first row names.

    Raises:
        BadFileError: there is no first row, it cannot be read, or names a column twice.
    """
    header = next(rows, None)
    if header is None:
        raise BadFileError("there is no header")
    if isinstance(header, Fault):
        raise BadFileError(str(header))
    columns = [cell.strip() for cell in header.cells]
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise BadFileError(f"line {header.line}: the column {twice[0]!r} is there twice")
    return columns


def _from_csv(row: Row, columns: Sequence[str]) -> Fields | Fault:
    if len(row.cells) != len(columns):
        return Fault(row.line, f"has {len(row.cells)} fields, the header {len(columns)}")
    cells = zip(columns, row.cells, strict=True)
    return Fields(row.line, {column: cell.strip() for column, cell in cells if cell.strip()})


def _from_json(line: Text, known: Sequence[str]) -> Fields | Fault:
    try:
        given = parse_object(line.text)
    except InvalidRecordError as error:
        return Fault(line.line, error.message)
    if not isinstance(given, dict):
        return Fault(line.line, "must be one JSON object")
    fields: dict[str, str] = {}
    for field, value in cast("dict[str, object]", given).items():
        if field not in known:
            return Fault(line.line, f"there is no field {field!r}; known are {', '.join(known)}")
        if not isinstance(value, str | None):
            return Fault(line.line, f"{field} must be a text")
        if value and value.strip():
            fields[field] = value.strip()
    return Fields(line.line, fields)
