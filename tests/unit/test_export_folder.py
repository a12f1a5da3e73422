"""A folder that is there whole or not at all."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from projections.export.errors import TargetBusyError, TargetError
from projections.export.folder import FileFacts, Folder, new_folder
from tests.builders import ROOT

HOLD = """
import os, sys
from pathlib import Path
from projections.export.folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    folder.write("half", b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_folder_appears_when_all_of_it_is_there(tmp_path: Path) -> None:
    """Not before; with its files, those in folders too, and what each of them is."""
    target = tmp_path / "out"
    with new_folder(target) as folder:
        folder.write("a", b"one")
        with folder.writing("deep/er/b") as file:
            file.write(b"two")
            file.write(b"three")
        (folder.path / "c").write_bytes(b"of somebody else")
        folder.measure("c")
        assert not target.exists()
    expected = {"a": b"one", "deep/er/b": b"twothree", "c": b"of somebody else"}
    assert folder.files == {name: FileFacts(len(data), sha256(data).hexdigest()) for name, data in expected.items()}
    assert {name: (target / name).read_bytes() for name in expected} == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_error_leaves_nothing(tmp_path: Path) -> None:
    """Whatever it is."""

    def interrupted(folder: Folder) -> None:
        folder.write("a", b"one")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out") as folder:
        interrupted(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_what_is_there_stays(tmp_path: Path, there: str) -> None:
    """At the beginning, and what somebody put there meanwhile."""
    target = tmp_path / "out"

    def put() -> None:
        if there == "file":
            target.touch()
        elif there == "folder":
            target.mkdir()
        else:
            target.symlink_to("nowhere")

    with pytest.raises(TargetError, match="is there already"), new_folder(target):
        put()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(TargetError, match="is there already"), new_folder(target):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_no_place_to_write(tmp_path: Path) -> None:
    """A folder that is not there, or is a file."""
    (tmp_path / "file").touch()
    for target in (tmp_path / "nowhere" / "out", tmp_path / "file" / "out"):
        with pytest.raises(TargetError, match="cannot be written"), new_folder(target):
            pass


def test_one_at_a_time(tmp_path: Path) -> None:
    """Whoever comes second is refused, and disturbs nothing."""
    target = tmp_path / "out"
    with new_folder(target) as folder:
        folder.write("a", b"one")
        with pytest.raises(TargetBusyError), new_folder(target):
            pass
    assert (target / "a").read_bytes() == b"one"


def test_lock_that_was_waited_for_is_of_another_folder(tmp_path: Path) -> None:
    """The lock of a folder that has got its name meanwhile is not taken for that of a new one."""
    target, work = tmp_path / "out", tmp_path / ".out.exporting"
    work.mkdir()
    held = os.open(work, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(TargetBusyError), new_folder(target):
        pass
    work.rename(target)
    os.close(held)
    target.rename(tmp_path / "elsewhere")
    with new_folder(target) as folder:
        folder.write("a", b"one")
    assert (target / "a").read_bytes() == b"one"


def test_killed_export_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    """What it left has another name; while it lives nobody else may, then anybody."""
    target = tmp_path / "out"
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(TargetBusyError), new_folder(target):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [path.name for path in tmp_path.iterdir()] == [".out.exporting"]
    (tmp_path / ".out.exporting" / "folder").mkdir()
    (tmp_path / ".out.exporting" / "folder" / "file").touch()
    (tmp_path / ".out.exporting" / "link").symlink_to(tmp_path)
    with new_folder(target) as folder:
        folder.write("a", b"one")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]
