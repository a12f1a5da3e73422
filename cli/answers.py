"""What a decision came to, for the person at the terminal and for scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.context import BEHIND, CONFLICT, REFUSED
from cli.output import Format, chosen
from cli.terminal import counted, printable, say
from ledger.outcomes import Outcome

LISTED_MAX = 20

_STATUSES = {"conflict": CONFLICT, "retryable": BEHIND}


def told(outcome: Outcome, done: str, repeated: str) -> None:
    """Says what was done, or done before; anything else ends the command with its status."""
    if outcome.name == "recorded":
        say(done)
    elif outcome.name == "repeat":
        say(repeated)
    else:
        click.echo(f"error: {printable(against(outcome))}", err=True)
        sys.exit(_STATUSES.get(outcome.name, REFUSED))


def listed(rows: Sequence[str], form: Format | None, output: Path | None) -> str:
    """Says what is wrong where the report has no room for it, as in CSV; returns where it is to be seen, in words."""
    if chosen(form, output) in {"json", "table"}:
        return "see above" if output is None else f"see {printable(str(output))}"
    for row in rows[:LISTED_MAX]:
        click.echo(printable(row), err=True)
    if len(rows) > LISTED_MAX:
        click.echo(f"and {counted(len(rows) - LISTED_MAX, 'row')} more: --format json has all of them", err=True)
    return "see above"


def against(outcome: Outcome) -> str:
    """Why not: the stable word, and the same for a person."""
    return f"{outcome.reason}: {outcome.message}" if outcome.message else f"{outcome.reason}"
