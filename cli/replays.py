"""For finance: replay, everything again from the events alone."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from cli.balances import BALANCE_MONEY
from cli.context import DISAGREE, Settings, opened
from cli.options import Question, asking
from cli.output import Report, Section, emit
from cli.terminal import counted, progress, say
from ledger.errors import PositionError
from projections.figures import Replay
from projections.replay_python import replay as replay_log

_MINOR = frozenset({"base_minor", "commission_minor", "clawback_minor", "refund_base_minor"})
_LEVEL = ("orders", "base_minor", "commission_minor", "clawback_minor", "refund_base_minor", "members")


@click.command(short_help="Compute everything again from the events.")
@click.option("--engine", type=click.Choice(["python"]), default="python", show_default=True, help="Who computes it.")
@click.option("--check", metavar="DIGEST", help="Compare with this digest; status 3 if it differs.")
@asking
@click.pass_obj
def replay(settings: Settings, engine: str, check: str | None, **options: Any) -> None:
    """Compute everything again from the events alone, as of any time, knowing only what was known at any position.

    The same (--as-of, --at-position) gives the same figures and digest for ever, on every machine and store.

    \b
    refledger replay --as-of 2026-02-01 --tz Europe/London
    refledger replay --as-of 2026-02-01T00:00:00Z --at-position 52310 --check 5f0c...
    """
    del engine
    question = Question.of(options)
    with opened(settings) as ledger:
        head = ledger.log.head()
        position = head if question.at_position is None else question.at_position
        if position > head:
            raise PositionError(f"the log has positions 1 to {head}, not {position}")
        with progress("replaying", position) as advance:
            found = replay_log(ledger.log.read(upto=position), question.as_of, advance)
    emit(replay_report(found), question.form, question.output)
    say(f"{counted(found.events, 'event')} replayed in {found.seconds:.1f} s, digest {found.digest}")
    if check is not None and check != found.digest:
        click.echo(f"error: the digest is {found.digest}, not {check}", err=True)
        sys.exit(DISAGREE)
    if check is not None:
        say("the digest matches")


def replay_report(found: Replay) -> Report:
    """A replay as a report: totals, levels, outcomes, and what proves it."""
    document = {
        "as_of": found.as_of,
        "at_position": found.at_position,
        "engine": found.engine,
        "events": found.events,
        "seconds": round(found.seconds, 3),
        "digest": found.digest,
        "content_root": found.content_root,
        "totals": {currency: asdict(total) for currency, total in found.totals.items()},
        "levels": {
            currency: {str(level): asdict(row) for level, row in by_level.items()}
            for currency, by_level in found.levels.items()
        },
        "outcomes": dict(found.outcomes),
    }
    return Report(_sections(found, document), document)


def _sections(found: Replay, document: dict[str, Any]) -> list[Section]:
    totals = [{"currency": currency, **total} for currency, total in document["totals"].items()]
    levels = [
        {"currency": currency, "level": int(level), **row}
        for currency, by_level in document["levels"].items()
        for level, row in by_level.items()
    ]
    outcomes = [{"outcome": reason, "levels_of_orders": count} for reason, count in found.outcomes.items()]
    facts = [
        {"what": "as of", "value": found.as_of},
        {"what": "at position", "value": found.at_position},
        {"what": "events", "value": found.events},
        {"what": "digest", "value": found.digest},
        {"what": "content root", "value": found.content_root},
    ]
    return [
        Section(["currency", *BALANCE_MONEY, "members"], totals, frozenset(BALANCE_MONEY), title="balances in all"),
        Section(["currency", "level", *_LEVEL], levels, _MINOR, title="by level"),
        Section(["outcome", "levels_of_orders"], outcomes, title="outcomes"),
        Section(["what", "value"], facts, title="proof"),
    ]
