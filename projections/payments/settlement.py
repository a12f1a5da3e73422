"""Settlement files: what became of payments, as a bank or a provider says, held against what it was asked to pay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from ledger.clock import parse_instant
from ledger.decimals import decimal_text, minor_of
from ledger.payout_commands import NAME_LENGTH_MAX
from ledger.records import TEXT_LENGTH_MAX
from projections.payments.errors import BadFileError, Fault
from projections.payments.lines import Fields, header_of, read_rows, read_texts
from projections.payments.payment import Payout
from projections.payments.profile import NEEDED, SettlementField, SettlementProfile, Status

# What may follow on what for the same payment, in the order of the lines.
_FOLLOWS = {("unknown", "paid"), ("unknown", "failed"), ("paid", "returned")}

# What an event takes of a provider's words.
_PROVIDER_REFERENCE = re.compile(f"[^\x00-\x1f\x7f-\x9f]{{1,{NAME_LENGTH_MAX}}}")


class Settled(NamedTuple):
    """What one line says became of one payout.

    amount_minor        the payout's own
    provider_reference  the provider's name for the payment
    at                  when, by the provider's clock
    """

    line: int
    payout: Payout
    status: Status
    provider_reference: str | None
    at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A file, sorted out. Each line is in exactly one list.

    rows           to be settled, in the order of the lines
    faults         cannot be read
    unmatched      a reference that the batch does not have
    doubled        says again what a line before it says
    contradicting  another amount or currency than was to be paid, or something that does not go with other lines
    """

    rows: list[Settled] = field(default_factory=list[Settled])
    faults: list[Fault] = field(default_factory=list[Fault])
    unmatched: list[Fault] = field(default_factory=list[Fault])
    doubled: list[Fault] = field(default_factory=list[Fault])
    contradicting: list[Fault] = field(default_factory=list[Fault])

    @property
    def is_clean(self) -> bool:
        """Whether every line can be settled, or repeats one that can."""
        return not (self.faults or self.unmatched or self.contradicting)


def read_settlement(file: BinaryIO, profile: SettlementProfile, payouts: Mapping[str, Payout]) -> Settlement:
    """A settlement file, line by line, against a batch.

    Args:
        file: CSV in UTF-8, with a header.
        profile: which columns and words mean what.
        payouts: of the batch, by reference, as `by_reference` makes them for the same kind of file.

    Raises:
        BadFileError: the header lacks a column.
    """
    found, said = Settlement(), dict[str, list[Settled]]()
    for line in _lines(file, profile):
        if isinstance(line, Fault):
            found.faults.append(line)
        elif (payout := payouts.get(line.fields.get("reference", ""))) is None:
            reference = line.fields.get("reference", "")
            found.unmatched.append(Fault(line.line, f"no payment {reference!r} was reserved here"))
        else:
            _match(line, payout, profile, found, said)
    _keep_what_agrees(said, found)
    return found


def _lines(file: BinaryIO, profile: SettlementProfile) -> Iterator[Fields | Fault]:
    """Every line by field; empty cells are left out."""
    rows = read_rows(read_texts(file), profile.delimiter)
    header = header_of(rows)
    if lacking := [profile.columns[name] for name in NEEDED if profile.columns[name] not in header]:
        raise BadFileError(f"the header has no column {lacking[0]!r}; it has {', '.join(header)}")
    at: dict[SettlementField, int] = {
        name: header.index(column) for name, column in profile.columns.items() if column in header
    }
    for row in rows:
        if isinstance(row, Fault):
            yield row
        elif len(row.cells) != len(header):
            yield Fault(row.line, f"has {len(row.cells)} fields, the header {len(header)}")
        else:
            cells = {name: row.cells[index].strip() for name, index in at.items()}
            yield Fields(row.line, {name: cell for name, cell in cells.items() if cell})


