"""A bundle that anybody changed afterwards: every bit, every line, every cut. Nothing may pass as verified."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.verify.asked import DISAGREE
from tests.evidence import OTHER_KEY, Telling, put, verified

# Enough for every kind of file; the long test changes all that there is of a shorter log.
QUICK_STEP = 701
SHORT = 15  # the log may end here: not between an order and what it renews

Changed = Iterator[tuple[str, bytes]]


@pytest.fixture
def bundle(small_log: list[bytes], tmp_path: Path) -> dict[str, bytes]:
    """All files of a bundle that proves an earlier head too; they lie in `tmp_path / "bundle"`."""
    files = Telling(small_log, previous_size=20).files()
    put(tmp_path / "bundle", files)
    return files


@pytest.fixture
def short_bundle(small_log: list[bytes], tmp_path: Path) -> dict[str, bytes]:
    """The same of a shorter log."""
    files = Telling(small_log[:SHORT], previous_size=9).files()
    put(tmp_path / "bundle", files)
    return files


def refused(folder: Path, files: dict[str, bytes], changes: Changed) -> int:
    """How many changes were made, one at a time; each must be found, and the bundle without them must be good."""
    count = 0
    for name, data in changes:
        (folder / name).write_bytes(data)
        found = verified(folder)
        assert found.status == DISAGREE, (name, data[:200])
        assert found.verdict["integrity"] == "FAILED"
        (folder / name).write_bytes(files[name])
        count += 1
    assert verified(folder).status == 0
    return count


def tell(counted: str) -> None:
    """What was tried is what these tests are worth."""
    print(counted)  # noqa: T201


def flipped(files: dict[str, bytes], step: int) -> Changed:
    """Every file with one bit the other way; each bit, or one in `step`."""
    bits = [(name, bit) for name, data in sorted(files.items()) for bit in range(len(data) * 8)]
    for name, bit in bits[::step]:
        data = bytearray(files[name])
        data[bit // 8] ^= 1 << bit % 8
        yield name, bytes(data)


def cut(files: dict[str, bytes], step: int) -> Changed:
    """Every file up to one of its bytes; each, or one in `step`."""
    cuts = [(name, length) for name, data in sorted(files.items()) for length in range(len(data))]
    for name, length in cuts[::step]:
        yield name, files[name][:length]


def test_flipped_bits(bundle: dict[str, bytes], tmp_path: Path) -> None:
    """Some of all bits of all files."""
    count = refused(tmp_path / "bundle", bundle, flipped(bundle, QUICK_STEP))
    tell(f"{count} single bits flipped, none passed")
    assert count > 200


@pytest.mark.slow
def test_every_flipped_bit(short_bundle: dict[str, bytes], tmp_path: Path) -> None:
    """All bits of all files of a shorter log."""
    count = refused(tmp_path / "bundle", short_bundle, flipped(short_bundle, 1))
    tell(f"{count} single bits flipped, all there are, none passed")
    assert count == 8 * sum(map(len, short_bundle.values()))


def test_truncated(bundle: dict[str, bytes], tmp_path: Path) -> None:
    """Some of all places at which a file can end."""
    count = refused(tmp_path / "bundle", bundle, cut(bundle, QUICK_STEP // 8))
    tell(f"{count} files cut short, none passed")
    assert count > 200


@pytest.mark.slow
def test_truncated_everywhere(short_bundle: dict[str, bytes], tmp_path: Path) -> None:
    """Every place at which a file of a shorter log can end."""
    count = refused(tmp_path / "bundle", short_bundle, cut(short_bundle, 1))
    tell(f"{count} files cut short, at every byte, none passed")
    assert count == sum(map(len, short_bundle.values()))


def test_lines_dropped_doubled_swapped(bundle: dict[str, bytes], tmp_path: Path) -> None:
    """Every line of every file that has several."""

    def changes() -> Changed:
        for name, data in sorted(bundle.items()):
            lines = data.splitlines(keepends=True)
            for at, line in enumerate(lines):
                yield name, b"".join(lines[:at] + lines[at + 1 :])
                yield name, b"".join([*lines[:at], line, *lines[at:]])
                if lines[at + 1 : at + 2] not in ([], [line]):
                    yield name, b"".join([*lines[:at], lines[at + 1], line, *lines[at + 2 :]])

    count = refused(tmp_path / "bundle", bundle, changes())
    tell(f"{count} lines dropped, doubled or swapped, none passed")
    assert count > 200


def test_files_missing_added_or_not_files(bundle: dict[str, bytes], tmp_path: Path) -> None:
    """Exactly the manifest's files: no other, no link to one, none less."""
    folder = tmp_path / "bundle"
    for name in bundle:
        (folder / name).rename(tmp_path / "kept")
        assert verified(folder).status == DISAGREE, name
        (folder / name).symlink_to(tmp_path / "kept")
        assert verified(folder).status == DISAGREE, name
        (folder / name).unlink()
        (tmp_path / "kept").rename(folder / name)
    for name in ("more.txt", "tables/more.csv", ".hidden"):
        (folder / name).write_bytes(b"")
        found = verified(folder)
        assert [finding.check for finding in found.report.findings] == ["files"]
        (folder / name).unlink()
    assert verified(folder).status == 0


def test_a_folder_that_cannot_be_listed(
    bundle: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a finding, as are the files in it; it hides no other, and ends nothing."""
    put(folder := tmp_path / "bundle", bundle)
    scandir = os.scandir

    def failing(path: Path | str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "tables":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    found = verified(folder)
    assert found.status == DISAGREE
    messages = [finding.message for finding in found.report.findings if finding.check == "files"]
    assert messages[0] == f"[Errno 13] Permission denied: '{folder / 'tables'}'"
    assert "tables/team.csv is not there" in messages


def test_signed_again_with_another_key(bundle: dict[str, bytes], small_log: list[bytes], tmp_path: Path) -> None:
    """The whole log chained and signed anew, perfectly, by somebody who does not have the log's key."""
    others = Telling(small_log, OTHER_KEY, previous_size=20)
    found = verified(others.at(tmp_path / "other"))
    assert found.status == DISAGREE
    assert {finding.check for finding in found.report.findings} == {"signature", "history", "manifest"} & {
        finding.check for finding in found.report.findings
    }
    for name in ("checkpoint", "manifest.note", "previous"):
        mixed = put(tmp_path / f"mixed-{name}", {**bundle, name: others.files()[name]})
        assert verified(mixed).status == DISAGREE, name
