"""A folder that is there whole or not at all, with the size and the SHA-256 of each of its files."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ledger.disk import sync
from projections.export.errors import TargetBusyError, TargetError

SYNCED_AT_ONCE = 16
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file's size and SHA-256, in hex."""

    bytes: int
    sha256: str


class Output:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Appends."""
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    @property
    def facts(self) -> FileFacts:
        """Of what was written so far."""
        return FileFacts(self._size, self._hash.hexdigest())


class Folder:
    """A folder that is being filled.

    files  what was written or measured so far, by name relative to the folder
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, FileFacts] = {}

    def write(self, name: str, data: bytes) -> None:
        """A small file as a whole."""
        with self.writing(name) as file:
            file.write(data)

    @contextmanager
    def writing(self, name: str) -> Generator[Output]:
        """A file that is written piece by piece."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            output = Output(file)
            yield output
        self.files[name] = output.facts

    def measure(self, name: str) -> None:
        """Takes in a file that something else has written."""
        digest, size = sha256(), 0
        with (self.path / name).open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
        self.files[name] = FileFacts(size, digest.hexdigest())


@contextmanager
def new_folder(target: Path) -> Generator[Folder]:
    """A folder beside the target that takes its name once it is complete and on the disk.

    After an exception nothing is left. What a killed export left, under a name of its own, the next one to the same
    target clears away.

    Raises:
        TargetError: there is something at the target, or it cannot be written.
        TargetBusyError: somebody else exports to the same target.
    """
    _check_free(target)
    work = target.with_name(f".{target.name}.exporting")
    try:
        lock = _locked(work)
    except OSError as error:
        raise TargetError(f"{target} cannot be written: {error.strerror}") from None
    try:
        _empty(work)
        yield Folder(work)
        _sync(work)
        _check_free(target)
        work.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _check_free(target: Path) -> None:
    if os.path.lexists(target):
        raise TargetError(f"{target} is there already: an export is never written over, name another place")


def _locked(work: Path) -> int:
    """The folder, made if need be, and locked for as long as this process lives and keeps it open.

    Raises:
        TargetBusyError: somebody else has it.
    """
    while True:
        work.mkdir(exist_ok=True)
        lock = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise TargetBusyError(f"somebody else is exporting to the same place: {work} is locked") from None
        if _is_at(work, lock):
            return lock
        # Whoever had it before gave it its name in between.
        os.close(lock)


def _is_at(work: Path, lock: int) -> bool:
    try:
        return os.path.samestat(work.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def _empty(work: Path) -> None:
    for left in work.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def _sync(folder: Path) -> None:
    """Waits until all files of a folder, and their names, are on disk."""
    # A disk writes down several files at once for the price of one.
    with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
        for path, _, files in os.walk(folder):
            list(pool.map(sync, [Path(path, name) for name in files]))
            sync(Path(path))
