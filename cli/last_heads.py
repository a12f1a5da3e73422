"""The last head somebody signed, word for word in a file that one signer holds at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ledger.disk import replace_durably
from ledger.errors import RefusedError
from ledger.tree.note import NOTE_BYTES_MAX


class HeadBusyError(RefusedError):
    """Somebody else signs from the same file at this moment."""

    code = "head_busy"
    can_retry = True


class LastHeadError(RefusedError):
    """A file of the last head that is missing, or that cannot be read or written; the message says what to do."""

    code = "last_head"


class LastHead:
    """A file with the last head signed, held by us.

    checkpoint  what is in it; None: nothing was signed yet
    """

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            LastHeadError: it cannot be read.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self.checkpoint: bytes | None = file.read(NOTE_BYTES_MAX + 1)
        except FileNotFoundError:
            self.checkpoint = None
        except OSError as error:
            raise LastHeadError(f"{path} cannot be read: {error.strerror}") from None

    def keep(self, checkpoint: bytes) -> None:
        """Writes a head down; on return it outlasts a crash, so that it may be released.

        Raises:
            LastHeadError: it cannot be written; then it must not be released.
        """
        try:
            replace_durably(self.path, checkpoint)
        except OSError as error:
            raise LastHeadError(f"{self.path} cannot be written, so nothing was released: {error.strerror}") from None
        self.checkpoint = checkpoint


@contextmanager
def holding(path: Path) -> Generator[LastHead]:
    """The last head, while nobody else signs from the same file, by whatever link.

    The lock is on a file beside it, which stays: removing it would let two hold it.

    Raises:
        HeadBusyError: somebody else holds it.
        LastHeadError: it cannot be read, or nothing be written beside it.
    """
    path = path.resolve()
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LastHeadError(f"{lock} cannot be opened: {error.strerror}") from None
    try:
        _lock(descriptor, path)
        yield LastHead(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HeadBusyError(f"somebody else signs from {path} at this moment: run it again after that") from None
