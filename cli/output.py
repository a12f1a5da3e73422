"""Output: the same rows as an aligned table for people, as TSV or CSV for tools, as JSON for programs.

Money is an integer count of minor units everywhere but in tables, where it has the currency's own exponent.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cli.files import replacing
from ledger.clock import format_instant
from ledger.currencies import format_minor
from ledger.ids import DEFAULT_SOURCE

Format = Literal["table", "json", "csv", "tsv"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv", "tsv")
Cell = str | int | None | datetime

# Marks on other characters, joiners.
_TAKES_NO_COLUMN = frozenset({"Mn", "Me", "Cf"})
# What would break a table's lines, steer the terminal, or show what follows in another order: spelled out.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
Record = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind. `money`: columns in minor units of the row's `currency`."""

    columns: Sequence[str]
    rows: Sequence[Record]
    money: frozenset[str] = frozenset()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a command answers.

    sections  for a table
    document  for JSON
    flat      for CSV and TSV; None: the first section
    """

    sections: Sequence[Section]
    document: object
    flat: Section | None = None


def chosen(given: Format | None, output: Path | None) -> Format:
    """The format asked for; else a table on a terminal, TSV otherwise."""
    if given is not None:
        return given
    return "table" if output is None and sys.stdout.isatty() else "tsv"


def emit(report: Report, given: Format | None, output: Path | None) -> None:
    """Writes a report to standard output, or whole to a file."""
    text = rendered(report, chosen(given, output))
    if output is not None:
        with replacing(output) as file:
            file.write(text)
        return
    with _reader_may_leave():
        sys.stdout.write(text)
        sys.stdout.flush()


def emit_note(note: bytes, output: Path | None) -> None:
    """Writes a text of ours that is signed, byte for byte, to standard output or whole to a file."""
    if output is not None:
        with replacing(output) as file:
            file.write(note.decode())
        return
    with _reader_may_leave():
        sys.stdout.buffer.write(note)
        sys.stdout.buffer.flush()


@contextmanager
def _reader_may_leave() -> Generator[None]:
    """A reader of standard output that had enough is no error."""
    try:
        yield
    except BrokenPipeError:
        # Nothing more can be written, not even by the interpreter at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def rendered(report: Report, form: Format) -> str:
    """A report as text."""
    if form == "json":
        return json.dumps(report.document, indent=2, ensure_ascii=False, default=_json_value) + "\n"
    if form == "table":
        return "\n".join(_table(section) for section in report.sections)
    return _delimited(report.flat or report.sections[0], form)


def heading(section: Section, column: str) -> str:
    """A column's name as people read it; in tables amounts are no longer minor units."""
    return (column.removesuffix("_minor") if column in section.money else column).replace("_", " ")


def table_cell(section: Section, row: Record, column: str) -> str:
    """A cell as people read it."""
    value = row.get(column)
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return readable(value)
    if column in section.money and isinstance(value, int):
        return format_minor(value, str(row["currency"]))
    return _steady(str(value))


def with_source(columns: Sequence[str], rows: Sequence[Record], *, after: str) -> list[str]:
    """Columns of a table, with `source` beside an id where any row is of another source than the default one."""
    if all(row.get("source") in {None, DEFAULT_SOURCE} for row in rows):
        return [*columns]
    place = columns.index(after) + 1
    return [*columns[:place], "source", *columns[place:]]


def vertical(facts: Record, money: frozenset[str] = frozenset(), title: str = "") -> Section:
    """One record as two columns, for a table that would be too wide."""
    row = Section([*facts], [facts], money)
    rows = [{"what": heading(row, name), "value": table_cell(row, facts, name)} for name in facts]
    return Section(["what", "value"], rows, title=title)


def readable(at: datetime) -> str:
    """An instant in UTC, without the fraction where there is none."""
    text = format_instant(at)
    return f"{text[:10]} {text[11:19]}Z" if text.endswith(".000000Z") else f"{text[:10]} {text[11:]}"


def _json_value(value: object) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _plain(value: Cell) -> str:
    if value is None:
        return ""
    return format_instant(value) if isinstance(value, datetime) else str(value)


def _delimited(section: Section, form: Literal["csv", "tsv"]) -> str:
    text = io.StringIO()
    if form == "csv":
        writer = csv.writer(text)
        writer.writerow(section.columns)
        writer.writerows([_plain(row.get(column)) for column in section.columns] for row in section.rows)
        return text.getvalue()
    for cells in ([*section.columns], *([_plain(row.get(name)) for name in section.columns] for row in section.rows)):
        text.write("\t".join(" ".join(cell.split()) for cell in cells) + "\n")
    return text.getvalue()


def _table(section: Section) -> str:
    """Columns as wide as their widest cell; nothing is ever cut off."""
    numeric = {column for column in section.columns if _is_numeric(section, column)}
    lines = [[heading(section, column) for column in section.columns]]
    lines += [[table_cell(section, row, column) for column in section.columns] for row in section.rows]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(section.columns))]
    text = f"{_steady(section.title)}\n" if section.title else ""
    if not section.rows:
        return f"{text}(none)\n"
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        padded = [
            " " * (width - _width(cell)) + cell if column in numeric else cell + " " * (width - _width(cell))
            for cell, width, column in zip(line, widths, section.columns, strict=True)
        ]
        text += "  ".join(padded).rstrip() + "\n"
    return text


def _steady(text: str) -> str:
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _is_numeric(section: Section, column: str) -> bool:
    """Whether a column holds nothing but numbers, which line up on the right."""
    values = [row.get(column) for row in section.rows]
    return all(isinstance(value, int | None) for value in values)


def _width(text: str) -> int:
    """Columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    unseen = sum(unicodedata.category(character) in _TAKES_NO_COLUMN for character in text)
    return len(text) + wide - unseen
