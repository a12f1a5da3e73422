"""For finance: payment files of a batch, and what providers say became of the payments."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from cli.answers import against, listed, told
from cli.context import CONFLICT, REFUSED, Settings, opened, viewed
from cli.options import ID, Question, format_option
from cli.output import Format, Report, Section, emit
from cli.payees import naming, payees_in
from cli.payouts import payees_option
from cli.terminal import counted, say
from ledger.application import Ledger
from ledger.clock import system_clock
from ledger.currencies import exponent_of, format_minor
from ledger.disk import sync
from ledger.errors import RefusedError
from ledger.garbage import collection_paused
from ledger.outcomes import Outcome
from ledger.payout_commands import SettlePayout
from ledger.payouts.sending import PaymentFile, ToSend, send, to_send
from ledger.payouts.settling import settle_payouts
from ledger.rules.payout import Line
from ledger.store.session import Session
from projections.batches import BatchFound, batch_of, batches, payouts_in
from projections.payable import payable_at_head, payable_in_snapshot
from projections.payments.debtor import Debtor, debtor_of
from projections.payments.errors import BadFileError, Fault
from projections.payments.pain001 import Message
from projections.payments.payee import Payee
from projections.payments.payees import compare_details
from projections.payments.payment import Payment, Payout, by_reference, message_id, payments_of
from projections.payments.profile import Profile, profile_of, shipped_profile, shipped_profiles
from projections.payments.releasing import Released, release_message, release_payments
from projections.payments.settlement import Settled, Settlement, read_settlement

MEMBERS_SHOWN_MAX = 20
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FileForm = Literal["csv", "pain.001"]

profile_option = click.option(
    "--profile",
    default="generic",
    show_default=True,
    help=f"Columns of the CSV: a TOML file, or one of {', '.join(shipped_profiles())}.",
)


class DetailsError(RefusedError):
    """Payees' details that are not those a batch was prepared with; the person was told whose."""

    code = "details_changed"


class HeldBackError(RefusedError):
    """Lines of a batch that may not be sent; the person was told which."""

    code = "held_back"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes out together.

    file      under its own name once it is recorded
    debtor    of a bank's message; None: a provider's CSV of this profile
    """

    batch: BatchFound
    attempt: int
    lines: Sequence[Line]
    payees: Mapping[str, Payee]
    file: Path
    profile: Profile
    debtor: Debtor | None

    @property
    def unrecorded(self) -> Path:
        """Where it lies until the log has its hash: nobody may send it before."""
        return self.file.with_name(f"{self.file.name}.unrecorded")

    def payments(self) -> list[Payment]:
        """Every line with its payee's account."""
        exponent = exponent_of(self.batch.currency)
        payouts = [_payout(self.batch, line.number, line.member, line.amount_minor, exponent) for line in self.lines]
        if self.debtor is not None:
            return payments_of(payouts, self.payees)
        return payments_of(payouts, self.payees, self.profile.reference_max)


@click.command("export", short_help="Write a payment file.")
@click.argument("batch_id", metavar="ID", type=ID)
@click.option("--format", "form", type=click.Choice(("csv", "pain.001")), required=True, help="For a provider, a bank.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file.")
@payees_option
@click.option("--debtor", type=FILE, help="Who pays, for pain.001: a TOML file with name, iban, execution_date.")
@profile_option
@click.option(
    "--attempt", type=click.IntRange(min=1), default=1, show_default=True, help="2 sends again what failed once."
)
@click.pass_obj
def export_command(settings: Settings, *, batch_id: str, output: Path, **options: Any) -> None:
    """Write the payment file of batch ID: pain.001.001.09 for a bank, or CSV as a provider's --profile wants it.

    The file is read back and compared with the batch, its hash is recorded with every payout in it, and only then it
    has its name. The same command again gives the same file. Payees whose details are no longer those the batch was
    prepared with are refused. What failed may be sent once more with --attempt 2, all of it in one file: what fails
    later waits for the next batch.

    \b
    refledger payout export march --format csv --profile generic --payees payees.csv -o march.csv
    refledger payout export march --format pain.001 --debtor shop.toml --payees payees.csv -o march.xml
    """
    form: FileForm = options["form"]
    if options["payees"] is None:
        raise click.UsageError("say where the payees' accounts are with --payees")
    if form == "pain.001" and options["debtor"] is None:
        raise click.UsageError(
            "a bank wants to know who pays: give --debtor, a TOML file with name, iban, execution_date"
        )
    profile = profile_named(options["profile"])
    debtor = _debtor_in(options["debtor"]) if form == "pain.001" else None
    if not (output.parent.is_dir() and os.access(output.parent, os.W_OK)):
        raise click.UsageError(f"{output} cannot be written: there is no folder {output.parent} to write to")
    with opened(settings) as ledger, collection_paused():
        with _at_head(ledger) as (session, _):
            batch = batch_of(session, batch_id)
            if batch.state != "approved":
                raise HeldBackError(f"batch {batch_id} is {batch.state}: only what somebody else approved is sent")
            pinned = {payout.member: payout.details for payout in payouts_in(session, batch)}
        wanted = to_send(ledger, batch_id, options["attempt"], payable_in_snapshot)
        lines = _lines(batch, wanted, options["attempt"], output)
        payees = payees_in(options["payees"], currency=batch.currency, members={line.member for line in lines})
        parcel = Parcel(batch, options["attempt"], lines, payees, output, profile, debtor)
        _check_details(parcel, {line.member: pinned[line.member] for line in lines})
        _send(ledger, parcel)


