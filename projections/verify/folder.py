"""The files of a bundle: exactly those that its manifest names, each with its size and hash."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from ledger.errors import MalformedEvidenceError
from projections.verify.entries import READ_BYTES
from projections.verify.manifest import MANIFEST, NOTE
from projections.verify.report import Report

FILES = "files"


class Folder:
    """A folder that somebody else made: nothing in it is followed to elsewhere.

    seen  size and SHA-256 of files that were read whole, by name
    """

    def __init__(self, path: Path, report: Report) -> None:
        self.path = path
        self.seen: dict[str, tuple[int, str]] = {}
        self._report = report
        self._names = set[str]()
        self._folders = list[str]()
        self._list(path)
        while self._folders:
            with report.checking(FILES):
                self._list(self._folders.pop())

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._names

    def file(self, name: str) -> Path:
        """Where a file is; never where a link leads, nor what would make a reader wait.

        Raises:
            MalformedEvidenceError: there is no such file.
        """
        if name not in self._names:
            raise MalformedEvidenceError(f"there is no file {name}")
        return self.path / name

    def size(self, name: str) -> int:
        """How many bytes a file has; 0 where there is none."""
        return (self.path / name).stat().st_size if name in self._names else 0

    def check(self, files: Mapping[str, tuple[int, str]]) -> None:
        """Proves that the files are those of the manifest."""
        self._report.begin(FILES, f"{len(files)} files, each with the size and hash that the manifest says")
        self.check_names({MANIFEST, NOTE, *files})
        for name, said in files.items():
            if name not in self._names:
                continue
            with self._report.checking(FILES):
                if (self.seen.get(name) or self._hashed(name)) != said:
                    self._report.find(FILES, f"{name} is not the file that the manifest says: size or hash is another")

    def check_names(self, names: AbstractSet[str]) -> None:
        """Proves that these are all files there are."""
        for name in sorted(self._names - names):
            self._report.find(FILES, f"{name!a} does not belong here: nothing proves it")
        for name in sorted(names - self._names):
            self._report.find(FILES, f"{name} is not there")

    def _list(self, folder: Path | str) -> None:
        """Takes what lies in a folder; folders below it come later, so that none is too deep."""
        for entry in os.scandir(folder):
            mode = entry.stat(follow_symlinks=False).st_mode
            name = Path(entry.path).relative_to(self.path).as_posix()
            if stat.S_ISREG(mode):
                self._names.add(name)
            elif stat.S_ISDIR(mode):
                self._folders.append(entry.path)
            else:
                self._report.find(FILES, f"{name!a} is neither a file nor a folder")

    def _hashed(self, name: str) -> tuple[int, str]:
        digest, size = hashlib.sha256(), 0
        with self.file(name).open("rb", buffering=0) as file:
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
                size += len(chunk)
        return size, digest.hexdigest()
