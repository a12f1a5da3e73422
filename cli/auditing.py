"""For auditors: every control over the log and what is kept of it, and all they find."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from cli.context import DISAGREE, Settings, opened
from cli.options import format_option
from cli.output import Format, Report, Section, emit
from cli.terminal import counted, progress, say
from ledger.clock import system_clock
from ledger.decision_check import check_decisions
from ledger.errors import IntegrityError
from ledger.findings import Finding
from ledger.log_check import check_events, check_positions, check_recorded_at
from ledger.store.recorder import LogRecorder
from projections.binding_check import check_bindings
from projections.commissions import NAME as COMMISSIONS
from projections.duty import lag_of
from projections.live_check import check_projection
from projections.runner import Progress
from projections.tree import NAME as TREE
from projections.tree_check import check_tree

# Of one control, in a report; more would only say the same.
FINDINGS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that must be so. `find` gives the counter-examples, and tells how many events it has looked at."""

    name: str
    find: Callable[[LogRecorder, Progress], Iterator[Finding]]


CONTROLS = (
    Control("positions", lambda log, _: check_positions(log)),
    Control("recorded_at", lambda log, _: check_recorded_at(log)),
    Control("events", check_events),
    Control("decisions", check_decisions),
    Control("bindings", check_bindings),
    Control("projection", lambda log, advance: check_projection(log, system_clock(), advance)),
    Control("tree", check_tree),
)


@click.command(short_help="Run every control over the books.")
@format_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.pass_obj
def audit(settings: Settings, *, form: Format | None, output: Path | None) -> None:
    """Run every control over the books and show all they find; status 3 if they find anything.

    \b
    positions    1, 2, 3 ... without gaps; so are the versions of every stream
    recorded_at  never runs backwards
    events       every event decodes, is canonical, lies under its own columns
    decisions    what the next command would be decided from is what the log says
    bindings     every bind and unbind, decided again from the log before it, comes out as recorded
    projection   live balances and levels, where they stand, are what a second engine makes of the log, as of now
    tree         every tile of hashes, as far as the tree has come, is what the stored events give

    The second engine is a formulation of the rule book of its own, in SQL, with a decider of bindings of its own: a
    difference may be a mistake of either. A balance that differs is shown with the orders behind it. A tile has what an
    event was when it was taken into the tree: where it differs and every other control passes, the event was changed.

    Reads only, and changes nothing. `worker rebuild` mends what is derived from the log; the log itself comes back from
    a backup.
    """
    with opened(settings) as ledger:
        results = {control.name: _examined(control, ledger.log) for control in CONTROLS}
        behind = _behind(ledger.log)
    emit(audit_report(results), form, output)
    for what, events in behind.items():
        say(f"note: {what} compared {counted(events, 'event')} before the head: `refledger worker run --once` goes on")
    failed = [name for name, findings in results.items() if findings]
    if failed:
        click.echo(f"error: the books disagree: {', '.join(failed)}", err=True)
        sys.exit(DISAGREE)
    say(f"{counted(len(results), 'control')} passed")


def _examined(control: Control, log: LogRecorder) -> list[Finding]:
    """What a control finds; one that cannot go on has found something too."""
    findings: list[Finding] = []
    try:
        with progress(control.name, log.head()) as advance:
            for finding in islice(control.find(log, advance), FINDINGS_SHOWN_MAX + 1):
                findings.append(finding)  # noqa: PERF402  # kept one by one: an error may follow
    except IntegrityError as error:
        findings.append(Finding("log", f"cannot be followed: {error}"))
    if len(findings) > FINDINGS_SHOWN_MAX:
        findings[-1] = Finding("further rows", f"only the first {FINDINGS_SHOWN_MAX} are shown")
    return findings


def _behind(log: LogRecorder) -> dict[str, int]:
    """What could not be compared up to the head, and how many events are left there."""
    compared = {"the live tables were": COMMISSIONS, "the tree was": TREE}
    with log.reading() as session:
        lags = {what: lag_of(session, name, system_clock()).events for what, name in compared.items()}
    return {what: events for what, events in lags.items() if events > 0}


def audit_report(results: dict[str, list[Finding]]) -> Report:
    """One line a control that passed, or one for each thing it found."""
    document = [
        {
            "control": name,
            "result": "finding" if findings else "pass",
            "findings": [
                {"subject": finding.subject, "finding": finding.message, "positions": list(finding.positions)}
                for finding in findings
            ],
        }
        for name, findings in results.items()
    ]
    rows = [row for name, findings in results.items() for row in _rows(name, findings)]
    columns = ["control", "result", "subject", "finding", "positions"]
    shown = columns if any(results.values()) else columns[:2]
    return Report([Section(shown, rows)], document, Section(columns, rows))


def _rows(name: str, findings: list[Finding]) -> list[dict[str, str | None]]:
    if not findings:
        return [{"control": name, "result": "pass"}]
    return [
        {
            "control": name,
            "result": "finding",
            "subject": finding.subject,
            "finding": finding.message,
            "positions": " ".join(map(str, finding.positions)) or None,
        }
        for finding in findings
    ]