def profile_named(name: str) -> Profile:
    """A profile that comes with the ledger, or one in a file.

    Raises:
        BadFileError: it is none.
    """
    if name in shipped_profiles():
        return shipped_profile(name)
    try:
        with naming(Path(name)):
            return profile_of(Path(name).read_text("utf-8"))
    except OSError:
        return shipped_profile(name)


def _debtor_in(path: Path) -> Debtor:
    with naming(path):
        return debtor_of(path.read_text("utf-8"))


def _at_head(ledger: Ledger) -> AbstractContextManager[tuple[Session, int]]:
    """The live tables as they are now."""
    return viewed(ledger, Question(system_clock(), None, None, None))


def _lines(batch: BatchFound, wanted: ToSend, attempt: int, file: Path) -> list[Line]:
    """What goes into the file: all that may; or what went into it before, as an attempt has one file (X-4)."""
    sent = [line for line, _ in wanted.sent]
    why_late = f"attempt {attempt} went out without it, the next batch pays it"
    late = [(line, why_late) for line in wanted.lines if sent and attempt > 1]
    for line, reason in [*wanted.held_back, *late]:
        say(f"held back: {line.member}, {format_minor(line.amount_minor, batch.currency)} {batch.currency}: {reason}")
    if late and not file.exists():
        # Under another name it would look like a file of theirs, and others would be paid twice.
        raise HeldBackError(f"attempt {attempt} of batch {batch.id} went out already: the next batch pays what failed")
    lines = sent if late else [*wanted.lines, *sent]
    if not lines:
        raise HeldBackError(
            f"nothing of batch {batch.id} can be sent in attempt {attempt}: see `payout show {batch.id}`"
        )
    return sorted(lines, key=lambda line: line.number)


def _check_details(parcel: Parcel, pinned: Mapping[str, str | None]) -> None:
    """Nobody is paid to an account that the approval did not cover."""
    batch = parcel.batch
    found = compare_details(pinned, parcel.payees, bytes.fromhex(batch.salt or ""))
    unknown = [member for member, details in pinned.items() if details is None]
    wrong = {
        "changed since": found.changed,
        "not in --payees": found.missing,
        "not there when it was prepared": unknown,
    }
    for what, members in wrong.items():
        for member in members[:MEMBERS_SHOWN_MAX]:
            say(f"{member}: details {what}")
    if count := sum(map(len, wrong.values())):
        instead = "" if parcel.attempt == 1 else ", or leave it to the next batch, which pays what failed"
        raise DetailsError(
            f"batch {batch.id} was prepared without these details of {counted(count, 'payee')}: bring back the file it "
            f"was prepared with{instead}"
        )


def _send(ledger: Ledger, parcel: Parcel) -> None:
    """Released, recorded, named: killed in between, the same command goes on."""
    if parcel.file.exists():
        say(f"{parcel.file} is there already: it stays if it is the same")
    parcel.unrecorded.unlink(missing_ok=True)
    released = _released(parcel)
    if parcel.file.exists() and parcel.file.read_bytes() != parcel.unrecorded.read_bytes():
        parcel.unrecorded.unlink()
        raise HeldBackError(f"{parcel.file} is another file: name a new one with -o")
    file = PaymentFile(parcel.attempt, released.sha256, [line.number for line in parcel.lines])
    sent = send(ledger, parcel.batch.id, file, payable_at_head)
    if sent.outcome.name not in {"recorded", "repeat"}:
        parcel.unrecorded.unlink()
        for number, reason in sent.against[:MEMBERS_SHOWN_MAX]:
            say(f"{parcel.batch.id}.{number}: {reason}")
    else:
        parcel.unrecorded.replace(parcel.file)
        sync(parcel.file.parent)
    total = f"{format_minor(released.total_minor, parcel.batch.currency)} {parcel.batch.currency}"
    done = f"{parcel.file}: {counted(released.payments, 'payment')}, {total}, SHA-256 {released.sha256}"
    told(sent.outcome, done, f"{done}: the same file as before")


def _released(parcel: Parcel) -> Released:
    if parcel.debtor is None:
        return release_payments(parcel.unrecorded, parcel.profile, parcel.payments())
    # The approval's time, so that the same file can be made again.
    at = parcel.batch.decided_at or parcel.batch.at
    name = message_id(parcel.batch.id, parcel.attempt)
    return release_message(parcel.unrecorded, Message(name, at, parcel.debtor, parcel.payments()))


# ---- what became of them


