"""An export that is killed at any moment, or has no room: there is nothing, or all of it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.application import Ledger
from ledger.commands import parse_command
from tests.cli_runner import Tool
from tests.disturbance import Running, any_moment, history
from tests.exports import contents, prepared
from tests.faults.test_full_disk import small_disk

pytestmark = pytest.mark.long_on_postgres

COMMANDS = {
    "bundle": ("export", "bundle", "--key", "log.key"),
    "tiles": ("export", "bundle", "--key", "log.key", "--format", "tlog-tiles"),
    "events": ("export", "events", "--format", "csv"),
}
FILES_MOMENTS = 12  # files after which a kill may come


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_a_killed_export_leaves_nothing_or_all(
    new_store: Callable[[], str], chance: random.Random, tmp_path: Path, what: str, rounds: int
) -> None:
    """After every kill the target is not there, or is whole; the same command then makes the undisturbed bytes."""
    url = new_store()
    with closing(Ledger(url)) as ledger:
        ledger.submit([parse_command(line) for line in history("generated")])
        tool = prepared(ledger, url, tmp_path)
    undisturbed = made(tool, what, "undisturbed")
    kept = {path.name for path in tool.folder.iterdir()}
    for number in range(rounds):
        target = tool.folder / f"out{number}"
        with Running(tool, *COMMANDS[what], "-o", target.name) as running:
            any_moment(running, chance, lambda: files_beside(tool.folder, kept), FILES_MOMENTS)
            running.kill()
        if target.exists():
            assert read(target) == undisturbed
        else:
            assert made(tool, what, target.name) == undisturbed
        kept.add(target.name)
        assert {path.name for path in tool.folder.iterdir()} == kept


def made(tool: Tool, what: str, name: str) -> dict[str, bytes]:
    """An export that nobody disturbs; its files."""
    tool(*COMMANDS[what], "-o", name)
    return read(tool.folder / name)


def read(path: Path) -> dict[str, bytes]:
    """Of a folder every file, of a file what is in it."""
    return contents(path) if path.is_dir() else {"": path.read_bytes()}


def taken_away(path: Path) -> dict[str, bytes]:
    """The same; it is not there any more."""
    found = read(path)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return found


def files_beside(folder: Path, kept: set[str]) -> int:
    """How many files there are that were not there before."""
    # A folder that gets its name meanwhile, or goes, is walked past.
    walked = [(Path(path), names) for path, *both in os.walk(folder) for names in both]
    return sum((path / name).relative_to(folder).parts[0] not in kept for path, names in walked for name in names)


def test_disk_that_fills_up(new_store: Callable[[], str], chance: random.Random, tmp_path: Path) -> None:
    """Whatever room is left: one clear line, and nothing is there; with room the same command makes all of it."""
    url = new_store()
    with closing(Ledger(url)) as ledger, small_disk(16) as disk:
        ledger.submit([parse_command(line) for line in history("generated")])
        tool = prepared(ledger, url, tmp_path)
        for what, command in COMMANDS.items():
            undisturbed = made(tool, what, f"undisturbed-{what}")
            target = disk.folder / what
            for _ in range(3):
                disk.leave(chance.randrange(1_300))
                answer = tool(*command, "-o", str(target), status=(0, 1))
                if answer.status:
                    assert "No space left on device" in answer.err or "disk may be full" in answer.err
                    assert answer.err.count("\n") == 1
                    assert not target.exists()
                else:
                    assert taken_away(target) == undisturbed
            disk.clear()
            tool(*command, "-o", str(target))
            assert taken_away(target) == undisturbed
