"""What is wrong with an archive."""

from __future__ import annotations

from ledger.errors import IntegrityError, RefusedError


class ArchiveError(IntegrityError):
    """An archive is not as it was sealed, or is one of another log."""

    code = "archive"


class ArchiveBusyError(RefusedError):
    """Somebody else seals into the same archive."""

    code = "archive_busy"
    can_retry = True


class AddressError(RefusedError):
    """An address that nothing here can reach."""

    code = "address"
