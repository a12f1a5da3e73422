"""For finance: two replays side by side, who gains and who loses."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from cli.context import Settings, opened, viewed
from cli.options import Question, format_option, output_option
from cli.output import Format, Report, Section, chosen, emit, readable
from cli.terminal import counted, progress, say
from ledger.errors import IntegrityError, PositionError
from ledger.garbage import collection_paused
from projections.balances import Balance, balances_at
from projections.content import content_root
from projections.difference import Change, ChangeTotals, Difference, compare
from projections.saved import Heading, saved

LIVE = "live"
ROWS_IN_A_TABLE = 50

_TOTALS = [field.name for field in fields(ChangeTotals)]
_CHANGES = [field.name for field in fields(Change)]
_TOTALS_MONEY = frozenset({"gained", "lost", "change", "net_before", "net_after"})
_CHANGES_MONEY = frozenset({"net_before", "net_after", "change", "available_before", "available_after"})

_Side = tuple[Heading | None, Iterable[Balance]]


class ReplayParam(click.ParamType[Path | None]):
    """A saved replay, or `live`."""

    name = "live|replay"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | None:  # noqa: ANN401  # click's signature
        """A path that is a file; None: live."""
        if value is None or value == LIVE:
            return None
        path = Path(value)
        if not path.is_file():
            self.fail(f"{path} is no file: save a replay with `refledger replay --save FILE`, or say live", param, ctx)
        return path


@click.command(short_help="Compare two replays: who gains, who loses.")
@click.argument("before", type=ReplayParam())
@click.argument("after", type=ReplayParam())
@format_option
@output_option
@click.pass_obj
def diff(
    settings: Settings, *, before: Path | None, after: Path | None, form: Format | None, output: Path | None
) -> None:
    """Compare balances BEFORE and AFTER: who gains, who loses and how much, the largest change first.

    Either is a file of `refledger replay --save`, or `live`: the live balances, as of the same time and position as the
    other, which has to be of the same log (status 3 otherwise). `net` is earned - clawed back + adjusted. A table shows
    totals and the first 50 members; JSON, CSV and TSV have all whose balance differs at all.

    \b
    refledger replay --plan half-year.toml --save half-year.replay
    refledger diff live half-year.replay
    """
    if before is None and after is None:
        raise click.UsageError("name a saved replay to compare the live balances with")
    with ExitStack() as stack:
        files = [None if path is None else stack.enter_context(saved(path)) for path in (before, after)]
        headings = [side[0] for side in files if side is not None]
        name = str(before or after)
        sides = [stack.enter_context(_live(settings, headings[0], name)) if side is None else side for side in files]
        _say_what(before, after, headings)
        found = compare(sides[0][1], sides[1][1])
    emit(difference_report(found, chosen(form, output) == "table"), form, output)
    say(f"{counted(len(found.changes), 'balance')} differ" if len(found.changes) != 1 else "1 balance differs")


@contextmanager
def _live(settings: Settings, like: Heading, name: str) -> Generator[_Side]:
    """The live balances at the coordinates of a saved replay of that name.

    Raises:
        PositionError: the log has no such position.
        IntegrityError: the replay is of another log.
    """
    question = Question(like.as_of, like.at_position, None, None)
    with opened(settings) as ledger:
        if like.at_position > (head := ledger.log.head()):
            raise PositionError(f"{name} is of position {like.at_position}, and this log has positions 1 to {head}")
        with progress("reading", like.at_position) as advance, collection_paused():
            root = content_root(ledger.log.read(upto=like.at_position), advance)
        if root != like.content_root:
            raise IntegrityError(f"{name} is of another log: the content roots at that position differ")
        with viewed(ledger, question) as (session, _):
            yield None, balances_at(session, like.as_of)


def _say_what(before: Path | None, after: Path | None, headings: list[Heading]) -> None:
    for path, name in ((before, "before"), (after, "after")):
        heading = headings[-1] if path is after and path is not None else headings[0]
        where = f"as of {readable(heading.as_of)}, at position {heading.at_position}"
        say(f"{name:6}  {LIVE if path is None else f'{path}: {heading.what}'}, {where}")
    if len({heading.at_position for heading in headings}) < len({heading.content_root for heading in headings}):
        raise IntegrityError("the two replays are of different logs: their content roots at that position differ")
    if len({(heading.as_of, heading.at_position) for heading in headings}) > 1:
        say("note: the two replays are of different times or positions, so not all that differs is a change of rules")


def difference_report(found: Difference, is_table: bool) -> Report:  # noqa: FBT001  # one caller
    """Totals and changes; a table has the largest only."""
    totals = [asdict(row) for row in found.totals]
    changes = [asdict(row) for row in found.changes]
    shown = changes[:ROWS_IN_A_TABLE] if is_table else changes
    title = "members" if len(shown) == len(changes) else f"members, the first {len(shown)} of {len(changes)}"
    rows = Section(_CHANGES, shown, _CHANGES_MONEY, title=title)
    return Report(
        [Section(_TOTALS, totals, _TOTALS_MONEY, title="in all"), rows],
        {"totals": totals, "changes": changes},
        rows,
    )
