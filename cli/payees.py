"""The operator's files, as commands read them: whole, or refused by name; payees with the lines that are wrong."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

from cli.terminal import counted, say
from ledger.errors import RefusedError
from projections.payments.errors import BadFileError
from projections.payments.payee import Payee
from projections.payments.payees import payees_for, read_payees

FAULTS_SHOWN_MAX = 20


class BadPayeesError(RefusedError):
    """Lines of a file of payees that cannot be used; the person was told which."""

    code = "bad_payees"


@contextmanager
def naming(path: Path) -> Generator[None]:
    """Says which file cannot be used.

    Raises:
        BadFileError: this one.
    """
    try:
        yield
    except UnicodeDecodeError:
        raise BadFileError(f"{path} is not UTF-8") from None
    except BadFileError as error:
        raise BadFileError(f"{path}: {error}") from None


def payees_in(path: Path, *, currency: str, members: Collection[str]) -> dict[str, Payee]:
    """The details of these members for a currency.

    Raises:
        BadPayeesError: one or more lines cannot be used: who is paid where must not be guessed.
        BadFileError: nor can the file's header.
    """
    with naming(path), path.open("rb") as file:
        found = payees_for(read_payees(file), currency=currency, members=members)
    for fault in found.faults[:FAULTS_SHOWN_MAX]:
        say(f"{path}, line {fault.line}: {fault.message}")
    if found.fault_count:
        raise BadPayeesError(f"{counted(found.fault_count, 'line')} of {path} cannot be used: mend them first")
    return found.by_member
