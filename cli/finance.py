"""For finance: plans, balances, teams, explanations and replay."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli.context import CONFLICT, DISAGREE, NOT_FOUND, REFUSED, Question, Settings, asking, opened, progress, say
from cli.explain import member_report, order_report
from cli.output import FORMATS, Format, Report, Section, emit, readable
from ledger.application import Ledger
from ledger.commands import PublishPlan, command_from
from ledger.errors import InvalidRecordError, NotFoundError, PositionError
from ledger.events import PlanPublished
from ledger.ids import DEFAULT_SOURCE, stream_of
from ledger.mapper import decode
from ledger.plan import LEVELS
from ledger.store.session import Session
from projections.balances import Balance, balances_at
from projections.explanation import explain_member, explain_order
from projections.replay_python import Replay
from projections.replay_python import replay as replay_log
from projections.team import Edge, TeamTotal, downline, team_totals, upline
from projections.view import view_at

BALANCE_MONEY = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")
BALANCE_COLUMNS = ("member", "currency", *BALANCE_MONEY)


@contextmanager
def _view(ledger: Ledger, question: Question) -> Generator[tuple[Session, int]]:
    """The projection's tables at the question's position, with a progress bar where that takes long."""
    wanted = question.at_position if question.at_position is not None else ledger.log.head()
    with progress("projecting", wanted) as advance, view_at(ledger.log, question.at_position, advance) as view:
        yield view


@click.group()
def plan() -> None:
    """Commission plans: publish the next one, list them, show one."""


@plan.command("publish")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def plan_publish(settings: Settings, file: Path) -> None:
    r"""Publish the plan in FILE, TOML or JSON. What older orders earned never moves.

    \b
    plan = 1
    at = "2026-01-01T00:00:00Z"
    rates_ppm = [100000, 50000, 20000]      # 10 %, 5 %, 2 %
    hold_days = 30
    [binding]
    ttl_days = 90
    """
    command = _plan_of(file)
    with opened(settings) as ledger:
        outcome = ledger.submit([command])[0]
    if outcome.name == "repeat":
        say(f"plan {command.plan} is published already")
    elif outcome.name == "recorded":
        say(f"plan {command.plan} is published, in force from {readable(command.effective_from)}")
    else:
        click.echo(f"error: {outcome.reason}: {outcome.message}", err=True)
        sys.exit(CONFLICT if outcome.name == "conflict" else REFUSED)


def _plan_of(file: Path) -> PublishPlan:
    """The plan in a file.

    Raises:
        InvalidRecordError: it is none.
    """
    try:
        text = file.read_text(encoding="utf-8")
        data: dict[str, Any] = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, OSError) as error:
        raise InvalidRecordError("bad_plan", f"{file}: {error}") from None
    try:
        command = command_from({"type": "plan", **data})
    except InvalidRecordError as error:
        raise InvalidRecordError(error.reason, f"{file}: {error.message}") from None
    if not isinstance(command, PublishPlan):
        raise InvalidRecordError("bad_plan", f"{file}: type is {command.kind!r}, not 'plan'")
    return command


def _published(ledger: Ledger) -> Iterator[PlanPublished]:
    number = 1
    while events := ledger.log.select_events(stream_of("plan", str(number))):
        event = decode(events[0].topic, events[0].state)
        if isinstance(event, PlanPublished):
            yield event
        number += 1


def _plan_row(event: PlanPublished) -> dict[str, Any]:
    terms = event.data.asked
    return {
        "plan": terms.plan,
        "effective_from": terms.effective_from,
        "rates": " ".join(f"{ppm / 10_000:g}%" for ppm in terms.rates_ppm) or "none",
        "policy": terms.binding.policy,
        "ttl_days": terms.binding.ttl_days,
        "protection_days": terms.binding.protection_days,
        "renewal": terms.binding.renewal,
        "hold_days": terms.hold_days,
        "rounding": terms.rounding,
        "self_purchase": terms.self_purchase,
        "min_payout": " ".join(f"{code} {minor}" for code, minor in terms.min_payout.items()) or "none",
    }


def _plan_report(events: list[PlanPublished]) -> Report:
    rows = [_plan_row(event) for event in events]
    document = [{"recorded_at": event.recorded_at, **event.data.asked.model_dump(mode="json")} for event in events]
    return Report([Section(list(rows[0]) if rows else ["plan"], rows)], document)


@plan.command("list")
@click.option("--format", "form", type=click.Choice(FORMATS))
@click.pass_obj
def plan_list(settings: Settings, form: Format | None) -> None:
    """List every plan, oldest first."""
    with opened(settings) as ledger:
        emit(_plan_report(list(_published(ledger))), form, None)


@plan.command("show")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--format", "form", type=click.Choice(FORMATS))
@click.pass_obj
def plan_show(settings: Settings, number: int | None, form: Format | None) -> None:
    """Show plan NUMBER, or the latest."""
    with opened(settings) as ledger:
        events = list(_published(ledger))
        if not events or (number is not None and number > len(events)):
            raise NotFoundError(f"there are {len(events)} plans" if number else "no plan is published yet")
        emit(_plan_report([events[(number or len(events)) - 1]]), form, None)


@click.command()
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@click.option("--currency", help="Only this currency.")
@asking
@click.pass_obj
def balance(settings: Settings, members: tuple[str, ...], currency: str | None, **options: Any) -> None:
    r"""Show what members earned, lost again, have on hold and can be paid.

    Everyone with a balance, or the MEMBERs named. earned - clawed back + adjusted = pending + available + reserved +
    paid; a negative available is a debt from refunds after a payout.

    \b
    refledger balance
    refledger balance P13499 --as-of 2011-12-01 --tz Europe/London
    """
    question = Question.of(options)
    with opened(settings) as ledger, _view(ledger, question) as (session, _):
        found = [row for row in balances_at(session, question.as_of, members) if currency in {None, row.currency}]
    emit(balance_report(found), question.form, question.output)
    missing = sorted(set(members) - {row.member for row in found})
    if missing:
        say(f"no balance at that time: {', '.join(missing)}")
        sys.exit(NOT_FOUND)


def balance_report(balances: list[Balance]) -> Report:
    """Balances as a report."""
    rows = [asdict(row) for row in balances]
    document = [
        {
            key: row[key]
            for key in (
                "member",
                "currency",
                "earned",
                "clawed_back",
                "pending",
                "available",
                "reserved",
                "paid",
                "adjusted",
            )
        }
        for row in rows
    ]
    return Report([Section(BALANCE_COLUMNS, rows, frozenset(BALANCE_MONEY))], document)


@click.command()
@click.argument("member")
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
    with opened(settings) as ledger, _view(ledger, question) as (session, position):
        walk = upline if direction == "up" else downline
        edges = walk(session, member, question.as_of, depth)
        totals = [] if direction == "up" else team_totals(session, member, question.as_of)
    report = team_report(member, direction, question.as_of, position, edges, totals)
    emit(report, question.form, question.output)


def team_report(
    member: str, direction: str, as_of: datetime, position: int, edges: list[Edge], totals: list[TeamTotal]
) -> Report:
    """A team as a report: its members, and what each level brought."""
    rows = [asdict(edge) for edge in edges]
    above = "above" if direction == "up" else "below"
    title = f"{above} {member}"
    sections = [Section(["level", "member", "referrer", "bound_at", "until", "bind"], rows, title=title)]
    total_rows = [asdict(total) for total in totals]
    if direction == "down":
        money = frozenset({"order_minor", "commission_minor", "clawback_minor"})
        columns = ["level", "currency", "orders", "order_minor", "commission_minor", "clawback_minor"]
        sections.append(Section(columns, total_rows, money, title="what each level brought"))
    document = {
        "member": member,
        "direction": direction,
        "as_of": as_of,
        "at_position": position,
        "team": rows,
        "totals": total_rows,
    }
    return Report(sections, document)


@click.group()
def explain() -> None:
    """Every figure down to events, bindings, rates, rounding and reasons."""


@explain.command("order")
@click.argument("order_id", metavar="ID")
@click.option("--source", default=DEFAULT_SOURCE, show_default=True, help="Where the order came from.")
@asking
@click.pass_obj
def explain_order_command(settings: Settings, order_id: str, source: str, **options: Any) -> None:
    """Explain order ID: who was above the buyer and why, what each level got or why not, what refunds took back."""
    question = Question.of(options)
    with opened(settings) as ledger, _view(ledger, question) as (session, position):
        found = explain_order(session, ledger.log, order_id, source, question.as_of)
    emit(order_report(found, question.as_of, position), question.form, question.output)


@explain.command("member")
@click.argument("member")
@asking
@click.pass_obj
def explain_member_command(settings: Settings, member: str, **options: Any) -> None:
    """Explain the balance of MEMBER: every order it is made of, and every binding MEMBER ever had."""
    question = Question.of(options)
    with opened(settings) as ledger, _view(ledger, question) as (session, position):
        found = explain_member(session, member, question.as_of)
    emit(member_report(found, question.as_of, position), question.form, question.output)


@click.command()
@click.option("--engine", type=click.Choice(["python"]), default="python", show_default=True, help="Who computes it.")
@click.option("--check", metavar="DIGEST", help="Compare with this digest; status 3 if it differs.")
@asking
@click.pass_obj
def replay(settings: Settings, engine: str, check: str | None, **options: Any) -> None:
    """Compute everything again from the events alone, as of any time, knowing only what was known at any position.

    The same (--as-of, --at-position) gives the same figures and digest for ever, on every machine and store.
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
    say(f"{found.events} events replayed in {found.seconds:.1f} s")
    if check is not None and check != found.digest:
        click.echo(f"error: the digest is {found.digest}, not {check}", err=True)
        sys.exit(DISAGREE)
    if check is not None:
        say("the digest matches")


