"""One open transaction on either engine, and the SQL files it runs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar, Literal, LiteralString, cast

Dialect = Literal["postgres", "sqlite"]
Value = str | int | bytes | None
Parameter = Value | Sequence[str] | Sequence[int]
Row = tuple[Any, ...]

# `:name`, but neither the cast `::bigint` nor a colon inside a word.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")


@dataclass(frozen=True, slots=True)
class Sql:
    """One statement, in the words of each engine. Parameters are written `:name` in the files."""

    name: str
    texts: Mapping[Dialect, LiteralString]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that takes rows in bulk: its columns and their PostgreSQL types, in order."""

    name: LiteralString
    columns: Mapping[LiteralString, LiteralString]


def load(package: str, name: str) -> Sql:
    """The statement `name.sql` of a package's sql folder: per dialect, in `common` for both, or of one dialect only.

    Raises:
        FileNotFoundError: it is nowhere.
    """
    folder = resources.files(package).joinpath("sql")
    texts: dict[Dialect, LiteralString] = {}
    for dialect in ("postgres", "sqlite"):
        for place in (dialect, "common"):
            file = folder.joinpath(place, f"{name}.sql")
            if file.is_file():
                # The files are part of the program, as literal as a string in it.
                text = cast("LiteralString", file.read_text(encoding="utf-8"))
                texts[dialect] = _for_psycopg(text) if dialect == "postgres" else text
                break
    if not texts:
        raise FileNotFoundError(f"{package}: no sql/*/{name}.sql")
    return Sql(name, texts)


def _for_psycopg(text: LiteralString) -> LiteralString:
    """`:name` as psycopg writes it; where there is none the text goes out as it is, per cent signs and all."""
    if not _PARAMETER.search(text):
        return text
    return cast("LiteralString", _PARAMETER.sub(r"%(\1)s", text.replace("%", "%%")))


class Session(ABC):
    """One open transaction. Lists go in as sets: an array on PostgreSQL, JSON text on SQLite."""

    dialect: ClassVar[Dialect]

    @abstractmethod
    def rows(self, sql: Sql, **parameters: Parameter) -> list[Row]:
        """Runs a query and returns all rows."""

    @abstractmethod
    def run(self, sql: Sql, **parameters: Parameter) -> int:
        """Runs a statement and returns how many rows it touched."""

    @abstractmethod
    def write(self, sql: Sql, rows: Sequence[Row]) -> None:
        """Runs a statement for many rows: parameters `:a`, `:b`, … are the columns (PostgreSQL: arrays)."""

    @abstractmethod
    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Adds rows in bulk, as they come."""
