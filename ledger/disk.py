"""What must outlast a crash of the machine: synced, and in its place before anybody is told of it."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk.

    Raises:
        OSError: there is no such file, or its disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(path: Path, data: bytes) -> None:
    """Puts a file in place of an old one: whatever happens, one of the two is there, whole; on return the new one.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync(path.parent)
