"""A payment file comes into being: written, read back, compared with what was to be paid, and only then there."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ledger.disk import sync
from ledger.findings import Finding
from projections.payments.bulk import read_payments, write_payments
from projections.payments.checking import FINDINGS_MAX, compare_payments
from projections.payments.errors import FileExistsAlreadyError, WrongFileError
from projections.payments.pain001 import Message, write_message
from projections.payments.pain001_checking import compare_message
from projections.payments.payment import Payment
from projections.payments.profile import Profile


@dataclass(frozen=True, slots=True)
class Released:
    """A payment file that is there.

    sha256  of its bytes: what `PayoutSubmitted` keeps of it
    """

    path: Path
    sha256: str
    bytes: int
    payments: int
    total_minor: int


def release_message(path: Path, message: Message) -> Released:
    """Makes a pain.001 file.

    Raises:
        UnpayableError: the format cannot carry a payment.
        WrongFileError: read back it says something else; it is not there then.
        FileExistsAlreadyError: there is another file of that name; the same one again is fine.
        OSError: it cannot be written.
    """
    return _release(
        path,
        lambda out: write_message(message, out),
        lambda file: compare_message(message, file),
        message.payments,
    )


def release_payments(path: Path, profile: Profile, payments: Sequence[Payment]) -> Released:
    """Makes a CSV file as a profile has it; raises as `release_message`."""
    return _release(
        path,
        lambda out: write_payments(profile, payments, out),
        lambda file: compare_payments(payments, read_payments(profile, file), profile.shown),
        payments,
    )


def _release(
    path: Path,
    write: Callable[[BinaryIO], None],
    check: Callable[[BinaryIO], Iterable[Finding]],
    payments: Sequence[Payment],
) -> Released:
    """Under another name until it is proven, and only for our own eyes: it holds accounts of people."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    partial = Path(name)
    try:
        with open(handle, "wb") as out:  # noqa: PTH123  # a handle, not a path
            write(out)
        sync(partial)
        _prove(partial, check)
        _publish(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    total = sum([payment.payout.amount_minor for payment in payments])
    return Released(path, _sha256(path), path.stat().st_size, len(payments), total)


def _prove(partial: Path, check: Callable[[BinaryIO], Iterable[Finding]]) -> None:
    with partial.open("rb") as file:
        try:
            findings = list(check(file))
        except ValueError as error:
            findings = [Finding("file", str(error))]
    if findings:
        raise WrongFileError(findings[:FINDINGS_MAX])


def _publish(partial: Path, path: Path) -> None:
    """Gives the file its name, unless another one has it."""
    if path.exists():
        if _sha256(path) != _sha256(partial):
            raise FileExistsAlreadyError(f"{path} is there already and is another file; it is not written over")
        return
    partial.rename(path)
    sync(path.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