def replay_report(found: Replay) -> Report:
    """A replay as a report: totals, levels, outcomes."""
    totals: dict[str, dict[str, int]] = {}
    for row in found.balances:
        total = totals.setdefault(row.currency, dict.fromkeys((*BALANCE_MONEY, "members"), 0))
        for name in BALANCE_MONEY:
            total[name] += getattr(row, name)
        total["members"] += 1
    levels = {
        currency: {
            str(level): {
                "orders": row.orders,
                "base_minor": row.base_minor,
                "commission_minor": row.commission_minor,
                "clawback_minor": row.clawback_minor,
                "refund_base_minor": row.refund_base_minor,
                "members": len(row.earners),
            }
            for level, row in by_level.items()
        }
        for currency, by_level in sorted(found.levels.items())
    }
    document = {
        "as_of": found.as_of,
        "at_position": found.at_position,
        "engine": found.engine,
        "events": found.events,
        "seconds": round(found.seconds, 3),
        "digest": found.digest,
        "content_root": found.content_root,
        "totals": dict(sorted(totals.items())),
        "levels": levels,
        "outcomes": found.outcomes,
    }
    return Report(_replay_sections(found, document), document)


def _replay_sections(found: Replay, document: dict[str, Any]) -> list[Section]:
    totals = [{"currency": currency, **total} for currency, total in document["totals"].items()]
    levels = [
        {"currency": currency, "level": int(level), **row}
        for currency, by_level in document["levels"].items()
        for level, row in by_level.items()
    ]
    minor = frozenset({"base_minor", "commission_minor", "clawback_minor", "refund_base_minor"})
    level_columns = [
        "currency",
        "level",
        "orders",
        "base_minor",
        "commission_minor",
        "clawback_minor",
        "refund_base_minor",
        "members",
    ]
    facts = [
        {"what": "as of", "value": found.as_of},
        {"what": "at position", "value": found.at_position},
        {"what": "events", "value": found.events},
        {"what": "digest", "value": found.digest},
        {"what": "content root", "value": found.content_root},
    ]
    outcomes = [{"outcome": reason, "levels_of_orders": count} for reason, count in found.outcomes.items()]
    return [
        Section(["currency", *BALANCE_MONEY, "members"], totals, frozenset(BALANCE_MONEY), title="balances in all"),
        Section(level_columns, levels, minor, title="by level"),
        Section(["outcome", "levels_of_orders"], outcomes, title="outcomes"),
        Section(["what", "value"], facts, title="proof"),
    ]
