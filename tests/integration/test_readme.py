"""The README's tour prints what it says. `REFLEDGER_WRITE_README=1` writes the outputs anew."""

import contextlib
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.builders import ROOT

README = ROOT / "README.md"
_FILE = re.compile(r"```\w+ (\S+)\n(.*?)```", re.DOTALL)
# A new key is another each time, and so is the root over events that say when they were recorded.
_KEY = re.compile(r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}")
_ANY_KEY = "+<key id>+<public key>"
_KEY_ID = re.compile(r"(?<=shop.example/ledger)\+[0-9a-f]{8}\b")
_ROOT = re.compile(r"^(root +)[0-9a-f]{64}$", re.MULTILINE)
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def test_tour_prints_what_the_readme_says(tmp_path: Path) -> None:
    """Every command of the tour, in order, from an empty directory, as on a terminal."""
    text = README.read_text()
    for name, content in _FILE.findall(text):
        (tmp_path / name).write_text(content)
    found = _CONSOLE.sub(lambda block: f"```console\n{_replayed(block[1], tmp_path)}```", text)
    if os.environ.get("REFLEDGER_WRITE_README"):
        README.write_text(found)
    assert found == text


def test_program_runs_as_the_readme_says(tmp_path: Path) -> None:
    """The micro-batcher's example on a ledger of the tour's plan: a thousand orders, then as many repeats."""
    files = dict(_FILE.findall(README.read_text()))
    for name in ("plan.toml", "shop.py"):
        (tmp_path / name).write_text(files[name])
    for command in ("init", "plan publish plan.toml"):
        _output(f"refledger {command}", tmp_path)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    for outcome in ("recorded", "repeat"):
        run = [sys.executable, "shop.py"]
        said = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (said.stdout, said.stderr) == (f"['{outcome}']\n", "")


def _replayed(block: str, folder: Path) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "\n".join(f"{command}\n{_output(command.removeprefix('$ '), folder)}" for command in commands)


def _output(command: str, folder: Path) -> str:
    """Standard output, as on a terminal; of a command that prints no data, what it says."""
    key = folder / "the key of the tour"
    if _ANY_KEY in command:
        command = command.replace(_ANY_KEY, key.read_text())
    program, *arguments = shlex.split(command)
    assert program == "refledger"
    terminal, child = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    running = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
    process = subprocess.Popen(
        running, cwd=folder, env=environment, stdout=child, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    os.close(child)
    output = b""
    # An error is Linux's way to say that the other end of a terminal is closed.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65_536):
            output += part
    os.close(terminal)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors.decode()
    said = (output or errors).decode().replace("\r\n", "\n")
    if made := _KEY.search(said):
        key.write_text(made[0])
    return _ROOT.sub(r"\1<root>", _KEY_ID.sub("+<key id>", _KEY.sub(_ANY_KEY, said)))
