"""What the replay asks of a database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

Row = tuple[Any, ...]


class Engine(Protocol):
    """A database that has the relations."""

    def declare(self, function: str, value: int) -> None:
        """Let `function()` be this BIGINT in what is defined from now on."""
        ...

    def define(self, name: str, select: str, *, materialised: bool) -> None:
        """Let `name` be the rows of a SELECT, worked out now or when it is read; it may replace what it reads."""
        ...

    def rows(self, select: str) -> Iterator[Row]:
        """Rows of a SELECT, in its order."""
        ...
