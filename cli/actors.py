"""What a name in the books is worth."""

from __future__ import annotations

from cli.context import Settings
from cli.terminal import say
from ledger.store.postgres import URL_PREFIXES


def warn_of_labels(settings: Settings) -> None:
    """Says what a second pair of eyes is worth where anybody may claim any name."""
    if not settings.url.startswith(URL_PREFIXES):
        say("note: on SQLite actors are not authenticated: --actor is what somebody typed, and the event says so")
