"""What a decision came to, for the person at the terminal and for scripts."""

from __future__ import annotations

import sys

import click

from cli.context import BEHIND, CONFLICT, REFUSED
from cli.terminal import printable, say
from ledger.outcomes import Outcome

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


def against(outcome: Outcome) -> str:
    """Why not: the stable word, and the same for a person."""
    return f"{outcome.reason}: {outcome.message}" if outcome.message else f"{outcome.reason}"
