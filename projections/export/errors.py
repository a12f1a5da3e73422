"""What is wrong with a request for an export."""

from __future__ import annotations

from ledger.errors import RefusedError


class ExportError(RefusedError):
    """An export that cannot be made as it was asked for; nothing was written."""

    code = "export"


class TargetError(ExportError):
    """A place where no export can be put: taken, or not to be written to."""

    code = "target"


class TargetBusyError(TargetError):
    """Somebody else exports to the same place."""

    code = "target_busy"
    can_retry = True
