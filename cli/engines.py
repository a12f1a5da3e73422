"""The engines behind `replay`: which one a question needs, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import click

from cli.context import Settings, opened
from cli.files import replacing
from cli.options import Question
from cli.terminal import printable, progress, say
from ledger.application import Ledger
from ledger.commands import PublishPlan
from ledger.errors import PositionError
from projections.archive.reading import Archive
from projections.balances import line_of
from projections.figures import Replay
from projections.replay.answers import Teammate
from projections.replay.bindings import Difference
from projections.replay.cluster import MASTER, replaying_on_spark
from projections.replay.session import Session, Setup, replaying
from projections.replay_python import replay as replay_python
from projections.saved import Heading, save

Engine = Literal["python", "duckdb", "spark"]
ENGINES: tuple[Engine, ...] = ("python", "duckdb", "spark")


@dataclass(frozen=True, slots=True)
class Asked:
    """What `replay` was asked.

    plan     what if: the plan instead of all others, and the file it is in
    members  whose balances and teams to show
    save     the file that keeps the replay
    """

    question: Question
    engine: Engine | None = None
    archive: str | None = None
    redecide: bool = False
    plan: PublishPlan | None = None
    plan_file: Path | None = None
    members: Sequence[str] = ()
    save: Path | None = None
    memory_limit: str | None = None
    temp_dir: Path | None = None
    master: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it answers.

    members    asked for; `replay.balances` are theirs
    teams      of those members, where the engine knows them
    otherwise  requests decided otherwise than recorded; None: none was decided again
    """

    replay: Replay
    members: Sequence[str] = ()
    teams: dict[str, list[Teammate]] = field(default_factory=dict)
    otherwise: list[Difference] | None = None


def answered(settings: Settings, asked: Asked) -> Answer:
    """Replays with the engine that was asked for, or that the question needs.

    Raises:
        click.UsageError: no engine can do all of that.
        PositionError: the log has no such position.
    """
    engine = asked.engine or ("duckdb" if asked.archive or asked.plan or asked.redecide else "python")
    _refuse_nonsense(engine, asked)
    archive = None if asked.archive is None else Archive.open(asked.archive)
    position = asked.question.at_position
    if archive is not None and position is not None and position <= archive.end:
        # All of it is sealed: no store is needed.
        return _by_spark(archive, asked, position) if engine == "spark" else _by_duckdb(None, asked, position, archive)
    with opened(settings) as ledger:
        head = ledger.log.head()
        position = head if position is None else position
        if position > head:
            raise PositionError(f"the log has positions 1 to {head}, not {position}")
        if engine == "python":
            return _by_python(ledger, asked, position)
        if engine == "spark" and archive is not None:
            archive.belongs_to(ledger.log)
            return _by_spark(archive, asked, position)
        return _by_duckdb(ledger, asked, position, archive)


def _refuse_nonsense(engine: Engine, asked: Asked) -> None:
    """Options that this engine does not have, or that say the same twice."""
    if asked.plan is not None and asked.redecide:
        raise click.UsageError("--plan decides every binding again already: leave out --redecide")
    if engine != "duckdb" and (asked.memory_limit or asked.temp_dir):
        raise click.UsageError("--memory-limit and --temp-dir are for --engine duckdb")
    if engine != "spark" and asked.master:
        raise click.UsageError("--master is for --engine spark")
    if engine == "python" and (asked.archive or asked.plan or asked.redecide):
        raise click.UsageError("--archive, --plan and --redecide need --engine duckdb")
    if engine == "spark" and (asked.plan or asked.redecide or asked.members or not asked.archive):
        raise click.UsageError(
            "--engine spark reads an archive (--archive DIR), without --plan, --redecide and --member"
        )


def _by_python(ledger: Ledger, asked: Asked, position: int) -> Answer:
    with progress("replaying", position) as advance:
        found = replay_python(ledger.log.read(upto=position), asked.question.as_of, advance)
    _save(asked, found, map(line_of, found.balances))
    wanted = set(asked.members)
    return Answer(replace(found, balances=[row for row in found.balances if row.member in wanted]), asked.members)


def _by_duckdb(ledger: Ledger | None, asked: Asked, position: int, archive: Archive | None) -> Answer:
    setup = Setup(spill_folder=asked.temp_dir)
    if asked.memory_limit is not None:
        setup = replace(setup, memory_limit=asked.memory_limit)
    log, as_of = None if ledger is None else ledger.log, asked.question.as_of
    with ExitStack() as stack:
        with progress("reading", position) as advance:
            session = stack.enter_context(replaying(log, position, setup, archive, advance))
        otherwise = _decided_again(session, asked)
        with progress("computing", position) as advance:
            found = session.answer(as_of, asked.members, advance)
        _save(asked, found, session.lines(as_of))
        teams = {name: session.team(as_of, name) for name in asked.members}
        return Answer(found, asked.members, teams, otherwise)


def _by_spark(archive: Archive, asked: Asked, position: int) -> Answer:
    with replaying_on_spark(archive, position, asked.question.as_of, asked.master or MASTER) as (found, question):
        _save(asked, found, question.lines())
        return Answer(found)


def _decided_again(session: Session, asked: Asked) -> list[Difference] | None:
    if asked.plan is None and not asked.redecide:
        return None
    with progress("deciding again", session.requests()) as advance:
        return session.decide_again(advance) if asked.plan is None else session.suppose(asked.plan.terms(), advance)


def _save(asked: Asked, found: Replay, lines: Iterable[str]) -> None:
    if asked.save is None:
        return
    what = "as recorded"
    if asked.redecide:
        what = "bindings decided again"
    if asked.plan is not None:
        what = printable(f"what if, plan of {asked.plan_file}")
    with replacing(asked.save) as file:
        save(file, Heading(found.as_of, found.at_position, found.digest, found.content_root, what), lines)
    say(f"saved: {asked.save}")
