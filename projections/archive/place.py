"""Where an archive lies: a directory, or any other address that fsspec knows."""

# fsspec says nothing of its types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

from duckdb import DuckDBPyConnection
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from projections.archive.errors import AddressError
from projections.as_named import as_named

BLOCK_BYTES = 1 << 20
_numbers = count(1)


class Place:
    """An address and what lies there. Names are relative to it, `folder/file`.

    address  as it was given, for messages
    folder   the local directory; None: it is somewhere else
    """

    def __init__(self, address: str) -> None:
        """Finds who can reach the address; whether anything is there shows when it is read.

        Raises:
            AddressError: nobody can, or the driver for it is not installed.
        """
        if not address:
            raise AddressError("an archive needs an address, as ./archive or s3://bucket/archive")
        try:
            address.encode()
        except UnicodeEncodeError:
            raise AddressError(f"{address!a} is no name in UTF-8: name another folder") from None
        try:
            found: tuple[Any, Any] = url_to_fs(address)
        except ImportError as error:
            raise AddressError(f"{address}: its driver is not installed: {error}") from None
        except ValueError as error:
            raise AddressError(f"{address}: {error}") from None
        files: AbstractFileSystem = found[0]
        path = str(found[1])
        self.address = address.rstrip("/") or address
        self.folder = Path(path) if isinstance(files, LocalFileSystem) else None
        self._files = files
        # What `dir::` is wrapped around is its root already.
        self._root = "" if isinstance(files, DirFileSystem) else path.rstrip("/")
        self._bridge = None if self.folder is not None else _Bridge(files, self._root)

    def exists(self) -> bool:
        """Whether there is a folder at the address."""
        return bool(self._files.isdir(self._root))

    def names(self, folder: str = "") -> list[str]:
        """What lies in a folder, sorted; nothing where there is none."""
        self._files.invalidate_cache()
        try:
            paths = cast("list[str]", self._files.ls(self._at(folder), detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in paths)

    def read(self, name: str) -> bytes:
        """A small file as a whole.

        Raises:
            FileNotFoundError: there is none.
        """
        return cast("bytes", self._files.cat_file(self._at(name)))

    def measure(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 of a file.

        Raises:
            FileNotFoundError: there is none.
        """
        digest, size = hashlib.sha256(), 0
        with self._files.open(self._at(name), "rb") as file:
            while block := cast("bytes", file.read(BLOCK_BYTES)):
                digest.update(block)
                size += len(block)
        return size, digest.hexdigest()

    def upload(self, file: Path, name: str) -> None:
        """Puts a local file there."""
        self._files.makedirs(self._at(name.rpartition("/")[0]), exist_ok=True)
        self._files.put_file(str(file), self._at(name))

    def readable(self, name: str) -> str:
        """A file as DuckDB calls it, after `register`."""
        return as_named(f"{self.folder}/{name}") if self._bridge is None else f"{self._bridge.name}://{name}"

    def register(self, duck: DuckDBPyConnection) -> None:
        """Lets DuckDB read what is not local."""
        if self._bridge is not None and not duck.filesystem_is_registered(self._bridge.name):
            duck.register_filesystem(self._bridge)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/") if self._root else name


class _Bridge(AbstractFileSystem):
    """A file system under a name of its own: DuckDB knows none for those that wrap others, as `dir::`."""

    cachable = False

    def __init__(self, files: AbstractFileSystem, root: str) -> None:
        super().__init__()
        self.name = f"archive{next(_numbers)}"
        # Of the instance: DuckDB asks it for the name.
        self.protocol = self.name
        self._files = files
        self._root = root

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        """A file to be read."""
        del options
        return self._files.open(self._at(path), mode)

    def info(self, path: str, **options: Any) -> Any:  # noqa: ANN401  # fsspec's signature
        """Size and kind."""
        del options
        return self._files.info(self._at(path))

    def glob(self, path: str, **options: Any) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Only names as they are; no segment has a pattern in its name."""
        del options
        return [path.removeprefix(f"{self.name}://")]

    def modified(self, path: str) -> datetime:
        """Segments never change."""
        del path
        return datetime(1970, 1, 1, tzinfo=UTC)

    def _at(self, path: str) -> str:
        name = path.removeprefix(f"{self.name}://")
        return f"{self._root}/{name}" if self._root else name
