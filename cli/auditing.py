"""For auditors: every control over the log and what is kept of it, and all they find."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from eventsourcing.persistence import PersistenceError

from cli.context import DISAGREE, Settings, is_damage, opened
from cli.options import TEMP_DIR, format_option
from cli.output import Format, Report, Section, emit
from cli.replays import SIZE
from cli.terminal import counted, progress, say
from ledger.clock import system_clock
from ledger.decision_check import check_decisions
from ledger.errors import IntegrityError
from ledger.findings import Finding, Note
from ledger.grant_check import check_grants
from ledger.log_check import check_events, check_positions, check_recorded_at
from ledger.store.recorder import LogRecorder
from projections.binding_check import check_bindings
from projections.books import Books, opened_books
from projections.commissions import NAME as COMMISSIONS
from projections.duty import lag_of
from projections.expiry_check import check_expiries
from projections.invariant_check import check_invariants
from projections.live_check import check_projection
from projections.payout_check import check_payouts
from projections.period_check import check_periods
from projections.replay.session import Setup
from projections.runner import Progress
from projections.tree import NAME as TREE
from projections.tree_check import check_tree

# Of one control, in a report; more would only say the same.
FINDINGS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that must be so. `find` gives the counter-examples, and tells how many events it has looked at."""

    name: str
    find: Callable[[Books, Progress], Iterator[Finding | Note]]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a control found. With notes only it has passed."""

    findings: list[Finding]
    notes: list[Note]


CONTROLS = (
    Control("grants", lambda books, _: check_grants(books.log)),
    Control("positions", lambda books, _: check_positions(books.log)),
    Control("recorded_at", lambda books, _: check_recorded_at(books.log)),
    Control("events", lambda books, advance: check_events(books.log, advance)),
    Control("decisions", lambda books, advance: check_decisions(books.log, advance)),
    Control("bindings", check_bindings),
    Control("expiries", check_expiries),
    Control("invariants", check_invariants),
    Control("payouts", check_payouts),
    Control("periods", check_periods),
    Control("projection", check_projection),
    Control("tree", lambda books, advance: check_tree(books.log, advance)),
)


@click.command(short_help="Run every control over the books.")
@format_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--memory-limit", type=SIZE, help="The most that comparing may take, as 2GB; more goes to disk. [3GB]")
@click.option(
    "--temp-dir",
    type=TEMP_DIR,
    help="Where what goes to disk is put.",
)
@click.pass_obj
def audit(
    settings: Settings,
    *,
    form: Format | None,
    output: Path | None,
    memory_limit: str | None,
    temp_dir: Path | None,
) -> None:
    """Run every control over the books and show all they find; status 3 if they find anything.

    \b
    grants       nobody but the owner may change events, and the triggers that refuse it are there and on
    positions    1, 2, 3 ... without gaps; so are the versions of every stream
    recorded_at  never runs backwards
    events       every event decodes, is canonical, lies under its own columns
    decisions    what the next command would be decided from is what the log says
    bindings     every bind and unbind, decided again from the log before it, comes out as recorded
    expiries     every recorded lapse is one that happened, and is there once
    invariants   one referrer at a time, no loops, no more refunded than paid, accounts that add up
    payouts      every batch comes out as recorded; approvals, payments and adjustments follow from what was before them
    periods      every closed period says what the events it knows give
    projection   every live balance and row, as of now, is what a second engine makes of the log
    tree         every tile of hashes, as far as the tree has come, is what the stored events give

    The second engine is a formulation of the rule book of its own, in SQL, with a decider of bindings of its own: a
    difference may be a mistake of either. A balance that differs is shown with the orders behind it. A tile has what an
    event was when it was taken into the tree: where it differs and every other control passes, the event was changed.
    A note is worth knowing, but no finding.

    Reads only, and changes nothing. `worker rebuild` mends what is derived from the log; the log itself comes back from
    a backup.
    """
    setup = Setup(spill_folder=temp_dir) if memory_limit is None else Setup(memory_limit, temp_dir)
    with opened(settings) as ledger, opened_books(ledger.log, system_clock(), setup) as books:
        results = {control.name: _examined(control, books) for control in CONTROLS}
        behind = _behind(ledger.log)
    emit(audit_report(results), form, output)
    for what, events in behind.items():
        say(f"note: {what} compared {counted(events, 'event')} before the head: `refledger worker run --once` goes on")
    failed = [name for name, found in results.items() if found.findings]
    if failed:
        click.echo(f"error: the books disagree: {', '.join(failed)}", err=True)
        sys.exit(DISAGREE)
    say(f"{counted(len(results), 'control')} passed")


def _examined(control: Control, books: Books) -> Examined:
    """What a control finds; one that cannot go on has found something too."""
    findings: list[Finding] = []
    notes: list[Note] = []
    try:
        with progress(control.name, books.log.head()) as advance:
            for found in control.find(books, advance):
                if isinstance(found, Note):
                    notes.append(found)
                elif len(findings) < FINDINGS_SHOWN_MAX:
                    findings.append(found)
                else:
                    findings.append(Finding("further rows", f"only the first {FINDINGS_SHOWN_MAX} are shown"))
                    break
    except IntegrityError as error:
        findings.append(Finding("log", f"cannot be followed: {error}"))
    except PersistenceError as error:
        if not is_damage(error):
            raise
        findings.append(Finding("store", f"cannot be read: {' '.join(str(error).split())}"))
    return Examined(findings, notes)


def _behind(log: LogRecorder) -> dict[str, int]:
    """What could not be compared up to the head, and how many events are left there."""
    compared = {"the live tables were": COMMISSIONS, "the tree was": TREE}
    try:
        with log.reading() as session:
            lags = {what: lag_of(session, name, system_clock()).events for what, name in compared.items()}
    except PersistenceError as error:
        if not is_damage(error):
            raise
        return {}  # a control has found that
    return {what: events for what, events in lags.items() if events > 0}


def audit_report(results: Mapping[str, Examined]) -> Report:
    """One line a control that passed, or one for each thing it found; what is worth knowing beside the first."""
    document = [
        {
            "control": name,
            "result": "finding" if found.findings else "pass",
            "findings": [
                {"subject": finding.subject, "finding": finding.message, "positions": list(finding.positions)}
                for finding in found.findings
            ],
            "notes": [{"note": note.message, "positions": list(note.positions)} for note in found.notes],
        }
        for name, found in results.items()
    ]
    rows = [row for name, found in results.items() for row in _rows(name, found)]
    columns = ["control", "result", "subject", "finding", "positions", "note"]
    shown = [column for column in columns if any(row.get(column) for row in rows)]
    return Report([Section(shown, rows)], document, Section(columns, rows))


def _rows(name: str, found: Examined) -> list[dict[str, str | None]]:
    rows: list[dict[str, str | None]] = [
        {
            "control": name,
            "result": "finding",
            "subject": finding.subject,
            "finding": finding.message,
            "positions": " ".join(map(str, finding.positions)) or None,
        }
        for finding in found.findings
    ] or [{"control": name, "result": "pass"}]
    rows[0]["note"] = "; ".join(note.message for note in found.notes) or None
    return rows
