"""The operator's file of payees: who of a batch is in it, who changed since it was prepared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from projections.payments.errors import Fault
from projections.payments.lines import read_fields
from projections.payments.payee import FIELDS, Payee, payee_of

FAULTS_MAX = 1_000


@dataclass(slots=True)
class Payees:
    """What a file of payees has for one currency.

    by_member    details of those who were asked for; an entry for the currency goes before one for any
    faults       lines that cannot be used, the first thousand
    fault_count  how many there are
    """

    by_member: dict[str, Payee] = field(default_factory=dict[str, Payee])
    faults: list[Fault] = field(default_factory=list[Fault])
    fault_count: int = 0

    def refuse(self, fault: Fault) -> None:
        """Notes a line that cannot be used."""
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Details against the hashes that a batch keeps, by member.

    changed  other details than when it was prepared
    missing  there were details; the file has none now
    added    there were none; the file has some now
    """

    changed: list[str]
    missing: list[str]
    added: list[str]


def read_payees(file: BinaryIO) -> Iterator[tuple[int, Payee] | Fault]:
    """Every payee in a file, CSV or JSON Lines, with its line; a fault for each line that is none.

    Raises:
        BadFileError: the header cannot be used.
    """
    for line in read_fields(file, FIELDS):
        if isinstance(line, Fault):
            yield line
            continue
        try:
            yield line.line, payee_of(line.fields)
        except ValueError as error:
            yield Fault(line.line, str(error))


def payees_for(
    entries: Iterable[tuple[int, Payee] | Fault], *, currency: str, members: Collection[str] | None = None
) -> Payees:
    """The details to pay these members in one currency; memory grows with their number, not with the file.

    Args:
        entries: what `read_payees` gives.
        currency: of the batch; entries for another one are passed over.
        members: who is asked for; None: everybody.
    """
    found, general, lines = Payees(), dict[str, Payee](), dict[tuple[str, str | None], int]()
    for entry in entries:
        if isinstance(entry, Fault):
            found.refuse(entry)
            continue
        line, payee = entry
        if payee.currency not in {None, currency} or (members is not None and payee.member not in members):
            continue
        first = lines.setdefault((payee.member, payee.currency), line)
        if first != line:
            found.refuse(Fault(line, f"{payee.member} is there already, on line {first}"))
        elif payee.currency is None:
            general[payee.member] = payee
        else:
            found.by_member[payee.member] = payee
    found.by_member = general | found.by_member
    return found


def compare_details(pinned: Mapping[str, str | None], payees: Mapping[str, Payee], salt: bytes) -> Comparison:
    """Details as they are now against a batch's.

    Args:
        pinned: the hash of each line's member when the batch was prepared; None: there were no details.
        payees: details now, by member.
        salt: the batch's.
    """
    changed, missing, added = list[str](), list[str](), list[str]()
    for member, before in pinned.items():
        payee = payees.get(member)
        if payee is None:
            if before is not None:
                missing.append(member)
        elif before is None:
            added.append(member)
        elif payee.salted_hash(salt) != before:
            changed.append(member)
    return Comparison(changed, missing, added)