def _match(
    line: Fields, payout: Payout, profile: SettlementProfile, found: Settlement, said: dict[str, list[Settled]]
) -> None:
    """Takes a line about a payout, unless it cannot be read or is about other money."""
    fields = line.fields
    try:
        status = _status(fields.get("status", ""), profile)
        amount_minor = _amount(fields.get("amount", ""), profile, payout)
        at = _at(fields["at"]) if "at" in fields else None
        _check_words(fields)
    except ValueError as error:
        found.faults.append(Fault(line.line, str(error)))
        return
    if fields.get("currency") != payout.currency or amount_minor != payout.amount_minor:
        due = f"{decimal_text(payout.amount_minor, payout.exponent)} {payout.currency}"
        given = f"{fields.get('amount')} {fields.get('currency', 'of no currency')}"
        found.contradicting.append(Fault(line.line, f"{payout.id} is {due}, the line says {given}"))
        return
    row = Settled(line.line, payout, status, fields.get("provider_reference"), at, fields.get("reason"))
    said.setdefault(payout.id, []).append(row)


def _status(word: str, profile: SettlementProfile) -> Status:
    status = profile.status_of(word)
    if status is None:
        known = ", ".join(word for words in profile.statuses.values() for word in words)
        raise ValueError(f"status: {word!r} means nothing here; known are {known}")
    return status


def _amount(text: str, profile: SettlementProfile, payout: Payout) -> int:
    """Minor units; a currency that is not the payout's is found afterwards."""
    try:
        if profile.decimal_mark != ".":
            text = text.replace(".", "?").replace(profile.decimal_mark, ".")
        return minor_of(text, payout.exponent)
    except ValueError as error:
        raise ValueError(f"amount: {error}") from None


def _at(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ValueError(f"at: {error}") from None


def _check_words(fields: Mapping[str, str]) -> None:
    if "provider_reference" in fields and not _PROVIDER_REFERENCE.fullmatch(fields["provider_reference"]):
        raise ValueError(
            f"provider_reference: must be at most {NAME_LENGTH_MAX} characters, none of them a control character"
        )
    if len(fields.get("reason", "")) > TEXT_LENGTH_MAX:
        raise ValueError(f"reason: must be at most {TEXT_LENGTH_MAX} characters")


def _keep_what_agrees(said: Mapping[str, list[Settled]], found: Settlement) -> None:
    """Sorts lines about the same payout: those that go together are kept, of the others none is."""
    owners: dict[str, set[str]] = {}
    for payout, rows in said.items():
        for row in rows:
            if row.provider_reference is not None:
                owners.setdefault(row.provider_reference, set()).add(payout)
    for payout, rows in said.items():
        shared = next((row for row in rows if len(owners.get(row.provider_reference or "", ())) > 1), None)
        if shared is not None:
            why = f"the provider's reference {shared.provider_reference!r} is there for more than one payout"
            found.contradicting.extend(Fault(row.line, f"{payout}: {why}") for row in rows)
        elif why := _disagreement(rows):
            found.contradicting.extend(Fault(row.line, f"{payout}: {why}") for row in rows)
        else:
            _keep(rows, found)
    for faults in (found.contradicting, found.doubled):
        faults.sort(key=lambda fault: fault.line)
    found.rows.sort(key=lambda row: row.line)


def _disagreement(rows: list[Settled]) -> str | None:
    """Why lines about one payout cannot all be true; None: they can, in their order."""
    for before, after in pairwise(_distinct(rows)):
        if (before.status, after.status) not in _FOLLOWS:
            return f"line {before.line} says {before.status}, line {after.line} {after.status}"
        if None not in (references := {before.provider_reference, after.provider_reference}) and len(references) > 1:
            return f"lines {before.line} and {after.line} have different references of the provider"
    return None


def _distinct(rows: list[Settled]) -> list[Settled]:
    """One line for each thing that is said, the first."""
    return list({row[1:]: row for row in reversed(rows)}.values())[::-1]


def _keep(rows: list[Settled], found: Settlement) -> None:
    first = {row[1:]: row.line for row in reversed(rows)}
    for row in rows:
        line = first[row[1:]]
        if line == row.line:
            found.rows.append(row)
        else:
            found.doubled.append(Fault(row.line, f"{row.payout.id}: says again what line {line} says"))
