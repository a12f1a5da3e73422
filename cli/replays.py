"""For finance: replay, everything again from the events alone, and what another plan would have paid."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from cli.context import DISAGREE, Settings
from cli.engines import ENGINES, Answer, Asked, answered
from cli.options import ID, TEMP_DIR, CheckedParam, Question, asking
from cli.output import emit
from cli.plans import plan_in
from cli.replay_report import answer_report
from cli.terminal import counted, say


def _size(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,5}(KB|MB|GB|TB)", text):
        message = "is no amount of memory: give one like 500MB or 2GB"
        raise ValueError(message)
    return text


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text, re.ASCII):
        message = "is no digest: 64 hexadecimal digits, as `replay` prints them"
        raise ValueError(message)
    return text.lower()


SIZE = CheckedParam("size", _size)
DIGEST = CheckedParam("digest", _digest)


@click.command(short_help="Compute everything again from the events.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="Who computes it. Default: python, but duckdb for --archive, --plan and --redecide.",
)
@click.option("--archive", metavar="DIR", help="Read sealed segments from here, and only what follows from the store.")
@click.option("--check", type=DIGEST, metavar="DIGEST", help="Compare with this digest; status 3 if it differs.")
@click.option("--redecide", is_flag=True, help="Decide binds and unbinds again; status 3 if any comes out otherwise.")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What if: the plan in this file instead of all others, from the beginning.",
)
@click.option(
    "--member",
    "members",
    multiple=True,
    type=ID,
    help="Show this member's balance; duckdb: its team too; repeatable.",
)
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Keep it in this file, for `diff`.")
@click.option("--memory-limit", type=SIZE, help="duckdb: the most it may take, as 2GB; more goes to disk. [3GB]")
@click.option(
    "--temp-dir",
    type=TEMP_DIR,
    help="duckdb: where what goes to disk is put.",
)
@click.option("--master", metavar="URL", help="spark: the cluster. [local[*], this machine]")
@asking
@click.pass_obj
def replay(settings: Settings, **options: Any) -> None:
    """Compute everything again from the events alone, as of any time, knowing only what was known at any position.

    The same (--as-of, --at-position) gives the same figures and digest for ever, on every machine, store and engine.
    python takes one event after the other, by the very rules that decide; duckdb and spark are a second formulation of
    the rule book, in SQL, for many millions of events.

    \b
    refledger replay --as-of 2026-02-01 --tz Europe/London
    refledger replay --as-of 2026-02-01T00:00:00Z --at-position 52310 --check 5f0c...
    refledger replay --archive archive --redecide
    refledger replay --plan shorter.toml --save shorter.replay
    refledger diff live shorter.replay
    """
    question = Question.of(options)
    check, plan_file = options.pop("check"), options["plan_file"]
    asked = Asked(question, plan=None if plan_file is None else plan_in(plan_file), **options)
    found = answered(settings, asked)
    emit(answer_report(found), question.form, question.output)
    _say_how_it_went(found)
    digest = found.replay.digest
    if check is not None and check != digest:
        click.echo(f"error: the digest is {digest}, not {check}", err=True)
        sys.exit(DISAGREE)
    if check is not None:
        say("the digest matches")
    if asked.redecide and found.otherwise:
        click.echo("error: the books disagree: requests were recorded otherwise than the rules decide", err=True)
        sys.exit(DISAGREE)


def _say_how_it_went(found: Answer) -> None:
    events = counted(found.replay.events, "event")
    say(f"{events} replayed in {found.replay.seconds:.1f} s, digest {found.replay.digest}")
    if found.otherwise is not None:
        say(f"bindings were decided again, {counted(len(found.otherwise), 'request')} otherwise than recorded")
