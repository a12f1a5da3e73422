"""Names of files as DuckDB must be told them: what it reads, it takes for a pattern."""

from __future__ import annotations

import re
from pathlib import Path

_SIGNS = re.compile(r"[*?\[]")


def as_named(path: Path | str) -> str:
    """The pattern that only the file of this very name matches, whatever signs are in it."""
    return _SIGNS.sub(r"[\g<0>]", str(path))
