"""For finance: balances, teams and explanations."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from cli.context import NOT_FOUND, Settings, opened, viewed
from cli.explain import member_report, order_report
from cli.options import ID, CheckedParam, Question, asking
from cli.output import Report, Section, emit
from cli.terminal import say
from ledger.errors import NotFoundError
from ledger.ids import DEFAULT_SOURCE, check_source, split_stream
from ledger.money import check_currency
from ledger.plan import LEVELS
from projections.balances import Balance, balances_at
from projections.explanation import explain_member, explain_order
from projections.team import Edge, TeamTotal, downline, has_team, team_totals, upline

BALANCE_MONEY = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")
_TEAM_MONEY = frozenset({"order_minor", "commission_minor", "clawback_minor"})
# The contract's order of keys.
_JSON_KEYS = ("member", "currency", "earned", "clawed_back", "pending", "available", "reserved", "paid", "adjusted")


@click.command(short_help="Show what members earned and can be paid.")
@click.argument("members", nargs=-1, metavar="[MEMBER]...", type=ID)
@click.option("--currency", type=CheckedParam("code", check_currency), help="Only this currency.")
@asking
@click.pass_obj
def balance(settings: Settings, members: tuple[str, ...], currency: str | None, **options: Any) -> None:
    """Show what members earned, lost again, have on hold and can be paid.

    Everyone with a balance, or the MEMBERs named. earned - clawed back + adjusted = pending + available + reserved +
    paid; a negative available is a debt from refunds after a payout.

    \b
    refledger balance
    refledger balance P13499 --as-of 2011-12-01 --tz Europe/London
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, _):
        found = [row for row in balances_at(session, question.as_of, members) if currency in {None, row.currency}]
    emit(balance_report(found), question.form, question.output)
    missing = sorted(set(members) - {row.member for row in found})
    if missing:
        say(f"no balance at that time: {', '.join(missing)}")
        sys.exit(NOT_FOUND)


def balance_report(balances: list[Balance]) -> Report:
    """Balances as a report."""
    rows = [asdict(row) for row in balances]
    document = [{key: row[key] for key in _JSON_KEYS} for row in rows]
    return Report([Section(["member", "currency", *BALANCE_MONEY], rows, frozenset(BALANCE_MONEY))], document)


@click.command(short_help="Show who is above or below a member.")
@click.argument("member", type=ID)
@click.option("--up", "direction", flag_value="up", help="Who is above the member.")
@click.option("--down", "direction", flag_value="down", default="down", help="Who is below the member (default).")
@click.option("--depth", type=click.IntRange(1, LEVELS), default=LEVELS, show_default=True, help="How many levels.")
@asking
@click.pass_obj
def team(settings: Settings, member: str, direction: str, depth: int, **options: Any) -> None:
    """Show the team of MEMBER: who is bound to them, directly or through others, at an instant.

    What the levels brought counts the orders whose upline MEMBER was when they were placed, whoever is in the team now.
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, position):
        if not has_team(session, member):
            raise NotFoundError(f"nobody was ever bound to {member!r}, nor {member!r} to anybody")
        walk = upline if direction == "up" else downline
        edges = walk(session, member, question.as_of, depth)
        totals = [] if direction == "up" else team_totals(session, member, question.as_of)
    report = team_report(member, direction, question.as_of, position, edges, totals)
    emit(report, question.form, question.output)


def team_report(  # who, which way, the two coordinates, and the answer's two parts
    member: str, direction: str, as_of: datetime, position: int, edges: list[Edge], totals: list[TeamTotal]
) -> Report:
    """A team as a report: its members, and what each level brought."""
    rows = [asdict(edge) | {"bind": split_stream(edge.bind)[1]} for edge in edges]
    title = f"{'above' if direction == 'up' else 'below'} {member}"
    sections = [Section(["level", "member", "referrer", "bound_at", "until", "bind"], rows, title=title)]
    total_rows = [asdict(total) for total in totals]
    if direction == "down":
        columns = ["level", "currency", "orders", "order_minor", "commission_minor", "clawback_minor"]
        sections.append(Section(columns, total_rows, _TEAM_MONEY, title="what each level brought"))
    coordinates = {"member": member, "direction": direction, "as_of": as_of, "at_position": position}
    return Report(sections, {**coordinates, "team": rows, "totals": total_rows})


@click.group(short_help="Explain an order or a member's balance.")
def explain() -> None:
    """Every figure down to events, bindings, rates, rounding and reasons."""


@explain.command("order", short_help="Explain one order.")
@click.argument("order_id", metavar="ID", type=ID)
@click.option(
    "--source",
    type=CheckedParam("name", check_source),
    default=DEFAULT_SOURCE,
    show_default=True,
    help="Where the order came from.",
)
@asking
@click.pass_obj
def explain_order_command(settings: Settings, order_id: str, source: str, **options: Any) -> None:
    """Explain order ID: who was above the buyer and why, what each level got or why not, what refunds took back.

    `exact` is amount x rate, `remainder` what rounding left with the house.
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, position):
        found = explain_order(session, ledger.log, order_id, source, question.as_of)
    emit(order_report(found, question.as_of, position), question.form, question.output)


@explain.command("member", short_help="Explain a member's balance.")
@click.argument("member", type=ID)
@asking
@click.pass_obj
def explain_member_command(settings: Settings, member: str, **options: Any) -> None:
    """Explain the balance of MEMBER: every order it is made of, and every binding MEMBER ever had."""
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, position):
        found = explain_member(session, member, question.as_of)
    emit(member_report(found, question.as_of, position), question.form, question.output)
