"""Commands that are imported only when asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from cli.elsewhere import GroupWithMore
from cli.main import refledger


def groups(group: click.Group, path: str = "refledger") -> Iterator[tuple[str, GroupWithMore]]:
    """Every group with commands elsewhere, by the words that name it."""
    context = click.Context(group)
    if isinstance(group, GroupWithMore):
        yield path, group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from groups(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "group"), list(groups(refledger)))
def test_every_command_is_where_it_is_said_to_be(path: str, group: GroupWithMore) -> None:
    """... and is called what it is listed as."""
    found = {name: group.get_command(click.Context(group), name) for name in group.elsewhere}
    assert {name: command and command.name for name, command in found.items()} == {name: name for name in found}, path


def test_some_command_of_some_group_is_elsewhere() -> None:
    """The test above has something to look at."""
    assert {path for path, _ in groups(refledger)} >= {"refledger", "refledger head", "refledger payout"}


def test_a_command_starts_without_the_others() -> None:
    """The start does not wait for engines that this command does not use."""
    code = """
import sys
from cli.main import refledger
refledger(["balance", "--help"], standalone_mode=False)
print(sorted({"duckdb", "jinja2", "cli.demo"} & set(sys.modules)))
"""
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == "[]"
