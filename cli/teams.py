"""For finance: teams, in pages where they are large."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import click

from cli.context import Settings, opened, viewed
from cli.options import ID, Question, asking
from cli.output import Report, Section, chosen, emit
from cli.terminal import say, typed
from ledger.clock import format_instant
from ledger.errors import NotFoundError
from ledger.ids import split_stream
from ledger.plan import LEVELS
from ledger.store.session import Session
from projections.team import Edge, Page, Place, TeamTotal, downline, has_team, level_sizes, team_totals, upline

TABLE_ROWS_MAX = 100

_MONEY = frozenset({"order_minor", "commission_minor", "clawback_minor"})


@dataclass(frozen=True, slots=True)
class Team:
    """What is said of a team.

    sizes, totals  how many are on each level below, and what the levels brought; None: said on the first page
    following      where the next page begins; None: this is the last
    """

    edges: list[Edge]
    sizes: list[int] | None = None
    totals: list[TeamTotal] | None = None
    following: Place | None = None


class PlaceParam(click.ParamType[Place]):
    """A member's place in a downline, as `ben@2`."""

    name = "member@level"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:  # noqa: ANN401  # click's signature
        """Parses it; an id may have an @ of its own."""
        if isinstance(value, Place):
            return value
        member, _, level = str(value).rpartition("@")
        if level not in map(str, range(1, LEVELS + 1)):
            self.fail(f"{value!a} is no place: give a member and a level from 1 to {LEVELS}, as ben@2", param, ctx)
        return Place(ID.convert(member, param, ctx), int(level))


@click.command(short_help="Show who is above or below a member.")
@click.argument("member", type=ID)
@click.option("--up", "direction", flag_value="up", help="Who is above the member.")
@click.option("--down", "direction", flag_value="down", default="down", help="Who is below the member (default).")
@click.option("--depth", type=click.IntRange(1, LEVELS), default=LEVELS, show_default=True, help="How many levels.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"At most so many members below. Default: {TABLE_ROWS_MAX} in a table, everyone otherwise.",
)
@click.option("--after", type=PlaceParam(), help="The next page: who comes after this place, as ben@2.")
@asking
@click.pass_obj
def team(settings: Settings, member: str, direction: str, depth: int, **options: Any) -> None:
    """Show the team of MEMBER: who is bound to them, directly or through others, at an instant.

    Level by level, and on a level by referrer. A large team comes in pages: each names the command for the next. How
    many are on each level, and what the levels brought, is said on the first page only.

    What the levels brought counts the orders whose upline MEMBER was when they were placed, whoever is in the team now.
    """
    page = Page(options.pop("after"), options.pop("limit"))
    question = Question.of(options)
    if direction == "up" and page != Page():
        raise click.UsageError("--limit and --after are for who is below a member")
    if page.most is None and chosen(question.form, question.output) == "table":
        page = Page(page.after, TABLE_ROWS_MAX)
    with opened(settings) as ledger, viewed(ledger, question) as (session, position):
        if not has_team(session, member):
            raise NotFoundError(f"nobody was ever bound to {member!r}, nor {member!r} to anybody")
        if direction == "up":
            found = Team(upline(session, member, question.as_of, depth))
        else:
            found = page_below(session, member, question.as_of, depth, page)
    emit(team_report(member, direction, question.as_of, position, found), question.form, question.output)
    if found.following is not None:
        say(f"more: {_next_command(member, depth, question, page, found.following)}")


def page_below(session: Session, member: str, as_of: datetime, depth: int, page: Page) -> Team:
    """A page of the member's downline; the first says how large it is and what it brought."""
    sizes = totals = None
    if page.after is None:
        sizes, totals = level_sizes(session, member, as_of, depth), team_totals(session, member, as_of)
    one_more = Page(page.after, None if page.most is None else page.most + 1)
    edges = downline(session, member, as_of, depth, one_more)
    shown = edges[: page.most]
    following = Place(shown[-1].member, shown[-1].level) if len(edges) > len(shown) else None
    return Team(shown, sizes, totals, following)


def team_report(member: str, direction: str, as_of: datetime, position: int, found: Team) -> Report:
    """A team as a report: how many there are, who they are, and what each level brought."""
    rows = [asdict(edge) | {"bind": split_stream(edge.bind)[1]} for edge in found.edges]
    columns = ["level", "member", "referrer", "bound_at", "until", "bind"]
    members = Section(columns, rows, title=f"{'above' if direction == 'up' else 'below'} {member}")
    sizes = _rows_of_sizes(found.sizes)
    totals = None if found.totals is None else [asdict(total) for total in found.totals]
    sections = [members]
    if sizes is not None and found.following is not None:
        sections.insert(0, Section(["level", "members"], sizes, title="how many"))
    if totals is not None:
        columns = ["level", "currency", "orders", "order_minor", "commission_minor", "clawback_minor"]
        sections.append(Section(columns, totals, _MONEY, title="what each level brought"))
    document = {
        "member": member,
        "direction": direction,
        "as_of": as_of,
        "at_position": position,
        "levels": sizes,
        "team": rows,
        "next": None if found.following is None else _text(found.following),
        "totals": [] if direction == "up" else totals,
    }
    return Report(sections, document, members)


def _rows_of_sizes(sizes: list[int] | None) -> list[dict[str, int]] | None:
    return None if sizes is None else [{"level": level, "members": size} for level, size in enumerate(sizes, start=1)]


def _text(place: Place) -> str:
    return f"{place.member}@{place.level}"


def _next_command(member: str, depth: int, question: Question, page: Page, following: Place) -> str:
    """What to type for the next page: the same question, also where this one was asked for now."""
    words = ["--as-of", format_instant(question.as_of)]
    if question.form is not None:
        words += ["--format", question.form]
    if question.at_position is not None:
        words += ["--at-position", str(question.at_position)]
    if depth != LEVELS:
        words += ["--depth", str(depth)]
    words += ["--limit", str(page.most), "--after", _text(following)]
    return typed(["team", *words], member) if member.startswith("-") else typed(["team", member, *words])
