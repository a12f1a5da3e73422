"""What is wrong with a file of payments, or with a file that one is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import IntegrityError, RefusedError
from ledger.findings import Finding


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of an operator's or a provider's file that cannot be used.

    line     from 1
    message  what is wrong, for a person
    """

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class BadFileError(RefusedError):
    """A file that cannot be used at all: no header, an unknown column, a key that is missing."""

    code = "bad_file"


class UnpayableError(RefusedError):
    """Payouts that this file cannot carry; nothing was written.

    findings  one for each of them, by payout
    """

    code = "unpayable"

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = f"{findings[0].subject}: {findings[0].message}"
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        super().__init__(f"not every payout can be paid with this file: {first}{more}")
        self.findings = findings


class FileExistsAlreadyError(RefusedError):
    """Another file of that name is there; a payment file is never written over."""

    code = "file_exists"


class WrongFileError(IntegrityError):
    """A payment file, read back, is not what was to be paid; it was not released.

    findings  what differs, the first hundred
    """

    code = "wrong_payment_file"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"the file that was written is wrong: {findings[0].subject}: {findings[0].message}")
        self.findings = findings
