"""For finance: balances and explanations."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from cli.context import NOT_FOUND, Settings, opened, viewed
from cli.explain import member_report, order_report
from cli.explain_payout import payout_report
from cli.options import ID, CheckedParam, Question, asking
from cli.output import Report, Section, emit, readable
from cli.terminal import printable
from ledger.currencies import check_currency
from ledger.errors import NotFoundError
from ledger.ids import DEFAULT_SOURCE, check_source
from projections.balances import Balance, balances_at
from projections.explanation import explain_member, explain_order
from projections.payout_explanation import explain_payout

BALANCE_MONEY = ("earned", "clawed_back", "adjusted", "pending", "available", "reserved", "paid")
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
        where = "" if currency is None else f" in {currency}"
        click.echo(printable(f"error: no balance{where} at that time: {', '.join(missing)}"), err=True)
        sys.exit(NOT_FOUND)


def balance_report(balances: list[Balance]) -> Report:
    """Balances as a report."""
    rows = [asdict(row) for row in balances]
    document = [{key: row[key] for key in _JSON_KEYS} for row in rows]
    return Report([Section(["member", "currency", *BALANCE_MONEY], rows, frozenset(BALANCE_MONEY))], document)


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
    """Explain the balance of MEMBER: every order, adjustment and payout it is made of, and MEMBER's bindings.

    How far an adjustment or a payout is follows from --at-position, not --as-of. CSV and TSV have the orders alone.
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, position):
        found = explain_member(session, member, question.as_of)
    emit(member_report(found, question.as_of, position), question.form, question.output)


@explain.command("payout", short_help="Explain a payout.")
@click.argument("payout_id", metavar="ID", type=ID)
@click.option(
    "--source",
    type=CheckedParam("name", check_source),
    default=DEFAULT_SOURCE,
    show_default=True,
    help="Where its batch came from.",
)
@asking
@click.pass_obj
def explain_payout_command(settings: Settings, payout_id: str, source: str, **options: Any) -> None:
    """Explain payout ID, which is its batch's id, a dot and its number: what it pays, and what became of it.

    Carried is what was payable at the member's payout before; with everything that came to it since, or was taken, it
    is the amount, to the last minor unit (status 3 otherwise). What counts only from an instant on, as a commission
    from the end of its hold, has it as `counts_from`. How far the payout is follows from --at-position, not --as-of.

    \b
    refledger payout show march                      numbers and states of a batch
    refledger explain payout march.17
    refledger explain payout march.17 --format json | jq '.contributions[] | select(.kind == "clawback")'
    """
    question = Question.of(options)
    with opened(settings) as ledger, viewed(ledger, question) as (session, position):
        found = explain_payout(session, ledger.log, payout_id, source)
    if found.batch.at > question.as_of:
        raise NotFoundError(f"payout {payout_id!r} was not prepared by {readable(question.as_of)}")
    emit(payout_report(found, question.as_of, position), question.form, question.output)
