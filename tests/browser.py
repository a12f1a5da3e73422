"""A real browser for tests: headless Chromium, driven over a pipe by its own protocol, without any library."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SECONDS_MAX = 60

# A browser reads commands from file 3 and answers into file 4.
_START = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(file), fcntl.F_DUPFD_CLOEXEC, 10) for file in sys.argv[1:3]]
for file, theirs in zip(ours, (3, 4)):
    os.dup2(file, theirs)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """One page in the browser, with everything it asked for and said on the way."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._waiting, self._number, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.messages: list[str] = []

    def open(self, address: str) -> None:
        """Go there, and wait until it is loaded."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._ask(f"{domain}.enable")
        self._ask("Page.navigate", url=address)
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401  # whatever it is
        """What an expression is on the page."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def pdf(self) -> bytes:
        """The page as it would be printed."""
        return b64decode(self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        """The next thing that the browser says; what a page asks for or complains about is noted."""
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._answers], [], [], SECONDS_MAX)
            assert ready, "the browser does not answer"
            chunk = os.read(self._answers, 1 << 16)
            assert chunk, "the browser ended"
            self._waiting += chunk
        text, _, self._waiting = self._waiting.partition(b"\0")
        said = json.loads(text)
        match said.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
            case "Log.entryAdded":
                self.messages.append(said["params"]["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.messages.append(str(said["params"]))
            case _:
                pass
        return said


@contextlib.contextmanager
def browser_page(profile: Path) -> Generator[Page]:
    """A page of a browser of one's own, with an empty profile; the test is skipped where there is no browser."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed")
    commands_in, commands_out = os.pipe()
    answers_in, answers_out = os.pipe()
    # Root may not use the sandbox; the page is ours.
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    with subprocess.Popen(
        [sys.executable, "-c", _START, str(commands_in), str(answers_out), program, *options],
        pass_fds=(commands_in, answers_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(commands_in)
        os.close(answers_out)
        try:
            yield Page(commands_out, answers_in)
        finally:
            os.close(commands_out)  # it ends by itself then
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_MAX)
            process.kill()
            os.close(answers_in)
