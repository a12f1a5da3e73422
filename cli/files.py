"""Files that are whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click


class _Named(io.FileIO):
    """A file that says its name when it cannot be written."""

    def __init__(self, file: Path, name: Path) -> None:
        super().__init__(file, "w")
        self._name = str(name)

    def write(self, data: Any, /) -> int:  # noqa: ANN401  # any buffer
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._name
            raise


@contextmanager
def replacing(path: Path, *, even_if_cut_short: bool = False) -> Generator[IO[str]]:
    """A text file that appears under its own name once it is complete; as `replacing_bytes`."""
    with (
        replacing_bytes(path, even_if_cut_short=even_if_cut_short) as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        yield text


@contextmanager
def replacing_bytes(path: Path, *, even_if_cut_short: bool = False) -> Generator[IO[bytes]]:
    """A file that appears under its own name once it is complete.

    A link is followed; what is no regular file (a pipe, a device) is written to directly. After an exception the old
    file stays, unless what was written so far is worth having.

    Raises:
        click.UsageError: it cannot be written.
        OSError: not any more, as on a full disk; says which file.
    """
    target = path.resolve()
    is_special = target.exists() and not target.is_file()
    partial = target if is_special else target.with_name(f"{target.name}.partial")
    try:
        file = io.BufferedWriter(_Named(partial, path))
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
    is_complete = even_if_cut_short
    try:
        with file:
            yield file
        is_complete = True
    finally:
        if not is_special and is_complete:
            partial.replace(target)
        elif not is_special:
            partial.unlink()
