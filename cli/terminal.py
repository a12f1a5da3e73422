"""Talking to the person at the terminal: messages, progress, plurals. Never on standard output."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import click

_CLEAR_LINE = "\r\033[K"
_open_bars: list[object] = []


def verbosity() -> int:
    """How much to say: 0 as usual, more with -v, less with -q."""
    settings = cast("Any", getattr(click.get_current_context(silent=True), "obj", None))
    return getattr(settings, "verbosity", 0)


def say(message: str, *, at: int = 0) -> None:
    """A line for the person, from verbosity `at` on; control characters of the input are spelled out."""
    if verbosity() >= at:
        clear = _CLEAR_LINE if _open_bars else ""
        click.echo(clear + printable(message), err=True)


def printable(text: str) -> str:
    """The text with every character that could steer a terminal spelled out."""
    return "".join([c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text])


def typed(words: Sequence[str], *arguments: str) -> str:
    """A command of ours as one types it into a shell, whatever characters its arguments have."""
    divider = ["--"] if any(argument.startswith("-") for argument in arguments) else []
    return shlex.join(["refledger", *words, *divider, *arguments])


def counted(count: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def coloured(text: str) -> str:
    """Bold, where colour is wanted."""
    return text if os.environ.get("NO_COLOR") else click.style(text, bold=True)


@contextmanager
def progress(label: str, length: int | None) -> Generator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing elsewhere or for nothing to do; call it with how much more is done."""
    if not sys.stderr.isatty() or not length or verbosity() < 0:
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr, width=30, show_pos=True) as bar:
        _open_bars.append(bar)
        try:
            yield bar.update
        finally:
            _open_bars.pop()
