"""What lies in ops/ fits the command it runs: options, times, paths, as far as a machine without containers can say."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import refledger
from tests.builders import ROOT

OPS = ROOT / "ops"
UNIT = OPS / "refledger-worker@.service"
CONTAINERFILE = (OPS / "Containerfile").read_text()
# The environment needs no YAML of its own; many systems' Python has it.
PYTHONS = (sys.executable, "/usr/bin/python3")
READ_YAML = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"


@cache
def unit() -> dict[str, list[str]]:
    """The unit's settings, a line that ends with a backslash joined to the next."""
    text = UNIT.read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file as plain data."""
    text = (OPS / "compose.yaml").read_bytes()
    for python in filter(shutil.which, PYTHONS):
        read = subprocess.run([python, "-c", READ_YAML], input=text, capture_output=True, check=False)
        if b"No module named 'yaml'" not in read.stderr:
            assert read.returncode == 0, read.stderr.decode()
            return json.loads(read.stdout)
    pytest.skip("no Python here reads YAML")


def options_of(*command: str) -> set[str]:
    """The options a command's help names."""
    answer = CliRunner().invoke(refledger, [*command, "--help"])
    assert answer.exit_code == 0, answer.output
    return set(re.findall(r"--[a-z][a-z-]+", answer.output))


def assert_understood(words: list[str]) -> None:
    """Every option is one of the command's own."""
    command = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
    used = {word for word in words if word.startswith("--")}
    assert used <= options_of(*command), words


def value_of(words: list[str], option: str) -> str:
    """What follows an option."""
    return words[words.index(option) + 1]


def test_unit_uses_options_the_command_has() -> None:
    """ExecStart is `worker run` with options its help names."""
    program, *words = shlex.split(unit()["ExecStart"][0])
    assert (Path(program).name, words[:2]) == ("refledger", ["worker", "run"])
    assert_understood(words)


def test_unit_gives_a_worker_time_to_drain() -> None:
    """SIGTERM, and no force before the drain time is over; crashes restart it, mistakes do not."""
    words = shlex.split(unit()["ExecStart"][0])
    assert unit()["KillSignal"] == ["SIGTERM"]
    assert float(unit()["TimeoutStopSec"][0]) > float(value_of(words, "--drain-seconds"))
    assert unit()["Restart"] == ["on-failure"]
    assert unit()["RestartPreventExitStatus"] == ["2 3"]
    assert unit()["EnvironmentFile"] == ["/etc/refledger/worker.env"]


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, with a program in the place of ours."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    copy = tmp_path / UNIT.name.replace("@", "@9464")
    copy.write_text(UNIT.read_text().replace("/opt/refledger/bin/refledger", sys.executable))
    found = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_compose_runs_commands_there_are(compose: dict[str, Any]) -> None:
    """Every service but the database runs a command of ours with options its help names."""
    services = compose["services"]
    commands = {name: service["command"] for name, service in services.items() if name != "postgres"}
    assert set(commands) == {"init", "plan", "ingest", "worker-1", "worker-2"}
    for words in commands.values():
        assert_understood(words)


def test_compose_waits_for_what_each_service_needs(compose: dict[str, Any]) -> None:
    """The store is made once the database answers; ingest and workers come after it."""
    services = compose["services"]
    assert services["postgres"]["healthcheck"]["test"][1] == "pg_isready"
    assert services["init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("plan", "worker-1", "worker-2"):
        assert services[name]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
    assert services["ingest"]["depends_on"] == {"plan": {"condition": "service_completed_successfully"}}


def test_compose_checks_and_drains_workers(compose: dict[str, Any]) -> None:
    """The health check asks the port the metrics are on; force comes after the drain time."""
    for name in ("worker-1", "worker-2"):
        worker = compose["services"][name]
        port = value_of(worker["command"], "--metrics").rpartition(":")[2]
        assert f":{port}/health/ready" in worker["healthcheck"]["test"][-1]
        compile(worker["healthcheck"]["test"][-1], "health check", "exec")
        assert float(worker["stop_grace_period"].removesuffix("s")) > float(
            value_of(worker["command"], "--drain-seconds")
        )


def test_image_installs_only_locked_packages_and_runs_without_rights() -> None:
    """With hashes, from files that are there, as a user of its own, from no address."""
    installs = re.findall(r"pip install ([^\n\\&]*)", CONTAINERFILE)
    assert [("--require-hashes" in install, "--no-deps" in install) for install in installs] == [
        (True, False),
        (False, True),
    ]
    for copied in re.findall(r"^COPY ([^-][^\n]*)$", CONTAINERFILE, re.MULTILINE):
        assert all((ROOT / source).exists() for source in copied.split()[:-1]), copied
    assert re.findall(r"^USER (\S+)$", CONTAINERFILE, re.MULTILINE) == ["refledger"]
    assert "://" not in CONTAINERFILE
    assert "index" not in CONTAINERFILE


def test_image_has_what_the_metrics_need() -> None:
    """The one lock file that the image installs names the metrics' package."""
    assert "--require-hashes -r requirements.lock" in CONTAINERFILE
    assert re.search(r"^prometheus-client==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
