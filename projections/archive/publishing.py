"""A segment comes into being: whole or not at all, and to stay."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ledger.disk import sync
from projections.archive.errors import AddressError, ArchiveBusyError
from projections.archive.manifest import MANIFEST
from projections.archive.place import Place
from projections.archive.reading import read_if_there

_WORK = ".sealing-"
_LOCK = ".sealing.lock"


@contextmanager
def workshop(place: Place) -> Generator[Path]:
    """A local folder in which segments are made before `publish`; gone afterwards, and so is that of a killed seal.

    In a local archive it lies in the archive itself, and nobody else seals meanwhile.

    Raises:
        AddressError: no folder can be made or written there.
        ArchiveBusyError: somebody else does.
    """
    if place.folder is None:
        with tempfile.TemporaryDirectory(prefix="refledger") as work:
            yield Path(work)
        return
    try:
        _make_folder(place.folder)
        lock = os.open(place.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise AddressError(f"{place.address} cannot be written: {error.strerror}") from None
    with _locked(place, lock):
        for left in place.folder.glob(f"{_WORK}*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=place.folder) as work:
            yield Path(work)


def publish(place: Place, made: Path) -> None:
    """Puts a segment into the archive, for good; `made` is named as it will be.

    Locally by one rename, after all is on the disk; elsewhere segment.json comes last: without it nothing is there.

    Raises:
        ArchiveBusyError: it is there already.
    """
    if read_if_there(place, f"{made.name}/{MANIFEST}") is not None:
        raise ArchiveBusyError(f"{place.address}: somebody else has just sealed {made.name}; run it again")
    files = sorted(made.iterdir(), key=lambda file: (file.name == MANIFEST, file.name))
    if place.folder is None:
        for file in files:
            place.upload(file, f"{made.name}/{file.name}")
        shutil.rmtree(made)
        return
    for path in (*files, made):
        sync(path)
    target = place.folder / made.name
    # Without a segment.json it was no segment.
    shutil.rmtree(target, ignore_errors=True)
    made.rename(target)
    sync(place.folder)


@contextmanager
def _locked(place: Place, lock: int) -> Generator[None]:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ArchiveBusyError(f"somebody else seals into {place.address}: wait until that is done") from None
    finally:
        os.close(lock)


def _make_folder(folder: Path) -> None:
    """Makes a folder that outlasts a crash."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync(folder.parent)
