"""For operators: derived tables made anew from the log, beside the live ones."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict

import click

from cli.context import DISAGREE, Settings, opened
from cli.options import format_option
from cli.output import Format, Report, Section, emit
from cli.terminal import counted, progress, say
from ledger.application import Ledger
from ledger.clock import system_clock
from ledger.decision_check import mend_decisions
from projections.balances import Balance
from projections.commissions import NAME
from projections.rebuild import Comparison, Rebuild, beside
from projections.tree import NAME as TREE
from projections.tree_check import mend_tree
from projections.view import pending

DECISIONS = "decisions"
_AMOUNTS = ("earned", "clawed_back", "pending", "available")


@click.command("rebuild", short_help="Make derived tables anew from the log, beside the live ones.")
@click.argument("name", type=click.Choice([NAME, TREE, DECISIONS]))
@click.option("--replace", is_flag=True, help="Swap also where the live tables differ from what the log says.")
@click.option("--fresh", is_flag=True, help="Begin anew; go on from no interrupted rebuild.")
@format_option
@click.pass_obj
def worker_rebuild(settings: Settings, *, name: str, replace: bool, fresh: bool, form: Format | None) -> None:
    """Make the tables of NAME anew from the log.

    commissions: fills a new version beside the live one, compares both at one position, and swaps them in one
    transaction. Workers, ingest and readers go on meanwhile. Interrupted at any point it leaves the live tables
    untouched; the same command goes on. Where the two differ, the differences are shown and nothing is swapped (status
    3) unless --replace says so.

    tree: the hashes that heads are signed and proofs are made from. Tiles that are not what the stored events give are
    replaced, and the tree goes on; a head that was signed stays as it is, and `head sign` still demands it.

    decisions: what the next command would be decided from. Rows that are not what the log says are replaced in one
    transaction; who appends waits meanwhile. See `audit`.

    On PostgreSQL all but tree need the owner of the database, as `init` does.
    """
    if name != NAME:
        if replace or fresh:
            raise click.UsageError(f"--replace and --fresh are for {NAME}: {name} is mended in place")
        _mend(settings, name)
        return
    with opened(settings) as ledger, closing(beside(settings.url)) as room:
        rebuild = Rebuild(ledger.log, room, fresh=fresh)
        _fill(ledger, rebuild)
        comparison = rebuild.compare(system_clock())
        if comparison.is_equal:
            say(f"both are the same at position {comparison.new_position}, digest {comparison.digest}")
            upto = None
        else:
            emit(comparison_report(comparison), form, None)
            if not replace:
                click.echo(
                    f"error: the live tables of {name} are not what the log says; nothing was swapped: "
                    "once you know why, run it again with --replace",
                    err=True,
                )
                sys.exit(DISAGREE)
            upto = ledger.log.head()
        position = rebuild.swap(upto, say)
    say(f"{name} is live in its new version{'' if comparison.is_equal else ', which differs'}, at position {position}")


def _mend(settings: Settings, name: str) -> None:
    """Makes the decision state, or the tree's tiles, what the log says."""
    with opened(settings) as ledger, progress("deriving", ledger.log.head()) as advance:
        if name == TREE:
            count, noun, what = mend_tree(ledger.log, advance), "tile", "the tree"
        else:
            count, noun, what = mend_decisions(settings.url, advance), "row", "the decision state"
    say(f"{counted(count, noun)} of {what} mended" if count else f"{what} is what the log says")


def _fill(ledger: Ledger, rebuild: Rebuild) -> None:
    begun = rebuild.begun_at
    say(
        f"going on after position {begun}, where a rebuild stopped"
        if begun
        else "filling a new version beside the live one"
    )
    with progress("filling", ledger.log.head() - pending(ledger.log, None) - begun) as advance:
        rebuild.fill(advance)


def comparison_report(found: Comparison) -> Report:
    """What differs, as a report: rows of each table, and the first members with both amounts."""
    tables = [asdict(table) for table in found.tables]
    balances = [row for live, new in found.balances for row in _both(live, new)]
    columns = ["table", "live_rows", "new_rows", "only_live", "only_new"]
    sides = ["member", "currency", "version", *_AMOUNTS]
    facts = {"live_position": found.live_position, "new_position": found.new_position}
    return Report(
        [
            Section(columns, tables, title="rows that differ"),
            Section(sides, balances, frozenset(_AMOUNTS), title="first balances that differ"),
            Section(list(facts), [facts], title="compared at"),
        ],
        {**facts, "digest": found.digest, "tables": tables, "balances": balances},
    )


def _both(live: Balance | None, new: Balance | None) -> list[dict[str, str | int | None]]:
    """A member's balance in both versions; no amounts where there is none."""
    known = live or new
    if known is None:
        return []
    rows: list[dict[str, str | int | None]] = []
    for version, balance in (("live", live), ("new", new)):
        amounts = {name: None if balance is None else getattr(balance, name) for name in _AMOUNTS}
        rows.append({"member": known.member, "currency": known.currency, "version": version, **amounts})
    return rows
