"""The operator's file of payees, as commands read it: whole, or refused with the lines that are wrong."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cli.terminal import counted, say
from ledger.errors import RefusedError
from projections.payments.payee import Payee
from projections.payments.payees import payees_for, read_payees

FAULTS_SHOWN_MAX = 20


class BadPayeesError(RefusedError):
    """Lines of a file of payees that cannot be used; the person was told which."""

    code = "bad_payees"


def payees_in(path: Path, *, currency: str, members: Collection[str]) -> dict[str, Payee]:
    """The details of these members for a currency.

    Raises:
        BadPayeesError: one or more lines cannot be used: who is paid where must not be guessed.
        BadFileError: nor can the file's header.
    """
    with path.open("rb") as file:
        found = payees_for(read_payees(file), currency=currency, members=members)
    for fault in found.faults[:FAULTS_SHOWN_MAX]:
        say(f"{path}, line {fault.line}: {fault.message}")
    if found.fault_count:
        raise BadPayeesError(f"{counted(found.fault_count, 'line')} of {path} cannot be used: mend them first")
    return found.by_member
