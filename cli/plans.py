"""For finance: commission plans."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any, cast

import click

from cli.context import CONFLICT, REFUSED, Settings, opened
from cli.options import Question, asking
from cli.output import Report, Section, emit, readable, vertical
from cli.terminal import printable, say
from ledger.application import Ledger
from ledger.commands import PublishPlan, command_from, parse_object
from ledger.errors import InvalidRecordError, NotFoundError, PositionError
from ledger.events import PlanPublished
from ledger.ids import stream_of
from ledger.mapper import decode
from ledger.store.session import load

_PLAN = load("projections", "select_plan")


@click.group(short_help="Publish, list and show commission plans.")
def plan() -> None:
    """Commission plans: publish the next one, list them, show one."""


@plan.command("publish", short_help="Publish the plan in a file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def plan_publish(settings: Settings, file: Path) -> None:
    """Publish the plan in FILE, TOML or JSON. What older orders earned never moves, nor the terms of older bindings.

    Rates are parts per million: 10 % is 100000. All but plan, at and rates_ppm have defaults, shown here:

    \b
    plan = 1                                  # 1, 2, 3 ... without gaps
    at = "2026-01-01T00:00:00Z"               # when it was decided
    effective_from = "2026-01-01T00:00:00Z"   # default: at; later than every older plan's
    rates_ppm = [100000, 50000, 20000]        # levels 1 to 3
    cap_ppm = 500000                          # the rates may not sum to more
    hold_days = 30                            # before a commission can be paid; 0: at once
    rounding = "down"                         # or half_up, half_even
    self_purchase = "none"                    # as_level_1: the buyer takes level 1
    unqualified = "forfeit"
    [min_payout]                              # least payout per currency, minor units; no entry: not paid out
    GBP = 2000
    [binding]
    policy = "first_touch"                    # last_touch: another referrer may take a member over
    protection_days = 0                       # how long a new binding is safe from that
    ttl_days = 90                             # length of a binding; null (JSON): no end
    renewal = "none"                          # on_order: an order moves the end
    """
    command = plan_in(file)
    with opened(settings) as ledger:
        outcome = ledger.submit([command])[0]
    if outcome.name == "repeat":
        say(f"plan {command.plan} is published already")
    elif outcome.name == "recorded":
        say(f"plan {command.plan} is published, in force from {readable(command.effective_from)}")
    else:
        click.echo(f"error: {outcome.reason}: {printable(outcome.message or '')}", err=True)
        sys.exit(CONFLICT if outcome.name == "conflict" else REFUSED)


def plan_in(file: Path) -> PublishPlan:
    """The plan in a file.

    Raises:
        InvalidRecordError: it is none.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        data = parse_object(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        command = command_from({"type": "plan", **cast("dict[str, Any]", data)})
    except InvalidRecordError as error:
        raise InvalidRecordError(error.reason, f"{file}: {error.message}") from None
    except (ValueError, OSError, RecursionError) as error:
        raise InvalidRecordError("bad_plan", f"{file}: {error}") from None
    if not isinstance(command, PublishPlan):
        raise InvalidRecordError("bad_plan", f"{file}: type is {command.kind!r}, not 'plan'")
    return command


@plan.command("list", short_help="List every plan, oldest first.")
@asking
@click.pass_obj
def plan_list(settings: Settings, **options: Any) -> None:
    """List every plan, oldest first, and say which is in force at --as-of."""
    question = Question.of(options)
    with opened(settings) as ledger:
        emit(_list_report(_published(ledger, question), question), question.form, question.output)


@plan.command("show", short_help="Show one plan.")
@click.argument("number", type=click.IntRange(min=1), required=False)
@asking
@click.pass_obj
def plan_show(settings: Settings, number: int | None, **options: Any) -> None:
    """Show plan NUMBER, or the one in force at --as-of."""
    question = Question.of(options)
    with opened(settings) as ledger:
        published = _published(ledger, question)
    if number is None:
        published = [event for event in published if event.data.asked.effective_from <= question.as_of]
        number = len(published)
    if number > len(published) or not published:
        latest = f"the latest is {len(published)}" if published else "none is published"
        raise NotFoundError(f"there is no plan {number or 'in force at that time'}: {latest}")
    event = published[number - 1]
    row = _row(event.data.asked)
    report = Report([vertical(row)], _document(event), Section([*row], [row]))
    emit(report, question.form, question.output)


def _published(ledger: Ledger, question: Question) -> list[PlanPublished]:
    """Every plan recorded up to the question's position."""
    found: list[PlanPublished] = []
    with ledger.log.reading() as session:
        head = ledger.log.head()
        upto = head if question.at_position is None else question.at_position
        if upto > head:
            raise PositionError(f"the log has positions 1 to {head}, not {upto}")
        while rows := session.rows(_PLAN, stream=stream_of("plan", str(len(found) + 1)), upto=upto):
            found.append(cast("PlanPublished", decode(*rows[0])))
    return found


def _row(terms: PublishPlan) -> dict[str, Any]:
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


def _document(event: PlanPublished) -> dict[str, Any]:
    return {"recorded_at": event.recorded_at, **event.data.asked.model_dump(mode="json")}


def _list_report(published: list[PlanPublished], question: Question) -> Report:
    in_force = sum(event.data.asked.effective_from <= question.as_of for event in published)
    rows = [
        {**_row(event.data.asked), "in_force": "yes" if event.data.asked.plan == in_force else "no"}
        for event in published
    ]
    columns = ["plan", "in_force", "effective_from", "rates", "policy", "ttl_days", "hold_days", "renewal"]
    flat = Section([*rows[0]] if rows else columns, rows)
    return Report([Section(columns, rows)], [_document(event) for event in published], flat)
