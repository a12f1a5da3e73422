"""The SQL files of the export: one statement each."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import LiteralString, cast


@cache
def statement(name: str) -> LiteralString:
    """The text of `sql/<name>.sql`.

    Raises:
        FileNotFoundError: there is none.
    """
    file = resources.files("projections.export").joinpath("sql", f"{name}.sql")
    # The files are part of the program, as literal as a string in it.
    return cast("LiteralString", file.read_text(encoding="utf-8"))