@click.command("settle", short_help="Record what became of payments.")
@click.argument("file", type=FILE)
@click.option("--batch", "batch_ids", type=ID, multiple=True, help="Only payments of this batch; may be repeated.")
@profile_option
@format_option
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.pass_obj
def settle_command(
    settings: Settings,
    *,
    file: Path,
    batch_ids: tuple[str, ...],
    profile: str,
    form: Format | None,
    output: Path | None,
) -> None:
    """Record what a provider's FILE says became of payments: paid, failed, returned or unknown.

    A row belongs to a payout by its reference, amount and currency. Rows that fit none, contradict each other or cannot
    be read are listed and refused; the others are recorded, each by itself. The same file again changes nothing. Status
    0 if every row is recorded or a repeat, 5 with contradictions, else 6.

    The generic profile's columns: reference, status, amount (139.12), currency, and if there are: provider_reference,
    at, reason.
    """
    chosen = profile_named(profile)
    if chosen.settlement is None:
        raise BadFileError(f"profile {profile} does not say what comes back: add a [settlement] part to a copy of it")
    with opened(settings) as ledger, collection_paused():
        with _at_head(ledger) as (session, _):
            payouts = _payouts(session, batch_ids)
        with naming(file), file.open("rb") as rows:
            found = read_settlement(rows, chosen.settlement, by_reference(payouts, chosen.reference_max))
        outcomes = settle_payouts(ledger, [_said(row) for row in found.rows])
    refused = _refused(found, outcomes)
    emit(settlement_report(found, outcomes, refused), form, output)
    rows = [f"{file}, line {row['line']}: {row['result']}: {row['message']}" for row in refused]
    _end(refused, listed(rows, form, output))


def _payouts(session: Session, batch_ids: Iterable[str]) -> list[Payout]:
    """Every payout that was reserved, of all batches or of some."""
    chosen = [batch_of(session, one) for one in dict.fromkeys(batch_ids)] or batches(session)
    return [
        _payout(batch, payout.number, payout.member, payout.amount_minor, exponent_of(batch.currency))
        for batch in chosen
        if batch.state == "approved"
        for payout in payouts_in(session, batch)
        if payout.state != "dropped"
    ]


def _payout(batch: BatchFound, number: int, member: str, amount_minor: int, exponent: int) -> Payout:
    return Payout(f"{batch.id}.{number}", member, amount_minor, batch.currency, exponent)


def _said(row: Settled) -> SettlePayout:
    """A row as a command. A provider that has no reference of its own for a payment is quoted with ours."""
    batch_id, _, number = row.payout.id.rpartition(".")
    return SettlePayout(
        amount=row.payout.amount_minor,
        at=row.at or system_clock(),
        batch=batch_id,
        currency=row.payout.currency,
        no=int(number),
        outcome=row.status,
        reason=row.reason or "",
        reference=row.provider_reference or (row.payout.id if row.status == "paid" else None),
    )


def _refused(found: Settlement, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every row that recorded nothing and is no repeat, by line."""
    kinds: dict[str, list[Fault]] = {
        "unreadable": found.faults,
        "unmatched": found.unmatched,
        "contradicting": found.contradicting,
    }
    rows = [
        {"line": fault.line, "result": kind, "message": fault.message}
        for kind, faults in kinds.items()
        for fault in faults
    ]
    rows += [
        {"line": row.line, "result": outcome.name, "message": f"{row.payout.id}: {against(outcome)}"}
        for row, outcome in zip(found.rows, outcomes, strict=True)
        if outcome.name not in {"recorded", "repeat"}
    ]
    return sorted(rows, key=lambda row: row["line"])


def settlement_report(found: Settlement, outcomes: Sequence[Outcome], refused: Sequence[dict[str, Any]]) -> Report:
    """What was recorded by status, and every row that was not."""
    counts = Counter(
        (row.payout.currency, row.status, outcome.name) for row, outcome in zip(found.rows, outcomes, strict=True)
    )
    sums: Counter[tuple[str, str, str]] = Counter()
    for row, outcome in zip(found.rows, outcomes, strict=True):
        sums[row.payout.currency, row.status, outcome.name] += row.payout.amount_minor
    rows = [
        {"currency": key[0], "status": key[1], "result": key[2], "rows": counts[key], "total_minor": sums[key]}
        for key in sorted(counts)
    ]
    doubled = [{"line": fault.line, "result": "doubled", "message": fault.message} for fault in found.doubled]
    columns = ["currency", "status", "result", "rows", "total_minor"]
    sections = [Section(columns, rows, frozenset({"total_minor"}), title="payments")]
    listed = sorted([*refused, *doubled], key=lambda row: row["line"])
    if listed:
        sections.append(Section(["line", "result", "message"], listed, title="not recorded"))
    return Report(sections, {"payments": rows, "not_recorded": listed})


def _end(refused: Sequence[dict[str, Any]], where: str) -> None:
    if not refused:
        return
    has_conflict = any(row["result"] in {"contradicting", "conflict"} for row in refused)
    click.echo(f"error: {counted(len(refused), 'row')} recorded nothing, {where}", err=True)
    sys.exit(CONFLICT if has_conflict else REFUSED)
