"""The command in the hands of two people: one proposes and prepares, another approves."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.identity import APPROVER_ROLE
from ledger.store.postgres import WRITER_ROLE
from tests.cli_runner import Answer, Status, Tool, desk
from tests.logins import login, url_of


@dataclass(frozen=True)
class Person:
    """Somebody at the command: by a label on SQLite, by a login on PostgreSQL."""

    tool: Tool
    name: str

    def __call__(self, *arguments: str, status: Status = 0) -> Answer:
        """Runs a command as them."""
        return self.tool("--actor", self.name, *arguments, status=status)


@contextmanager
def two_people(url: str, tmp_path: Path) -> Generator[tuple[Person, Person]]:
    """A clerk, and a chief who may approve."""
    tool = desk(url, tmp_path)
    if url.startswith("sqlite"):
        yield Person(tool, "clerk"), Person(tool, "chief")
        return
    with (
        login(url, f"IN ROLE {WRITER_ROLE}") as clerk,
        login(url, f"IN ROLE {WRITER_ROLE}, {APPROVER_ROLE}") as chief,
    ):
        yield (
            Person(Tool(url_of(url, clerk), tool.folder), "clerk"),
            Person(Tool(url_of(url, chief), tool.folder), "chief"),
        )
