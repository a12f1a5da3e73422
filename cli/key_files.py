"""Files of private keys: readable by their owner alone, never overwritten; nothing of them is ever shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ledger.disk import sync
from ledger.errors import InvalidKeyError, NotFoundError, RefusedError
from ledger.tree.keys import SignerKey, parse_signer_key

OTHERS = 0o077
FILE_BYTES_MAX = 100_000


class KeyFileError(RefusedError):
    """A file that a key cannot be read from or written to; the message says what to type."""

    code = "key_file"


def write_key(path: Path, key: SignerKey) -> None:
    """Puts a new key into a file that is not there yet, for its owner alone.

    Raises:
        KeyFileError: there is a file of that name, or none can be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path} is there already, and a key is never overwritten: name another file") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{key.secret_text()}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise
    sync(path.parent)


def read_key(path: Path) -> SignerKey:
    """The key in a file that is ours, and that nobody else may read or write.

    Raises:
        NotFoundError: there is no such file.
        KeyFileError: others may read it, it is another user's, or it holds no key.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            _check(path, os.fstat(file.fileno()))
            text = file.read(FILE_BYTES_MAX)
    except FileNotFoundError:
        hint = f"`refledger head keygen ORIGIN -o {path}` makes one"
        raise NotFoundError(f"there is no key file {path}: {hint}") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return parse_signer_key(text.decode().removesuffix("\n"))
    except UnicodeDecodeError:
        raise KeyFileError(f"{path} holds no private key: it is not text") from None
    except InvalidKeyError as error:
        raise KeyFileError(f"{path} holds no private key: {error}") from None


def _open(path: str, flags: int) -> int:
    """Without waiting for a pipe's other end."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check(path: Path, about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise KeyFileError(f"{path} is no file: name the file of a private key")
    if about.st_uid != os.geteuid():
        raise KeyFileError(f"{path} belongs to another user: sign as that user, or type: chown {os.geteuid()} {path}")
    if about.st_mode & OTHERS:
        raise KeyFileError(f"others may read or write {path}: type: chmod 600 {path}")
