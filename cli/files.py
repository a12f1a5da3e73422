"""Files that are whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click


@contextmanager
def replacing(path: Path, *, even_if_cut_short: bool = False) -> Generator[IO[str]]:
    """A text file that appears under its own name once it is complete.

    A link is followed; what is no regular file (a pipe, a device) is written to directly. After an exception the old
    file stays, unless what was written so far is worth having.

    Raises:
        click.UsageError: it cannot be written.
    """
    target = path.resolve()
    is_special = target.exists() and not target.is_file()
    partial = target if is_special else target.with_name(f"{target.name}.partial")
    try:
        file = partial.open("w", encoding="utf-8", newline="")
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
