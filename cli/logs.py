"""The log of a long-running command, on standard error: lines for people, or one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from cli.terminal import printable
from ledger.clock import format_instant

LogFormat = Literal["text", "json"]
LOG_FORMATS: tuple[LogFormat, ...] = ("text", "json")

_LOGGER = "refledger"


def configure(form: LogFormat | None, verbosity: int) -> None:
    """Sends the program's log to standard error: text on a terminal, JSON otherwise, unless a form is given.

    verbosity  0 as usual, more with -v, less with -q: errors only
    """
    chosen = form or ("text" if sys.stderr.isatty() else "json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if chosen == "json" else TextLines())
    logger = logging.getLogger(_LOGGER)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO if verbosity == 0 else logging.DEBUG if verbosity > 0 else logging.ERROR)


def disable() -> None:
    """For a command that says all it has to say itself."""
    logger = logging.getLogger(_LOGGER)
    logger.handlers = [logging.NullHandler()]
    logger.propagate = False


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says: `event`, and the facts it came with that are known."""
    facts: dict[str, Any] = getattr(record, "facts", {})
    return {"event": record.getMessage()} | {name: value for name, value in facts.items() if value is not None}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, projection, and what belongs to the event."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as JSON."""
        at = datetime.fromtimestamp(record.created, UTC)
        head = {"time": format_instant(at), "level": record.levelname.lower()}
        return json.dumps(head | facts_of(record), ensure_ascii=False)


class TextLines(logging.Formatter):
    """A line for people: `12:00:01 commissions: batch, position 7, count 7, seconds 0.01`."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as text."""
        facts = facts_of(record)
        event, projection = facts.pop("event"), facts.pop("projection", None)
        who = f"{projection}: " if projection else ""
        rest = "".join(f", {name} {value}" for name, value in facts.items())
        return printable(f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%SZ} {who}{event}{rest}")
